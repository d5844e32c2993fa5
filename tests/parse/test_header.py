"""Layouts of logs that nobody described."""

import re

import polars as pl
import pytest
from raw_files import write

from glx.errors import InputError
from glx.parse.header import detect_layout
from glx.parse.layout import Layout
from glx.parse.mask import mask
from glx.parse.read import ReadCounts
from glx.parse.records import records
from glx.parse.times import seconds

# One line of each format; time in seconds since the epoch (1972 where the year is missing).
FORMATS = {
    "2015-10-18 18:01:47,978 INFO [main] MRAppMaster: Created": (1445191307.978, "INFO", "[main]"),
    "2024-03-01T10:11:12.5Z ERROR disk full": (1709287872.5, "ERROR", "disk full"),
    "081109 203615 148 INFO dfs.Node: Packet 1": (1226262975.0, "INFO", "dfs.Node"),
    "- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS APP INFO parity error": (
        1117813370.675872, "INFO", "parity error",
    ),
    "[Sun Dec 04 04:47:44 2005] [notice] workerEnv ok": (1133671664.0, "INFO", "workerEnv"),
    "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass": (77382961.0, None, "check pass"),
    "17/06/09 20:10:40 INFO executor.Backend: Registered": (1497039040.0, "INFO", "executor"),
    "20171223-22:15:29:606|Step_LSC|30002312|onExtend 14": (1514067329.606, None, "Step_LSC"),
    "03-17 16:13:38.811  1702  2395 D WindowManager: wtoken": (69696818.811, "DEBUG", "wtoken"),
    "[10.30 16:49:06] chrome.exe - proxy.cse.edu.hk:5070 open": (89311746.0, None, "chrome.exe"),
    "134681 node-246 unix state 1077804742 1 Component": (1077804742.0, None, "1 Component"),
    "1700000000.25 WARN slow": (1700000000.25, "WARN", "slow"),
    '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 2': (1431857103.0, None, '"GET'),
    "2016-09-28 04:30:30, Info                  CBS    Loaded": (1475037030.0, "INFO", "CBS"),
    "I0501 10:00:00.123456    1234 file.go:12] all is well": (73562400.123456, "INFO", "all is"),
    "E20240501 10:00:00.123456 1234 a/b.cc:7] no": (1714557600.123456, "ERROR", "no"),
    'time="2024-05-01T10:00:00Z" level=error msg="no disk"': (1714557600.0, "ERROR", "msg="),
    'level=info ts=2024-05-01T10:00:00.5Z caller=a.go:1 msg=a': (1714557600.5, "INFO", "caller"),
    "t=2024-05-01T10:00:00Z unit=7 lvl=warn msg=a error": (1714557600.0, "WARN", "msg=a error"),
    'time=2024-05-01T10:00:00Z msg="went on" level=info': (1714557600.0, None, "msg="),
    "2024-05-01 10:00:00 INFO of start=1700000000": (1714557600.0, "INFO", "of start"),
    "5/1/2024 10:00:00 PM ERROR no": (1714600800.0, "ERROR", "no"),
    "12/31/2024, 1:05:09 AM all is well": (1735607109.0, None, "all is well"),
    "5/1/2024 10:00:00 the day is first": (1704448800.0, None, "the day"),
    "[WARN] 2024-05-01 10:00:00 slow": (1714557600.0, "WARN", "slow"),
}  # fmt: skip


@pytest.mark.parametrize("line", FORMATS)
def test_layout_of_one_line(line, tmp_path):
    time, level, start = FORMATS[line]
    counts = ReadCounts()
    frame = next(records(write(tmp_path, line), detect_layout([line]), counts))
    assert frame["time"][0] == (time if time is None else pytest.approx(time, abs=1e-5))
    assert frame["level"][0] == level
    assert mask(pl.Series([start]))[0] in frame["text"][0]
    assert counts.no_header == 0


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        (["hello world", "all is well"], Layout()),
        (
            ['{"ts": 1700000000, "severity": "INFO", "message": "a"}'],
            Layout("jsonl", None, "message", ("ts",), "severity", "epoch"),
        ),
        (
            ["date;time;msg", "2024-01-01;10:00:00;a"],
            Layout("csv", None, "msg", ("date", "time"), None, "%Y-%m-%d %H:%M:%S", ";"),
        ),
    ],
)
def test_detected_layouts(lines, layout):
    assert detect_layout(lines) == layout


@pytest.mark.parametrize(
    ("lines", "format", "message"),
    [
        (["a,b", "1,2"], "csv", "no column of text among 'a', 'b'"),
        (["{}"], "jsonl", "no JSON field of text among none"),
        (["a"], "xml", "--format=xml"),
    ],
)
def test_layouts_that_cannot_be(lines, format, message):
    with pytest.raises(InputError, match=message):
        detect_layout(lines, format)


def test_times_of_another_format_are_null():
    assert seconds(pl.Series(["2024-01-01", "x", None]), "%Y-%m-%d").to_list()[1:] == [None, None]
    assert seconds(pl.Series(["17e8", "x"]), "epoch").to_list() == [1.7e9, None]
    assert seconds(pl.Series(["1700000000000000000"]), "epoch").to_list() == [1.7e9]


def test_services_whose_times_look_alike_have_levels_of_their_own():
    web = [f"2026-03-01 10:00:0{n} INFO user {n} logged in" for n in range(6)]
    database = [f"2026-03-01 10:00:0{n} UTC [{40 + n}] LOG:  checkpoint {n}" for n in range(6)]
    first = detect_layout([line for pair in zip(web, database, strict=True) for line in pair])
    assert re.match(first.header, database[0]).group("level", "text") == ("LOG", "checkpoint 0")
    assert not re.match(first.header, web[0])
    assert re.match(first.also[0].header, web[0])["level"] == "INFO"
