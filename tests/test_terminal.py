"""Whatever a log holds, a terminal shows it and does nothing else."""

import ast
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_files import write
from rich.table import Table

from glx.cli.main import main
from glx.terminal import Screen, escaped, visible

ROOT = Path(__file__).parents[1]
# Signs before Arabic, Syriac, Kaithi and Egyptian numbers and names: of a hidden kind, but seen.
SEEN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
SEEN |= {*range(0x13430, 0x13440)}
HOSTILE = {
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://x.example/\x1b\\click\x1b]8;;\x1b\\",
    "device control": "\x1bP$q q\x1b\\",
    "reset": "\x1bc",
    "8-bit": "\x9b31m\x9d0;owned\x9c\x90q\x9c\x85",
    "overwritten": "real\rfake\x08\x08\x7f",
    "direction": "\u202eevil\u202c\u2066x\u2069\u200f\u061c",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "ignore me") + "\U000e0001\U000e007f",
    "no width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u034fh\u3164i",
    "selectors": "x\ufe0f\ufe00y\U000e0100\U000e01ef",
    "separators": "a\u2028b\u2029c",
    "markup": "[red]no[/red] [link=http://x.example]no[/link] :skull:",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hidden_becomes_a_mark_and_the_rest_stays(text):
    shown = visible(text)
    assert all(c.isprintable() for c in shown)
    assert visible(shown) == shown
    marked = re.sub(r"⟨U\+[0-9A-F]+⟩|[\u2400-\u2421]", "", shown)
    assert marked == "".join(c for c in text if visible(c) == c and c not in "\ufe0e\ufe0f")


def test_every_control_and_format_character_is_marked():
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    codes = (c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in hidden)
    raw = {c for c in codes if visible(chr(c)) == chr(c)}
    assert raw <= SEEN | {*map(ord, "\t\n")}


def test_words_of_all_scripts_and_pictures_stay():
    text = "ошибка 错误 خطأ שגיאה कड़ी \u26a0\ufe0f \u2764\ufe0f \U0001f9f9 naïve e\u0301\t5 €\nnext"
    assert visible(text) == text


@given(st.text(st.characters(), max_size=20))
def test_json_says_the_same_and_shows_what_it_says(text):
    line = escaped(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(line) == {text: [text]}
    assert visible(line) == line
    assert "\x7f" not in line


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_screen_takes_no_text_for_a_format(text):
    screen = Screen()
    screen.file = io.StringIO()
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    screen.width = 400
    screen.print(text, table)
    shown = screen.file.getvalue()
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert shown.count(visible(text)) == 4


def test_where_no_terminal_is_a_row_is_a_line_without_borders(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    screen = Screen()
    screen.file = io.StringIO()
    table = Table("name", "says", title="all of it " * 30)
    table.add_row("a", "word " * 100)
    screen.print(table, "text " * 100)
    lines = [line.strip() for line in screen.file.getvalue().splitlines()]
    rows = "name  says", f"a     {'word ' * 100}", "text " * 100
    assert lines == [("all of it " * 30).strip(), *map(str.strip, rows)]


def test_people_read_nothing_that_did_not_pass_here():
    for path in sorted((ROOT / "glx").rglob("*.py")):
        if path.name == "terminal.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", None))
            assert name not in ("Console", "rprint"), path
            assert name != "print" or isinstance(called, ast.Attribute), path


@pytest.fixture
def said(capfd):
    """`said(*words)`: all that `glx` prints and its exit code, nothing of it hidden."""

    def run(*words) -> tuple[str, int]:
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert all(c.isprintable() or c in "\n\t" for c in out + err)
        return out + err, code

    return run


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_place_of_a_log_reaches_the_terminal_raw(text, said, tmp_path):
    one_line = text.replace("\r", " ").replace("\u2028", " ")
    plain = f"2024-05-01 10:00:00 ERROR order=7 {one_line}\n" * 9
    fields = {"time": "2024-05-01T10:00:00Z", "level": one_line, "msg": one_line, one_line: "ab12"}
    lines = "".join(json.dumps(fields, ensure_ascii=False) + "\n" for _ in range(9))
    name = text.replace("/", "").replace("\0", "")[:40]
    for content in (plain, lines, f"time,level,message,{one_line}\n1,INFO,{one_line},x\n" * 9):
        path = write(tmp_path, content, f"{name}.log")
        for flags in ([], ["--json"], [f"--session=({re.escape(one_line)})"]):
            said("inspect", *flags, path)
    assert said("inspect", tmp_path / name)[1] == 2
    assert said("inspect", f"--{name}")[1] == 2
    assert said(name)[1] == 2
    assert said("inspect", f"--window={text}", path)[1] == 2
    assert said("report", tmp_path / name)[1] == 2


def test_a_bug_quotes_what_it_choked_on_with_marks(tmp_path):
    code = (
        "from glx.cli.flags import run\nfrom absl.flags import FlagValues\n"
        "def work(values): raise ValueError('\\x1b]0;owned\\x07 \\u202e')\n"
        "run(work, FlagValues(), '', ['x'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "ValueError: \u241b]0;owned\u2407 ⟨U+202E⟩" in done.stderr
    assert "\x1b" not in done.stderr


def test_on_a_real_terminal_only_colours_of_our_own_are_left(tmp_path):
    path = write(tmp_path, f"2024-05-01 10:00:00 ERROR {''.join(HOSTILE.values())}\n" * 9)
    near, far = pty.openpty()
    command = [sys.executable, "-m", "glx", "inspect", str(path)]
    with subprocess.Popen(command, stdout=far, stderr=far, cwd=ROOT) as process:
        os.close(far)
        shown = b""
        while part := _read(near):
            shown += part
    os.close(near)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    assert "template" in text
    assert all(c.isprintable() or c in "\r\n" for c in text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end was closed
        return b""
