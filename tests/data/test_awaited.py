"""Steps that sessions still wait for when their log ends."""

from datetime import datetime, timedelta

import numpy as np

from glx.data.awaited import awaited, due_ages
from glx.data.load import DataConfig, load
from glx.data.systems import System
from glx.sequences import TEST, Sequences

HOUR = 3600.0


def sessions(*rows: list[tuple[int, float]]) -> tuple[Sequences, np.ndarray]:
    """Of events and their times."""
    ids = np.array([event for row in rows for event, _ in row], dtype=np.int32)
    times = np.array([time for row in rows for _, time in row])
    offsets = np.cumsum([0, *map(len, rows)])
    at = np.arange(len(rows))
    start, end = (f(times, offsets[:-1]) for f in (np.fmin.reduceat, np.fmax.reduceat))
    return Sequences(ids, offsets, at, at, start=start, end=end), times


def waits(rows, learned, n_templates=3) -> list[list[int]]:
    found, times = sessions(*rows)
    due = due_ages(found, times, np.array(learned), n_templates)
    assert due is not None
    found = awaited(found, due, float(np.nanmax(times)))
    return [np.flatnonzero(row).tolist() for row in found.toarray()]


def test_a_step_is_awaited_while_it_is_younger_than_it_was_elsewhere():
    done = [(0, 0.0), (1, 1.0), (2, 10 * HOUR)]
    rows = [done, [(0, 15 * HOUR)], [(0, 4 * HOUR), (1, 4 * HOUR)], [(0, 20 * HOUR)]]
    assert waits(rows, [True, False, False, False]) == [[], [2], [], [1, 2]]


def test_what_comes_right_after_an_awaited_step_is_awaited_too():
    done = [(0, 0.0), (1, 10 * HOUR), (2, 10 * HOUR)]
    assert waits([done, [(0, 8 * HOUR)]], [True, False]) == [[], [1, 2]]


def test_one_session_in_twenty_may_be_late():
    rows = [[(0, 0.0), (1, 5.0)] for _ in range(39)] + [[(0, 0.0), (1, HOUR)], [(0, HOUR - 60)]]
    assert waits(rows, [True] * 40 + [False], 2)[-1] == []
    assert waits(rows[:20] + rows[-2:], [True] * 19 + [False, True, False], 2)[-1] == []
    assert waits([*rows[39:40] * 9, rows[0], rows[-1]], [True] * 10 + [False], 2)[-1] == [1]


def test_first_times_count_and_events_without_time_or_table_do_not():
    often = [(0, 0.0), (1, 5.0), (1, 9 * HOUR), (2, float("nan")), (7, 9 * HOUR)]
    assert waits([often, [(0, 8 * HOUR)]], [True, False]) == [[], []]


def test_what_few_sessions_hold_is_not_awaited():
    rows = [[(0, 0.0)] for _ in range(99)] + [[(0, 0.0), (1, 10 * HOUR)], [(0, 10 * HOUR)]]
    assert waits(rows, [True] * 100 + [False], 2)[-1] == []
    assert waits(rows[50:], [True] * 50 + [False], 2)[-1] == [1]


def test_without_times_or_without_sessions_to_learn_from_nothing_is_awaited():
    found, times = sessions([(0, 0.0), (1, HOUR)], [(0, HOUR)])
    assert due_ages(found, times * np.nan, np.array([True, False]), 2) is None
    assert waits([[(0, 0.0), (1, HOUR)], [(0, HOUR)]], [False, False], 2) == [[], []]


def test_a_raw_log_that_ends_before_a_step_is_due(tmp_path):
    lines, begin = [], datetime(2024, 1, 1)
    for n in range(40):
        start = begin + timedelta(minutes=10 * n)
        lines += [(start, f"order o{n} opened"), (start + timedelta(seconds=5), f"order o{n} paid")]
        lines.append((start + timedelta(hours=1), f"order o{n} archived"))
    end = begin + timedelta(minutes=10 * 39, seconds=10)
    shown = [
        f"{time:%Y-%m-%d %H:%M:%S} INFO {text}\n" for time, text in sorted(lines) if time < end
    ]
    path = tmp_path / "orders.log"
    path.write_text("".join(shown))
    config = DataConfig(session=r"order (\w+)")
    parsed = load(System("orders", path, how=config), config)
    waiting = parsed.sequences.awaited
    assert waiting is not None
    found = {parsed.sequences.keys[row] for row in waiting.nonzero()[0]}
    assert found == {f"o{n}" for n in range(34, 40)}
    assert (parsed.part[np.unique(waiting.nonzero()[0])] == TEST).all()
