"""Raw text to records: the masked text, time, session key and level of every line of a file.

In: a file and its layout. Out: a Polars frame for each block of the file, in order. A few threads
work on blocks (Polars and NumPy release the interpreter); what depends on the order, such as line
numbers, is added where the frames are consumed.
"""

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TypeVar

import numpy as np
import polars as pl

from glx.parse.digits import Block, ascii_digits, distinct_codes
from glx.parse.fields import groups
from glx.parse.formats import BlockParser, block_parser
from glx.parse.layout import Layout
from glx.parse.levels import standard_levels
from glx.parse.log import Log, log_of
from glx.parse.read import BLOCK, ReadCounts, blocks, clean, line_count
from glx.parse.sources import LogPath
from glx.parse.texts import TextCache, cached_texts, masked_texts, with_level
from glx.parse.times import has_year, seconds

YEAR = 366 * 86400.0  # seconds of 1972, the year of times without one
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
    log, lines = log_of(log), 0
    log.starts.clear()
    clock: tuple[float | None, int] = (None, 0)
    work = partial(_file_records, layout=layout, cache={})
    for found in ordered(work, _bodies(log, layout, size), threads or os.cpu_count() or 1):
        if found is None:
            yield NOTHING
            continue
        n, frame, part = found
        log.starts += [lines] * (n + 1 - len(log.starts))
        frame = frame.with_columns(pl.col("line") + lines)
        if layout.time_format and not has_year(layout.time_format):
            frame, clock = count_years(frame, clock)
        lines += part.lines
        counts.add(part)
        yield frame


def _bodies(log: Log, layout: Layout, size: int) -> Iterator[tuple[int, BlockParser, bytes] | None]:
    """The blocks of all files, each with the place of its file and what reads it; None: no more
    has come for now."""
    for n, path in enumerate(log.files):
        with closing(blocks(path, size, quoted=layout.format == "csv" and layout.quote)) as raw:
            read, body = block_parser(path, layout, raw)
            yield from ((n, read, block) if block else None for block in body)


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


def count_years(
    frame: pl.DataFrame, clock: tuple[float | None, int]
) -> tuple[pl.DataFrame, tuple[float | None, int]]:
    """Times without a year, a year later each time they fall back by over six months.

    Args:
      clock: the last time before this frame and the years counted by then.
    """
    time = frame["time"].to_numpy().copy()
    known = np.flatnonzero(~np.isnan(time))
    if not len(known):
        return frame, clock
    last, years = clock
    now = time[known]
    jump = np.diff(now, prepend=now[0] if last is None else last)
    year = years + np.cumsum((jump < -YEAR / 2).astype(int) - (jump > YEAR / 2))
    time[known] += year * YEAR
    return frame.with_columns(time=pl.Series(time).fill_nan(None)), (float(now[-1]), int(year[-1]))


def _file_records(
    block: tuple[int, BlockParser, bytes], layout: Layout, cache: TextCache
) -> tuple[int, pl.DataFrame, ReadCounts]:
    """The place of a block's file, its records and what was read."""
    n, read, raw = block
    return n, *_block_records(raw, read, layout, cache)


def _block_records(
    raw: bytes, read: BlockParser, layout: Layout, cache: TextCache
) -> tuple[pl.DataFrame, ReadCounts]:
    """Records of one block, lines counted from 0, and what was read."""
    counts = ReadCounts()
    fields = read(clean(raw, counts, quoted=layout.format == "csv" and layout.quote), counts)
    block, level = fields.texts, fields.level
    line = np.arange(len(block.codes)) if fields.rows is None else fields.rows
    collapsed, codes = block.collapsed()
    kind = codes.to_numpy()
    if block.varied:  # most are new and will not occur again
        masked, levels, fits = masked_texts(collapsed, layout.header)
    else:
        masked, levels, fits = cached_texts(collapsed, layout.header, cache)
    filled = (collapsed.str.strip_chars() != "").to_numpy()
    n_of_kind = np.bincount(kind, minlength=len(filled))
    counts.lines = len(kind) if fields.rows is None else line_count(raw)
    counts.empty = int(n_of_kind[~filled].sum())
    counts.no_header = int(n_of_kind[filled & ~fits].sum())

    texts, places = distinct_codes(masked.filter(filled))
    place = np.zeros(len(filled), dtype=np.uint32)
    place[filled] = places.to_numpy()
    absent = pl.repeat(None, len(kind), dtype=pl.String, eager=True)
    time = _header_times(block, layout) if fields.time is None else fields.time
    frame = pl.DataFrame(
        {
            "line": line.astype(np.int64),
            "text": place[kind],
            "key": absent if fields.key is None else fields.key,
            "time": absent.cast(pl.Float64) if time is None else _seconds(time, layout),
            "level": levels.gather(codes) if level is None else _column_levels(level, layout),
        }
    )
    if level is not None:  # a column of its own: the header's level is in the texts already
        texts, frame = _named_by_column(texts, frame)
    if not filled.all():
        frame = frame.filter(pl.Series(filled[kind]))
    counts.no_session = 0 if fields.key is None else frame["key"].null_count()
    return frame.with_columns(frame["text"].cat.to(pl.Enum(texts))), counts


def _named_by_column(texts: pl.Series, frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """The same for the distinct texts of a frame (`text` is a place among them) and its levels."""
    on = ["text", "level"]
    pairs = frame.select(on).unique(maintain_order=True).with_row_index("pair")
    distinct, places = distinct_codes(with_level(texts.gather(pairs["text"]), pairs["level"]))
    pair = frame.join(pairs, on=on, how="left", maintain_order="left", nulls_equal=True)["pair"]
    return distinct, frame.with_columns(text=places.gather(pair))


def _column_levels(values: pl.Series, layout: Layout) -> pl.Series:
    """The standard levels of a column of them."""
    distinct, places = distinct_codes(values.fill_null(""))
    return standard_levels(distinct, layout.level or "").gather(places)


def _header_times(block: Block, layout: Layout) -> pl.Series | None:
    """The header's times (str), by as much of its pattern as reaches to the end of the time."""
    header = ascii_digits(layout.header or "")
    if "(?P<time>" not in header or layout.time_format is None:
        return None
    for end in (m.end() for m in re.finditer(r"\)", header)):
        try:
            names = groups(header[:end])
        except pl.exceptions.ComputeError:
            continue  # within a group
        if "time" in names:
            return block.extract(header[:end], names.index("time") + 1)
    return None


def _seconds(times: pl.Series, layout: Layout) -> pl.Series:
    """Seconds since the epoch (f64), equal neighbours parsed once; null without a format."""
    if layout.time_format is None:
        return pl.repeat(None, len(times), dtype=pl.Float64, eager=True)
    changed = times.ne_missing(times.shift(1)).to_numpy().copy()
    changed[:1] = True
    first = np.flatnonzero(changed)
    read = seconds(times.gather(first), layout.time_format).to_numpy()
    return pl.Series(np.repeat(read, np.diff(first, append=len(times)))).fill_nan(None)
