"""A file of any length to closed sequences, a batch at a time, in flat memory.

In: raw lines or event numbers, and the `Reader` of a detector. Out: `Sequences` whose windows are
full or whose sessions have ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from glx.errors import InputError
from glx.logs.header import Layout
from glx.logs.load import Reader
from glx.logs.numbered import numbered_blocks, numbered_column
from glx.logs.parse import parse
from glx.logs.read import ReadCounts
from glx.logs.records import records
from glx.logs.sequences import Sequences

BATCH = 300_000  # events collected before sessions are looked through
NO_EVENTS = pl.DataFrame(
    schema={"line": pl.Int64, "key": pl.String, "time": pl.Float64, "id": pl.Int32}
)


def stream(
    path: Path | str, reader: Reader, counts: ReadCounts, idle: float = 3600.0
) -> Iterator[Sequences]:
    """Closed sequences of a file, in the order in which they close.

    Args:
      reader: its miner gives new ids to lines that no template matches.
      counts: is added to while reading.
      idle: seconds of log time without a line of it after which a session has ended; where lines
        have no time it ends with the input.

    Raises:
      InputError: the file is not as it should be, or no line has a session id.
    """
    column = None if reader.numbers is None else numbered_column(path)
    if column is not None:
        yield from _numbered(Path(path), column, reader, counts)
        return
    frames = parse(records(path, _layout(reader), counts), reader.miner)
    if reader.window is not None:
        yield from _windows(frames, reader.window)
    else:
        yield from _sessions(path, frames, idle)


@dataclass
class OpenSessions:
    """Sessions that have not ended: 8 bytes an event, and a key, two times and an offset each.

    Attributes:
      idle: seconds.
      keys: `S` session ids.
      sequences: their events so far, `keys` None.
    """

    idle: float
    keys: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    sequences: Sequences = field(default_factory=lambda: _no_sequences())

    def add(self, frame: pl.DataFrame, *, last: bool = False) -> Sequences:
        """Take in later events (`line`, `id`, `key`, `time`) and give back the sessions that ended.

        A session ends once `idle` seconds passed since its last line, at an own line or at those of
        others; with `last` every session ends.
        """
        held, n_held = self.sequences, len(self.sequences)
        keys = pl.concat([self.keys, frame["key"].unique(maintain_order=True)]).unique(
            maintain_order=True
        )
        code_of = pl.DataFrame({"key": keys, "code": np.arange(len(keys))})
        new_codes = frame.join(code_of, on="key", how="left", maintain_order="left")["code"]
        # The held sessions come first among the keys; of their events only the last time matters.
        codes = np.concatenate([np.repeat(np.arange(n_held), held.lengths), new_codes.to_numpy()])
        times = np.concatenate([np.repeat(held.end, held.lengths), frame["time"].to_numpy()])
        order = np.argsort(codes, kind="stable")
        ids = np.concatenate([held.ids, frame["id"].to_numpy()])[order]
        lines = np.concatenate([held.lines, frame["line"].to_numpy()])[order]
        codes, times = codes[order], times[order]
        if not len(codes):
            return _no_sequences()
        first_of_key = np.diff(codes, prepend=-1) != 0
        pause = np.diff(times, prepend=np.nan) > self.idle
        offsets = np.append(np.flatnonzero(first_of_key | pause), len(codes))
        owner = codes[offsets[:-1]]
        end = np.fmax.reduceat(times, offsets[:-1])
        start = np.fmin.reduceat(times, offsets[:-1])
        begun = first_of_key[offsets[:-1]] & (owner < n_held)
        start[begun] = held.start[owner[begun]]
        sessions = Sequences(
            ids=ids,
            offsets=offsets,
            first_line=np.minimum.reduceat(lines, offsets[:-1]),
            last_line=np.maximum.reduceat(lines, offsets[:-1]),
            lines=lines,
            start=start,
            end=end,
        )
        now = np.fmax.reduce(end)
        newest = np.append(owner[1:] != owner[:-1], True)
        open_ = newest & ~(end < now - self.idle) & (not last)
        self.keys = keys.gather(owner[open_])
        self.sequences = _narrow(sessions.take(np.flatnonzero(open_)))
        ended = np.flatnonzero(~open_)
        ended = ended[np.argsort(sessions.first_line[ended], kind="stable")]
        names = keys.gather(owner[ended]).to_numpy().astype(object)
        return replace(sessions.take(ended), keys=names)


def _sessions(path, frames: Iterator[pl.DataFrame], idle: float) -> Iterator[Sequences]:
    state, waiting, events, keyed = OpenSessions(idle), [], 0, 0
    for frame in frames:
        frame = frame.filter(pl.col("key").is_not_null()).select(NO_EVENTS.columns)
        waiting.append(frame)
        events += len(frame)
        keyed += len(frame)
        # As much anew as is open, so that the work stays linear in the length of the file.
        if events >= max(BATCH, len(state.sequences.ids)):
            ended = state.add(pl.concat(waiting))
            waiting, events = [], 0
            if len(ended):
                yield ended
    if not keyed:
        raise InputError(
            f"{path}: no line has a session id as in the logs the detector was fitted on; "
            "give --session=REGEX or COLUMN, or --window=N"
        )
    ended = state.add(pl.concat([NO_EVENTS, *waiting]), last=True)
    if len(ended):
        yield ended


def _windows(frames: Iterator[pl.DataFrame], window: int) -> Iterator[Sequences]:
    rest: pl.DataFrame | None = None
    for frame in frames:
        frame = frame if rest is None else pl.concat([rest, frame])
        whole = len(frame) - len(frame) % window
        if whole:
            yield _cut(frame.head(whole), window)
        rest = frame.tail(len(frame) - whole)
    if rest is not None and len(rest):
        yield _cut(rest, window)


def _cut(frame: pl.DataFrame, window: int) -> Sequences:
    offsets = np.append(np.arange(0, len(frame), window), len(frame)).astype(np.int64)
    lines = frame["line"].to_numpy()
    return Sequences(
        ids=frame["id"].to_numpy(),
        offsets=offsets,
        first_line=lines[offsets[:-1]],
        last_line=lines[offsets[1:] - 1],
        lines=lines,
    )


def _numbered(path: Path, column: str, reader: Reader, counts: ReadCounts) -> Iterator[Sequences]:
    """A file of event numbers: a sequence a row, or an event a row."""
    blocks = numbered_blocks(path, column, reader.numbers, counts)
    if column == "sequence":
        yield from blocks
    else:
        frames = (pl.DataFrame({"id": b.ids, "line": b.first_line}) for b in blocks)
        yield from _windows(frames, reader.window or 1)


def _narrow(sequences: Sequences) -> Sequences:
    """The same with lines of 4 bytes, while they fit."""
    if len(sequences) and sequences.last_line.max() < 2**32:
        return replace(sequences, lines=sequences.lines.astype(np.uint32))
    return sequences


def _no_sequences() -> Sequences:
    none = np.zeros(0, np.int64)
    return Sequences(none, np.zeros(1, np.int64), none, none, none, None, none * 1.0, none * 1.0)


def _layout(reader: Reader) -> Layout:
    if reader.layout is None:
        raise InputError("this detector knows no raw lines; give a file of event numbers")
    return reader.layout
