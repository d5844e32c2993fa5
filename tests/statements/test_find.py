"""Log statements of every language, in every form in which they are written."""

import time
from pathlib import Path

import pytest
from programs import PROGRAMS

from glx.statements.calls import named
from glx.statements.find import of_file
from glx.statements.languages import BY_SUFFIX


def found(name: str, text: str, own=None) -> list[tuple]:
    language = BY_SUFFIX[Path(name).suffix]
    return [(s.level, s.line, s.function, s.text) for s in of_file(text, language, own or {})]


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
        ("a.py", 'log.error("task %r of %a is 100% ready", x, y)', "task <*> of <*> is 100% ready"),
        ("a.py", 'warnings.warn("a")', None),
        ("a.py", "log.error('it''s')", "its"),
        ("a.java", 'void f() { log.error("a " + (x ? "b" : "c") + " d", e); }', "a <*> d"),
        ("a.java", 'void f() { log.error(x ? "b" : "c"); }', "b"),
        ("a.java", 'void f() { log.error(x == "a" ? y : z ? "b " + y : "c"); }', "b <*>"),
        ("a.ts", 'log.error(a?.b ?? "b", x ? c : `d ${e}`)', "d <*>"),
        ("a.py", 'log.error("a %s" % x if y else "b")', "a <*>"),
        ("a.py", 'log.error(x if "a" in y else "b")', "b"),
        ("a.py", 'log.error(("a "\n    "b %s") % x)', "a b <*>"),
        ("a.py", 'log.error(("a " + x).strip())', "a <*>"),
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


@pytest.mark.parametrize(
    ("name", "text", "function"),
    [
        ("a.c", "static __attribute__ ((unused)) void f(int a) { if (a) { § } }", "f"),
        ("a.c", "void g(void) { }\nint f(int a, char *b)\n{ for (;;) { § } }", "f"),
        ("a.cc", "template <class T> int A<T>::f(T t) const override { § }", "f"),
        ("a.cc", "A::f(int a) : b_(a), c_(g(a)) { § }", "f"),
        (
            "a.java",
            '@Get("a") public List<A> f(@P(1) int a) throws B, C { run(() -> { § }); }',
            "f",
        ),
        ("a.js", "const f = async (a) => { § }", "f"),
        ("a.js", "app.f = function (a) { § }", "f"),
        ("a.js", "class A { async f(a) { on('b', function () { § }) } }", "f"),
        ("a.ts", "export function f<T>(a: T): Promise<void> { § }", "f"),
        ("a.go", "func (s *S) f(a int) error { go func(b int) error { § }(1) }", "f"),
        (
            "a.rs",
            "pub async fn f<'a>(a: &'a str) -> Result<(), E> where { match a { _ => { § } } }",
            "f",
        ),
        ("a.kt", "fun A.f(a: B = c()): D { a.use { § } }", "f"),
        ("a.scala", "def f(a: Int)(implicit b: B): C = { § }", "f"),
        ("a.cs", "[A(1)] async Task<B> f(C c) where D : E { § }", "f"),
        ("a.scala", "trait A {\n  def g: String\n  def f() = { § }\n}", "f"),
        ("a.kt", 'class A {\n  fun g() = "a"\n  fun f() { § }\n}', "f"),
        ("a.js", "const g = x => x * 2\nconst f = async () => { § }", "f"),
        ("a.cs", "class A { void f<T>(T x) { § } }", "f"),
        ("a.ts", "class A { async f<T, U>(x: T): Promise<void> { § } }", "f"),
        ("a.java", "class A { static { § } }", None),
        ("a.c", "§", None),
        (
            "a.py",
            "def g():\n    pass\nclass A:\n    async def f(\n        self,\n    ):\n        §",
            "f",
        ),
        ("a.py", "def g():\n    pass\n§", None),
    ],
)
def test_the_function_around_a_statement(name, text, function):
    calls = {".rs": 'error!("a");', ".c": 'error("a");', ".cc": 'LOG_ERROR("a");'}
    call = calls.get(Path(name).suffix, 'log.error("a")')
    (one,) = found(name, text.replace("§", call))
    assert one[2] == function


@pytest.mark.parametrize(
    ("name", "text", "level", "expected"),
    [
        ("a.c", 'void f() { ALOGE("a %d", x); }', "ERROR", "a <*>"),
        (
            "a.c",
            'static const char *TAG = "wifi";\nvoid f() { ESP_LOGW(TAG, "a %d", x); }',
            "WARN",
            "a <*>",
        ),
        ("a.cs", 'class A { void F() { log.ErrorFormat("a {0}", x); } }', "ERROR", "a <*>"),
        ("a.cs", 'class A { void F() { Trace.TraceError("a {0}", x); } }', "ERROR", "a <*>"),
        ("a.go", 'func f() { level.Error(l).Log("msg", "a b", "err", err) }', "ERROR", "a b"),
        ("a.go", 'func f() { logger.Log("level", "warn", "msg", "a b") }', "WARN", "a b"),
    ],
)
def test_families_of_loggers(name, text, level, expected):
    assert [(s[0], s[3]) for s in found(name, text)] == [(level, expected)]


def test_calls_that_a_user_names():
    text = 'audit.write_event(who, "denied %s")\nnote("kept")\n'
    assert found("a.py", text) == []
    assert found("a.py", text, named(("write_event:error", "note:info"))) == [
        ("ERROR", 1, None, "denied <*>"),
        ("INFO", 2, None, "kept"),
    ]
    text = 'Audit.record("a b")\nmetrics.record("c d")\napp.Audit.record("e f")\nrecord("g h")\n'
    assert [s[3] for s in found("a.py", text, named(("app.Audit.record:error",)))] == ["a b", "e f"]


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
        "add(f)" + '\n  ("a", "b")' * 30 + '("c", [](int d) {log.error("a")',
        "if (a" + " && b  (c)" * 30 + ') {log.error("a")',
    ],
)
@pytest.mark.parametrize("suffix", sorted({one.suffixes[0] for one in BY_SUFFIX.values()}))
def test_no_text_takes_long(suffix, text):
    began = time.perf_counter()
    found(f"a{suffix}", f"log\n{text}")
    assert time.perf_counter() - began < 3  # seconds; what grows with the square takes minutes


AFTER = 'log.error("found")\n'


@pytest.mark.parametrize(
    ("name", "opens", "inner", "closes"),
    [
        ("a.go", "log.Errorf(", '"x"', ")"),
        ("a.py", "log.error((", '"x"', "))"),
        ("a.java", 'log.error("a" + (', '"x"', "))"),
        ("a.js", "log.error({message: ", '"x"', "})"),
        ("a.cc", "log_error(_(", '"x"', "))"),
        ("a.rs", 'error!("{}", ', '"x"', ")"),
    ],
)
def test_what_is_nested_deeply_hides_nothing_else(name, opens, inner, closes):
    language = BY_SUFFIX[name[1:]]
    after = AFTER.replace("log.error", "error!") if name == "a.rs" else AFTER
    for deep in (900, 100_000):
        text = f"{opens * deep}{inner}{closes * deep};\n{after}"
        assert of_file(text, language, {})[-1].text == "found"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", "log.error(" + '"a" + ' * 60_000),
        ("a.rs", 'error!("{}", ' * 60_000),
        ("a.py", "def f():\n  x\n  log.error(text)\n" * 20_000 + "log.error(text)\n" * 9999),
        ("a.go", "{" * 60_000 + "}" * 60_000 + "log.Error(text)\n" * 9999),
    ],
)
def test_a_file_takes_no_longer_than_its_length(name, text):
    began = time.process_time()
    of_file(text, BY_SUFFIX[name[1:]], {})
    assert time.process_time() - began < 10
