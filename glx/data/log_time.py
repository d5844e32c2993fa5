"""The time of a log by its own clock, while it is read and while it is silent.

In: times of lines, as they come. Out: log time at each of them, and by now.
"""

import time

import numpy as np


class LogTime:
    """The latest time of the lines so far, in seconds; while a live log is silent it goes on.

    Before the first time that a live log has, it is that of the clock on the wall. Where for
    `patience` seconds on the wall all lines of a live log are earlier than the latest one, its
    clock was set back, and log time goes on as that on the wall from then on.
    """

    def __init__(self, live: bool, patience: float):
        self.live, self.patience = live, patience
        self._latest, self._timed, self._heard = np.nan, False, 0.0
        self._behind = np.nan  # on the wall, since when lines are earlier than the latest

    def read(self, times: np.ndarray) -> np.ndarray:
        """`<float64>[E]` log time at each of the next lines; NaN before the first time.

        Args:
          times: `<float64>[E]` of the lines, NaN where one has none.
        """
        if not self._timed:
            self._timed = not np.isnan(times).all()
            self._latest = time.time() if self.live and not self._timed else np.nan
        clock = np.fmax.accumulate(np.append(self._latest, times))
        wall, known = time.monotonic(), times[~np.isnan(times)]
        if len(known):
            earlier = known.max() < self._latest
            self._behind = np.fmin(self._behind, wall) if earlier else np.nan
        if self.live and wall - self._behind > self.patience:
            clock += wall - self._heard
        self._latest, self._heard = clock[-1], wall
        return clock[1:]

    def now(self) -> float:
        """Log time by now; NaN before the first time."""
        return float(self._latest + (time.monotonic() - self._heard if self.live else 0))
