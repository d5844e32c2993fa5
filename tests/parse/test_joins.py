"""Lines that belong to the record above them, as programs of several languages write them."""

import pytest
from raw_files import in_blocks, write

from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.read import ReadCounts
from glx.parse.records import records

AT = "2024-05-01 10:00:0{} {} [job={}] {}"
JAVA = """\
java.lang.IllegalStateException: no pool
\tat shop.Pool.take(Pool.java:44)
\tat shop.Main.main(Main.java:9) ~[app.jar:1.2]
\tSuppressed: java.io.IOException: closed
\t\tat shop.Pool.close(Pool.java:91)
Caused by: java.net.ConnectException: refused
\t... 12 more
"""
PYTHON = """\
Traceback (most recent call last):
  File "/srv/run.py", line 21, in publish
    client.push(image)
    ~~~~~~^^^^^^^

During handling of the above exception, another exception occurred:

ci.Denied: quota
"""
GO = """\
panic: runtime error: index out of range [5]

goroutine 1 [running]:
main.(*Server).take(0xc000012345, 0x5)
\t/srv/main.go:12 +0x1d
net/http.(*conn).serve(0xc0001, {0x7f, 0xc0002})
created by main.main in goroutine 1
\t/srv/main.go:9 +0x2b
exit status 2
"""
RUST = """\
thread 'main' panicked at src/main.rs:4:5:
index out of bounds
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b/library/std/src/panicking.rs:645:5
"""
NET = """\
System.Exception: no pool
 ---> System.IO.IOException: closed
   at Shop.Pool.Take() in C:\\shop\\Pool.cs:line 44
   --- End of inner exception stack trace ---
   at Shop.Main()
"""
RUBY = """\
app.rb:3:in `take': no pool (RuntimeError)
\tfrom app.rb:9:in `main'
lib/rack.rb:12:in `call'
"""
NODE = """\
/srv/app.js:12
    throw new Error("no pool")
    ^

Error: no pool
    at take (/srv/app.js:12:9) {
  code: 'ENOPOOL'
}
"""
SQL = "SELECT a,\n  b\n\nFROM t\n"
JSON = '{\n  "a": [\n    1\n  ]\n}\n'


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize(
    ("trace", "events"),
    [
        (JAVA, [0, 3, 5]),
        (PYTHON, [0, 5, 7]),
        (GO, [0, 8]),
        (RUST, [0, 1]),
        (NET, [0, 1]),
        (RUBY, [0]),
        (NODE, [4]),
        (SQL, [0, 3]),
        (JSON, []),
    ],
)
def test_traces_of_many_languages(tmp_path, monkeypatch, trace, events, size):
    monkeypatch.setattr("glx.parse.records.blocks", in_blocks(size))
    head = [AT.format(n, "INFO", n, "began") for n in range(3)]
    lines = [*head, AT.format(4, "ERROR", "x", "failed"), *trace.splitlines()]
    lines.append(AT.format(5, "INFO", 5, "went on"))
    path, counts = write(tmp_path, "\n".join(lines)), ReadCounts()
    layout = Layout(
        header=r"^(?P<time>\d+-\d\d-\d\d \d\d:\d\d:\d\d) (?P<level>[A-Z]+) (?P<text>.*)$",
        time_format="%Y-%m-%d %H:%M:%S",
        session=r"job=(\w+)",
    )
    rows = [row for frame in records(path, layout, counts) for row in frame.iter_rows()]
    time = 1714557600.0
    assert [row[0] for row in rows] == [0, 1, 2, 3, *(4 + at for at in events), len(lines) - 1]
    assert {row[2:] for row in rows[3:-1]} == {("x", time + 4, "ERROR")}
    assert rows[4][1].startswith("ERROR ") == (trace in (PYTHON, GO, RUST))
    assert rows[-1][2:] == ("5", time + 5, "INFO")
    n_empty = trace.count("\n\n")
    n_detail = len(trace.splitlines()) - len(events) - n_empty
    mended = {"joined": len(events), "detail": n_detail, "empty": n_empty}
    assert counts == ReadCounts(lines=len(lines), **mended)


HEADER = Layout(header=r"^(?P<level>[A-Z]+): (?P<text>.*)$", session=r"id=(\w+)", max_record=3)


@pytest.mark.parametrize("size", [1, 30, 1 << 20])
def test_a_record_is_bounded(tmp_path, monkeypatch, size):
    monkeypatch.setattr("glx.parse.records.blocks", in_blocks(size))
    text = "alone\nINFO: id=1 a\nb\nc\nd\n e\nINFO: f\nid=2 g\n"
    path, counts = write(tmp_path, text), ReadCounts()
    found = [row for frame in records(path, HEADER, counts) for row in frame.iter_rows()]
    assert [row[:3] for row in found] == [
        (0, "alone", None),
        (1, "id=<*> a", "1"),
        (2, "b", "1"),
        (3, "c", "1"),
        (6, "f", None),
        (7, "id=<*> g", "2"),
    ]
    assert counts == ReadCounts(lines=8, no_header=1, joined=3, detail=1, beyond=1, no_session=2)


def test_a_trace_in_lines_that_have_no_header(tmp_path):
    trace = "job=7 began\n" + PYTHON + "job=8 began\n  indented words\n"
    path, counts = write(tmp_path, trace), ReadCounts()
    layout = Layout(session=r"job=(\w+)")
    found = [row[:3] for frame in records(path, layout, counts) for row in frame.iter_rows()]
    assert found[:2] == [
        (0, "job=<*> began", "7"),
        (1, "ERROR Traceback (most recent call last):", "7"),
    ]
    assert [row[0] for row in found] == [0, 1, 6, 8, 9, 10]
    assert counts.detail == 3


def test_half_of_the_lines_may_be_traces(tmp_path):
    lines = "".join(f"2024-05-01 10:00:00 ERROR job {n}\n{JAVA}" for n in range(20))
    layout = layout_of(write(tmp_path, lines))
    assert layout.time_format == "%Y-%m-%d %H:%M:%S"


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_details_are_kept_with_the_event_above(tmp_path, monkeypatch, size):
    monkeypatch.setattr("glx.parse.records.blocks", in_blocks(size))
    monkeypatch.setattr("glx.parse.log.MOST_DETAILS", 2)
    lines = [AT.format(n, "ERROR", n, "failed") + f"\n\tat a.B(B.java:{n})" for n in range(3)]
    lines[2] += "\nCaused by: x\n\tat c.D(D.java:1)\n\t... 3 more"
    log = Log([write(tmp_path, "\n".join(lines))], details={})
    for _ in records(log, Layout(header="^(?P<time>2024.{15}) (?P<text>.*)$"), ReadCounts()):
        pass
    below = {4: "\tat a.B(B.java:2)", 6: "\tat c.D(D.java:1)\n\t... 3 more"}
    assert log.details == below
