"""Verdicts on a stream: a sequence like one that came before is not judged again.

In: sequences, some at a time, and who judges them. Out: the same verdicts, the sooner. In logs of
routine most sequences are repeats: of HDFS's 575,059 one in thirty is new.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from glx.sequences import Distinct, Sequences, distinct
from glx.verdicts import COLUMNS, Verdicts

MOST = 1 << 20  # events of remembered sequences; then all are forgotten, so that memory is flat
EACH = 20  # events that the verdict on a sequence takes as much memory as
Judge = Callable[[Sequences], Verdicts]


class VerdictCache:
    """Who remembers verdicts; abstentions are forgotten, as the expert may know next time.

    Args:
      judge: gives verdicts; what it says of a sequence should depend on that alone
        (the lots of `--route=random` do not: they are drawn among what is new).
    """

    def __init__(self, judge: Judge):
        self.judge = judge
        self._forget()

    def _forget(self) -> None:
        self.rows: dict[bytes, int] = {}  # the row of each sequence in `columns`
        self.columns: dict[str, Any] = {}
        self.events = self.length = 0

    def __call__(self, sequences: Sequences) -> Verdicts:
        """Verdicts of all (at least one), with the metrics of what had to be judged for that."""
        if self.events > MOST:
            self._forget()
        unique = distinct(sequences)
        raw, ends = unique.ids.tobytes(), (unique.offsets * unique.ids.itemsize).tolist()
        keys = [raw[a:b] for a, b in pairwise(ends)]
        new = [n for n, key in enumerate(keys) if key not in self.rows]
        metrics: dict[str, Any] = {}
        if new:
            metrics = self._learn([keys[n] for n in new], unique.take(np.array(new)))
        rows = np.array([self.rows[key] for key in keys], dtype=np.int64)
        found: dict[str, Any] = {
            name: None if column is None else column[rows] for name, column in self.columns.items()
        }
        for n in np.flatnonzero(np.isnan(found["scores"])).tolist():
            del self.rows[keys[n]]
        return Verdicts(unique, **found, metrics=metrics)

    def _learn(self, keys: list[bytes], unique: Distinct) -> dict[str, Any]:
        """Judge distinct sequences and remember what was said; gives back the metrics."""
        lines = np.arange(len(unique))
        # They are sorted already, so that the judge keeps their order.
        judged = self.judge(Sequences(unique.ids, unique.offsets, lines, lines))
        for name in COLUMNS:
            held, more = self.columns.get(name), getattr(judged, name)
            if held is not None:
                join = pl.concat if isinstance(more, pl.Series) else np.concatenate
                more = join([held, more])
            self.columns[name] = more
        self.rows |= {key: self.length + n for n, key in enumerate(keys)}
        self.length += len(keys)
        self.events += len(unique.ids) + EACH * len(unique)
        return judged.metrics
