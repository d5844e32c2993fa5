"""Files of several services: each line is read by its own layout."""

import json
from dataclasses import replace

from raw_files import write

from glx.parse.header import layout_of
from glx.parse.read import ReadCounts
from glx.parse.records import records

MAY = 1714557600.0  # 2024-05-01 10:00:00, seconds since the epoch


def web(n: int, text: str) -> str:
    return f'10.0.0.{n} - - [01/May/2024:10:00:0{n} +0000] "GET /cart HTTP/1.1" 200 17 {text}'


def app(n: int, text: str) -> str:
    level = "error" if n == 5 else "info"
    return json.dumps({"time": f"2024-05-01T10:00:0{n}.5Z", "level": level, "msg": text, "id": n})


def database(n: int, text: str) -> str:
    level = "ERROR" if n == 5 else "LOG"
    return f"2024-05-01 10:00:0{n}.750 UTC [77] {level}:  statement {text}"


def read(path, session=None):
    layout, counts = replace(layout_of(path), session=session), ReadCounts()
    rows = [row for frame in records(path, layout, counts) for row in frame.iter_rows()]
    return layout, rows, counts


def service(prefixed: bool) -> list[str]:
    makers = {"web-1": web, "app-1": app, "db-1 ": database}
    prefix = "{}  | " if prefixed else ""
    return [
        prefix.format(name) + make(n, "fine") for n in range(8) for name, make in makers.items()
    ]


def test_three_services_in_one_file(tmp_path):
    for prefixed in (False, True):
        lines = service(prefixed)
        lines[18:18] = [("db-1   | " if prefixed else "") + "\tWHERE a = 1"]
        layout, rows, counts = read(write(tmp_path, "\n".join(lines)))
        assert layout.wrap == ("compose",) * prefixed
        assert sorted(one.format for one in (layout, *layout.also)) == ["jsonl", "lines", "lines"]
        assert [row[0] for row in rows] == [n for n in range(25) if n != 18]
        assert [row[3] - MAY for row in rows[:6]] == [0, 0.5, 0.75, 1, 1.5, 1.75]
        assert sorted(row[4] or "" for row in rows) == [""] * 8 + ["ERROR"] * 2 + ["INFO"] * 14
        assert (counts.joined, counts.detail, counts.no_header) == (0, 1, 0)


def test_a_json_field_is_the_session_of_json_lines_alone(tmp_path):
    _, rows, _ = read(write(tmp_path, "\n".join(service(True))), "id")
    assert [row[2] for row in rows[:6]] == [None, "0", None, None, "1", None]


def test_a_service_of_few_lines_beside_another(tmp_path):
    lines = [database(n % 8, "fine") for n in range(40)] + [app(n, "came") for n in range(4)]
    layout, rows, _ = read(write(tmp_path, "\n".join(lines)))
    assert (layout.format, [one.format for one in layout.also]) == ("lines", ["jsonl"])
    assert [row[1] for row in rows[-4:]] == ["came"] * 4


def test_a_service_without_times_among_others(tmp_path):
    lines = [line for n in range(8) for line in (f'INFO:     "GET /{n}" 200', database(n, "fine"))]
    layout, rows, counts = read(write(tmp_path, "\n".join(lines)))
    assert len(layout.also) == 1
    assert {row[4] for row in rows[::2]} == {"INFO"}
    assert (counts.joined, counts.no_header) == (0, 0)


def test_lines_that_merely_have_a_time_in_them_are_no_layout(tmp_path):
    lines = ["all is well", "backup of 2024-05-01 10:00:00 done", "another line", "and more"] * 5
    layout, _, _ = read(write(tmp_path, "\n".join(lines)))
    assert (layout.header, layout.also) == (None, ())
