"""Retrieval without training (No et al., "RAPID: Training-free Retrieval-based Log Anomaly
Detection with PLM considering Token-level Information", 2023).

In: vectors of the target's templates and its unlabelled adaptation sequences. Out: how far the
least explained event of a sequence is from all events of the known sequences nearest to it.

Two departures. The paper's tokens are word pieces; ours are events. Its database is known to be
normal; ours is unlabelled: the commonest sequences that together make up most of adaptation stand
for normal, in the hope that anomalies are not among them. Neither order nor repeats matter, so that
sequences with the same events are one.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from glx.config import setting
from glx.methods.task import Fitted, Log, Scores, Task
from glx.neighbours import Neighbours
from glx.sequences import Distinct, Sequences, csr_offsets, distinct

DECIMALS = 6  # of a distance: vectors are no more exact


@dataclass(frozen=True)
class KnownShare:
    """How much of an unlabelled log stands for known sequences."""

    share: float = setting(
        0.9,
        "of the adaptation sequences that are taken as known, the commonest first.",
        low=0,
        high=1,
    )


@dataclass(frozen=True)
class RapidConfig(KnownShare):
    """Retrieval of known sequences."""

    core: int = setting(
        5,
        "sequences of the database that a sequence is compared with, the nearest.",
        low=1,
        high=1000,
    )


def fit(task: Task, config: RapidConfig, log: Log = lambda row: None) -> "Rapid":
    """The database; nothing is trained. The paper's cut needs labels: there is none."""
    sets = event_sets(task.adapt)
    occurrences = np.bincount(sets.inverse, task.adapt.counts, len(sets))
    kept = sets.take(commonest(occurrences, config.share))
    return Rapid(config, kept.ids, kept.offsets, task.vectors)


@dataclass(frozen=True)
class Rapid(Fitted):
    """The database: `M` sets of events that stand for normal.

    Attributes:
      ids, offsets: `<int32>[E]`, `<int64>[M + 1]` the events of each, ascending.
      vectors: `<float32>[V, D]` of the templates that the ids stand for.
      index: over the vectors of the sets; made anew, never saved.
    """

    config: RapidConfig
    ids: np.ndarray
    offsets: np.ndarray
    vectors: np.ndarray
    index: Neighbours = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        one = np.ones(len(self.offsets) - 1, np.int64)
        sets = Distinct(self.ids, self.offsets, one, np.arange(len(one)))
        object.__setattr__(self, "index", Neighbours(set_vectors(sets, self.vectors)))

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """Largest distance of an event of each sequence to its core set, and that of every event.

        The distance of an event is `(1 - cos) / 2` to the nearest event of the core set, in [0, 1].
        """
        sets, members = event_sets(sequences), np.split(self.ids, self.offsets[1:-1])
        near = self.index.search(set_vectors(sets, vectors), self.config.core)
        far = np.zeros(len(sets.ids), np.float32)
        for (start, end), rows in zip(pairwise(sets.offsets), near, strict=True):
            known = np.unique(np.concatenate([members[row] for row in rows]))
            cosine = vectors[sets.ids[start:end]] @ self.vectors[known].T
            far[start:end] = np.clip(np.round((1 - cosine.max(axis=1)) / 2, DECIMALS), 0, 1)
        owner = np.repeat(np.arange(len(sets)), sets.lengths)
        largest = np.zeros(len(sets), np.float32)
        np.maximum.at(largest, owner, far)
        width, of_set = len(vectors), np.repeat(sets.inverse, sequences.lengths)
        place = np.searchsorted(owner * width + sets.ids, of_set * width + sequences.ids)
        return Scores(largest[sets.inverse], far[place])


def commonest(occurrences: np.ndarray, share: float) -> np.ndarray:
    """`<int64>[M]` the rows that occur most and together make up `share`, at least one of them."""
    common = np.argsort(-occurrences, kind="stable")
    before = np.cumsum(occurrences[common]) - occurrences[common]
    some = before < share * occurrences.sum()
    some[:1] = True
    return common[some]


def event_sets(sequences: Distinct) -> Distinct:
    """The distinct sets of events, each ascending; `counts` and `inverse` are of `sequences`."""
    width = int(sequences.ids.max(initial=0)) + 1
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths)
    held = np.unique(owner * width + sequences.ids)
    lengths = np.bincount(held // width, minlength=len(sequences))
    at = np.arange(len(sequences))
    return distinct(Sequences((held % width).astype(np.int32), csr_offsets(lengths), at, at))


def set_vectors(sets: Distinct, vectors: np.ndarray) -> np.ndarray:
    """`<float32>[U, D]` mean of the vectors of each set's events, scaled to length 1."""
    ones = np.ones(len(sets.ids), np.float32)
    held = sp.csr_array((ones, sets.ids, sets.offsets), shape=(len(sets), len(vectors)))
    total = held @ vectors
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.ascontiguousarray(total / np.where(length > 0, length, 1), dtype=np.float32)
