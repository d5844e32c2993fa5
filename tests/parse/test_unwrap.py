"""What containers and terminals put around lines, and what is read within."""

import json
from dataclasses import replace

import pytest
from raw_files import in_blocks, write

from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts
from glx.parse.records import records

AT = "2024-05-01T10:00:0{}.125000000Z"
INNER = "2024-05-01 09:00:0{} {} id={} {}"
TEXTS = ["INFO started", "ERROR broken pipe", "INFO took 5 ms"]


def docker(n: int, text: str) -> str:
    return json.dumps({"log": text, "stream": "stdout", "time": AT.format(n)}, separators=",:")


def inner(n: int) -> str:
    level, text = TEXTS[n % 3].split(" ", 1)
    return INNER.format(n, level, n, text)


def found(path, session=None) -> tuple[Layout, list[tuple], ReadCounts]:
    layout, counts = replace(layout_of(path), session=session), ReadCounts()
    rows = [row for frame in records(path, layout, counts) for row in frame.iter_rows()]
    return layout, rows, counts


WRAPPED = {
    "docker": lambda n: docker(n, inner(n) + "\n"),
    "json-log": lambda n: docker(n, inner(n)),
    "cri": lambda n: f"{AT.format(n)} stdout F {inner(n)}",
    "cri with zone": lambda n: f"2024-05-01T10:00:00.12+02:00 stderr F {inner(n)}",
    "compose": lambda n: f"web-1  | {inner(n)}",
    "compose stamp": lambda n: f"web-1  | {AT.format(n)} {inner(n)}",
    "kubectl": lambda n: f"[pod/web-7f/app] {inner(n)}",
    "kubectl stamp": lambda n: f"[pod/web-7f/app] {AT.format(n)} {inner(n)}",
    "stamp": lambda n: f"{AT.format(n)} {inner(n)}",
    "grep": lambda n: f"logs/app.log:{n}:{inner(n)}",
    "file": lambda n: f"nova-api.log.1.2024-05-01_13:53:08 {inner(n)}",
    "compose docker": lambda n: f"web-1  | {docker(n, inner(n) + chr(10))}",
}


@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize("name", WRAPPED)
def test_a_line_is_read_as_if_nothing_were_around_it(tmp_path, name, colours):
    lines = [WRAPPED[name](n) for n in range(6)]
    if colours:
        lines = [line.replace("id=", "\x1b[3mid\x1b[0m=") for line in lines]
    layout, rows, counts = found(write(tmp_path, "\n".join(lines) + "\n"), r"id=(\d)")
    assert layout.wrap == tuple(name.removesuffix(" with zone").split())
    assert [row[0] for row in rows] == [*range(6)]
    assert [row[1] for row in rows[:2]] == ["id=<*> started", "ERROR id=<*> broken pipe"]
    assert [row[2] for row in rows] == [*"012345"]
    assert [row[3] for row in rows] == [1714554000.0 + n for n in range(6)]
    assert [row[4] for row in rows[:3]] == ["INFO", "ERROR", "INFO"]
    assert counts == ReadCounts(lines=6)


@pytest.mark.parametrize("number", ["", "7:"])
def test_a_year_is_no_line_number_of_grep(tmp_path, number):
    lines = [f"app.log:{number}2024-05-01 09:00:0{n} INFO user {n} is in" for n in range(6)]
    layout, rows, _ = found(write(tmp_path, "\n".join(lines)))
    assert layout.wrap == ("grep",)
    assert [row[3] for row in rows] == [1714554000.0 + n for n in range(6)]


def test_the_time_around_serves_a_line_without_one(tmp_path):
    lines = [f"{AT.format(n)} stdout F {TEXTS[n % 3]} in pod {n}" for n in range(6)]
    _, rows, _ = found(write(tmp_path, "\n".join(lines)))
    assert [row[3] for row in rows] == [1714557600.125 + n for n in range(6)]
    assert rows[1][1] == "ERROR broken pipe in pod <*>"


def test_a_time_without_a_year_is_that_around_it(tmp_path):
    line = "{} stderr F {}0501 09:00:00.000000       1 main.go:12] all is well"
    lines = [line.format(AT.format(n), "IEI"[n % 3]) for n in range(6)]
    _, rows, _ = found(write(tmp_path, "\n".join(lines)))
    assert [row[3] for row in rows] == [1714557600.125 + n for n in range(6)]
    assert [row[4] for row in rows[:3]] == ["INFO", "ERROR", "INFO"]


@pytest.mark.parametrize("size", [1, 60, 150, 1 << 20])
@pytest.mark.parametrize("kind", ["cri", "docker"])
def test_parts_of_a_line_are_put_together(tmp_path, monkeypatch, size, kind):
    monkeypatch.setattr("glx.parse.records.blocks", in_blocks(size))

    def part(stream, text, last):
        if kind == "cri":
            return f"{AT.format(0)} {stream} {'F' if last else 'P'} {text}"
        text += "\n" * last
        return json.dumps({"log": text, "stream": stream, "time": AT.format(0)}, separators=",:")

    lines = [
        *(part("stdout", f"INFO fine {n}", True) for n in range(12)),
        part("stderr", "INFO one ", False),
        part("stdout", "INFO other ", False),
        part("stderr", "two ", False),
        part("stderr", "three", True),
        part("stdout", "line", True),
        part("stdout", "INFO end", True),
    ]
    layout, rows, counts = found(write(tmp_path, "\n".join(lines) + "\n"))
    assert layout.wrap == (kind,)
    assert [row[:2] for row in rows[-3:]] == [
        (12, "one two three"),
        (13, "other line"),
        (17, "end"),
    ]
    assert (len(rows), counts.lines) == (15, 18)


def test_traces_of_containers_that_alternate(tmp_path):
    lines = [f"{name}  | {inner(n)}" for n, name in enumerate(["web-1", "db-1  "] * 3)]
    lines += ["web-1  | \tat a.B.c(B.java:1)", "db-1    | db.Error: x", "web-1  | web.Error: y"]
    _, rows, counts = found(write(tmp_path, "\n".join(lines)), r"id=(\d)")
    assert [row[:3] for row in rows[-2:]] == [(7, "db.Error: x", "5"), (8, "web.Error: y", "4")]
    assert (counts.joined, counts.detail, counts.no_session) == (2, 1, 0)


def test_the_container_may_be_the_session(tmp_path):
    lines = [f"{name}  | {inner(n)}" for n, name in enumerate(["web-1", "db-1"] * 3)]
    _, rows, _ = found(write(tmp_path, "\n".join(lines)), r"^(\S+) +\|")
    assert [row[2] for row in rows] == ["web-1", "db-1"] * 3


def test_json_in_colours_and_prefixes(tmp_path):
    text = {"msg": "\x1b[31mfailed\x1b[0m \x1b]8;;http://a\x07here\x1b]8;;\x07", "level": "error"}
    lines = [f"\x1b[36mapp-1  | \x1b[0m{json.dumps(text | {'id': n})}" for n in range(4)]
    layout, rows, _ = found(write(tmp_path, "\n".join(lines)), "id")
    assert (layout.format, layout.wrap) == ("jsonl", ("compose",))
    assert rows[1][1:3] == ("ERROR failed here", "1")


@pytest.mark.parametrize(
    "line",
    [
        "2024-05-01 10:00:00 | INFO | started {}",
        "INFO | started {}",
        "2024-05-01T10:00:00.123456789Z started {}",
        "app.log was opened {}",
        "[main/init] started {}",
    ],
)
def test_what_is_no_wrapping(tmp_path, line):
    lines = "\n".join(line.format(n) for n in range(9))
    assert layout_of(write(tmp_path, lines)).wrap == ()
