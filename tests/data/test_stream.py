"""Closed sessions and windows of a file of any length, against grouping it at once."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_files import in_blocks, write

from glx.data import numbered, open_sessions, stream
from glx.data.load import LogParser
from glx.data.open_sessions import NO_EVENTS, OpenSessions
from glx.errors import InputError
from glx.parse import records
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.miner import Miner, fit
from glx.parse.read import ReadCounts
from glx.sequences import Templates

LAYOUT = Layout(header=r"^(?P<time>\d+|-) (?P<text>.*)$", time_format="epoch", session=r"vm=(\w+)")


def parser(window=None, session=LAYOUT.session) -> LogParser:
    return LogParser(
        fit(["start vm=<*>"], np.ones(1, int)), replace(LAYOUT, session=session), window
    )


@pytest.fixture
def line_by_line(monkeypatch):
    monkeypatch.setattr(stream, "BATCH", 1)
    monkeypatch.setattr(records, "blocks", in_blocks(1))


def found(path, use, idle=10.0) -> list[tuple[str, list[int]]]:
    """(key, lines) of each sequence, in the order in which they come."""
    return [
        ("" if part.keys is None else part.keys[n], part.lines[a:b].tolist())
        for part in stream.stream(path, use, ReadCounts(), idle)
        for n, (a, b) in enumerate(pairwise(part.offsets))
    ]


def by_hand(lines, idle, most=99) -> list[tuple[str, list[int]]]:
    """The rule itself: a session ends when log time is over `idle` past its last line; one that
    goes on is given in pieces of `most` events."""
    groups, of_key, now = [], {}, None
    for n, (time, key) in enumerate(lines):
        now = time if now is None else max(now, now if time is None else time)
        if key is None:
            continue
        group, last = of_key.get(key, (None, None))
        if group is None or (last is not None and now - last > idle):
            group = (key, [])
            groups.append(group)
        if len(group[1]) == most:
            group = (key, [])
            groups.append(group)
        group[1].append(n)
        of_key[key] = group, now
    return groups


def render(lines) -> str:
    return "".join(
        f"{'-' if time is None else time} event{n % 3} {'' if key is None else f'vm={key}'}\n"
        for n, (time, key) in enumerate(lines)
    )


def test_a_session_ends_by_silence_by_a_pause_and_with_the_input(tmp_path, line_by_line):
    path = write(
        tmp_path,
        "1000 start vm=a\n"
        "1001 start vm=b\n"
        "1010 stop vm=a\n"  # b has had no line for 9 seconds
        "1012 start vm=c\n"  # for 11: it ended
        "1023 stop vm=c\n"  # 11 after its start: another session; a ended
        "1024 start vm=b\n",  # a new session of that name
    )
    ended = [("b", [1]), ("a", [0, 2]), ("c", [3]), ("c", [4]), ("b", [5])]
    assert found(path, parser()) == ended


def test_events_of_a_session(tmp_path):
    path = write(tmp_path, "5 start vm=a\n\n5 stop vm=a\n6 start vm=b\n7 no session\n8 stop vm=b\n")
    use, counts = parser(), ReadCounts()
    (part,) = stream.stream(path, use, counts)
    assert part.keys.tolist() == ["a", "b"]
    assert part.ids.tolist() == [0, 1, 0, 1]  # `stop` is new: after the fitted one
    assert use.texts == ["start vm=<*>", "stop vm=<*>", "no session"]
    assert part.lines.tolist() == [0, 2, 3, 5]
    assert (part.first_line.tolist(), part.last_line.tolist()) == ([0, 3], [2, 5])
    assert part.ids.dtype == np.int32
    assert (counts.lines, counts.empty) == (6, 1)


def test_without_times_sessions_end_with_the_input(tmp_path):
    path = write(tmp_path, "".join(f"- event vm={'ab'[i % 2]}\n" for i in range(6)))
    assert found(path, parser()) == [("a", [0, 2, 4]), ("b", [1, 3, 5])]


def test_a_line_out_of_order_neither_ends_nor_tears_a_session(tmp_path, request):
    path = write(tmp_path, "100 x vm=a\n50 x vm=b\n103 x vm=a\n- x vm=b\n61 x vm=b\n112 x vm=a\n")
    whole = found(path, parser())
    assert whole == [("a", [0, 2, 5]), ("b", [1, 3, 4])]
    request.getfixturevalue("line_by_line")
    assert sorted(found(path, parser())) == whole


TIMES = st.integers(0, 60) | st.none()
KEYS = st.sampled_from([*"abc", None])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(st.tuples(TIMES, KEYS), min_size=1, max_size=30),
    in_order=st.booleans(),
    size=st.sampled_from([1, 2, 5, 99]),
    batch=st.sampled_from([1, 3, 7, 300_000]),
    most=st.sampled_from([1, 2, 3, 99]),
)
def test_sessions_do_not_depend_on_blocks_and_batches(tmp_path, lines, in_order, size, batch, most):
    if in_order:
        times = sorted(time or 0 for time, _ in lines)
        lines = [(time, key) for time, (_, key) in zip(times, lines, strict=True)]
    lines.append((None, "a"))
    path = write(tmp_path, render(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "BATCH", batch)
        patch.setattr(open_sessions, "LONGEST_SESSION", most)
        patch.setattr(records, "blocks", in_blocks(size))
        assert sorted(found(path, parser())) == sorted(by_hand(lines, 10, most))


def test_the_order_is_that_in_which_sessions_close(tmp_path, request):
    text = "".join(f"{100 * i} x vm={key}\n" for i, key in enumerate("dbcaefg"))
    path = write(tmp_path, text)
    # All close in one batch: by first line. In batches of one, as log time passes them: the same.
    assert [key for key, _ in found(path, parser())] == [*"dbcaefg"]
    request.getfixturevalue("line_by_line")
    assert [key for key, _ in found(path, parser())] == [*"dbcaefg"]


@pytest.mark.parametrize("size", [1, 3, 5, 99])
def test_windows_run_across_blocks(tmp_path, size, monkeypatch):
    monkeypatch.setattr(records, "blocks", in_blocks(size))
    path = write(tmp_path, "".join(f"{i} start vm={i}\n" + "\n" * (i == 3) for i in range(10)))
    windows = [lines for _, lines in found(path, parser(window=4, session=None))]
    assert windows == [[0, 1, 2, 3], [5, 6, 7, 8], [9, 10]]  # line 4 is empty


@pytest.mark.parametrize("size", [1, 2, 99])
def test_windows_by_time_run_across_blocks(tmp_path, size, monkeypatch):
    monkeypatch.setattr(records, "blocks", in_blocks(size))
    path = write(tmp_path, "".join(f"{t} start\n" for t in [5, 59, "-", 60, 58, 61, 300, 301]))
    use = parser(window="1m", session=None)
    parts = list(stream.stream(path, use, ReadCounts()))
    assert [part.lines.tolist() for part in parts if len(part) == 1][-1:] == [[6, 7]]
    assert [lines for _, lines in found(path, use)] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert np.concatenate([part.cut_short for part in parts]).tolist() == [True, False, True]


def test_windows_by_time_need_a_time(tmp_path):
    path = write(tmp_path, "- start\n- stop\n")
    with pytest.raises(InputError, match=r"a\.log: no line has a time"):
        found(path, parser(window="1m", session=None))


def test_files_that_a_parser_cannot_read(tmp_path):
    path = write(tmp_path, "1 start\n2 stop\n")
    with pytest.raises(InputError, match=r"a\.log: .*--session"):
        found(path, parser())
    miner = Miner(Templates(["five"], np.zeros(1)), published=True)
    numbers = LogParser(miner, None, None, np.array([5]))
    with pytest.raises(InputError, match=r"a\.log: .*event numbers"):
        found(path, numbers)


@pytest.mark.parametrize("size", [1, 2, 99])
@pytest.mark.parametrize("column", ["sequence", "event_id"])
def test_event_numbers_in_place_of_lines(tmp_path, column, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    values = ["7 5", "5", "7 7 7", "5 7"] if column == "sequence" else [*"75577"]
    path = write(tmp_path, f"label,{column}\n" + "".join(f"0,{value}\n" for value in values))
    miner = Miner(Templates(["five", "seven"], np.zeros(2)), published=True)
    use = LogParser(miner, None, window=2, numbers=np.array([5, 7]))
    parts = list(stream.stream(path, use, ReadCounts()))
    ids = [ids.tolist() for part in parts for ids in part]
    first = [n for part in parts for n in part.first_line.tolist()]
    if column == "sequence":
        assert ids == [[1, 0], [0], [1, 1, 1], [0, 1]]
        assert first == [0, 1, 2, 3]
    else:
        assert ids == [[1, 0], [0, 1], [1]]
        assert first == [0, 2, 4]


def test_bytes_of_an_open_session():
    sessions, n = OpenSessions(idle=3600.0), 5000
    for i in range(20):
        frame = pl.DataFrame(
            {
                "line": np.arange(n) + 10_000_000 + i * n,
                "key": [f"blk_-{10**18 + k}" for k in range(n)],
                "clock": np.full(n, float(i)),
                "id": np.arange(n, dtype=np.int32) % 500,
            },
            schema=NO_EVENTS.schema,
        )
        assert len(sessions.add(frame, now=float(i))[0]) == 0
    left = sessions.sequences
    arrays = (
        left.ids,
        left.lines,
        left.offsets,
        left.first_line,
        left.last_line,
        sessions.last,
    )
    used = sum(a.nbytes for a in arrays) + sessions.keys.estimated_size()
    assert (len(left), len(left.ids)) == (n, 20 * n)
    assert used / n <= 200
    ended, keys = sessions.add(NO_EVENTS, now=20.0, end=True)
    assert ended.lines[:3].tolist() == [10_000_000, 10_005_000, 10_010_000]
    assert (len(keys), len(sessions.keys)) == (n, 0)


@pytest.mark.parametrize("size", [1, 3, 99])
def test_a_session_that_does_not_end_is_given_in_pieces(tmp_path, monkeypatch, size):
    monkeypatch.setattr(open_sessions, "LONGEST_SESSION", 3)
    monkeypatch.setattr(stream, "BATCH", 1)
    monkeypatch.setattr(records, "blocks", in_blocks(size))
    lines = [f"{n} start vm=daemon\n{n} start vm={n // 3}\n" for n in range(8)]
    path = write(tmp_path, "".join([*lines, "99 start vm=daemon\n"]))
    judged, cut_short = [], {}
    log = Log([path])
    for part in stream.stream(log, parser(), ReadCounts(), idle=10.0):
        judged.append(log.judged)
        rows = zip(part.keys, part.first_line.tolist(), part.cut_short.tolist(), strict=True)
        cut_short |= {(key, line): piece for key, line, piece in rows}
    assert cut_short == {
        ("daemon", 0): True, ("daemon", 6): True, ("daemon", 12): True, ("daemon", 16): False,
        ("0", 1): False, ("1", 7): False, ("2", 13): False,
    }  # fmt: skip
    assert judged == sorted(judged)


@pytest.mark.parametrize("size", [1, 2, 99])
def test_a_window_of_time_that_does_not_end_is_given_in_pieces(tmp_path, monkeypatch, size):
    monkeypatch.setattr(stream, "LONGEST_WINDOW", 3)
    monkeypatch.setattr(records, "blocks", in_blocks(size))
    times = [5, *[60] * 7, 120, 121, 122, 180, 240]
    path = write(tmp_path, "".join(f"{t} start\n" for t in times))
    use = parser(window="1m", session=None)
    parts = list(stream.stream(path, use, ReadCounts()))
    windows = [lines for _, lines in found(path, use)]
    assert windows == [[0], [1, 2, 3], [4, 5, 6], [7], [8, 9, 10], [11], [12]]
    cut_short = np.concatenate([part.cut_short for part in parts]).tolist()
    assert cut_short == [True, True, True, True, False, False, True]


@pytest.mark.parametrize("window", [None, "5m"])
def test_what_is_open_is_bounded_though_nothing_ends(tmp_path, monkeypatch, window):
    """A log of one session, whose clock stands still."""
    monkeypatch.setattr(open_sessions, "LONGEST_SESSION", 1000)
    monkeypatch.setattr(stream, "LONGEST_WINDOW", 1000)
    monkeypatch.setattr(stream, "BATCH", 1000)
    monkeypatch.setattr(records, "blocks", in_blocks(500))
    log = Log([write(tmp_path, "7 start vm=a\n" * 20_000)])
    use = parser(window, session=None if window else LAYOUT.session)
    judged = []
    for part in stream.stream(log, use, ReadCounts()):
        assert part.lengths.tolist() == [1000]
        judged.append(log.judged)
    assert judged[:-1] == [*range(1000, 20_000, 1000)]


def test_many_sessions_that_end_at_once_are_given_some_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("glx.data.stream.AT_ONCE", 30)
    path = tmp_path / "a.log"
    path.write_text("".join(f"start vm={n % 70}\n" for n in range(140)))
    use = LogParser(fit(["start <*>"], np.ones(1, int)), Layout(session=r"vm=(\w+)"), window=None)
    found = list(stream.stream(path, use, ReadCounts()))
    assert [len(part) for part in found] == [30, 30, 10]
    assert np.concatenate([part.keys for part in found]).tolist() == [str(n) for n in range(70)]
    assert found[0].lines[:4].tolist() == [0, 70, 1, 71]
    assert (found[0].ids.dtype, found[0].lines.dtype) == (np.int32, np.int64)


def test_what_is_not_due_when_a_session_ends_is_awaited(tmp_path):
    """Event 1 is due 100 s after a session began, event 0 at once."""
    layout = Layout(
        header=r"^(?P<time>\d+) (?P<text>.*)$", time_format="epoch", session=r"vm=(\w+)"
    )
    use = LogParser(fit(["start <*>", "stop <*>"], np.ones(2, int)), layout, None)
    use = replace(use, due=np.array([0.0, 100.0]))
    path = tmp_path / "a.log"
    path.write_text(
        "1 start vm=silent\n10 start vm=done\n20 stop vm=done\n30 start vm=old\n"
        "120 start vm=old\n150 start vm=young\n170 start vm=none\n"
    )
    waiting = {}
    for part in stream.stream(path, use, ReadCounts(), idle=120.0):
        for n, key in enumerate(part.keys):
            waiting[key] = part.awaited[[n]].indices.tolist()
    assert waiting == {"silent": [], "done": [], "old": [], "young": [1], "none": [1]}
    for part in stream.stream(path, use, ReadCounts(), idle=50.0):  # before it is due
        for n, key in enumerate(part.keys):
            waiting[key] = part.awaited[[n]].indices.tolist()
    assert waiting["silent"] == [1]
