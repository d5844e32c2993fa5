"""Windows by time: what `--window` says, and where they begin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glx.data.windows import Clock, seconds, span_of, window_of
from glx.errors import InputError

MINUTE = 60


def cut(times, span=MINUTE, size=99) -> list[list[int]]:
    """The lines of each window, where `size` lines come at a time."""
    clock, windows = Clock(span), []
    for at in range(0, len(times), size):
        some = np.array(times[at : at + size], dtype=float)
        for n, begins in enumerate(clock.starts(some), start=at):
            if begins or not windows:
                windows.append([])
            windows[-1].append(n)
    return windows


@pytest.mark.parametrize(
    ("given", "window", "span"),
    [("20", 20, None), (20, 20, None), ("30s", "30s", 30), ("5m", "5m", 300), ("1h", "1h", 3600)],
)
def test_what_a_window_may_be(given, window, span):
    assert window_of(given) == window
    assert span is None or seconds(window) == span


@pytest.mark.parametrize("given", ["", "5 m", "m", "1.5h", "5w", "five", "5M", "0", "-3", 0, "0s"])
def test_what_it_may_not_be(given):
    with pytest.raises(ValueError, match=r"must be (at least 1|a whole number of lines, or)"):
        window_of(given)


@pytest.mark.parametrize("given", ["36501d", "9" * 400 + "s", 2**31, "9" * 30])
def test_a_window_has_an_end(given):
    with pytest.raises(ValueError, match="must be at most"):
        window_of(given)


@pytest.mark.parametrize("given", ["36501d", 1e30, "1e300m", "inf", "nan", "0", -1])
def test_a_span_that_no_clock_knows(given):
    with pytest.raises(InputError, match=r"^--idle=.*36500d"):
        span_of("idle", given)


@pytest.mark.parametrize(("given", "found"), [("36500d", 36500 * 86400), ("5m", 300), (2.5, 2.5)])
def test_the_seconds_of_a_span(given, found):
    assert span_of("idle", given) == found


NAN = float("nan")


@pytest.mark.parametrize(
    ("times", "windows"),
    [
        ([5, 59, 60, 61, 300], [[0, 1], [2, 3], [4]]),  # aligned; an empty window is none
        ([NAN, 5, NAN, 61, NAN], [[0, 1, 2], [3, 4]]),  # without a time: that of the line before
        ([55, 61, 58, 62], [[0], [1, 2, 3]]),  # late by less than a window: splits none
        ([55, 61, 58, 3, 63], [[0], [1, 2, 3, 4]]),  # each step is
        ([5, 6, 9000, 7, 8, 61], [[0, 1], [2], [3, 4], [5]]),  # one line from the future
        ([3600, 3605, 0, 61], [[0, 1], [2], [3]]),  # the clock was set back
        ([NAN, NAN], [[0, 1]]),
        ([], []),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 99])
def test_where_windows_begin(times, windows, size):
    assert cut(times, size=size) == windows


@given(st.lists(st.floats(0, 9999) | st.just(NAN), max_size=40), st.integers(1, 7))
def test_windows_do_not_depend_on_how_lines_come(times, size):
    assert cut(times, size=size) == cut(times)


def test_a_window_is_over_when_its_time_has_passed():
    clock = Clock(MINUTE)
    assert not clock.passed(NAN)
    clock.starts(np.array([50.0, 58.0]))
    assert not clock.passed(59.9)
    assert clock.passed(60.0)
    assert not clock.passed(61.0)  # the next one, which is empty
    assert not clock.starts(np.array([59.0, 61.0])).any()  # what comes late belongs to the next one
