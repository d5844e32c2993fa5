"""Logs that are still being written: what came is given, and what is full is closed, in time."""

import gzip
import os
import threading
import time
import zlib
from itertools import islice

import numpy as np
import pytest

from glx.data.load import LogParser
from glx.data.stream import stream
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.miner import fit
from glx.parse.read import ReadCounts
from glx.parse.sources import Live, pieces

LAYOUT = Layout(header=r"^(?P<time>\d+) (?P<text>.*)$", time_format="epoch")
PAUSE = 0.02  # seconds


def parser(window=None, session=None) -> LogParser:
    layout = Layout(LAYOUT.format, LAYOUT.header, time_format="epoch", session=session)
    return LogParser(fit(["start <*>"], np.ones(1, int)), layout, window)


@pytest.fixture
def pipe():
    """A path that reads what is written to a descriptor, and that descriptor."""
    reading, writing = os.pipe()
    yield f"/dev/fd/{reading}", writing
    os.close(reading)


def at_once(parts):
    """The next of `parts` comes within two seconds."""
    began = time.monotonic()
    part = next(parts)
    assert time.monotonic() - began < 2
    return part


def test_what_came_is_given_and_then_that_nothing_more_has(pipe):
    path, writing = pipe
    found = pieces(Live(path, PAUSE), 1 << 20)
    os.write(writing, b"one\ntw")
    assert list(islice(found, 2)) == [b"one\ntw", b""]
    os.write(writing, b"o\n")
    assert [piece for piece in islice(found, 2) if piece] == [b"o\n"]
    os.close(writing)
    assert b"".join(found) == b""


def test_a_packed_stream_that_is_flushed(pipe):
    path, writing = pipe
    pack = zlib.compressobj(wbits=31)
    os.write(writing, pack.compress(b"one\n") + pack.flush(zlib.Z_SYNC_FLUSH))
    found = pieces(Live(path, PAUSE), 1 << 20)
    assert next(found) == b"one\n"
    os.write(writing, pack.compress(b"two\n") + pack.flush() + gzip.compress(b"three\n"))
    os.close(writing)
    assert b"".join(found) == b"two\nthree\n"


def test_a_window_is_given_when_it_is_full(pipe):
    path, writing = pipe
    found = stream(Log([Live(path, PAUSE)]), parser(window=2), ReadCounts())
    os.write(writing, b"1 start\n2 start\n3 start\n")
    assert at_once(found).lines.tolist() == [0, 1]
    os.write(writing, b"4 start\n5 start\n")
    assert at_once(found).lines.tolist() == [2, 3]
    os.close(writing)
    assert [part.lines.tolist() for part in found] == [[4]]


def test_a_session_ends_when_the_stream_is_silent(pipe):
    path, writing = pipe
    use = parser(session=r"vm=(\w+)")
    found = stream(Log([Live(path, PAUSE)]), use, ReadCounts(), idle=0.3)
    os.write(writing, b"100 start vm=a\n100 start vm=b\n100 stop vm=a\n")
    part = at_once(found)
    assert (part.keys.tolist(), part.lines.tolist()) == (["a", "b"], [0, 2, 1])
    os.write(writing, b"101 start vm=a\n")
    assert at_once(found).keys.tolist() == ["a"]
    os.close(writing)
    assert list(found) == []


def test_a_session_ends_though_the_clock_was_set_back(pipe):
    path, writing = pipe
    use = parser(session=r"vm=(\w+)")
    found = stream(Log([Live(path, PAUSE)]), use, ReadCounts(), idle=0.3)
    os.write(writing, b"7200 start vm=a\n")

    def write():
        for n in range(60):
            os.write(writing, b"%d start vm=b\n" % (n // 20))
            time.sleep(0.03)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    assert at_once(found).keys.tolist() == ["a"]
    assert [part.lines.tolist() for part in found] == [[*range(1, 61)]]
    writer.join()


def test_lines_without_a_time_do_not_say_that_a_clock_was_set_back(pipe):
    path, writing = pipe
    use = parser(session=r"vm=(\w+)")
    found = stream(Log([Live(path, PAUSE)]), use, ReadCounts(), idle=0.3)
    os.write(writing, b"7200 start vm=a\n")
    for _ in range(30):
        os.write(writing, b"no time vm=a\n")
        time.sleep(0.03)
    os.close(writing)
    assert [len(part.lines) for part in found] == [31]


def test_lines_without_a_time_have_that_at_which_they_come(pipe):
    path, writing = pipe
    use = parser(session=r"vm=(\w+)")
    found = stream(Log([Live(path, PAUSE)]), use, ReadCounts(), idle=0.3)
    os.write(writing, b"start vm=a\n")
    assert at_once(found).keys.tolist() == ["a"]
    os.close(writing)


def test_a_window_of_time_ends_when_its_time_has_passed(pipe):
    path, writing = pipe
    found = stream(Log([Live(path, PAUSE)]), parser(window="1s"), ReadCounts())
    os.write(writing, b"100 start\n100 stop\n")
    assert at_once(found).lines.tolist() == [0, 1]
    os.write(writing, b"100 late\n102 start\n")  # the clock is past 101 by now
    assert at_once(found).lines.tolist() == [2]
    os.close(writing)
    assert [part.lines.tolist() for part in found] == [[3]]


def test_a_stream_gives_what_the_file_gives(tmp_path, pipe):
    lines = [f"{n // 3} start vm={n % 7}\n" for n in range(200)]
    (tmp_path / "a.log").write_text("".join(lines))

    def found(log):
        parts = stream(log, parser(session=r"vm=(\w+)"), ReadCounts(), idle=3.0)
        return sorted(
            (key, *ids) for part in parts for key, ids in zip(part.keys, part, strict=True)
        )

    def write():
        for line in lines:
            os.write(writing, line.encode())
            time.sleep(0.001)
        os.close(writing)

    path, writing = pipe
    writer = threading.Thread(target=write)
    writer.start()
    assert found(Log([Live(path, PAUSE)])) == found(Log([tmp_path / "a.log"]))
    writer.join()
