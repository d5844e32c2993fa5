"""Headers are cut from many lines at once as they are from each."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.data.systems import BGL_HEADER, HDFS_HEADER, NOVA_HEADER, RAS_HEADER
from glx.parse.digits import Block
from glx.parse.texts import DIGIT, collapsed_pattern, cut_headers, header_groups, masked_texts

HEADERS = (
    *map(collapsed_pattern, (BGL_HEADER, HDFS_HEADER, NOVA_HEADER, RAS_HEADER)),
    r"^(?P<level>[A-Z]+)\b:? ?(?P<text>.*)",
    r"^(?P<level>a*?)\B(?P<text>.*)$",
    r"^(?:(?P<level>[A-Z]+)\b|[A-Z]+)(?P<text>.*)$",  # the level depends on what follows
    r"^\w+$|^\w+(?P<text>.*)$",  # and so does the text
    r"\b: (?P<text>.*)$",  # not where it stands first
    r"(?P<level>b) (?P<text>.*)$",  # anywhere
    r"^a|(?P<level>b)(?P<text>.*)$",  # without text, or anywhere
    r"(?:^(?P<level>a) (?P<text>.*))?$",  # the text may be absent
    r"^(?P<text>\S+) (?P<level>.*)$",  # the text comes first
)


def test_pattern_collapsed_pattern():
    pattern = r"^\[(\d{4}-\d\d) 1[0-9]\d* a{3}\S+\d? (?P<x2>\d+)"
    collapsed = r"^\[([0-9]+-[0-9]+) [0-9]+ a{3}\S+[0-9]* (?P<x2>[0-9]+)"
    assert collapsed_pattern(pattern) == collapsed.replace("[0-9]", DIGIT)


def test_a_header_fits_though_a_number_in_it_is_kept():
    texts, _ = Block.of(b"exit 4711 INFO code 7 of 8").collapsed()
    masked, levels, fits = masked_texts(texts, r"^exit \d+ (?P<level>\w+) (?P<text>.*)$")
    assert (masked[0], levels[0], fits[0]) == ("code 7 of <*>", "INFO", True)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('a "GET /x HTTP/1.1" 502 17 "-"', "ERROR"),
        ('a "GET /x HTTP/1.1" 404 17 "-"', None),
        ("GET /x 500 3ms", "ERROR"),
        ('f b/s 0/5 503 217 - - SC-- 9/9/0 0/0 "POST /a HTTP/1.1"', "ERROR"),
        ("copied 500 files in all now", None),
    ],
)
def test_a_request_that_the_server_failed_is_an_error(line, level):
    collapsed, _ = Block.of(f"{line}\n".encode()).collapsed()
    texts, levels, _ = masked_texts(collapsed, None)
    assert levels[0] == level
    assert texts[0].startswith("ERROR ") == (level == "ERROR")


WORDS = st.sampled_from([*"0abA:_-", "INFO", "ERROR", "é:", "[req-a]", "0-0-0 0:0:0.0", "0 0", ""])
LINES = st.lists(
    st.builds(str.join, st.sampled_from([" ", ""]), st.lists(WORDS, max_size=12)), max_size=9
)
STARTS = ("0-0-0 0:0:0.0 0 INFO a ", "0 0 0 INFO a: ", "- 0 a b a b a b ", "ERROR", "")


@pytest.mark.parametrize("header", HEADERS)
@settings(deadline=None)
@given(LINES, st.lists(st.sampled_from(STARTS), min_size=9, max_size=9))
def test_headers_cut_at_once_and_line_by_line(header, ends, starts):
    lines = pl.Series([a + b for a, b in zip(starts, ends, strict=False)], dtype=pl.String)
    text, level, fits = cut_headers(lines, header)
    one_text, one_level, one_fits = header_groups(lines, header)
    assert fits.to_list() == one_fits.to_list()
    assert level.to_list() == one_level.to_list()
    assert text.filter(fits).to_list() == one_text.filter(fits).to_list()


def test_a_line_that_no_header_fits_is_all_text():
    lines = pl.Series(["0 INFO up", "0 WARN é 0", "no header", ""])
    text, level, fits = masked_texts(lines, r"^\d+ (?P<level>[A-Z]+) (?P<text>.*)$")
    assert text.to_list() == ["up", "WARN é <*>", "no header", ""]
    assert level.to_list() == ["INFO", "WARN", None, None]
    assert fits.tolist() == [True, True, False, False]
