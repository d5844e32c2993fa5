"""A log of any length to closed sequences, a batch at a time, in flat memory.

In: raw lines or event numbers, a detector's `LogParser`. Out: `Sequences` whose windows are full or
whose sessions have ended. Those of a live log come while it is written.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from glx.data.awaited import awaited
from glx.data.load import LogParser
from glx.data.log_time import LogTime
from glx.data.numbered import numbered_blocks, numbered_column
from glx.data.open_sessions import NO_EVENTS, OpenSessions, bounded, cut
from glx.data.windows import NO_TIME, Clock, seconds
from glx.errors import InputError
from glx.parse.events import parse
from glx.parse.log import Log, log_of
from glx.parse.read import ReadCounts
from glx.parse.records import records
from glx.parse.sources import LogPath
from glx.sequences import Sequences, csr_offsets, join

BATCH = 300_000  # events collected before sessions that ended are searched for
SHARDS = 16  # parts of the open sessions, searched one at a time, which bounds the memory
AT_ONCE = 50_000  # sessions given at a time: what becomes of them takes more memory than they do
WORK = 0.2  # most of the time that is spent on searching them while a live log is read
LONGEST_WINDOW = 1_000_000  # events after which a window of time is given though it goes on


def stream(
    log: Log | LogPath, parser: LogParser, counts: ReadCounts, idle: float = 3600.0
) -> Iterator[Sequences]:
    """Closed sequences of a log, in the order in which they close; sessions without times.

    Log time is the latest time read so far: lines out of order neither end a session nor split it.
    While a live log is silent it goes on as the clock on the wall does.

    Args:
      log: what an earlier process was given (`judged`, `ended`) is left out, and `judged` goes on.
      parser: its miner gives new ids to lines that no template matches.
      counts: is added to while reading.
      idle: seconds of log time without a line of it after which a session has ended; where lines
        have no time it ends with the input (of a live log, they have the time at which they came).

    Raises:
      InputError: the log is not as it should be, no line has a session id, or no line has a time
        and windows are cut by time.
    """
    log = log_of(log)
    path = log.files[0]
    column = None if parser.numbers is None else numbered_column(path)
    if parser.numbers is not None and column is not None:
        if len(log.files) > 1:
            raise InputError(f"{log}: event numbers are read from one file only; give one")
        log.starts[:] = [0]
        rows = numbered_blocks(path, column, parser.numbers, counts)
        if isinstance(parser.window, str):
            raise InputError(f"{log}: {NO_TIME}")
        yield from (
            rows if column == "sequence" else _windows(log, map(_frame, rows), parser.window or 1)
        )
        return
    if parser.layout is None:
        raise InputError(f"{log}: the detector knows event numbers only; give a file of them")
    frames = parse(records(log, parser.layout, counts), parser.miner)
    if parser.window is None:
        yield from _sessions(log, frames, idle, LogTime(log.live, idle), parser.due)
    elif isinstance(parser.window, str):
        span = seconds(parser.window)
        yield from _clock_windows(log, frames, span, LogTime(log.live, span))
    else:
        yield from _windows(log, frames, parser.window)


def _sessions(
    log: Log,
    frames: Iterator[pl.DataFrame],
    idle: float,
    log_time: LogTime,
    ages: np.ndarray | None,
) -> Iterator[Sequences]:
    shards = [OpenSessions(idle) for _ in range(SHARDS)]
    waiting, events, keyed, due = [NO_EVENTS], 0, log.judged > 0, 0.0
    before, last = log.judged, -1
    for frame in frames:
        silent = log_time.live and not len(frame)
        if not silent:
            frame = frame.with_columns(clock=log_time.read(frame["time"].to_numpy()))
            last = int(frame["line"][-1]) if len(frame) else last
            frame = _unjudged(log, frame.filter(pl.col("key").is_not_null()), before)
            waiting.append(frame.select(NO_EVENTS.columns))
            events += len(frame)
            keyed = keyed or len(frame) > 0
        # A share of what is open, so that the work stays linear in the length of the file.
        many = events >= max(BATCH, sum(len(shard.sequences.ids) for shard in shards) // 8)
        if many or (silent and time.monotonic() >= due):
            began = time.monotonic()
            found = _ended(shards, pl.concat(waiting), log_time.now())
            due = began + (time.monotonic() - began) / WORK
            first = min(shard.sequences.first_line.min(initial=last + 1) for shard in shards)
            for sequences, beyond in found:
                log.judged = max(log.judged, int(min(first, beyond)))
                yield _waiting_for(sequences, ages, idle, log_time.now())
            waiting, events = [NO_EVENTS], 0
    if not keyed:
        raise InputError(
            f"{log}: no line has a session id as in the logs the detector was fitted on; "
            "give --session=REGEX or COLUMN, or --window=N"
        )
    for sequences, _ in _ended(shards, pl.concat(waiting), log_time.now(), end=True):
        yield _waiting_for(sequences, ages, idle, log_time.now())


def whole_sessions(
    frame: pl.DataFrame, idle: float, now: float, ages: np.ndarray | None
) -> Iterator[Sequences]:
    """The sessions that `stream` gives of a log, from all events that some of its keys have.

    Args:
      frame: columns of `NO_EVENTS`, by line; `clock` is log time at each.
      now: log time at the end of the log, seconds; NaN where it has none.
      ages: `LogParser.due`.
    """
    for sequences, _ in _ended([OpenSessions(idle)], frame, now, end=True):
        yield _waiting_for(sequences, ages, idle, now)


def _waiting_for(found: Sequences, ages: np.ndarray | None, idle: float, now: float) -> Sequences:
    if ages is None:
        return found
    assert found.end is not None
    return replace(found, awaited=awaited(found, ages, np.fmin(found.end + idle, now)))


def _unjudged(log: Log, frame: pl.DataFrame, before: int) -> pl.DataFrame:
    """The events (`line`, `key`) that are in no session that an earlier process was given.

    Args:
      before: the line before which it was given all.
    """
    if log.ended is None or not len(frame):
        return frame
    if frame["line"][0] > max([before, *log.ended["last_line"].tail(1)]):
        log.ended = None  # lines ascend: no later one is of those
        return frame
    last = frame.join(log.ended, on="key", how="left", maintain_order="left")["last_line"]
    return frame.filter(pl.col("line") > pl.max_horizontal(last.fill_null(-1), before - 1))


def _ended(
    shards: list[OpenSessions], frame: pl.DataFrame, now: float, *, end: bool = False
) -> Iterator[tuple[Sequences, float]]:
    """The sessions that ended, as `_some_at_once` gives them; nothing where none did.

    The open ones are known as soon as this returns.
    """
    shard_of = (frame["key"].hash() % len(shards)).to_numpy().astype(np.uint8)
    frame = frame[np.argsort(shard_of, kind="stable")]
    sizes = np.bincount(shard_of, minlength=len(shards))
    starts = csr_offsets(sizes)
    parts = [
        shard.add(frame.slice(start, size), now, end=end)
        for shard, start, size in zip(shards, starts[:-1].tolist(), sizes.tolist(), strict=True)
    ]
    return _some_at_once([ended for ended, _ in parts], pl.concat([keys for _, keys in parts]))


def _some_at_once(parts: list[Sequences], keys: pl.Series) -> Iterator[tuple[Sequences, float]]:
    """Sessions in the order of their first line, at most `AT_ONCE` at a time, and the first line of
    those that are still to come."""
    ended = join(parts)
    parts.clear()
    order = np.argsort(ended.first_line, kind="stable")
    for at in range(0, len(order), AT_ONCE):
        rows = order[at : at + AT_ONCE]
        found = ended.take(rows)
        assert found.lines is not None
        found = replace(
            found,
            ids=found.ids.astype(np.int32),
            lines=found.lines.astype(np.int64),
            keys=keys.gather(rows).to_numpy().astype(object),
        )
        later = ended.first_line[order[at + AT_ONCE : at + AT_ONCE + 1]].tolist()
        yield found, later[0] if later else np.inf


def _windows(log: Log, frames: Iterator[pl.DataFrame], window: int) -> Iterator[Sequences]:
    rest: pl.DataFrame | None = None
    for frame in _rows_after(log, frames):
        frame = frame if rest is None else pl.concat([rest, frame])
        whole = len(frame) - len(frame) % window
        rest = frame.tail(len(frame) - whole)
        if whole:
            yield _given(log, _window(frame.head(whole), window))
    if rest is not None and len(rest):
        yield _window(rest, window)


def _rows_after(log: Log, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The events that are in no window that an earlier process was given."""
    judged = log.judged
    for frame in frames:
        begun = len(frame) and frame["line"][0] < judged
        yield frame.filter(pl.col("line") >= judged) if begun else frame


def _given(log: Log, windows: Sequences) -> Sequences:
    log.judged = int(windows.last_line[-1]) + 1
    return windows


def _clock_windows(
    log: Log, frames: Iterator[pl.DataFrame], span: int, log_time: LogTime
) -> Iterator[Sequences]:
    """Windows of `span` seconds, closed by a line of a later one; in a live log also by silence.

    One of more than `LONGEST_WINDOW` events is given in pieces.
    """
    clock, timed, piece = Clock(span), log.judged > 0, log.judged == 0
    open_, n = [NO_EVENTS.select("id", "line")], 0  # events of the last window
    for frame in _rows_after(log, frames):
        if len(frame):
            times = frame["time"].to_numpy()
            timed = timed or not np.isnan(times).all()
            log_time.read(times)
            starts = np.flatnonzero(clock.starts(times)) + n
            open_.append(frame.select("id", "line"))
            n += len(frame)
        else:
            over = log_time.live and clock.passed(log_time.now())
            starts = np.array([n] if over and n else [], dtype=np.int64)
        if not timed and n > BATCH:
            break
        offsets, later = bounded(np.unique(np.append(0, starts)), n, LONGEST_WINDOW)
        if len(offsets) > 1:
            events = pl.concat(open_)
            open_, n = [events.tail(n - offsets[-1])], n - int(offsets[-1])
            cut_short = later[:-1] | later[1:]
            cut_short[0] |= piece
            yield _given(log, replace(_cut_frame(events, offsets), cut_short=cut_short))
            piece = bool(later[-1])  # whether what is open began before
    if not timed:
        raise InputError(f"{log}: {NO_TIME}")
    if n:
        yield replace(_cut_frame(pl.concat(open_), np.array([0, n])), cut_short=np.array([True]))


def _window(frame: pl.DataFrame, window: int) -> Sequences:
    offsets = np.append(np.arange(0, len(frame), window), len(frame)).astype(np.int64)
    found = _cut_frame(frame, offsets)
    return replace(found, cut_short=found.lengths < window)


def _cut_frame(frame: pl.DataFrame, offsets: np.ndarray) -> Sequences:
    events = frame.head(offsets[-1])
    return cut(events["id"].to_numpy(), events["line"].to_numpy(), offsets)


def _frame(rows: Sequences) -> pl.DataFrame:
    """The events of all rows as records."""
    return pl.DataFrame({"id": rows.ids, "line": np.repeat(rows.first_line, rows.lengths)})
