"""Sessions that are still open while a log is read, and what closes them.

In: events as they come. Out: the sessions that ended; of one that does not end, pieces.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from glx.parse.digits import distinct_codes
from glx.sequences import Sequences

# Events after which a session is given though it goes on: memory would grow without an end, and no
# verdict ever come, where all lines of a daemon are one.
LONGEST_SESSION = 10_000
NO_EVENTS = pl.DataFrame(
    schema={"line": pl.Int64, "key": pl.String, "clock": pl.Float64, "id": pl.Int32}
)
NO_IDS = np.zeros(0, int)


@dataclass
class OpenSessions:
    """Sessions that have not ended: 6 bytes an event (while ids and lines are small), 81 and the
    key's text each.

    One that has `LONGEST_SESSION` events and goes on is given up to there, and so is the rest.

    Attributes:
      idle: seconds.
      keys: `S` session ids.
      first, last: `<float64>[S]` log time at their first and last line, seconds; NaN before the
        first time.
      later: `<bool>[S]` those of which an earlier piece was given.
      sequences: their events so far, `keys` None.
    """

    idle: float
    keys: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    first: np.ndarray = field(default_factory=lambda: np.zeros(0))
    last: np.ndarray = field(default_factory=lambda: np.zeros(0))
    later: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    sequences: Sequences = field(default_factory=lambda: cut(NO_IDS, NO_IDS, np.zeros(1, int)))

    def add(
        self, frame: pl.DataFrame, now: float, *, end: bool = False
    ) -> tuple[Sequences, pl.Series]:
        """Take in later events (columns of `NO_EVENTS`); give the sessions that ended, their keys.

        A session ends once `idle` seconds of log time passed since its last line. `cut_short` of
        the pieces of one is true.

        Args:
          now: log time by now, seconds.
          end: of the input; every session ends.
        """
        old, n_old = self.sequences, len(self.sequences)
        keys, places = distinct_codes(pl.concat([self.keys, frame["key"]]))
        new_codes = places[n_old:].to_numpy()
        # The open sessions come first among the keys; of their events only the first and the last
        # time matter.
        codes = np.concatenate([np.repeat(np.arange(n_old), old.lengths), new_codes])
        times = frame["clock"].to_numpy()
        began = np.concatenate([np.repeat(self.first, old.lengths), times])
        clock = np.concatenate([np.repeat(self.last, old.lengths), times])
        order = np.argsort(codes, kind="stable")
        ids = np.concatenate([old.ids, frame["id"].to_numpy()])[order]
        lines = np.concatenate([old.lines, frame["line"].to_numpy()])[order]
        codes, clock = codes[order], clock[order]
        pause = np.diff(clock, prepend=np.nan) > self.idle
        begins = np.flatnonzero((np.diff(codes, prepend=-1) != 0) | pause)
        starts, later = bounded(begins, len(codes), LONGEST_SESSION)
        offsets, goes_on = np.append(starts, len(codes)), np.append(later, False)[1:]
        owner, first, last = codes[starts], began[order][starts], clock[offsets[1:] - 1]
        later[np.flatnonzero(np.diff(owner, prepend=-1))[:n_old]] |= self.later
        sessions = replace(
            cut(ids, lines, offsets), start=first, end=last, cut_short=later | goes_on
        )
        newest = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
        open_ = newest & ~(now - last > self.idle) & (not end)
        self.keys = keys.gather(owner[open_])
        self.first, self.last, self.later = first[open_], last[open_], later[open_]
        still = replace(sessions, start=None, end=None, cut_short=None).take(np.flatnonzero(open_))
        self.sequences = _narrow(still)
        ended = _narrow(sessions.take(np.flatnonzero(~open_)))
        return ended, keys.gather(owner[~open_])


def bounded(starts: np.ndarray, n: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """`<int64>[P]` where the pieces of sequences begin that have at most `most` events each, and
    `<bool>[P]` those that are not the first of their sequence.

    Args:
      starts: `<int64>[N]` where each sequence begins among `n` events.
    """
    pieces = np.maximum(-(-np.diff(starts, append=n) // most), 1)
    nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.repeat(starts, pieces) + nth * most, nth > 0


def cut(ids: np.ndarray, lines: np.ndarray, offsets: np.ndarray) -> Sequences:
    """Sequences of events whose lines ascend; none is empty."""
    first, last = lines[offsets[:-1]], lines[offsets[1:] - 1]
    return Sequences(ids.astype(np.int32), offsets, first, last, lines)


def _narrow(sequences: Sequences) -> Sequences:
    """The same with ids and lines of as few bytes as hold them."""

    assert sequences.lines is not None
    ids, lines = (
        values.astype(np.min_scalar_type(values.max(initial=0)))
        for values in (sequences.ids, sequences.lines)
    )
    return replace(sequences, ids=ids, lines=lines)
