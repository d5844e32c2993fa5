"""Lines of a log that was rotated since it was judged, or while it was."""

import gzip
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from glx.parse.follow import mark_of
from glx.parse.log import Log
from glx.report.models import Cause, Example
from glx.runs.judged_lines import lines_of, reader
from glx.runs.position import Begun
from glx.verdicts import VERDICT


def text(n: int) -> str:
    """Line `n` of a log."""
    what = "disk sda full" if n == 14 else "all is well"
    return f"2024-05-01 10:00:{n:02} {what}"


def write(path: str, first: int, end: int, **how) -> None:
    raw = "".join(text(n) + "\n" for n in range(first, end)).encode()
    Path(path).write_bytes(gzip.compress(raw) if path.endswith(".gz") else raw)


def cause(first: int, decides: int, *, lacks: bool = False, time: str | None = "") -> Cause:
    """Of a sequence of five lines; its time is that of the first one, unless it is given."""
    example = Example(
        file="a.log", key=None, first_line=first, last_line=first + 4, reason=None, near=None,
        time=f"2024-05-01T10:00:{first:02}.000" if time == "" else time, evidence=[decides],
    )  # fmt: skip
    return Cause(
        id="1", lacks=lacks, text="disk <*> full", count=1, score=0.9, first_time=None,
        last_time=None, trend=[], sessions=[], example=example,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


FULL, LACKS = cause(12, 14), cause(3, 3, lacks=True)
WANTED = {3, 7, 12, 14}


@pytest.mark.parametrize("name", ["a.log", "a.log.1", "a.log.3.gz", "a.log-20240501"])
@pytest.mark.parametrize("causes", [[FULL], [LACKS], [FULL, LACKS]])
def test_a_file_that_was_rotated_since(name, causes):
    write("a.log", 30, 50)
    write("a.log.2", 50, 60)
    write(name, 0, 30)
    assert reader(causes)("a.log", WANTED) == {n: text(n) for n in WANTED}


@pytest.mark.parametrize("causes", [[FULL], [LACKS], [FULL, LACKS]])
def test_a_file_that_is_gone_or_was_written_anew(causes):
    write("a.log.1", 0, 30)
    Path("a.log.1").rename("a-2.log")
    assert reader(causes)("a.log", WANTED) == {}
    write("a.log", 30, 50)
    assert reader(causes)("a.log", WANTED) == {}
    assert reader(causes)(None, WANTED) == {}


def test_causes_whose_lines_are_not_asked_for_prove_nothing():
    write("a.log", 0, 30)
    others = [cause(n, n) for n in range(200, 400)]
    assert reader([FULL, *others])("a.log", {14}) == {14: text(14)}


def test_without_a_time_words_tell():
    write("a.log", 30, 50)
    write("a.log.1", 0, 30)
    assert reader([cause(12, 14, time=None)])("a.log", {14}) == {14: text(14)}
    # Where nothing tells, only the file that still has the name is believed.
    assert reader([cause(3, 3, lacks=True, time=None)])("a.log", {3}) == {3: text(33)}


def test_times_without_a_year_are_compared_without_it():
    Path("a.log").write_text("".join(f"May  1 10:00:{n:02} host su: full\n" for n in range(20)))
    assert reader([cause(3, 3, lacks=True, time="1972-05-01T10:00:03.000")])("a.log", {3})
    assert not reader([cause(3, 3, lacks=True, time="1972-05-01T10:00:04.000")])("a.log", {3})


def test_lines_of_a_followed_log_are_counted_through_its_rotations():
    write("a.log.2.gz", 0, 10)
    write("a.log.1", 10, 20)
    write("a.log", 20, 30)
    with open("a.log", "rb") as file:
        begun = [Begun(mark_of("a.log", file), 20)]
    causes = [FULL, LACKS, cause(21, 22, lacks=True)]
    wanted = WANTED | {22}
    assert reader(causes, begun)("a.log", wanted) == {n: text(n) for n in wanted}
    over = cause(18, 21, lacks=True)  # what begins before a rotation
    assert reader([over], begun)("a.log", {18, 20, 21}).keys() == {18, 20, 21}
    Path("a.log.1").unlink()  # and nothing tells any more where the one before began
    assert reader(causes, begun)("a.log", wanted) == {22: text(22)}
    write("a.log", 40, 60)
    assert reader(causes, begun)("a.log", wanted) == {}


def test_lines_of_what_was_just_judged():
    def row(first: int, file: str) -> pl.DataFrame:
        evidence = [{"line": first + 2, "event": 2, "weight": 1.0, "text": "disk <*> full"}]
        cause = {"id": "1", "lacks": False, "text": "disk <*> full", "near": None}
        one = dict.fromkeys(VERDICT) | {"first_line": first, "last_line": first + 4, "score": 0.9}
        one |= {"anomalous": True, "evidence": evidence, "cause": cause}
        one |= {"time": datetime(2024, 5, 1, 10, 0, first)}
        return lines_of(pl.DataFrame([one], schema=VERDICT), Log([Path(file)]))

    write("a.log", 0, 30)
    write("b.log.gz", 0, 30)
    assert row(12, "a.log") == {12: text(12), 14: text(14)}
    assert row(11, "a.log") == row(12, "b.log.gz") == row(12, "none.log") == {}
    write("a.log", 30, 60)  # written anew since
    assert row(12, "a.log") == {}
