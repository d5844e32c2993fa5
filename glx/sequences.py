"""The arrays that stages hand to each other: templates, sequences, distinct sequences.

No type here has a label: a target's labels never leave `glx/evaluate/labels.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

WILDCARD = "<*>"
ADAPT, GAP, TEST = 0, 1, 2
PARTS = ("adapt", "gap", "test")
CUT = b"\0"  # behind the ids of a sequence that was cut short; twice before what one waits for
BUCKETS = (8, 16, 24, 32, 48, 64, 96, 128)  # events


@dataclass(frozen=True)
class Templates:
    """The template table of one system; a row's index is the event id.

    Attributes:
      texts: `V` template texts, `<*>` where a value was masked.
      counts: `<int64>[V]` lines of the part the table was fitted on; 0 for a newer template.
    """

    texts: list[str]
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Rows:
    """Rows of events in CSR form: row `n` is `ids[offsets[n]:offsets[n + 1]]`.

    Attributes:
      ids: `<int32>[E]` event ids, in order within each row.
      offsets: `<int64>[N + 1]`.
    """

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[np.ndarray]:
        """The ids of each row."""
        return (self.ids[a:b] for a, b in pairwise(self.offsets.tolist()))

    @property
    def lengths(self) -> np.ndarray:
        """`<int64>[N]` events in each row."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Sequences(Rows):
    """`N` sequences of events.

    Attributes:
      lines: `<int64>[E]` row of the file, counted from 0 without its header, that each event came
        from, or None where a row of the file is a whole sequence.
      first_line, last_line: `<int64>[N]` smallest and largest row of the sequence, both inclusive.
      keys: `<object>[N]` session ids (str), or None.
      start, end: `<float64>[N]` first and last time in seconds since the epoch, or None.
      cut_short: `<bool>[N]` those of which this may be a piece only: the log, or a part of it,
        begins or ends within a window, or a session that does not end was given in pieces. None
        where all are whole.
      awaited: `<bool>[N, V]` sparse: the events that a session lacks and may have been to come when
        the log ended (`glx.data.awaited`); None where that is not known.
    """

    first_line: np.ndarray
    last_line: np.ndarray
    lines: np.ndarray | None = None
    keys: np.ndarray | None = None
    start: np.ndarray | None = None
    end: np.ndarray | None = None
    cut_short: np.ndarray | None = None
    awaited: sp.csr_array | None = None

    def take(self, rows: np.ndarray) -> "Sequences":
        """The sequences `rows` (`<int>[M]`), in that order."""
        gather = csr_gather(self.offsets, rows)

        def pick(column, at=rows):
            return None if column is None else column[at]

        return Sequences(
            ids=self.ids[gather],
            offsets=csr_offsets(self.lengths[rows]),
            first_line=self.first_line[rows],
            last_line=self.last_line[rows],
            lines=pick(self.lines, gather),
            keys=pick(self.keys),
            start=pick(self.start),
            end=pick(self.end),
            cut_short=pick(self.cut_short),
            awaited=pick(self.awaited),
        )


def join(parts: list[Sequences]) -> Sequences:
    """All of them, one part after another; what is not known of one part is not known of any."""

    def joined(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        return None if any(column is None for column in columns) else np.concatenate(columns)

    lengths = np.concatenate([part.lengths for part in parts])
    waiting = [part.awaited for part in parts if part.awaited is not None]
    return Sequences(
        offsets=csr_offsets(lengths),
        awaited=sp.vstack(waiting, format="csr") if len(waiting) == len(parts) else None,
        **{
            f.name: joined(f.name)
            for f in fields(Sequences)
            if f.name not in ("offsets", "awaited")
        },
    )


@dataclass(frozen=True)
class Distinct(Rows):
    """The `U` distinct sequences among `N`, sorted, whatever the order of the `N`.

    Attributes:
      counts: `<int64>[U]` how often each occurs.
      inverse: `<int64>[N]` the distinct sequence of each, so that `values[inverse]` scatters back.
      cut_short, awaited: `[U]` as in `Sequences`; sequences that differ in them are never equal.
    """

    counts: np.ndarray
    inverse: np.ndarray
    cut_short: np.ndarray | None = None
    awaited: sp.csr_array | None = None

    @property
    def whole(self) -> np.ndarray:
        """`<bool>[U]` those that were not cut short."""
        return np.ones(len(self), dtype=bool) if self.cut_short is None else ~self.cut_short

    def take(self, rows: np.ndarray) -> "Distinct":
        """The distinct sequences `rows` (`<int>[M]`) alone, each standing for itself."""
        return Distinct(
            ids=self.ids[csr_gather(self.offsets, rows)],
            offsets=csr_offsets(self.lengths[rows]),
            counts=self.counts[rows],
            inverse=np.arange(len(rows)),
            cut_short=None if self.cut_short is None else self.cut_short[rows],
            awaited=None if self.awaited is None else self.awaited[rows],
        )


def csr_offsets(lengths: np.ndarray) -> np.ndarray:
    """`<int64>[N + 1]` offsets of rows with `lengths` (`<int>[N]`)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def csr_gather(offsets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`<int64>[sum of lengths]` positions of the elements of `rows`, row after row."""
    lengths = np.diff(offsets)[rows]
    starts = np.repeat(offsets[rows] - csr_offsets(lengths)[:-1], lengths)
    return starts + np.arange(len(starts))


def first_highest(values: np.ndarray, sequences: Distinct) -> tuple[np.ndarray, np.ndarray]:
    """The largest of `values` (`<float>[E]`) in each sequence, `<float>[U]`; its first place."""
    starts = sequences.offsets[:-1]
    if not len(starts):
        return values[:0], starts
    highest = np.maximum.reduceat(values, starts)
    at = np.flatnonzero(values == np.repeat(highest, sequences.lengths))
    return highest, at[np.searchsorted(at, starts)] - starts


def distinct(sequences: Sequences) -> Distinct:
    """Group equal event sequences; sorted by ids, so a function of the multiset."""
    raw = np.ascontiguousarray(sequences.ids, dtype=">i4").tobytes()
    bounds = (sequences.offsets * 4).tolist()
    keys = [raw[a:b] for a, b in pairwise(bounds)]
    cut = sequences.cut_short
    if cut is not None:
        for n in np.flatnonzero(cut):
            keys[n] += CUT
    if sequences.awaited is not None:
        events = sequences.awaited.indices.astype(">i4").tobytes()
        bounds = sequences.awaited.indptr.tolist()
        for row, (a, b) in enumerate(pairwise(bounds)):
            if a < b:  # the number of events behind them tells where they begin
                keys[row] += 2 * CUT + events[4 * a : 4 * b] + (b - a).to_bytes(4)
    first: dict[bytes, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    order = sorted(first)  # big-endian bytes sort as the ids do
    rank = dict(zip(order, range(len(order)), strict=True))
    inverse = np.fromiter((rank[key] for key in keys), dtype=np.int64, count=len(keys))
    one = sequences.take(np.array([first[key] for key in order], dtype=np.int64))
    counts = np.bincount(inverse, minlength=len(order)).astype(np.int64)
    return Distinct(
        one.ids.astype(np.int32), one.offsets, counts, inverse, one.cut_short, one.awaited
    )


@dataclass(frozen=True)
class LabelledSource:
    """A source system: `labels` is `<uint8>[N]`, one for each of its `N` sequences."""

    name: str
    sequences: Sequences
    templates: Templates
    labels: np.ndarray

    def distinct(self) -> tuple[Distinct, np.ndarray]:
        """Its `U` distinct sequences, and `<int64>[U]` how many of each are anomalous."""
        unique = distinct(self.sequences)
        anomalous = np.bincount(unique.inverse, self.labels, len(unique))
        return unique, anomalous.astype(np.int64)


def shorten(
    sequences: Distinct, priority: np.ndarray, max_events: int
) -> tuple[Distinct, np.ndarray]:
    """Cut sequences longer than `max_events`: repeats first, then the events of least priority.

    A run of one event becomes a single one; if that is not enough, the first `max_events` events
    by priority stay, in their order (ties: the earlier). An anomaly in the middle of a long session
    survives.

    Args:
      priority: `<float>[V]` of each template; the highest stay.

    Returns:
      The shortened sequences, one per original one, and `<int64>[E]` the place of each kept event
      in its original sequence.
    """
    lengths = sequences.lengths
    kept = np.ones(len(sequences.ids), dtype=bool)
    for n in np.flatnonzero(lengths > max_events):
        at = np.arange(sequences.offsets[n], sequences.offsets[n + 1])
        kept[at] = False
        at = at[np.diff(sequences.ids[at], prepend=-1) != 0]
        if len(at) > max_events:
            at = at[np.argsort(-priority[sequences.ids[at]], kind="stable")[:max_events]]
        kept[at] = True
    positions = np.arange(len(kept)) - np.repeat(sequences.offsets[:-1], lengths)
    offsets = csr_offsets(kept)[sequences.offsets]
    return replace(sequences, ids=sequences.ids[kept], offsets=offsets), positions[kept]


def pad(sequences: Distinct, rows: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """`<int32>[B, length]` ids of `rows`, 0 after the end; `<int32>[B]` lengths (at least 1)."""
    inside, at = _places(sequences, rows, length)
    padded = np.zeros(inside.shape, dtype=np.int32)
    padded[inside] = sequences.ids[at]
    return padded, np.maximum(sequences.lengths[rows], 1).astype(np.int32)


def pad_all(
    systems: list[Distinct], tables: list[np.ndarray], length: int
) -> tuple[np.ndarray, np.ndarray]:
    """`pad` of all sequences of several systems, whose tables lie under each other."""
    bases = np.cumsum([0, *map(len, tables)])
    padded = [pad(system, np.arange(len(system)), length) for system in systems]
    ids = [ids + base for (ids, _), base in zip(padded, bases, strict=False)]
    return np.concatenate(ids), np.concatenate([lengths for _, lengths in padded])


def unpad(padded: np.ndarray, sequences: Distinct, rows: np.ndarray, values: np.ndarray) -> None:
    """Write `padded` (`[B, length]`, of `rows` and more) to their events in `values` (`[E]`)."""
    inside, at = _places(sequences, rows, padded.shape[1])
    values[at] = padded[: len(rows)][inside]


def _places(sequences: Distinct, rows: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """`<bool>[B, length]` what is no padding, and `<int64>` which events of all that is."""
    inside = np.arange(length) < sequences.lengths[rows][:, None]
    return inside, (sequences.offsets[rows][:, None] + np.arange(length))[inside]


def bucket(events: int) -> int:
    """The shortest padded length that holds so many events."""
    return BUCKETS[int(np.searchsorted(BUCKETS, events))]


def batches(
    sequences: Distinct, size: Callable[[int], int]
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """All sequences in batches of few shapes: rows, the same filled up to `size(length)`, length.

    Every padded length has one number of sequences, so that nothing compiles in steady state.
    """
    lengths = np.array(BUCKETS)[np.searchsorted(BUCKETS, sequences.lengths)]
    for length in np.unique(lengths).tolist():
        for rows, filled in chunks(np.flatnonzero(lengths == length), size(length)):
            yield rows, filled, length


def chunks(rows: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """At most `size` of the rows at a time, and those again, repeated to exactly `size`."""
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        yield some, np.resize(some, size)
