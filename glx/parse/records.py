"""Raw text to records: the masked text, time, session key and level of every line of a file.

In: a file and its layout. Out: a Polars frame for each block of the file, in order. A few threads
work on blocks (Polars and NumPy release the interpreter); what depends on the order, such as line
numbers, is added where the frames are consumed.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import polars as pl

from glx.parse.block import Found, Reader, block_records
from glx.parse.fields import COLUMN
from glx.parse.follow import Part
from glx.parse.formats import block_parser
from glx.parse.joins import Above, continued
from glx.parse.layout import Layout
from glx.parse.log import Log, log_of
from glx.parse.read import BLOCK, ReadCounts, blocks
from glx.parse.sources import LogPath, parts_of
from glx.parse.texts import TextCache
from glx.parse.times import DAY, YEARLESS, period
from glx.parse.unwrap import whole_lines

# Bytes that, once freed, make the allocator of Linux keep what is as large for the next block:
# requesting its pages from the system again and again would take a good part of the time.
KEPT = (32 << 20) - (1 << 16)
# Seconds for which a thread keeps the interpreter while another waits: by default, 5 ms, the thread
# that mines would hold up those that read, which need it after each array operation.
SWITCH_INTERVAL = 2e-4
NOTHING = pl.DataFrame(
    schema={
        "line": pl.Int64,
        "text": pl.Enum([]),
        "key": pl.String,
        "time": pl.Float64,
        "level": pl.String,
    }
)
T = TypeVar("T")
R = TypeVar("R")


def records(
    log: Log | LogPath,
    layout: Layout,
    counts: ReadCounts,
    threads: int | None = None,
    size: int = BLOCK,
) -> Generator[pl.DataFrame, None, None]:
    """The events of a log, a frame for each block of it, in order.

    Of a live log a frame is empty where nothing more has come for now.

    Yields:
      `line` int64 (row of the log from 0; a table's header is none), `text` enum (the masked text,
      with the level before it from WARN up; its categories are the block's distinct texts in order
      of first appearance), `key` str, `time` f64 in seconds since the epoch, `level` str (one of
      `levels.SCALE`); the last three null where there is none. A line without text yields no row.

    Args:
      counts: is added to as frames are yielded.
      threads: blocks worked on at once; None: one for each core. The frames do not depend on it.
      size: bytes of a block, about.

    Raises:
      InputError: from reading; a missing column; a pattern that is no regular expression.
    """
    bytes(KEPT)
    log = log_of(log)
    lines = latest = log.first_row
    log.starts.clear()
    above: dict[str | None, Above] = {}
    repeat = repeats(layout)
    bodies = _bodies(log, layout, size)
    work = partial(_file_records, detailed=log.details is not None)
    for done in ordered(work, bodies, threads or os.cpu_count() or 1):
        if done is None:
            yield NOTHING
            continue
        n, path, found = done
        frame, part = found.frame, found.counts
        log.starts += [lines] * (n + 1 - len(log.starts))
        if isinstance(path, Part) and path not in [begun for begun, _ in log.parts[-1:]]:
            log.parts.append((path, lines))
        frame = frame.with_columns(pl.col("line") + lines)
        frame = _continued(frame, found, above, layout.max_record)
        above |= {name: replace(last, line=last.line + lines) for name, last in found.last.items()}
        part.no_session = 0 if layout.session is None else frame["key"].null_count()
        if repeat:
            frame, log.clock = count_periods(frame, log.clock, repeat)
        log.keep((latest if row < 0 else row + lines, detail) for row, detail in found.details)
        latest = int(frame["line"][-1]) if len(frame) else latest
        lines += part.lines
        counts.add(part)
        yield frame
    log.starts += [lines] * (len(log.files) - len(log.starts))


def _bodies(
    log: Log, layout: Layout, size: int
) -> Iterator[tuple[int, LogPath, Sequence[Reader], bytes] | None]:
    """The blocks of all files, each with its file, the place of it and what reads it; None: no more
    has come for now."""
    layouts = [replace(one, session=_session_in(one, layout)) for one in (layout, *layout.also)]
    caches: list[TextCache] = [{} for _ in layouts]
    files = ((n, path) for n, given in enumerate(log.files) for path in parts_of(given))
    for n, path in files:
        with closing(blocks(path, size, quoted=layout.format == "csv" and layout.quote)) as raw:
            read, body = block_parser(path, layout, raw)
            reads = [read, *(block_parser(path, other, raw)[0] for other in layouts[1:])]
            readers = [*map(Reader, layouts, reads, caches)]
            body = whole_lines(body, layout.wrap)
            yield from ((n, path, readers, block) if block else None for block in body)


def _session_in(one: Layout, layout: Layout) -> str | None:
    """The session rule for one of the layouts of a file; a JSON field is in no other line."""
    formats = [layout.format, *(other.format for other in layout.also)]
    named = layout.session is not None and COLUMN.fullmatch(layout.session)
    return None if named and "jsonl" in formats and one.format == "lines" else layout.session


def ordered(work: Callable[[T], R], items: Iterable[T | None], threads: int) -> Iterator[R | None]:
    """`work` of each item, in their order, `threads` at a time and as many waiting.

    None, for which nothing is to be done, comes through once all before it is done.
    """
    waiting: deque[Future[R]] = deque()
    pool, before = ThreadPoolExecutor(threads), sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        for item in items:
            if item is not None:
                waiting.append(pool.submit(work, item))
            while waiting and (item is None or len(waiting) >= 2 * threads):
                yield waiting.popleft().result()
            if item is None:
                yield None
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        sys.setswitchinterval(before)


def repeats(layout: Layout) -> float:
    """Seconds after which the times of a layout repeat, for want of a year or a date; 0: never."""
    formats = [one.time_format for one in (layout, *layout.also)]
    return max((period(format) or 0 for format in formats), default=0)


def count_periods(
    frame: pl.DataFrame, clock: tuple[float | None, int], period: float
) -> tuple[pl.DataFrame, tuple[float | None, int]]:
    """Times without a year (or a date), a year (a day) later each time they fall back.

    A year begins where they fall back by over six months, a day by over an hour: lines are not in
    order to the second, and a night may be quiet for long.

    Args:
      clock: the last time before this frame and the periods counted by then.
      period: seconds after which the times repeat.
    """
    time = frame["time"].to_numpy().copy()
    known = np.flatnonzero(time < YEARLESS)
    if not len(known):
        return frame, clock
    last, counted = clock
    back = 3600.0 if period <= DAY else period / 2
    now = time[known]
    jump = np.diff(now, prepend=now[0] if last is None else last)
    count = counted + np.cumsum((jump < -back).astype(int) - (jump > period - back))
    time[known] += count * period
    return frame.with_columns(time=pl.Series(time).fill_nan(None)), (float(now[-1]), int(count[-1]))


def _continued(
    frame: pl.DataFrame, found: Found, above: dict[str | None, Above], most: int
) -> pl.DataFrame:
    """The frame whose first events belong to the records of the blocks before.

    Args:
      most: lines of a record; what is beyond goes, and is counted as such.
    """
    counts, beyond = found.counts, np.zeros(len(frame), dtype=bool)
    for source, rows in found.open.items():
        if source not in above:  # there is none
            counts.joined -= len(rows)
            counts.no_header += len(rows)
            continue
        frame = continued(frame, rows, above[source])
        beyond[rows] = frame["line"].to_numpy()[rows] - above[source].line >= most
    if beyond.any():
        n = int(beyond.sum())
        counts.joined, counts.beyond = counts.joined - n, counts.beyond + n
        frame = frame.filter(pl.Series(~beyond))
        text = frame["text"].cast(pl.String)
        frame = frame.with_columns(text=text.cast(pl.Enum(text.unique(maintain_order=True))))
    return frame


def _file_records(
    block: tuple[int, LogPath, Sequence[Reader], bytes], detailed: bool
) -> tuple[int, LogPath, Found]:
    """The place of a block's file, the file, and what the block holds."""
    n, path, readers, raw = block
    return n, path, block_records(raw, readers, detailed)
