"""Log statements with levels as lessons."""

import gzip

import numpy as np
import polars as pl
import pytest
import zstandard

from glx.embed import severity
from glx.errors import InputError

CSV = b"""text,level,project,language
disk <*> failed,error,a/one,c
cache warmed up,Notice,a/one,c
<*>: --,error,a/one,c
giving up on peer <*>,panic,a/one,java
peer <*> is back,who knows,a/one,java
entering loop <*>,trace,b/two,java
"""


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_rows_with_two_words_and_a_level_are_read(pack, tmp_path):
    path = tmp_path / "levels"
    path.write_bytes(pack(CSV))
    assert severity.read(path).rows() == [
        ("disk <*> failed", "ERROR", "a/one"),
        ("cache warmed up", "INFO", "a/one"),
        ("giving up on peer <*>", "FATAL", "a/one"),
        ("entering loop <*>", "TRACE", "b/two"),
    ]


def test_a_project_is_not_needed(tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("level,text\nwarn,disk <*> is nearly full\n")
    assert severity.read(path).rows() == [("disk <*> is nearly full", "WARN", "")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not a CSV of text,level,project"),
        (b"", "not a CSV of text,level,project"),
        (b"\x1f\x8b8", "not a CSV of text,level,project"),
        (b"text,p\ndisk failed,0.9\n", "no column level; it has text, p"),
        (b"text,level\ndisk failed,9.5\n", "no statement with two words and a level"),
    ],
)
def test_files_that_hold_no_statements(content, message, tmp_path):
    path = tmp_path / "levels.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        severity.read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


def table(sizes: dict[str, int]) -> pl.DataFrame:
    rows = [(f"{name} {n}", "ERROR", name) for name, size in sizes.items() for n in range(size)]
    return pl.DataFrame(rows, schema=["text", "level", "project"], orient="row")


def test_a_large_project_does_not_drown_the_others():
    sizes = {"large": 10_000, "small": 100}
    chosen = severity.lessons(table(sizes), 220, np.random.default_rng(0))
    assert len(set(chosen.texts)) == 220
    small = sum(text.startswith("small") for text in chosen.texts)
    assert 10 < small < 35  # 20 by the square root, 2 by size
    assert chosen.p.tolist() == pytest.approx([0.8] * 220)
    assert chosen.weight.tolist() == [severity.WEIGHT] * 220


def test_the_limit_may_exceed_what_there_is():
    chosen = severity.lessons(table({"only": 3}), 40, np.random.default_rng(0))
    assert sorted(chosen.texts) == ["only 0", "only 1", "only 2"]


def test_a_level_is_given_now_and_then_and_is_not_always_that_of_the_probability():
    n = 4000
    p = np.repeat([0.05, 0.8], n).astype(np.float32)
    said = severity.with_levels(["disk failed"] * 2 * n, p, np.random.default_rng(0))
    low, high = said[:n], said[n:]
    assert {text.removesuffix("disk failed") for text in said} == {"", "WARN ", "ERROR ", "FATAL "}
    with_level = [text for text in high if text != "disk failed"]
    assert len(with_level) / n == pytest.approx(severity.LEVEL_SHARE, abs=0.03)
    severe = ("ERROR ", "FATAL ")
    assert sum(text.startswith(severe) for text in with_level) > 0.75 * len(with_level)
    assert 0 < sum(text.startswith(severe) for text in low) < 0.03 * n
