"""Raw text to records: the masked text, time, session key and level of every line of a file.

In: a file and its layout. Out: a Polars frame for each block of the file, in order. Blocks go
through a few threads (Polars and NumPy let go of the interpreter); what depends on the order, such
as line numbers, is added where the frames are consumed.

Header, level and masked text are functions of a line's skeleton, worked out once for each distinct
one (`glx/parse/skeletons.py`).
"""

import csv
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from glx.errors import InputError
from glx.parse.header import WIDEST, Layout, has_year, seconds
from glx.parse.mask import distinct_skeletons, join
from glx.parse.read import ReadCounts, blocks, clean
from glx.parse.shapes import Shapes, distinct_codes, split_lines
from glx.parse.skeletons import Known, known_skeletons, read_skeletons, with_level
from glx.parse.table import read_rows

YEAR = 366 * 86400.0  # seconds of 1972, the year of times that say none
NAME = re.compile(r"[\w.@ -]+")  # of a column, where it is not a regular expression
# Bytes that, once freed, teach the allocator of Linux to keep what is as large for the next block:
# getting its pages from the system again and again would take a good part of the time.
KEPT = (32 << 20) - (1 << 16)
TURN = 2e-4  # seconds
T = TypeVar("T")
R = TypeVar("R")


def records(
    path: Path | str, layout: Layout, counts: ReadCounts, threads: int | None = None
) -> Iterator[pl.DataFrame]:
    """The events of a file, a frame for each block of it, in order.

    Yields:
      `line` int64 (row of the file from 0; a table's header is none), `text` enum (the masked text,
      with the level before it from WARN up; its categories are the block's distinct texts in order
      of first appearance), `key` str, `time` f64 in seconds since the epoch, `level` str in
      capitals; the last three null where there is none. A line without text yields no row.

    Args:
      counts: is added to as frames are yielded.
      threads: blocks worked on at once; None: one for each core. The frames do not depend on it.

    Raises:
      InputError: from reading; a column that is missing; a pattern that is none.
    """
    check(path, layout)
    bytes(KEPT)
    lines = 0
    clock: tuple[float | None, int] = (None, 0)
    known: Known = {}
    with closing(blocks(path, quoted=layout.format == "csv" and layout.quote)) as raw:
        body: Iterator[bytes] = raw
        work: Callable
        if layout.format == "csv":
            names, body = _table_start(raw, layout)
            places = _places(path, layout, names)
            work = partial(_table_block, path=path, places=places, width=len(names))
        else:
            work = _json_block if layout.format == "jsonl" else _line_block
        work = partial(work, layout=layout, known=known)
        for frame, part in ordered(work, body, threads or os.cpu_count() or 1):
            frame = frame.with_columns(pl.col("line") + lines)
            if layout.time_format and not has_year(layout.time_format):
                frame, clock = count_years(frame, clock)
            lines += part.lines
            counts.add(part)
            yield frame


def ordered(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`work` of each item, in their order, `threads` at a time and as many waiting."""
    waiting: deque[Future[R]] = deque()
    with short_turns(), ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def short_turns() -> Iterator[None]:
    """Python's threads have the interpreter for `TURN` while another waits, not for 5 ms.

    Who mines would keep it from those that read, which need it again after each array operation.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def check(path: Path | str, layout: Layout) -> None:
    """Raise InputError where a pattern of the layout is none."""
    for name, pattern in (("the header", layout.header), ("--session", layout.session)):
        try:
            groups(pattern or "")
        except pl.exceptions.ComputeError as e:
            raise InputError(
                f"{path}: {name} {pattern!r} is not a regular expression "
                f"({str(e).splitlines()[-1]}); correct it"
            ) from e


def groups(pattern: str) -> list[str]:
    """The groups of a regular expression (Rust syntax), numbered where they have no name."""
    return list(pl.Series([""]).str.extract_groups(pattern).struct.fields)


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


def _line_block(raw: bytes, layout: Layout, known: Known) -> tuple[pl.DataFrame, ReadCounts]:
    counts = ReadCounts()
    shapes = Shapes.of(clean(raw, counts))
    key = None
    if layout.session is not None:
        pattern = ascii_digits(layout.session)
        key = shapes.extract(pattern, 1 if groups(pattern) else 0)
    return _frame(shapes, layout, counts, known, key=key), counts


def _json_block(raw: bytes, layout: Layout, known: Known) -> tuple[pl.DataFrame, ReadCounts]:
    counts = ReadCounts()
    lines = split_lines(clean(raw, counts))

    def field(name: str) -> pl.Series:
        return lines.str.json_path_match(f"$[{name!r}]")

    text, session = field(layout.text), layout.session
    counts.broken_json = int((text.is_null() & (lines.str.strip_chars() != "")).sum())
    text = text.zip_with(text.is_not_null(), lines)
    named = session is not None and NAME.fullmatch(session)
    frame = _frame(
        Shapes.of(join(text)),
        layout,
        counts,
        known,
        key=field(session) if session and named else _matches(lines, session),
        time=_joined([field(name) for name in layout.time]),
        level=field(layout.level) if layout.level else None,
    )
    return frame, counts


def _table_block(
    raw: bytes,
    layout: Layout,
    known: Known,
    path: Path | str,
    places: dict[str, int],
    width: int,
) -> tuple[pl.DataFrame, ReadCounts]:
    counts = ReadCounts()
    try:
        rows = clean(raw, counts, layout.quote)
        columns = sorted(set(places.values()))
        table = read_rows(rows, width, columns, layout.separator, layout.quote)
    except pl.exceptions.PolarsError as e:
        raise InputError(
            f"{path}: not a readable table ({str(e).splitlines()[0]}); mend its quotes, or read it "
            "with --format=lines"
        ) from e
    column = {name: table[str(i)] for name, i in places.items()}
    text, session = column[layout.text], layout.session
    frame = _frame(
        Shapes.of(join(text)),
        layout,
        counts,
        known,
        key=column[session] if session in column else _matches(text, session),
        time=_joined([column[name] for name in layout.time]),
        level=column[layout.level] if layout.level else None,
    )
    return frame, counts


def _table_start(raw: Iterator[bytes], layout: Layout) -> tuple[list[str], Iterator[bytes]]:
    """The names in the header line of a table, and the blocks of what follows it."""
    line, _, rest = next(raw).partition(b"\n")
    text = clean(line + b"\n", ReadCounts()).decode().rstrip("\n")
    names = text.split(layout.separator)
    if layout.quote:
        text = text[:WIDEST].replace("\r", " ")
        names = next(csv.reader([text], delimiter=layout.separator), [])
    return names, chain([rest] if rest else [], raw)


def _places(path: Path | str, layout: Layout, names: list[str]) -> dict[str, int]:
    """Where the columns stand that the layout needs; no other is parsed."""
    needed = [layout.text, *layout.time] + ([layout.level] if layout.level else [])
    if layout.session and (layout.session in names or NAME.fullmatch(layout.session)):
        needed.append(layout.session)
    for name in needed:
        if name not in names:
            raise InputError(
                f"{path}: line 1: no column {name!r}; the columns are {', '.join(names)}"
            )
    return {name: names.index(name) for name in needed}


def _frame(
    shapes: Shapes,
    layout: Layout,
    counts: ReadCounts,
    known: Known,
    key: pl.Series | None = None,
    time: pl.Series | None = None,
    level: pl.Series | None = None,
) -> pl.DataFrame:
    """Records of a block of texts, one a line; lines count from 0."""
    skeletons, codes = distinct_skeletons(shapes)
    kind = codes.to_numpy()
    if shapes.many:  # most are new, and will not be seen again
        masked, levels, fits = read_skeletons(skeletons, layout.header)
    else:
        masked, levels, fits = known_skeletons(skeletons, layout.header, known)
    filled = (skeletons.str.strip_chars() != "").to_numpy()
    n_of_kind = np.bincount(kind, minlength=len(filled))
    counts.lines = len(kind)
    counts.empty = int(n_of_kind[~filled].sum())
    counts.no_header = int(n_of_kind[filled & ~fits].sum())

    texts, places = distinct_codes(masked.filter(filled))
    place = np.zeros(len(filled), dtype=np.uint32)
    place[filled] = places.to_numpy()
    seconds_ = _header_seconds(shapes, layout) if time is None else _seconds(time, layout)
    absent = pl.repeat(None, len(kind), dtype=pl.String, eager=True)
    frame = pl.DataFrame(
        {
            "line": np.arange(len(kind), dtype=np.int64),
            "text": place[kind],
            "key": absent if key is None else key,
            "time": absent.cast(pl.Float64) if seconds_ is None else seconds_,
            "level": levels.gather(codes) if level is None else level.str.to_uppercase(),
        }
    )
    if level is not None:  # a column of its own: the header's level is in the texts already
        texts, frame = _named_by_column(texts, frame)
    if not filled.all():
        frame = frame.filter(pl.Series(filled[kind]))
    counts.no_session = 0 if key is None else frame["key"].null_count()
    return frame.with_columns(frame["text"].cat.to(pl.Enum(texts)))


def _named_by_column(texts: pl.Series, frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """The same for the distinct texts of a frame (`text` is a place among them) and its levels."""
    on = ["text", "level"]
    pairs = frame.select(on).unique(maintain_order=True).with_row_index("pair")
    distinct, places = distinct_codes(with_level(texts.gather(pairs["text"]), pairs["level"]))
    pair = frame.join(pairs, on=on, how="left", maintain_order="left", nulls_equal=True)["pair"]
    return distinct, frame.with_columns(text=places.gather(pair))


def _header_seconds(shapes: Shapes, layout: Layout) -> pl.Series | None:
    """The header's times, by as much of its pattern as reaches to the end of the time."""
    header = ascii_digits(layout.header or "")
    if "(?P<time>" not in header or layout.time_format is None:
        return None
    for end in (m.end() for m in re.finditer(r"\)", header)):
        try:
            names = groups(header[:end])
        except pl.exceptions.ComputeError:
            continue  # within a group
        if "time" in names:
            return _seconds(shapes.extract(header[:end], names.index("time") + 1), layout)
    return None


def _seconds(times: pl.Series, layout: Layout) -> pl.Series:
    """Seconds since the epoch (f64), equal neighbours read once; null without a format."""
    if layout.time_format is None:
        return pl.repeat(None, len(times), dtype=pl.Float64, eager=True)
    changed = times.ne_missing(times.shift(1)).to_numpy().copy()
    changed[:1] = True
    first = np.flatnonzero(changed)
    read = seconds(times.gather(first), layout.time_format).to_numpy()
    return pl.Series(np.repeat(read, np.diff(first, append=len(times)))).fill_nan(None)


def _matches(lines: pl.Series, pattern: str | None) -> pl.Series | None:
    """The first match in each line, its group 1 where there is one; null where there is none."""
    if pattern is None:
        return None
    return lines.str.extract(ascii_digits(pattern), 1 if groups(pattern) else 0)


def ascii_digits(pattern: str) -> str:
    r"""The pattern with `[0-9]` for `\d`, which in Rust is every digit of Unicode, and slow."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\d", r"\1[0-9]", pattern)


def _joined(columns: list[pl.Series]) -> pl.Series | None:
    """Columns of str, joined with a space."""
    if not columns:
        return None
    named = [column.alias(str(i)) for i, column in enumerate(columns)]
    return pl.DataFrame(named).select(pl.concat_str(pl.all(), separator=" ")).to_series()
