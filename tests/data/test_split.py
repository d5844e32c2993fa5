"""Adapt, gap and test, by the rules of the splits, on events that fit on a page."""

import numpy as np
import pytest

from glx.config import leaves
from glx.data.load import DataConfig
from glx.data.split import (
    Events,
    SplitConfig,
    check_parts,
    cut_by_time,
    split_rows,
    split_sessions,
    split_windows,
)
from glx.errors import InputError
from glx.sequences import ADAPT, GAP, PARTS, TEST

nan = np.nan


def lines(n: int, **more) -> Events:
    return Events(ids=np.arange(n), lines=np.arange(n), **more)


def sessions(session, times=None) -> Events:
    """Lines of the sessions a, b, c, ..., -1 for a line of none."""
    keys = np.array([*"abcdefgh"][: max(session) + 1], dtype=object)
    times = None if times is None else np.array(times, dtype=float)
    return lines(len(session), session=np.array(session), keys=keys, times=times)


def spans(found, part):
    """(first line, last line, part) of each sequence."""
    rows = zip(found.first_line.tolist(), found.last_line.tolist(), part.tolist(), strict=True)
    return [(a, b, PARTS[p]) for a, b, p in rows]


def test_windows_are_cut_after_the_split():
    found, part = split_windows(lines(250), 20, SplitConfig())
    assert spans(found, part) == [
        *((a, a + 19, "adapt") for a in range(0, 120, 20)),
        (120, 124, "adapt"),  # short, and kept: the cut is at 125
        *((a, a + 19, "gap") for a in range(125, 225, 20)),
        (225, 244, "test"),  # the first window starts where the test part does
        (245, 249, "test"),
    ]
    assert found.ids.tolist() == list(range(250))
    assert found.keys is None


def test_windows_of_one_line_and_a_file_that_ends_within_the_gap():
    _, part = split_windows(lines(6), 1, SplitConfig(gap_lines=2))
    assert "".join(PARTS[p][0] for p in part) == "aaaggt"
    _, part = split_windows(lines(150), 20, SplitConfig())
    assert TEST not in part
    with pytest.raises(InputError, match=r"a\.log: no sequence left to score"):
        check_parts("a.log", part, 0.5)


@pytest.mark.parametrize(
    ("share", "n_adapt"), [(1.0, 10), (0.7, 7), (0.25, 2), (0.0, 0), (0.29, 2)]
)
def test_share_to_adapt_on(share, n_adapt):
    config = SplitConfig(adapt_share=share, gap_lines=0)
    assert np.sum(split_windows(lines(10), 1, config)[1] == ADAPT) == n_adapt
    assert np.sum(split_rows(10, config) == ADAPT) == n_adapt
    if share == 0:
        with pytest.raises(InputError, match="no sequence to adapt on"):
            check_parts("a.log", split_rows(10, config), share)


@pytest.mark.parametrize(("name", "more"), [("a.log", "more logs"), ("sim_vms", "--sim_lines")])
def test_sessions_that_all_end_after_the_cut_are_told(name, more):
    with pytest.raises(InputError, match=f"^{name}: .*all 3 .* end after it; give .*{more}"):
        check_parts(name, np.array([GAP, GAP, GAP, TEST]), 0.5, "session")


def test_line_numbers_of_the_file_not_of_the_events():
    events = Events(ids=np.arange(4), lines=np.array([0, 2, 3, 9]))
    found, part = split_windows(events, 2, SplitConfig(gap_lines=0))
    assert spans(found, part) == [(0, 2, "adapt"), (3, 9, "test")]


def test_sessions_by_first_time_and_those_that_straddle_the_cut():
    #           a  b  a   c   d   b   c   d
    session = [0, 1, 0, 2, 3, 1, 2, 3]
    time = [10, 20, 15, 30, 40, 30, 35, 45]
    found, part = split_sessions(sessions(session, time), SplitConfig())
    assert found.keys.tolist() == [*"abcd"]
    # b is the second of four, but still there when c, the first to be scored, begins.
    assert spans(found, part) == [(0, 2, "adapt"), (1, 5, "gap"), (3, 6, "test"), (4, 7, "test")]
    assert found.ids.tolist() == [0, 2, 1, 5, 3, 6, 4, 7]
    assert found.lines.tolist() == found.ids.tolist()
    assert (found.start.tolist(), found.end.tolist()) == ([10, 20, 30, 40], [15, 30, 35, 45])


def test_time_decides_the_part_and_lines_the_order():
    session = [0, 0, 1, 1, 2, 2, 3, 3]  # a file in another order than time
    time = [70, 80, 10, 20, 50, 60, 30, 40]
    found, part = split_sessions(sessions(session, time), SplitConfig())
    assert found.keys.tolist() == [*"abcd"]
    assert [PARTS[p] for p in part] == ["test", "adapt", "test", "adapt"]


def test_sessions_by_line_where_there_are_no_times():
    session = [1, 0, 1, 2, 0, 3]
    found, part = split_sessions(sessions(session), SplitConfig())
    assert found.keys.tolist() == [*"bacd"]  # by first line, not by name
    assert [PARTS[p] for p in part] == ["adapt", "gap", "test", "test"]
    assert found.start is None
    missing = split_sessions(sessions(session, [nan] * 6), SplitConfig())
    assert missing[0].start is None
    np.testing.assert_array_equal(missing[1], part)


@pytest.mark.parametrize(
    ("session", "time", "start", "end"),
    [
        ([0, 1, 0, 1, 2, 2], [nan, 20, 10, nan, 5, 6], [10, 20, 5], [10, 20, 6]),
        # Without a time: that of the lines before, in a file in another order than time.
        ([0, 1, 2, 0, 1, 2], [40, nan, 10, 45, nan, 15], [40, 40, 10], [45, 45, 15]),
        ([0, 1], [nan, 20], [20, 20], [20, 20]),  # none is before it
    ],
)
def test_times_of_sessions_with_lines_without_a_time(session, time, start, end):
    found, part = split_sessions(sessions(session, time), SplitConfig())
    assert (found.start.tolist(), found.end.tolist()) == (start, end)
    assert part.tolist() == cut_by_time(np.array(start), np.array(end), 0.5).tolist()


def test_a_line_without_a_session_belongs_to_none():
    found, _ = split_sessions(sessions([-1, 0, -1, 1, 0]), SplitConfig(adapt_share=1.0))
    assert found.ids.tolist() == [1, 4, 3]
    assert found.offsets.tolist() == [0, 2, 3]


def test_equal_first_times_at_the_cut_are_not_told_apart():
    part = cut_by_time(np.array([1.0, 5.0, 5.0, 9.0]), np.array([2.0, 6.0, 7.0, 9.0]), 0.5)
    assert part.tolist() == [ADAPT, GAP, TEST, TEST]


def test_rows_are_cut_by_a_fixed_permutation():
    part = split_rows(10, SplitConfig())
    assert part.tolist() == [2, 2, 0, 0, 0, 2, 0, 0, 2, 2]  # would change with the permutation
    assert GAP not in part
    np.testing.assert_array_equal(part, split_rows(10, SplitConfig(gap_lines=7)))
    assert "seed" not in [leaf.name for leaf in leaves(DataConfig)]  # --seed is the model's alone
    other = split_rows(1000, SplitConfig(split_seed=1))
    assert np.mean(other == split_rows(1000, SplitConfig())) == pytest.approx(0.5, abs=0.05)


def test_windows_by_time_are_aligned_and_those_at_the_cut_are_left_out():
    times = np.arange(300, dtype=float)  # a line a second: cut at 150, gap to 170
    found, part = split_windows(lines(300, times=times), "1m", SplitConfig(gap_lines=20))
    assert found.lengths.tolist() == [60] * 5
    assert [PARTS[p] for p in part] == ["adapt", "adapt", "gap", "test", "test"]
    assert found.cut_short.tolist() == [True, False, False, False, True]
    _, part = split_windows(lines(300, times=times), "1m", SplitConfig(adapt_share=1.0))
    assert set(part) == {ADAPT}


@pytest.mark.parametrize("times", [None, np.full(3, np.nan)])
def test_windows_by_time_need_times(times):
    with pytest.raises(InputError, match="no line has a time"):
        split_windows(lines(3, times=times), "1m", SplitConfig())


def test_windows_that_an_end_cut_short():
    found, _ = split_windows(lines(250), 20, SplitConfig())
    assert found.cut_short.tolist() == (found.lengths < 20).tolist()
