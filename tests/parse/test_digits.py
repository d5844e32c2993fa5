"""Lines by their digit form; what is cut out of all at once is what a pattern finds in each."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.parse.digits import LONG_CHUNK, SAME_FOR_ALL_DIGITS, Block, collapse_digits, split_lines

LINES = [
    "081109 203615 148 INFO: blk_38 of /10.0.0.1",
    "081109 203616 2 INFO: blk_-7 öf /10.0.0.1",
    "",
    "081110 203616 21 INFO: blk_91 of /10.0.0.2",
    "no block here",
    "blk_5",
]


def block(lines: list[str], repeat: int = 3) -> Block:
    return Block.of("".join(f"{line}\n" for line in lines * repeat).encode())


def test_lines_that_differ_in_the_values_of_digits_are_one():
    made = block(["a 12 b", "a 34 b", "a 5 b", "ü 0"])
    assert made.forms.to_list() == ["a 99 b", "a 9 b", "ü 9"]
    assert made.codes.to_list() == [0, 0, 1, 2] * 3
    assert made.starts[:5].tolist() == [0, 7, 14, 20, 25]


@pytest.mark.parametrize(
    ("pattern", "group", "cut"),
    [
        (r"blk_-?\d+", 0, True),
        (r"^([0-9]{6} [0-9]{6})", 1, True),
        (r"blk_(-?[0-9]+) .?f", 1, True),
        (r"[0-9]+$", 0, True),
        (r"([0-9]+)\.[0-9]+\.", 1, True),
        (r"[0-9]+\.([0-9]+)\.[0-9]", 1, False),  # the first or the second?
        (r"blk_3\d", 0, False),  # tells digits apart
        (r"(x)?", 1, True),
        ("", 0, True),
    ],
)
def test_what_is_cut_out_is_what_the_pattern_finds(pattern, group, cut):
    made = block(LINES)
    assert (made.spans(pattern, group) is not None) == cut
    assert made.extract(pattern, group).equals(made.lines.str.extract(pattern, group))


@settings(deadline=None)
@given(st.lists(st.text(alphabet="b_19 ü\r"), min_size=1))
def test_any_line(lines):
    made = block(lines, 9)
    for pattern, group in ((r"b_?\d+", 0), (r"b(\d*)", 1), (r"(\S+) ", 1)):
        want = split_lines(made.raw).str.extract(pattern, group)
        assert made.extract(pattern, group).equals(want)


def test_a_carriage_return_and_a_last_line_without_an_end():
    assert Block.of(b"a 1\r\r\na 2\r").extract(r"\d").to_list() == ["1", "2"]
    assert Block.of(b"a 1\na 22\na 33").extract(r"\d+").to_list() == ["1", "22", "33"]


@pytest.mark.parametrize(
    ("pattern", "blind"),
    [
        (r"blk_-?\d+", True),
        (r"\[instance: ([0-9a-f-]{36})\]", True),
        (r"[^ ]+ \S*\D(?:\w|[/-:])", True),
        (r"node[1-5]", False),
        (r"[+-0-9]", False),
        (r"0-9", False),
        (r"\x{39}", False),
        (r"\p{Nd}", False),
        (r"\{3}", False),
    ],
)
def test_patterns_to_which_digits_are_alike(pattern, blind):
    assert (SAME_FOR_ALL_DIGITS.fullmatch(pattern) is not None) == blind


def test_no_lines():
    assert Block.of(b"").extract("a").to_list() == [None]
    assert pl.Series([], dtype=pl.String).equals(
        Block.of(b"a").cut(*[pl.Series([]).to_numpy()] * 2)
    )


@settings(deadline=None)
@given(st.lists(st.text(alphabet="01 9a/:\nü"), min_size=1))
def test_collapsed_digits(lines):
    raw = "\n".join(lines).encode()
    assert collapse_digits(raw) == re.sub(rb"[0-9]+", b"0", raw)


def test_collapsed_digits_across_chunks():
    assert collapse_digits(b"x" + b"7" * LONG_CHUNK + b"y8") == b"x0y0"
