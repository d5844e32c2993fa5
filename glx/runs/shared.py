"""What runs in one process make alike: parsed systems, fitted ZeroLogs, baselines. Made once.

In: a key of settings and a function. Out: its value, from the first time on the same one.
"""

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Shared:
    """A memory of values by what they were made of; a run without others has one to itself.

    Attributes:
      spared: seconds that earlier runs had spent on what was found here since `begin`.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[object, float]] = {}
        self._fresh: set[Hashable] = set()
        self.spared = 0.0

    def begin(self) -> None:
        """A run begins: from here on `spared` counts what it need not do itself."""
        self._fresh, self.spared = set(), 0.0

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """`make()`, or what it gave when something asked for `key` before."""
        if key in self._made:
            value, seconds = self._made[key]
            if key not in self._fresh:
                self.spared += seconds
                self._fresh.add(key)
            return value  # type: ignore[return-value]
        began, before = time.perf_counter(), self.spared
        value = make()
        # What it found here in turn took its seconds too.
        seconds = time.perf_counter() - began + self.spared - before
        self._made[key] = value, seconds
        self._fresh.add(key)
        return value
