"""`glx inspect`: what is read of a log is shown, whatever the log."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from raw_files import write

from glx.cli.main import main
from glx.data.inspect import inspect
from glx.parse.header import layout_of
from glx.parse.miner import fit
from glx.sequences import Templates

SHOP = "".join(
    f"2024-05-01 10:00:{i:02} INFO order={i // 4} {what}\n"
    for i, what in enumerate(("came", "was paid", "was packed", "left") * 10)
)
JSON = "".join(
    json.dumps({"ts": 1700000000 + i, "level": "info", "msg": "step", "ids": {"job": f"j{i // 4}"}})
    + "\n"
    for i in range(40)
)
NO_FORM = "".join(f"the pump no {i} runs\nthe valve is shut\n" for i in range(20))


@pytest.fixture
def shown(tmp_path, capsys):
    """`shown(content, *flags)`: the JSON object of a file."""

    def run(content: str | bytes, *flags: str) -> dict:
        assert main(["inspect", "--json", str(write(tmp_path, content)), *flags]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_time_level_and_sessions_of_lines(shown):
    one = shown(SHOP)
    assert (one["lines"], one["whole"], one["fits"], one["timed"]) == (40, True, 1, 1)
    assert one["levels"] == {"INFO": 40}
    assert one["times"] == [1714557600, 1714557639]
    assert one["proposed"][0] == {
        "rule": r"order=(\w+)", "share": 1, "number": 10, "first": "0", "lines": 4, "span": 0.075,
    }  # fmt: skip
    assert one["templates"][0] == [10, "order=<*> came"]
    assert one["examples"][0] == {
        "line": 0,
        "raw": "2024-05-01 10:00:00 INFO order=0 came",
        "text": "order=0 came",
        "time": "2024-05-01 10:00:00",
        "template": "order=<*> came",
    }
    assert one["warnings"] == []


TABLE = "time,job id,level,message\n" + "".join(
    f"2024-05-01 10:00:{i:02},j{i // 4},info,step\n" for i in range(40)
)


@pytest.mark.parametrize(
    ("content", "stored"),
    [
        (SHOP.encode(), []),
        (gzip.compress(SHOP.encode()), ["gzip"]),
        (SHOP.encode("utf-16"), ["UTF-16-LE"]),
    ],
)
def test_packing_and_encoding(content, stored, shown):
    one = shown(content)
    assert (one["stored"], one["lines"], one["fits"]) == (stored, 40, 1)


@pytest.mark.parametrize(("content", "rule"), [(JSON, "ids.job"), (TABLE, "job id")])
def test_fields_and_columns(content, rule, shown):
    one = shown(content)
    assert [p["rule"] for p in one["proposed"]] == [rule]
    assert (one["levels"], one["warnings"]) == ({"INFO": 40}, [])


@pytest.mark.parametrize(
    ("content", "flags", "words"),
    [
        (NO_FORM, (), ["no time", "no level"]),
        (SHOP, (r"--session=order=(\d+) left",), ["75 % of the lines have no session"]),
        (SHOP, ("--session=ticket",), ["fits no line"]),
        (SHOP, ("--session=(order)=",), ["no other id than 'order'"]),
    ],
)
def test_what_may_be_wrong_is_a_warning(content, flags, words, shown):
    found = shown(content, *flags)["warnings"]
    assert len(found) == len(words)
    assert all(word in warning for word, warning in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("content", "words"),
    [(SHOP, []), (JSON, ["the format"]), (SHOP.replace("order", "of job"), ["like those"])],
)
def test_logs_unlike_those_of_a_detector_are_a_warning(content, words, tmp_path):
    first, later = write(tmp_path, SHOP), write(tmp_path, content, "later.log")
    texts = [text for _, text in inspect(first, layout_of(first)).templates]
    fitted = Templates(texts, np.ones(len(texts), np.int64))
    found = inspect(later, layout_of(first), fitted=fitted).warnings
    assert len(found) == len(words)
    assert all(word in warning for word, warning in zip(words, found, strict=True))


def test_escapes_that_are_no_characters(shown):
    line = '{"time": "2024-05-01T10:00:00Z", "level": "info", "msg": "cut \\ud800 \\u0000 short"}\n'
    one = shown(line * 40)
    assert (one["levels"], one["n_templates"], one["fits"]) == ({"INFO": 40}, 1, 1)
    assert one["templates"] == [[40, "cut \ufffd short"]]


def test_the_table_shows_no_character_that_a_terminal_obeys(tmp_path, capsys):
    path = write(tmp_path, "\x1b]0;title\x07 [bold]text[/bold]\n" * 3)
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[bold]text[/bold]" in out


def test_of_many_files_some_are_shown(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("glx.cli.inspect.TABLES", 2)
    for n in range(5):
        write(tmp_path, SHOP, f"{n}.log")
    assert main(["inspect", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert [f"{n}.log" in out for n in range(5)] == [True, True, False, False, False]
    assert out.splitlines()[-1].startswith("3 more files; ")
    assert main(["inspect", "--json", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize("becomes", [Path.touch, Path.mkdir, lambda path: None])
def test_a_file_that_is_replaced_while_it_is_looked_at(becomes, tmp_path, capsys, monkeypatch):
    path = write(tmp_path, gzip.compress(SHOP.encode()))

    def replaced(*given):
        path.unlink()
        becomes(path)
        return fit(*given)

    monkeypatch.setattr("glx.data.inspect.fit", replaced)
    code = main(["inspect", str(path)])
    error = capsys.readouterr().err
    if becomes is Path.touch:
        assert (code, error) == (0, "")
    else:
        assert code == 2
        assert error.startswith(f"error: {path}: ")
        assert error.count("\n") == 1


def test_a_folder_is_all_files_in_it(tmp_path, capsys):
    for name in ("b.log", "a.log"):
        write(tmp_path, SHOP, name)
    assert main(["inspect", "--json", str(tmp_path)]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(one["file"]).name for one in shown] == ["a.log", "b.log"]


def test_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SHOP.encode())))
    assert main(["inspect", "-", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert (one["file"], one["lines"], one["levels"]) == ("-", 40, {"INFO": 40})


@pytest.mark.parametrize(
    ("content", "what"), [(None, "no such file"), (b"", "empty"), (b"\n \n", "no line with text")]
)
def test_what_cannot_be_read_is_one_sentence_and_code_2(content, what, tmp_path, capsys):
    path = tmp_path / "a.log" if content is None else write(tmp_path, content)
    assert main(["inspect", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: {path}: ")
    assert what in err


def test_it_does_not_wait_for_jax(tmp_path):
    code = (
        "import sys; from glx.cli.main import main\n"
        f"assert main(['inspect', {str(write(tmp_path, SHOP))!r}]) == 0\n"
        "assert 'jax' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, stdout=subprocess.DEVNULL)
