"""What runs in one process have in common: parsed systems, trained detectors, baselines.

In: a key of settings and a function. Out: its value, computed the first time.
"""

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Shared:
    """Values by the settings that determine them.

    Attributes:
      saved_seconds: what values of earlier runs, found here since `begin`, had taken to compute.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[object, float]] = {}
        self.begin()

    def begin(self) -> None:
        """A run begins: `saved_seconds` is 0."""
        self._counted: set[Hashable] = set()  # computed or found in this run
        self.saved_seconds = 0.0

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()`, or what it gave when `key` was asked for before."""
        if key not in self._values:
            began, before = time.perf_counter(), self.saved_seconds
            value = compute()
            # What it found here in turn took its seconds too.
            seconds = time.perf_counter() - began + self.saved_seconds - before
            self._values[key] = value, seconds
            self._counted.add(key)
        found, seconds = self._values[key]
        if key not in self._counted:
            self.saved_seconds += seconds
            self._counted.add(key)
        return found  # type: ignore[return-value]
