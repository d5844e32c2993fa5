"""A cache of verdicts on a stream: of equal sequences the detector scores the first alone.

In: sequences, some at a time, and a detector. Out: its verdicts. In routine logs most sequences are
repeats: of HDFS's 575,059 one in thirty is new.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from glx import hosts
from glx.sequences import CUT, Distinct, Sequences, distinct
from glx.verdicts import Verdicts

MOST = 1 << 20  # events of cached sequences; beyond that the cache is emptied: memory stays flat
EACH = 20  # a cached verdict counts as this many events, which take as much memory
Judge = Callable[[Sequences], Verdicts]


class VerdictCache:
    """A detector with a cache; abstentions are not kept, as the expert may know next time.

    Args:
      judge: the detector. Its verdict on a sequence should depend on that sequence alone (the
        route `random` does not: it draws among the new sequences).
    """

    def __init__(self, judge: Judge):
        self.judge = judge
        self._forget()

    def _forget(self) -> None:
        self.rows: dict[bytes, int] = {}  # the row of each sequence in `columns`
        self.columns: dict[str, Any] = {}
        self.events = self.length = 0

    def __call__(self, sequences: Sequences) -> Verdicts:
        """Verdicts of all (at least one), with the metrics of what was new."""
        if self.events > MOST:
            self._forget()
        unique = distinct(sequences)
        raw, ends = unique.ids.tobytes(), (unique.offsets * unique.ids.itemsize).tolist()
        cut = (~unique.whole).tolist()
        keys = [raw[a:b] + CUT * short for (a, b), short in zip(pairwise(ends), cut, strict=True)]
        if unique.awaited is not None:
            events, bounds = unique.awaited.indices.tobytes(), unique.awaited.indptr.tolist()
            size = unique.awaited.indices.itemsize
            for n, (a, b) in enumerate(pairwise(bounds)):
                if a < b:
                    keys[n] += 2 * CUT + events[size * a : size * b]
        # Of several processes the first alone sees abstentions.
        new = hosts.of_first(lambda: [n for n, key in enumerate(keys) if key not in self.rows])
        metrics: dict[str, Any] = {}
        if new:
            metrics = self._learn([keys[n] for n in new], unique.take(np.array(new)))
        rows = np.array([self.rows[key] for key in keys], dtype=np.int64)
        found = {name: column[rows] for name, column in self.columns.items()}
        for n in np.flatnonzero(np.isnan(found["scores"])).tolist():
            del self.rows[keys[n]]
        return Verdicts(unique, **found, metrics=metrics)

    def _learn(self, keys: list[bytes], unique: Distinct) -> dict[str, Any]:
        """Have new distinct sequences judged and keep the verdicts; returns the metrics."""
        lines = np.arange(len(unique))
        # Distinct sequences are sorted, so that the verdicts come in their order.
        again = Sequences(
            unique.ids,
            unique.offsets,
            lines,
            lines,
            cut_short=unique.cut_short,
            awaited=unique.awaited,
        )
        verdicts = self.judge(again)
        for name, new in verdicts.columns().items():
            join = pl.concat if isinstance(new, pl.Series) else np.concatenate
            self.columns[name] = join([self.columns[name], new]) if name in self.columns else new
        self.rows |= {key: self.length + n for n, key in enumerate(keys)}
        self.length += len(keys)
        self.events += len(unique.ids) + EACH * len(unique)
        return verdicts.metrics
