"""What is masked and what is kept; layouts found in files that nobody described."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.errors import InputError
from glx.parse.digits import LONG_CHUNK, collapse_digits
from glx.parse.header import Layout, detect_layout, seconds
from glx.parse.mask import MASKS, mask
from glx.parse.read import ReadCounts
from glx.parse.records import records


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "Receiving block blk_-160899968 src: /10.250.19.102:54106 dest: /10.250.19.1:50010",
            "Receiving block blk_<*> src: <*> dest: <*>",
        ),
        (
            '10.11.10.1 "GET /v2/54fadb412c4e/detail HTTP/1.1" status: 404 len: 1893 time: 0.247',
            '<*> "GET <*> <*>" status: 404 len: <*> time: <*>',
        ),
        ('"GET / HTTP/1.1" 503 77', '"GET / <*>" 503 <*>'),
        (
            "[instance: 96abccce-8d1f-4e07-b6d1-4b2ab87e23b4] VM Started",
            "[instance: <*>] VM Started",
        ),
        ("generating core.2275", "generating core.<*>"),
        ("at Sat Jul  9 12:16:51 2005 from https://a.b/c?d=4 ok", "at <*> from <*> ok"),
        ("reset 0x00bf dead beef  twice ", "reset <*> dead beef twice"),
        ("connect to proxy.cse.cuhk.edu.hk:5070 failed", "connect to <*> failed"),
        ("", ""),
        ("größe 5 µs", "größe <*> µs"),
    ],
)
def test_masks(text, masked):
    assert mask(pl.Series([text])).to_list() == [masked]


def test_status_codes_of_all_forms_in_many_lines():
    lines = ['"GET /a HTTP/1.1" 200 17', "status_code: 404", "STATUS=503 of 503"] * 2
    asked = ['"GET /a <*>" 200 <*>', "status_code: 404", "STATUS=503 of <*>"] * 2
    assert mask(pl.Series(lines)).to_list() == asked


def test_null_line_breaks_and_order():
    assert mask(pl.Series(["b 1", None, "a\nb", "b 2"])).to_list() == ["b <*>", "", "a b", "b <*>"]


PARTS = (
    *(
        "Jan 0",
        "0 Dec",
        "Mon, ",
        "a://b",
        "/a0/b",
        "0-a-b-c-d",
        "0x0f",
        "a0b0c0",
        "a.b.com",
        "-0.0",
    ),
    *("<*>", ".", " ", "0", "a"),
)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=6).map("".join)))
def test_what_has_not_the_sign_of_a_mask_does_not_match_it(lines):
    texts = pl.Series(lines, dtype=pl.String)
    for pattern, sign in MASKS:
        assert texts.filter(texts.str.contains(pattern)).str.contains(sign).all()


@settings(deadline=None)
@given(st.lists(st.text(alphabet="01 9a/:\nü"), min_size=1))
def test_collapsed_digits(lines):
    raw = "\n".join(lines).encode()
    assert collapse_digits(raw) == re.sub(rb"[0-9]+", b"0", raw)


def test_collapsed_digits_over_the_edge_of_a_chunk():
    raw = b"x" + b"7" * LONG_CHUNK + b"y8"
    assert collapse_digits(raw) == b"x0y0"


# One line of each format; time in seconds since the epoch (1972 where the year is missing).
FORMATS = {
    "2015-10-18 18:01:47,978 INFO [main] MRAppMaster: Created": (1445191307.978, "INFO", "[main]"),
    "2024-03-01T10:11:12.5Z ERROR disk full": (1709287872.5, "ERROR", "disk full"),
    "081109 203615 148 INFO dfs.Node: Packet 1": (1226262975.0, "INFO", "dfs.Node"),
    "- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS APP INFO parity error": (
        1117813370.675872, "INFO", "parity error",
    ),
    "[Sun Dec 04 04:47:44 2005] [notice] workerEnv ok": (1133671664.0, "NOTICE", "workerEnv"),
    "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass": (77382961.0, None, "sshd(pam"),
    "17/06/09 20:10:40 INFO executor.Backend: Registered": (1497039040.0, "INFO", "executor"),
    "20171223-22:15:29:606|Step_LSC|30002312|onExtend 14": (1514067329.606, None, "Step_LSC"),
    "03-17 16:13:38.811  1702  2395 D WindowManager: wtoken": (69696818.811, "D", "WindowManager"),
    "[10.30 16:49:06] chrome.exe - proxy.cse.edu.hk:5070 open": (89311746.0, None, "chrome.exe"),
    "134681 node-246 unix state 1077804742 1 Component": (1077804742.0, None, "1 Component"),
    "1700000000.25 WARN slow": (1700000000.25, "WARN", "slow"),
    '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 2': (1431857103.0, None, '"GET'),
    "2016-09-28 04:30:30, Info                  CBS    Loaded": (1475037030.0, "INFO", "CBS"),
    "I0501 10:00:00.123456    1234 file.go:12] all is well": (73562400.123456, "I", "all is well"),
    "E20240501 10:00:00.123456 1234 a/b.cc:7] no": (1714557600.123456, "E", "no"),
    'time="2024-05-01T10:00:00Z" level=error msg="no disk"': (1714557600.0, "ERROR", "msg="),
    'level=info ts=2024-05-01T10:00:00.5Z caller=a.go:1 msg=a': (1714557600.5, "INFO", "caller"),
    "t=2024-05-01T10:00:00Z unit=7 lvl=warn msg=a error": (1714557600.0, "WARN", "msg=a error"),
    'time=2024-05-01T10:00:00Z msg="went on" level=info': (1714557600.0, None, "msg="),
    "2024-05-01 10:00:00 INFO of start=1700000000": (1714557600.0, "INFO", "of start"),
    "5/1/2024 10:00:00 PM ERROR no": (1714600800.0, "ERROR", "no"),
    "12/31/2024, 1:05:09 AM all is well": (1735607109.0, None, "all is well"),
    "5/1/2024 10:00:00 day or month first": (None, None, "day or month"),
    "[WARN] 2024-05-01 10:00:00 slow": (1714557600.0, "WARN", "slow"),
}  # fmt: skip


@pytest.mark.parametrize("line", FORMATS)
def test_layout_of_one_line(line, tmp_path):
    time, level, start = FORMATS[line]
    layout = detect_layout([line])
    path = tmp_path / "a.log"
    path.write_text(line)
    counts = ReadCounts()
    frame = next(records(path, layout, counts))
    assert frame["time"][0] == (time if time is None else pytest.approx(time, abs=1e-5))
    assert frame["level"][0] == level
    assert mask(pl.Series([start]))[0] in frame["text"][0]
    assert counts.no_header == 0


def test_plain_text_has_no_header():
    assert detect_layout(["hello world", "all is well"]) == Layout()


def test_json_and_tables_are_found():
    assert detect_layout(['{"ts": 1700000000, "severity": "INFO", "message": "a"}']) == Layout(
        "jsonl", text="message", time=("ts",), level="severity", time_format="epoch"
    )
    assert detect_layout(["date;time;msg", "2024-01-01;10:00:00;a"]) == Layout(
        "csv", text="msg", time=("date", "time"), time_format="%Y-%m-%d %H:%M:%S", separator=";"
    )


@pytest.mark.parametrize(
    ("lines", "format", "message"),
    [
        (["a,b", "1,2"], "csv", "no column of text among 'a', 'b'"),
        (['{"a": 1}'], "jsonl", "no JSON field of text among 'a'"),
        (["a"], "xml", "--format=xml"),
    ],
)
def test_layouts_that_cannot_be(lines, format, message):
    with pytest.raises(InputError, match=message):
        detect_layout(lines, format)


def test_times_that_do_not_read_are_null():
    assert seconds(pl.Series(["2024-01-01", "x", None]), "%Y-%m-%d").to_list()[1:] == [None, None]
    assert seconds(pl.Series(["17e8", "x"]), "epoch").to_list() == [1.7e9, None]
    assert seconds(pl.Series(["1700000000000000000"]), "epoch").to_list() == [1.7e9]
