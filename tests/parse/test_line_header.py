"""Headers of many programs: where time, level and text stand, and what between them is no text."""

import time

import polars as pl
import pytest
from raw_files import write

from glx.parse.header import detect_layout
from glx.parse.line_header import line_layout
from glx.parse.read import ReadCounts
from glx.parse.records import records

MAY_2 = 1714636800.0  # 2024-05-02 08:00:00 UTC
NO_YEAR = 73641600.0  # the same of 1972
NO_DATE = 63100800.0  # 08:00:00 of the first day of 1972
MESSAGES = ("user left", "cache is cold", "disk failed", "all done", "queue {n} empty", "new peer")
SCALES = {  # how INFO and ERROR are written
    "word": ("INFO", "ERROR"), "I": ("I", "E"), "inf": ("INF", "ERR"),
    "pri": ("134", "131"), "redis": ("*", "#"), "net": ("info", "fail"), "pg": ("LOG", "FATAL"),
    "jul": ("INFO", "SEVERE"), "my": ("Note", "ERROR"), "bsd": ("info", "crit"),
}  # fmt: skip
# A line of each program: scale, time, text where it is not the message alone.
PROGRAMS = {
    "08:00:00.123 [main-{n}] {level:5} c.a.shop.Gateway - {text}": ("word", NO_DATE + 0.123),
    "2024-05-02 08:00:00.123  {level:5} 4711 --- [exec-{n}] c.a.OrderService      : {text}": (
        "word", MAY_2 + 0.123,
    ),
    "[2024-05-02T08:00:00,123][{level:5}][o.e.c.r.Allocation] [node-1] {text}": (
        "word", MAY_2 + 0.123,
    ),
    "[2024-05-02 08:00:00] production.{level}: {text}": ("word", MAY_2),
    "{level[0]}, [2024-05-02T08:00:00.123456 #12]  {level} -- : {text}": ("word", MAY_2 + 0.123456),
    "[{level} 2024-05-02 08:00:00.123 ServerApp] {text}": ("I", MAY_2 + 0.123),
    "[2024-05-02 08:00:00,123: {level}/MainProcess] {text}": ("word", MAY_2 + 0.123),
    "[08:00:00] [Server thread/{level}]: {text}": ("word", NO_DATE),
    "[2024-05-02T08:00:00Z {level:5} shop::checkout] {text}": ("word", MAY_2),
    "2024-05-02T08:00:00Z {level} {text}": ("inf", MAY_2),
    "2024-05-02 08:00:00.123 UTC [1{n}] {level}:  {text}": ("pg", MAY_2 + 0.123),
    "2024-05-02T08:00:00.123Z {n} [{level}] [MY-010{n}] [Server] {text}": ("my", MAY_2 + 0.123),
    "[Thu May 02 08:00:00.123456 2024] [core:{level}] [pid {n}:tid 1] {text}": (
        "bsd", MAY_2 + 0.123456,
    ),
    "2024/05/02 08:00:00 [{level}] 1234#5678: {text}": ("bsd", MAY_2),
    "May  2 08:00:00 host daemon.{level} app[{n}]: {text}": ("bsd", NO_YEAR),
    "<{level}>May  2 08:00:00 host app[{n}]: {text}": ("pri", NO_YEAR),
    "<{level}>1 2024-05-02T08:00:00.123Z host app {n} - - {text}": ("pri", MAY_2 + 0.123),
    "2024-05-02T08:00:00.123456+00:00 host app[{n}]: {text}": (None, MAY_2 + 0.123456),
    "1714636800.25 host app[{n}]: {text}": (None, MAY_2 + 0.25),
    "{level}0502 08:00:00.123456     {n} file.go:12] {text}": ("I", NO_YEAR + 0.123456),
    "05-02 08:00:00.123  170{n}  23{n} {level} Window Manager: {text}": ("I", NO_YEAR + 0.123),
    "05-02 08:00:00.123 {level}/Window( 17{n}): {text}": ("I", NO_YEAR + 0.123),
    "{level}/Window( 17{n}): {text}": ("I", None),
    "[2/5/24 4:00:00:123 EDT] 000000{n}a Gateway       {level}   {text}": ("I", 1707120000.123),
    "[2/5/24 08:00:00:123 CEST] 000000{n}a Gateway       {level}   {text}": ("I", MAY_2 - 7199.877),
    "12:M 02 May 2024 08:00:00.123 {level} {text}": ("redis", MAY_2 + 0.123),
    "02-May-2024 08:00:00.123 {level} [main] org.apache.Catalina.start {text}": (
        "jul", MAY_2 + 0.123,
    ),
    "{level}[000{n}] {text}": ("word", None),
    "{level}:shop:{text}": ("word", None),
    "{level}: {text}": ("net", None),
    "2024-05-02 08:00:00 {level} worker-{n} [job={n}a{n}] {text}": ("word", MAY_2),
    "20240502-8:0:0:12|Step_LSC|3000{n}|{text}": (None, MAY_2 + 0.12),
    "app.log.2024-05-01 2024-05-02 08:00:00.123 2931 {level} a.b.manager [req-{n}a - -] {text}": (
        "word", MAY_2 + 0.123,
    ),
    "May  2 08:00:00 127{n} {text}": (None, NO_YEAR),  # a process, not a year
}  # fmt: skip


def read(lines, tmp_path):
    """The records of lines, their texts as str, and how many fitted no header."""
    counts = ReadCounts()
    frames = records(write(tmp_path, "\n".join(lines)), detect_layout(lines), counts)
    texts = pl.col("text").cast(pl.String)
    return pl.concat(frame.with_columns(texts) for frame in frames), counts.no_header


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(program, tmp_path):
    scale, time = PROGRAMS[program]
    levels = SCALES[scale] if scale else ("", "")
    lines = [
        program.format(text=text, n=n, level=levels[n in (2, 4)]).replace("{n}", str(n))
        for n, text in enumerate([*MESSAGES, *MESSAGES], start=1)
    ]
    frame, no_header = read(lines, tmp_path)
    assert no_header == 0
    assert frame["time"].to_list() == [time if time is None else pytest.approx(time, abs=1e-3)] * 12
    bad = {"pg": "FATAL", "bsd": "FATAL", "redis": "WARN"}.get(scale, "ERROR")
    assert frame["level"][:3].to_list() == (["INFO", bad, "INFO"] if scale else [None] * 3)
    assert frame["text"][0] == "user left"
    assert frame["text"][1] == (f"{bad} cache is cold" if scale else "cache is cold")


@pytest.mark.parametrize(
    "line",
    [
        "2024-05-02 08:00:00 [{state}] volume {n}",
        "2024-05-02 08:00:00 GET /a/{n} {state} in 5 ms",
        "volume {n} {state}",
        "check of volume {n}: {state}",
        "2024-05-02 08:00:00 INFO {state}: volume {n}",
        "2024-05-02 08:00:00 INFO order.{state} id={n}",
        "2024-05-02 08:00:00 INFO {state}   volume {n}",
        "2024-05-02 08:00:00|INFO|{state}|volume {n}",
        "type={state} time=2024-05-02T08:00:00Z level=info id={n}",
        "type={state} msg=audit(1714636800.123:{n}): pid=1",
        "May  2 08:00:00 host CEF:0|A|B|1.0|100|{state}|5|id={n}",
    ],
)
def test_what_happened_is_text(line, tmp_path):
    states = ["SUCCEEDED", "FAILED", "SUCCEEDED", "SUCCEEDED"] * 3
    texts = read([line.format(state=s, n=n) for n, s in enumerate(states)], tmp_path)[0]["text"]
    assert texts.n_unique() == 2
    assert "FAILED" in texts[1]


def test_brackets_of_several_words_are_text(tmp_path):
    said = ("[query][Query price][Success]", "[check][Check Station Exists][n: 7]", "[pay][Paid]")
    lines = [f"08:00:{n:02} INFO [exec-{n}] t.c.Travel#1{n} {said[n % 3]}" for n in range(12)]
    texts = read(lines, tmp_path)[0]["text"].to_list()
    assert texts[:2] == ["[Query price][Success]", "[Check Station Exists][n: <*>]"]
    assert all(texts)


@pytest.mark.parametrize("line", ["volume {n} OK", "2024-05-02 08:00:00 GET /a/{n} OK in 5 ms"])
def test_a_word_of_the_text_is_no_level(line, tmp_path):
    frame = read([line.format(n=n) for n in range(12)], tmp_path)[0]
    assert frame["level"].null_count() == 12
    assert "OK" in frame["text"][0]


def test_severity_within_the_name_of_the_event(tmp_path):
    line = "May  2 08:00:00 10.0.0.1 7: %LINK-{n}-UPDOWN: Interface Gi0/1 changed state"
    frame = read([line.format(n=n) for n in (6, 3, 6, 5)], tmp_path)[0]
    assert frame["level"].to_list() == ["INFO", "ERROR", "INFO", "INFO"]
    assert frame["text"][1].startswith("ERROR %LINK")


def test_a_record_of_two_lines(tmp_path):
    """java.util.logging: the time in one line, level and message in the next."""
    lines = ["May 02, 2024 8:00:00 AM com.acme.X run", "SEVERE: disk failed"] * 3
    frame = read(lines, tmp_path)[0]
    assert frame["text"][:2].to_list() == ["com.acme.X run", "ERROR disk failed"]
    assert frame["time"][0] == MAY_2


def test_a_letter_that_never_varies_is_no_level(tmp_path):
    lines = [f"2024-05-02 08:00:00 F queue {n} empty" for n in range(9)]
    frame = read(lines, tmp_path)[0]
    assert frame["level"].null_count() == 9
    assert frame["text"][0] == "F queue <*> empty"


def test_a_line_without_a_level_among_those_with_one(tmp_path):
    lines = ["2024-05-02 08:00:00 INFO started", "2024-05-02 08:00:01 INFO ready"] * 3
    frame, no_header = read([*lines, "2024-05-02 08:00:02 shutdown hook runs"], tmp_path)
    assert frame["text"][6] == "shutdown hook runs"
    assert frame["time"][6] == MAY_2 + 2
    assert no_header == 0


def test_most_lines_are_stack_frames(tmp_path):
    record = [
        "2024-05-02 08:00:00 ERROR a.B - no",
        "java.io.IOException: x",
        *["\tat a.B.c(B:1)"] * 9,
    ]
    frame = read(record * 5, tmp_path)[0]
    assert frame["time"].null_count() == 0
    assert frame["text"][0] == "ERROR no"


def test_statements_at_the_margin_belong_to_the_line_above(tmp_path):
    record = ["2024-05-02 08:00:00 INFO run", "SELECT a", "FROM b", "WHERE c = 1"]
    frame = read(record * 5, tmp_path)[0]
    assert frame["text"][:2].to_list() == ["run", "SELECT a"]
    assert frame["time"].null_count() == 0


def test_what_follows_the_level_is_text_though_it_is_a_time(tmp_path):
    lines = [f"2024-05-02 08:00:00 INFO next run 2024-05-03 08:00:0{n} is set" for n in range(8)]
    frame = read(lines, tmp_path)[0]
    assert frame["time"][0] == MAY_2
    assert frame["text"][0].startswith("next run")


def test_clocks_without_a_date_go_on_after_midnight(tmp_path):
    lines = ["22:00:00 INFO a", "23:59:59 INFO b", "00:00:01 INFO a", "21:00:00 INFO a"]
    time = read(lines, tmp_path)[0]["time"]
    assert (time - time[0]).to_list() == [0, 7199, 7201, 82800]


@pytest.mark.parametrize("line", ["{}: {}", "{}:shop: {}", "[{}] {}", "{} {}"])
@pytest.mark.parametrize("words", [("INFO", "ERROR"), ("info", "error"), ("info", "crit")])
def test_levels_that_the_first_lines_lack_are_read(line, words, tmp_path):
    layout = detect_layout([line.format(words[0], text) for text in MESSAGES])
    later = [line.format(words[n == 1], text) for n, text in enumerate(MESSAGES)]
    path, counts = write(tmp_path, "\n".join(later) + "\n"), ReadCounts()
    (frame,) = records(path, layout, counts)
    assert counts.no_header + counts.joined == 0
    assert frame["level"][:3].to_list() == [
        "INFO",
        "FATAL" if words[1] == "crit" else "ERROR",
        "INFO",
    ]


@pytest.mark.parametrize("rest", ["c0,c1," * 200_000, '{"a":' * 200_000, "x " * 500_000])
def test_lines_of_a_mebibyte_are_seen_through_in_no_time(rest):
    lines = [f"2024-05-01 10:00:{n:02} ERROR disk {n} {rest}" for n in range(8)]
    began = time.monotonic()
    layout = line_layout(lines)
    assert time.monotonic() < began + 3  # seconds; all of their characters would take twenty
    assert "(?P<level>" in layout.header
