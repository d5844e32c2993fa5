"""What is masked and what is kept."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.parse.mask import MASKS, mask

MASKED = {
    "Receiving block blk_-160899968 src: /10.250.19.102:54106 dest: /10.250.19.1:50010": (
        "Receiving block blk_<*> src: <*> dest: <*>"
    ),
    '10.11.10.1 "GET /v2/54fadb412c4e/detail HTTP/1.1" status: 404 len: 1893 time: 0.247': (
        '<*> "GET <*> <*>" status: 404 len: <*> time: <*>'
    ),
    '"GET / HTTP/1.1" 503 77': '"GET / <*>" 503 <*>',
    "status_code: 404": "status_code: 404",
    "STATUS=503 of 503": "STATUS=503 of <*>",
    "[instance: 96abccce-8d1f-4e07-b6d1-4b2ab87e23b4] VM Started": "[instance: <*>] VM Started",
    "generating core.2275": "generating core.<*>",
    "at Sat Jul  9 12:16:51 2005 from https://a.b/c?d=4 ok": "at <*> from <*> ok",
    "reset 0x00bf dead beef  twice ": "reset <*> dead beef twice",
    "connect to proxy.cse.cuhk.edu.hk:5070 failed": "connect to <*> failed",
    "": "",
    "größe 5 µs": "größe <*>",
}


@pytest.mark.parametrize("lines", [*([line] for line in MASKED), [*MASKED] * 2])
def test_masks(lines):
    assert mask(pl.Series(lines)).to_list() == [MASKED[line] for line in lines]


def test_null_line_breaks_and_order():
    assert mask(pl.Series(["b 1", None, "a\nb", "b 2"])).to_list() == ["b <*>", "", "a b", "b <*>"]


PARTS = [
    *("Jan 0", "0 Dec", "Mon, ", "a://b", "/a0/b", "0-a-b-c-d", "0x0f", "a0b0c0", "a.b.com"),
    *("-0.0", "<*>", ".", " ", "0", "a"),
]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=6).map("".join)))
def test_what_lacks_the_required_part_of_a_mask_does_not_match_it(lines):
    texts = pl.Series(lines, dtype=pl.String)
    for pattern, part, _ in MASKS:
        assert texts.filter(texts.str.contains(pattern)).str.contains(part).all()
