"""Isolation forest on event counts (Liu, Ting and Zhou, "Isolation Forest", ICDM 2008).

In: the target's unlabelled adaptation sequences. Out: the paper's score `2^(-E(h) / c)`: the fewer
random cuts part a sequence from the others, the more anomalous it is, and is so above 0.5.

The forest is scikit-learn's. Counts are not weighted: a tree cuts each column at random between its
extremes, so that the scale of a column changes nothing.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from glx.config import setting
from glx.methods.counts import count, holders
from glx.methods.task import Fitted, Log, Scores, Task
from glx.sequences import Distinct

CUT = float(np.nextafter(np.float32(0.5), np.float32(1)))  # where all are alike, all have 0.5
RARE = 0.01  # share of the adaptation sequences that hold an event, below which it is rare


@dataclass(frozen=True)
class ForestConfig:
    """An isolation forest."""

    trees: int = setting(100, "in the forest.", low=1, high=10_000)
    sample: int = setting(256, "adaptation sequences that a tree is grown on.", low=2, high=100_000)


def fit(task: Task, config: ForestConfig, log: Log = lambda row: None) -> "Forest":
    """Grow the forest on occurrences of adaptation sequences, as many as its trees can look at."""
    events = np.unique(task.adapt.ids)
    rare = _rare(task.adapt, events)
    total = int(task.adapt.counts.sum())
    chosen = np.random.default_rng(task.seed).choice(
        total, min(total, config.trees * config.sample), replace=False
    )
    rows = np.searchsorted(np.cumsum(task.adapt.counts), np.sort(chosen), side="right")
    sample = task.adapt.take(rows)
    return Forest(config, events, rare, sample.ids, sample.offsets, np.uint32(task.seed % 2**32))


@dataclass(frozen=True)
class Forest(Fitted):
    """A forest, which is saved as what it is grown on.

    Attributes:
      events: `<int32>[C]` ids that adaptation holds, ascending.
      rare: `<bool>[C]` those that hardly any sequence holds.
      ids, offsets: the `M` sequences that it is grown on, `<int32>[E]` and `<int64>[M + 1]`.
      seed: `<uint32>[]` of what a tree draws.
      forest: of scikit-learn, which has no format of its own but pickles.
    """

    cut: ClassVar = CUT

    config: ForestConfig
    events: np.ndarray
    rare: np.ndarray
    ids: np.ndarray
    offsets: np.ndarray
    seed: np.integer
    forest: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from sklearn.ensemble import IsolationForest  # seconds to import

        n = len(self.offsets) - 1
        sample = Distinct(self.ids, self.offsets, np.ones(n, np.int64), np.arange(n))
        forest = IsolationForest(
            n_estimators=self.config.trees,
            max_samples=min(self.config.sample, n),
            random_state=int(self.seed),
        )
        forest.fit(_table(sample, self.events, self.rare))
        object.__setattr__(self, "forest", forest)

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """`2^(-E(h) / c)` of each sequence; which event it is, a forest does not tell."""
        weights = np.zeros(len(sequences.ids), np.float32)
        if not len(sequences):
            return Scores(np.zeros(0, np.float32), weights)
        found = -self.forest.score_samples(_table(sequences, self.events, self.rare))
        return Scores(found.astype(np.float32), weights)


def _table(sequences: Distinct, events: np.ndarray, rare: np.ndarray) -> sp.csr_array:
    """`<float64>[U, C + 1]` counts; the last column is all that is rare or new.

    No tree cuts a column in which adaptation does not vary: with new events alone in it, a sequence
    with one would look as if it did not hold it. So they count as one more rare event, which shows
    unless the sequence holds as many rare ones as any in adaptation.
    """
    counts = count(sequences, events)
    seldom = sp.csr_array(counts @ np.append(rare, True)[:, None].astype(np.float64))
    table = sp.csr_array(sp.hstack([counts[:, :-1], seldom]))
    # scikit-learn's trees know no wider indices.
    at = (table.indices.astype(np.int32), table.indptr.astype(np.int32))
    return sp.csr_array((table.data, *at), shape=table.shape)


def _rare(adapt: Distinct, events: np.ndarray) -> np.ndarray:
    """`<bool>[C]` events in at most `RARE` of the sequences; the rarest are rare in any case."""
    held, total = holders(count(adapt, events), adapt.counts)[:-1], adapt.counts.sum()
    return held <= max(held.min(initial=total), RARE * total)
