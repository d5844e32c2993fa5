"""Which sequence holds which event, and how often: counts that a profile is made of.

In: distinct sequences and the size `V` of their template table. Out: arrays. An id outside the
table (a template first seen at detection) is the state `V`, an unseen event.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from glx.sequences import Distinct


@dataclass(frozen=True)
class Held:
    """The `S` distinct sets of events that sequences hold.

    Attributes:
      members: `<float64>[S, V]` sparse: 1 where a set has an event of the table.
      counts: `<int64>[S]` sequences with each.
      inverse: `<int64>[U]` the set of each distinct sequence.
    """

    members: sp.csr_array
    counts: np.ndarray
    inverse: np.ndarray

    @cached_property
    def present(self) -> np.ndarray:
        """`<int64>[V]` sequences that hold each event."""
        return (self.counts @ self.members).astype(np.int64)

    @cached_property
    def _columns(self) -> sp.csc_array:
        return self.members.tocsc()

    def holding(self, event: int) -> "Held":
        """The sets with an event alone, each standing for itself."""
        rows = self.rows(event)
        return Held(self.members[rows], self.counts[rows], np.arange(len(rows)))

    def rows(self, event: int) -> np.ndarray:
        """`<int>` the sets with an event."""
        start, end = self._columns.indptr[event : event + 2]
        return self._columns.indices[start:end]


def membership(sequences: Distinct, n_templates: int) -> sp.csr_array:
    """`<float64>[U, V]` sparse: 1 where a sequence holds an event of the table."""
    row, event, _ = events_of(sequences, n_templates)
    known = event < n_templates
    ones, at = np.ones(known.sum()), (row[known], event[known])
    return sp.csr_array((ones, at), shape=(len(sequences), n_templates))


def held_sets(sequences: Distinct, n_templates: int) -> Held:
    """The sets of events that sequences hold; ids outside the table are left out."""
    members = membership(sequences, n_templates)
    raw = members.indices.astype(np.int32).tobytes()
    index: dict[bytes, int] = {}
    keys = (raw[4 * a : 4 * b] for a, b in pairwise(members.indptr.tolist()))
    inverse = np.fromiter((index.setdefault(key, len(index)) for key in keys), dtype=np.int64)
    first = np.unique(inverse, return_index=True)[1]
    return Held(members[first], sums(inverse, sequences.counts, len(first)), inverse)


def presence(sequences: Distinct, n_templates: int) -> np.ndarray:
    """`<int64>[V]` sequences that hold each event of the table, duplicates counted."""
    return (sequences.counts @ membership(sequences, n_templates)).astype(np.int64)


def holding(sequences: Distinct, members: sp.csr_array, events: np.ndarray) -> int:
    """How many of the sequences hold one of `events` (`<bool>[V]`)."""
    return int(sequences.counts[members @ events.astype(np.float64) > 0].sum())


def first_missing(values: np.ndarray, sequences: Distinct) -> np.ndarray:
    """`<int64>[U]` the event of highest value that each sequence lacks; `V` where it lacks none.

    Args:
      values: `<float>[V]`.
    """
    row, event, _ = events_of(sequences, len(values))
    order = np.append(np.argsort(-values, kind="stable"), len(values))
    missing = first_gap(row, np.argsort(order)[event], len(sequences))
    return order[np.minimum(missing, len(values))]


def first_gap(row: np.ndarray, rank: np.ndarray, n: int) -> np.ndarray:
    """`<int64>[n]` the smallest of 0, 1, 2, ... that is no `rank` (distinct in a row) of each row.

    It is the first position at which the sorted ranks of a row differ from 0, 1, 2, ...; where they
    do not differ, it is the number of its ranks.
    """
    order = np.lexsort((rank, row))
    row, rank = row[order], rank[order]
    gap = np.bincount(row, minlength=n)
    position = np.arange(len(row)) - np.repeat(np.cumsum(gap) - gap, gap)
    differs = rank != position
    np.minimum.at(gap, row[differs], position[differs])
    return gap


def states(ids: np.ndarray, n_templates: int) -> np.ndarray:
    """`<int64>` ids with every id outside the table folded into `n_templates`, the unseen event."""
    ids = ids.astype(np.int64)
    return np.where((ids < 0) | (ids >= n_templates), n_templates, ids)


def events_of(distinct: Distinct, n_templates: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, state and count of each id of each row, sorted by row and id."""
    owner = np.repeat(np.arange(len(distinct)), distinct.lengths)
    row, event, repeats = count_pairs(owner, distinct.ids, None)
    return row, states(event, n_templates), repeats


def count_pairs(
    first: np.ndarray, second: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct pairs of two int columns (of 31 bits), sorted, and the sum of their weights."""
    pairs, inverse = np.unique((first << 32) + second, return_inverse=True)
    first = (pairs + 2**31) >> 32  # right for a negative second, too
    return first, pairs - (first << 32), sums(inverse, weights, len(pairs))


def sums(index: np.ndarray, weights: np.ndarray | None, size: int) -> np.ndarray:
    """`<int64>[size]` sum of the int `weights` at each index (exact below 2**53)."""
    return np.bincount(index, weights, size).astype(np.int64)
