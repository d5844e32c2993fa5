"""The session id in its own line, and the same word in others."""

import polars as pl
import pytest

from glx.parse.digits import Block
from glx.parse.keys import without_keys
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts
from glx.parse.records import records


def texts(lines, keys):
    block = Block.of("".join(f"{line}\n" for line in lines).encode())
    return without_keys(block, pl.Series(keys, dtype=pl.String)).lines.to_list()


@pytest.mark.parametrize(
    ("line", "key", "want"),
    [
        ("[eekYqMDLaF] started eekYqMDLaF", "eekYqMDLaF", "[0000000000] started 0000000000"),
        ("[main] the mainframe of main_2, main", "main", "[0000] the mainframe of main_2, 0000"),
        ("ä [zz] ö zz", "zz", "ä [00] ö 00"),
        ("the main road", None, "the main road"),
        ("the main road", "", "the main road"),
        ("the main road", "absent", "the main road"),
    ],
)
def test_a_key_is_zeros_in_its_own_line(line, key, want):
    other = "a main line"
    assert texts([other, line], ["none", key]) == [other, want]


def test_keys_that_are_masked_anyway_stay():
    lines = [f"block blk_{n} and 3f9a1c{n}" for n in range(9)]
    assert texts(lines, [f"blk_{n}" for n in range(9)]) == lines


def test_sessions_named_by_words_share_their_events(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("[ann] hello ann\n[bob] hello bob\n[cy] hello ann\n")
    (frame,) = records(path, Layout(session=r"\[(\w+)\]"), ReadCounts())
    assert frame["text"].to_list() == ["[<*>] hello <*>"] * 2 + ["[<*>] hello ann"]
    assert frame["key"].to_list() == ["ann", "bob", "cy"]
