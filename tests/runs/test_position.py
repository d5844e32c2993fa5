"""A followed log is judged once, line by line, however often and wherever the process ends."""

import gzip
import json
import random
import shutil
import time
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock, patch

import numpy as np
import pytest

from glx.data.load import LogParser
from glx.data.stream import stream
from glx.errors import InputError, OutsideError
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.miner import fit
from glx.parse.read import ReadCounts
from glx.parse.sources import Live
from glx.runs import output
from glx.runs.output import output_of

PAUSE = 0.01  # seconds
SETTINGS = {"window": 3}
END = "9999999 start vm=end\n"  # so late that all other sessions have ended


def parser(window=None, session=None) -> LogParser:
    layout = Layout(header=r"^(?P<time>\d+) (?P<text>.*)$", time_format="epoch", session=session)
    return LogParser(fit(["start <*>"], np.ones(1, int)), layout, window)


RULES = {
    "sessions": parser(session=r"vm=(\w+)"),
    "windows": parser(window=3),
    "minutes": parser(window="1m"),
}


class Killed(Exception):
    """The process ends, at once."""


def judge(path, out, use, batches=99, torn=False, amid=lambda n: None):
    """Judge so many batches of a followed log, or all, then end; the last one may be torn.

    `amid` is called before each.
    """
    said: list[str] = []
    with suppress(Killed):
        _judge(path, out, use, batches, torn, said.append, amid)
    return said


def _judge(path, out, use, batches, torn, say, amid):
    log, looks = Log([Live(str(path), PAUSE, follow=True)]), 0

    def sleep(seconds: float):
        nonlocal looks
        looks += 1
        if looks > 20:
            raise Killed
        time.sleep(seconds)

    with (
        patch("glx.parse.follow.time", Mock(sleep=sleep)),
        output_of(out, log, SETTINGS, overwrite=False, say=say) as (kept, log),
    ):
        for n, sequences in enumerate(stream(log, use, ReadCounts(), idle=50.0)):
            text = "".join(json.dumps(row) + "\n" for row in rows(sequences))
            amid(n)
            text = text[: len(text) * 2 // 3] if n == batches and torn else text
            ends = Killed if n == batches and torn else None
            with patch("glx.runs.output.save", side_effect=ends, wraps=output.save):
                kept.write(text, log, int(sequences.last_line.max()))
            if n == batches:
                raise Killed


def rows(sequences):
    """What the output says of each sequence, and its lines."""
    for n in range(len(sequences)):
        lines = sequences.lines[sequences.offsets[n] : sequences.offsets[n + 1]].tolist()
        key = None if sequences.keys is None else sequences.keys[n]
        yield {"key": key, "last_line": lines[-1], "lines": lines}


def judged(out) -> list[int]:
    """The lines that the verdicts are about."""
    return sorted(line for row in out.read_text().splitlines() for line in json.loads(row)["lines"])


def append(path, texts):
    with path.open("a") as file:
        file.writelines(texts)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.log"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("rotate", [None, "rename", "copy"])
def test_each_line_is_judged_once_whenever_the_process_ends(path, rule, torn, rotate, monkeypatch):
    monkeypatch.setattr("glx.data.stream.AT_ONCE", 3)
    out, rng, use = path.parent / "out.jsonl", random.Random(7), RULES[rule]
    lines = [f"{n} start vm={rng.randrange(9) if n % 100 < 60 else 'late'}\n" for n in range(900)]
    for n in range(0, 900, 100):
        if rotate == "rename" and n % 300 == 200:
            path.rename(f"{path}.{9 - n // 100}")
        if rotate == "copy" and n % 300 == 200:
            shutil.copy(path, f"{path}.{9 - n // 100}")
            path.write_text("")
        append(path, lines[n : n + 100])
        judge(path, out, use, rng.randrange(3), torn)
    append(path, [END] * 3)
    judge(path, out, use)
    judge(path, out, use)
    assert judged(out)[:900] == list(range(900))


@pytest.mark.parametrize("batches", [0, 1, 5])
@pytest.mark.parametrize("longest", [20, 1000])
def test_a_session_that_does_not_end(path, monkeypatch, longest, batches):
    """Every other line is of it; the places of the output that are kept stay few."""
    monkeypatch.setattr("glx.data.stream.AT_ONCE", 1)
    monkeypatch.setattr("glx.data.open_sessions.LONGEST_SESSION", longest)
    monkeypatch.setattr("glx.runs.output.MOST_PLACES", 4)
    out = path.parent / "out.jsonl"
    for n in range(0, 300, 30):
        append(path, [f"{m} start vm={m // 6 if m % 2 else 'daemon'}\n" for m in range(n, n + 30)])
        judge(path, out, RULES["sessions"], batches)
    append(path, [END])
    judge(path, out, RULES["sessions"])
    assert judged(out) == list(range(300))
    found = [row for row in map(json.loads, out.read_text().splitlines()) if row["key"] == "daemon"]
    assert {len(row["lines"]) <= longest for row in found} == {True}
    assert len(found) >= 150 / longest


def test_sessions_that_end_at_once_and_the_process_amid_them(path, monkeypatch):
    monkeypatch.setattr("glx.data.stream.AT_ONCE", 3)
    append(path, [f"{n} start vm={n % 10}\n" for n in range(20)] + ["200 start vm=late\n"])
    out = path.parent / "out.jsonl"
    for _ in range(5):
        judge(path, out, RULES["sessions"], batches=0)
    assert judged(out) == list(range(20))


def test_a_session_goes_on_that_began_before_a_rotation(path):
    out = path.parent / "out.jsonl"
    append(path, ["1 start vm=a\n", "2 start vm=b\n", "40 stop vm=a\n", "80 start vm=c\n"])
    judge(path, out, RULES["sessions"])  # b has ended
    path.rename(f"{path}.1")
    append(path, ["85 stop vm=a\n", "90 stop vm=b\n", END])
    judge(path, out, RULES["sessions"])
    found = [json.loads(row) for row in out.read_text().splitlines()]
    assert [(row["key"], row["lines"]) for row in found] == [
        ("b", [1]),
        ("a", [0, 2, 4]),
        ("c", [3]),
        ("b", [5]),
    ]


def test_lines_of_a_file_that_is_gone_are_told(path):
    out = path.parent / "out.jsonl"
    append(path, [f"{n} start\n" for n in range(8)])
    judge(path, out, RULES["windows"])
    path.unlink()
    append(path, [f"{n} start\n" for n in range(8, 14)])
    said = judge(path, out, RULES["windows"])
    assert "gone" in said[0]
    assert judged(out) == [*range(6), *range(6, 12)]


def renamed(out, to):
    out.rename(to)


def copied(out, to):
    shutil.copy(out, to)
    out.write_text("")


def packed(out, to):
    Path(f"{to}.gz").write_bytes(gzip.compress(out.read_bytes()))
    out.unlink()


@pytest.mark.parametrize("rule", ["sessions", "windows"])
@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("amid", [False, True])
@pytest.mark.parametrize("rotate", [renamed, copied, packed])
def test_verdicts_that_are_rotated(path, rule, torn, amid, rotate, monkeypatch):
    monkeypatch.setattr("glx.data.stream.AT_ONCE", 3)
    out, rng, use = path.parent / "out.jsonl", random.Random(5), RULES[rule]
    numbers = iter(range(999, 0, -1))

    def turn(n: int):
        if rng.randrange(2) and out.exists() and out.stat().st_size:
            mark = json.loads(Path(f"{out}.position").read_text())["mark"]
            if not mark["length"] and rotate is not renamed:
                return  # killed before its first write was kept: nothing tells a copy
            rotate(out, f"{out}.{next(numbers)}")

    for n in range(0, 900, 100):
        texts = (
            f"{i} start vm={rng.randrange(9) if i % 100 < 60 else 'late'}\n"
            for i in range(n, n + 100)
        )
        append(path, texts)
        judge(path, out, use, rng.randrange(4), torn, turn if amid else lambda n: None)
        if not amid:
            turn(n)
    append(path, [END] * 3)
    judge(path, out, use, amid=turn if amid else lambda n: None)
    judge(path, out, use)
    outputs = [one for one in path.parent.glob("out.jsonl*") if one.suffix != ".position"]
    assert len(outputs) > 3
    found = []
    for one in outputs:
        raw = gzip.decompress(one.read_bytes()) if one.suffix == ".gz" else one.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1].splitlines()  # the rest was begun by who was killed
        found += [line for row in whole for line in json.loads(row)["lines"]]
    assert sorted(found)[:900] == list(range(900))


@pytest.mark.parametrize("take", [Path.unlink, lambda out: out.rename(out.parent / "sent")])
@pytest.mark.parametrize("rule", RULES)
def test_verdicts_that_are_taken_away_meanwhile(path, rule, take):
    out, gone = path.parent / "out.jsonl", []

    def turn(n: int):
        if out.stat().st_size:
            gone.extend(judged(out))
            take(out)
            out.touch()  # as the option `create` of logrotate does

    for n in range(0, 600, 100):
        append(
            path, [f"{i} start vm={i % 9 if i % 100 < 60 else 'late'}\n" for i in range(n, n + 100)]
        )
        judge(path, out, RULES[rule], 3, amid=turn)
    append(path, [END] * 3)
    judge(path, out, RULES[rule], amid=turn)
    assert len(gone) > 50
    assert sorted([*gone, *judged(out)])[:600] == list(range(600))


def test_verdicts_beside_which_no_file_can_be_made_any_more(path):
    out = path.parent / "found" / "out.jsonl"
    out.parent.mkdir()
    append(path, [f"{n} start\n" for n in range(6)])

    def turn(n: int):
        out.parent.rename(path.parent / "other")

    with pytest.raises(OutsideError, match=r"out\.jsonl"):
        judge(path, out, RULES["windows"], amid=turn)
    (path.parent / "other").rename(out.parent)
    judge(path, out, RULES["windows"])
    assert judged(out) == list(range(6))


@pytest.mark.parametrize("text", ["of a user\n", '{"last_line": 2}\n'])
def test_an_output_without_its_position(path, text):
    out = path.parent / "out.jsonl"
    append(path, [f"{n} start\n" for n in range(6)])
    out.write_text(text)
    with pytest.raises(InputError, match=r"--out.*out\.jsonl\.position.*--overwrite"):
        judge(path, out, RULES["windows"])
    assert {one.name for one in path.parent.iterdir()} == {"app.log", "out.jsonl"}
    assert out.read_text() == text
    out.write_text("")
    judge(path, out, RULES["windows"])
    assert judged(out) == list(range(6))


def test_an_output_that_another_process_writes(path):
    append(path, ["1 start\n"])
    out, log = path.parent / "out.jsonl", Log([Live(str(path), PAUSE, follow=True)])
    with output_of(out, log, SETTINGS, overwrite=False, say=print):
        with (
            pytest.raises(InputError, match=r"out\.jsonl"),
            output_of(out, log, SETTINGS, overwrite=True, say=print),
        ):
            raise AssertionError
        assert out.exists()


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (lambda out: out.with_name("out.jsonl.position").write_text("{"), "position"),
        (lambda out: out.write_text("no verdict\n" * 99), r"out\.jsonl"),
        (lambda out: out.write_text(""), r"out\.jsonl"),
        (lambda out: out.unlink(), r"out\.jsonl"),
    ],
)
def test_what_is_there_was_not_written_by_it(path, spoil, names):
    out = path.parent / "out.jsonl"
    append(path, [f"{n} start\n" for n in range(6)])
    judge(path, out, RULES["windows"])
    append(path, [f"{n} start\n" for n in range(6)])
    judge(path, out, RULES["windows"])
    spoil(out)
    there = sorted(path.parent.iterdir())
    log = Log([Live(str(path), PAUSE, follow=True)])
    with (
        pytest.raises(InputError, match=names),
        output_of(out, log, SETTINGS, overwrite=False, say=print),
    ):
        raise AssertionError
    assert sorted(path.parent.iterdir()) == there
    with output_of(out, log, SETTINGS, overwrite=True, say=print) as (_, found):
        assert found.judged == 0
    assert out.read_text() == ""


def test_other_settings_than_before(path):
    out = path.parent / "out.jsonl"
    append(path, [f"{n} start\n" for n in range(6)])
    judge(path, out, RULES["windows"])
    log = Log([Live(str(path), PAUSE, follow=True)])
    with (
        pytest.raises(InputError, match="window"),
        output_of(out, log, {"window": 4}, overwrite=False, say=print),
    ):
        raise AssertionError
