"""Lines as they stand in a file, by their numbers."""

import gzip

import pytest

from glx.errors import InputError
from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.lines import raw_lines

TABLE = """time,text
2024-01-02 03:04:05,one
2024-01-02 03:04:06,"two
halves"
2024-01-02 03:04:07,three
"""


def test_lines_have_the_numbers_of_verdicts(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"zero\n\nb\xff\r\nlast")
    found = raw_lines(path, Layout("lines"), {3, 1, 0, 2, 9})
    assert found == {0: "zero", 1: "", 2: "b\ufffd", 3: "last"}


def test_lines_of_a_packed_file_in_many_blocks(tmp_path):
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(b"".join(b"line %09d\n" % n for n in range(1_300_000)), 1))
    wanted = [0, 599_186, 599_187, 1_299_999]  # a block holds some 600,000 of them
    assert raw_lines(path, Layout("lines"), wanted) == {n: f"line {n:09d}" for n in wanted}


def test_rows_of_a_table_are_counted_without_its_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    found = raw_lines(path, layout_of(path), [1, 2])
    assert found == {1: '2024-01-02 03:04:06,"two\nhalves"', 2: "2024-01-02 03:04:07,three"}


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.log"):
        raw_lines(tmp_path / "none.log", Layout("lines"), [0])
