"""Windows of a log without sessions: some lines each, or a span of time aligned to the clock.

In: what `--window` says, the times of lines. Out: at which lines a window begins.
"""

import re

import numpy as np

from glx.errors import InputError

Window = int | str  # lines, or seconds to days as `30s`, `5m`, `1h`, `1d`
NO_TIME = "no line has a time to cut windows by; give --window=N for windows of N lines"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
LONGEST = 100 * 365 * UNITS["d"]  # of a span; clocks and waits of the system know no longer ones
MOST_LINES = 2**31 - 1


def window_of(given: Window) -> Window:
    """What `--window` says: lines, or a span of time.

    Raises:
      ValueError: it says neither; its text goes on from `--window=...: `.
    """
    lines = re.fullmatch(r"-?\d+", str(given))
    span = re.fullmatch(rf"(\d+)[{''.join(UNITS)}]", str(given))
    if not lines and not span:
        raise ValueError("must be a whole number of lines, or a span of time as 30s, 5m, 1h or 1d")
    if int(span[1] if span else given) < 1:
        raise ValueError("must be at least 1")
    if span and seconds(str(given)) > LONGEST:
        raise ValueError(f"must be at most {LONGEST // UNITS['d']}d")
    if lines and int(given) > MOST_LINES:
        raise ValueError(f"must be at most {MOST_LINES} lines")
    return str(given) if span else int(given)


def seconds(window: str) -> int:
    """The seconds of a window by time."""
    return int(window[:-1]) * UNITS[window[-1]]


def span_of(flag: str, given: str | float) -> float:
    """Seconds that a flag says: a number of them, or a span as `30s`, `5m`.

    Raises:
      InputError: it is neither, or not more than nothing and at most `LONGEST`.
    """
    text = "" if isinstance(given, bool) else str(given)
    unit = text[-1:] if text and text[-1] in UNITS else "s"
    try:
        found = float(text.removesuffix(unit)) * UNITS[unit]
    except ValueError as e:
        what = "must be a number of seconds, or a span of time as 30s, 5m"
        raise InputError(f"--{flag}={given}: {what}") from e
    if not 0 < found <= LONGEST:
        most = f"at most {LONGEST // UNITS['d']}d"
        raise InputError(f"--{flag}={found}: must be more than 0 seconds, and {most}")
    return found


class Clock:
    """Where windows by time begin, as the lines of a log come.

    The latest time so far tells the window: a line without a time or with an earlier one belongs to
    the window of the line before it. Only where time falls back by a whole window or more between
    two lines (a clock set back, another log) it counts anew from there.

    Args:
      seconds: of a window; windows begin at whole multiples of it since the epoch.

    Attributes:
      last: seconds, of the last line that had a time; NaN before.
      number: of its window.
    """

    def __init__(self, seconds: int):
        self.seconds = seconds
        self.last, self.number = np.nan, 0

    def starts(self, times: np.ndarray) -> np.ndarray:
        """`<bool>[E]` the later lines that begin a window; the first of all begins one anyway.

        Args:
          times: `<float64>[E]` seconds since the epoch, NaN where a line has none.
        """
        begins = np.zeros(len(times), dtype=bool)
        known = np.flatnonzero(~np.isnan(times))
        if not len(known):
            return begins
        fell = np.diff(times[known], prepend=self.last) <= -self.seconds
        number = np.floor_divide(times[known], self.seconds).astype(np.int64)
        number = np.append(number[0] if np.isnan(self.last) else self.number, number)
        anew = np.append(0, np.cumsum(fell)) * (np.ptp(number) + 1)  # so that each begins higher
        latest = np.maximum.accumulate(number + anew)
        begins[known] = np.diff(latest) != 0
        self.last, self.number = float(times[known[-1]]), int(latest[-1] - anew[-1])
        return begins

    def passed(self, now: float) -> bool:
        """Whether the window of the last line is over by `now`, log time in seconds."""
        if not now >= (self.number + 1) * self.seconds:
            return False
        self.number = int(now // self.seconds)  # what is later still than `last` belongs here
        return True
