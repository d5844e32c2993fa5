"""Log statements of every language, in every form in which they are written."""

import time
from pathlib import Path

import pytest
from programs import PROGRAMS

from glx.statements.find import statements
from glx.statements.languages import BY_SUFFIX


def found(name: str, text: str, named=None) -> list[tuple]:
    language = BY_SUFFIX[Path(name).suffix]
    return [(s.level, s.line, s.function, s.text) for s in statements(text, language, named or {})]


@pytest.mark.parametrize("name", PROGRAMS)
def test_all_statements_of_a_language(name):
    text, expected = PROGRAMS[name]
    assert found(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", 'log.error(\n    "a %s "\n    "b",\n    x,\n)', "a <*> b"),
        ("a.py", 'log.error("a \\\nb")', "a b"),
        ("a.py", 'log.error(R"\\d %s", x)', "\\d <*>"),
        ("a.py", 'm = "a" + \\\n    " b"\nlog.error(m)', "a b"),
        ("a.py", 'log.error("%s", x)', None),
        ("a.py", 'warnings.warn("a")', None),
        ("a.py", "log.error('it''s')", "its"),
        ("a.java", 'void f() { log.error("a " + (x ? "b" : "c") + " d", e); }', "a <*> d"),
        ("a.java", 'void f() { log.error(x ? "b" : "c"); }', None),
        ("a.java", 'void f() { String m = "a " + x +\n "b"; log.error(m); }', "a <*>b"),
        ("a.java", 'void f() { log.error(M); } static final String M = "a";', "a"),
        ("a.java", 'void f() { log.error("never closed }', None),
        ("a.java", 'void f() { log.error("\\u00e9\\t\\"a\\"\\n"); }', 'é "a"'),
        ("a.kt", 'fun f() { log.error(e) { "a $x" } }', "a <*>"),
        ("a.c", 'void f(void) { pr_err("a" "b %-8.3lf%%\\n", x); }', "ab <*>%"),
        ("a.c", 'void f(void) { LOG_ERR(("a %d", x)); }', "a <*>"),
        ("a.c", '#define E(x...) error("a: " x)', "a: <*>"),
        ("a.cc", 'void f() { LOG_IF(ERROR, n > 3) << "a" << (n ? "b" : "c"); }', "a<*>"),
        ("a.go", 'func f() { log.Error("a: ", err) }', "a:"),
        ("a.rs", 'fn f() { error!(err = ?e, "a {x}"); }', "a <*>"),
        ("a.js", 'log.error(`a ${b ? `c ${d}` : "e"} f`)', "a <*> f"),
        ("a.js", "const r = /'/; log.error('a', /'/g); const s = a / b / c;", "a"),
        ("a.cs", 'class A { void B() { log.LogError(1, e, "a" + b); } }', "a<*>"),
    ],
)
def test_tricky_forms(name, text, expected):
    assert [s[3] for s in found(name, text)] == ([] if expected is None else [expected])


def test_calls_that_a_user_names():
    text = 'audit.write_event(who, "denied %s")\nnote("kept")\n'
    assert found("a.py", text) == []
    named = {"write_event": "ERROR", "note": "INFO"}
    assert found("a.py", text, named) == [
        ("ERROR", 1, None, "denied <*>"),
        ("INFO", 2, None, "kept"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "log.error(" * 2000,
        "(" * 50_000,
        "{" * 50_000,
        '"' * 9999,
        "log." * 20_000 + "e(",
        "/*" * 999,
        '$"' + "{{a}}" * 99,
        '"' + "${a" * 99,
        "`" + "${`" * 99,
        "f(" * 99 + "{log.e(1)",
        "f() " * 300 + "!{log.error('a')",
        "f " * 9999 + '{log.error("a")',
    ],
)
@pytest.mark.parametrize("suffix", sorted({one.suffixes[0] for one in BY_SUFFIX.values()}))
def test_no_text_takes_long(suffix, text):
    began = time.perf_counter()
    found(f"a{suffix}", f"log\n{text}")
    assert time.perf_counter() - began < 3  # seconds; what grows with the square takes minutes
