"""A block of raw lines to its records: masked text, time, session key and level of each event.

In: a block's bytes and what reads them, a `Reader` for each layout of the file. Out: `Found`: the
events, and what the order of blocks is needed for: the events of a record that began before the
block, and the last record, to which lines of the next block may belong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from glx.parse.digits import Block, ascii_digits, distinct_codes, join_lines, split_lines
from glx.parse.fields import COLUMN, groups, session_of
from glx.parse.formats import BlockParser
from glx.parse.joins import (
    DETAIL,
    EMPTY,
    JOINED,
    RECORD,
    UNCAUGHT,
    Above,
    below,
    of_traces,
    owners,
    spread_detail,
    take_from,
)
from glx.parse.keys import without_keys
from glx.parse.layout import Layout
from glx.parse.levels import standard_levels
from glx.parse.log import DETAIL_CHARACTERS, DETAIL_LINES
from glx.parse.read import ReadCounts, clean, line_count
from glx.parse.texts import TextCache, cached_texts, masked_texts, with_level
from glx.parse.times import YEARLESS, seconds
from glx.parse.unwrap import Inner, unwrap, without_colours


@dataclass(frozen=True)
class Reader:
    """What reads the lines of one layout.

    Attributes:
      read: the function of the layout's format.
      cache: masked texts of lines that occurred before.
    """

    layout: Layout
    read: BlockParser
    cache: TextCache = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The events of a block.

    Attributes:
      frame: as `records` gives it, lines counted from 0.
      counts: what was read; an event below no record of the block counts as joined.
      open: by source (None where lines have none) the rows of `frame` that belong to a record of
        the blocks before.
      last: by source the last record.
      details: by line of an event (-1: of the last one before the block) the detail below it, where
        it was asked for.
    """

    frame: pl.DataFrame
    counts: ReadCounts
    open: dict[str | None, np.ndarray] = field(default_factory=dict)
    last: dict[str | None, Above] = field(default_factory=dict)
    details: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True)
class Part:
    """The rows of a block that one layout reads, the empty ones and those of no event included.

    Attributes:
      texts: distinct texts.
      frame: columns of `records`, `text` (u32) a place among `texts`.
      role: `<int8>[N]` as `glx/parse/joins.py` defines them.
    """

    texts: pl.Series
    frame: pl.DataFrame
    role: np.ndarray


def block_records(raw: bytes, readers: Sequence[Reader], detailed: bool = False) -> Found:
    """The records of a block; each line is read by the first reader whose layout fits it.

    Args:
      detailed: give the detail of events.
    """
    counts, layout = ReadCounts(lines=line_count(raw)), readers[0].layout
    raw = clean(raw, counts, quoted=layout.format == "csv" and layout.quote)
    outer = raw = without_colours(raw)
    inner = None
    if layout.wrap:
        inner = unwrap(split_lines(raw), layout.wrap)
        raw = without_colours(join_lines(inner.lines))
    part = _read(raw, readers[0], counts)
    for reader in readers[1:]:
        part = _read_rest(part, raw, reader)
    row = part.frame["line"].to_numpy()
    source = None
    if inner is not None:
        part = replace(part, frame=_with_outer(part, inner, outer, layout))
        source = inner.source.gather(row)
    found = _joined(part, layout, counts, source)
    if not detailed or not counts.detail:
        return found
    return replace(found, details=_details(part, split_lines(raw).gather(row), source))


def _details(part: Part, texts: pl.Series, source: pl.Series | None) -> list[tuple[int, str]]:
    """By line of an event of the block (-1: of the last one before it) the detail below it.

    Args:
      texts: str, the line of each row.
    """
    event = np.where(part.role <= JOINED, RECORD, DETAIL)
    origin = np.zeros(len(event), np.uint32)
    if source is not None:
        origin = distinct_codes(source)[1].to_numpy()
    owner = owners(event, origin)
    at = np.flatnonzero(part.role == DETAIL)
    line = np.where(owner >= 0, part.frame["line"].to_numpy()[owner], -1)[at]
    below_it = pl.DataFrame({"line": line, "text": texts.gather(at)})
    joined = pl.col("text").head(DETAIL_LINES).str.join("\n").str.slice(0, DETAIL_CHARACTERS)
    return below_it.group_by("line", maintain_order=True).agg(joined).rows()


def _read(raw: bytes, reader: Reader, counts: ReadCounts) -> Part:
    """What one layout makes of the lines."""
    layout, fields = reader.layout, reader.read(raw, counts)
    block, level, scale = fields.texts, fields.level, layout.level or ""
    if level is None:
        level, scale = _header_part(block, layout, "pri"), "pri"
    line = np.arange(len(block.codes)) if fields.rows is None else fields.rows
    keyless = without_keys(block, fields.key)
    collapsed, codes = keyless.collapsed()
    kind = codes.to_numpy()
    if keyless.varied:  # most are new and will not occur again
        masked, levels, fits = masked_texts(collapsed, layout.header)
    else:
        masked, levels, fits = cached_texts(collapsed, layout.header, reader.cache)
    filled = (collapsed.str.strip_chars() != "").to_numpy()
    absent = pl.repeat(None, len(kind), dtype=pl.String, eager=True)
    time = _header_part(block, layout, "time") if fields.time is None else fields.time
    frame = pl.DataFrame(
        {
            "line": line.astype(np.int64),
            "text": kind,
            "key": absent if fields.key is None else fields.key,
            "time": absent.cast(pl.Float64) if time is None else _seconds(time, layout),
            "level": levels.gather(codes) if level is None else _column_levels(level, scale),
        }
    )
    if level is not None:  # a column of its own: the header's level is in the texts already
        masked, frame = _named_by_column(masked, frame)
    row_fits = fits[kind] if fields.fits is None else fields.fits
    if layout.format == "csv":  # a row of a table is a record in any case
        counts.lines = len(kind)
        counts.no_header = int((filled[kind] & ~row_fits).sum())
        row_fits = np.ones(len(kind), dtype=bool)
    role = _roles(collapsed, kind, row_fits, layout)
    if not filled.all():
        role[~filled[kind]] = EMPTY
    counts.empty = int((role == EMPTY).sum())
    return _at_error(Part(masked, frame, role), collapsed, kind)


def _at_error(part: Part, collapsed: pl.Series, kind: np.ndarray) -> Part:
    """The part, where what nobody caught is at ERROR, whatever the level of the record above."""
    joined = np.flatnonzero(part.role == JOINED)
    if not len(joined):
        return part
    uncaught = np.zeros(len(collapsed), dtype=bool)
    kinds = np.unique(kind[joined])
    uncaught[kinds] = collapsed.gather(kinds).str.contains(UNCAUGHT).to_numpy()
    rows = joined[uncaught[kind[joined]]]
    text = part.frame["text"].to_numpy().copy()
    old, new = np.unique(text[rows], return_inverse=True)
    text[rows] = len(part.texts) + new
    level = part.frame["level"].scatter(rows, "ERROR")
    frame = part.frame.with_columns(text=pl.Series(text), level=level)
    return replace(part, texts=part.texts.append("ERROR " + part.texts.gather(old)), frame=frame)


def _roles(collapsed: pl.Series, kind: np.ndarray, fits: np.ndarray, layout: Layout) -> np.ndarray:
    """`<int8>[N]` the roles of rows by what their layout fits, those of no header by their look."""
    role = np.zeros(len(kind), dtype=np.int8)  # RECORD
    if not fits.all():
        unfit = np.flatnonzero(np.bincount(kind[~fits], minlength=len(collapsed)))
        role_of_kind = np.zeros(len(collapsed), dtype=np.int8)
        role_of_kind[unfit] = below(collapsed.gather(unfit))
        role[~fits] = role_of_kind[kind[~fits]]
    elif layout.header is None and layout.format == "lines":
        role_of_kind = of_traces(collapsed)
        if role_of_kind.any():
            indented = collapsed.str.contains(r"^\s").to_numpy()
            role = spread_detail(role_of_kind[kind], indented[kind])
    return role


def _read_rest(part: Part, raw: bytes, reader: Reader) -> Part:
    """The part with the lines that were no record so far and that fit another layout."""
    rest = np.flatnonzero((part.role == JOINED) | (part.role == DETAIL))
    if not len(rest):
        return part
    line = part.frame["line"].to_numpy()[rest]
    more = _read(join_lines(split_lines(raw).gather(line)), reader, ReadCounts())
    fits = more.role == RECORD
    if not fits.any():
        return part
    place = more.frame["line"].to_numpy()
    added = more.frame.with_columns(line=line[place], text=pl.col("text") + len(part.texts))
    keep = np.ones(len(part.role), dtype=bool)
    keep[rest[place[fits]]] = False
    frame = pl.concat([part.frame.filter(keep), added.filter(fits)])
    role = np.append(part.role[keep], more.role[fits])
    order = np.argsort(frame["line"].to_numpy(), kind="stable")
    return Part(*_used(part.texts.append(more.texts), frame[order]), role[order])


def _used(texts: pl.Series, frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """The texts that a row of the frame has, and the frame (`text` is a place among them)."""
    used = frame["text"].unique(maintain_order=True)
    place = np.zeros(len(texts), dtype=np.uint32)
    place[used.to_numpy()] = np.arange(len(used))
    return texts.gather(used), frame.with_columns(text=pl.Series(place[frame["text"].to_numpy()]))


def _with_outer(part: Part, inner: Inner, outer: bytes, layout: Layout) -> pl.DataFrame:
    """The rows of a wrapped block at the lines of the block, with what is only around the line.

    The time around it serves where the line within has none, or none with a year; the session rule
    is tried on all of the line where it finds nothing within.
    """
    row = part.frame["line"].to_numpy()
    frame = part.frame.with_columns(line=inner.rows[row])
    lacks = pl.Series(part.role == RECORD) & ~(frame["time"] > YEARLESS).fill_null(False)
    if lacks.any():
        times = inner.seconds().gather(row)
        frame = frame.with_columns(time=times.zip_with(lacks & times.is_not_null(), frame["time"]))
    lacks = frame["key"].is_null()
    if layout.session and not COLUMN.fullmatch(layout.session) and lacks.any():
        keys = session_of(split_lines(outer).gather(frame["line"]), layout.session)
        frame = frame.with_columns(key=pl.coalesce(frame["key"], keys))
    return frame


def _joined(
    part: Part, layout: Layout, counts: ReadCounts, source: pl.Series | None = None
) -> Found:
    """The events of a block: records, and those of the lines below them that are events.

    Args:
      source: str, where each line is from, as a container; None: all from one.
    """
    frame, role, texts = part.frame, part.role, part.texts
    names: list[str | None] = [None]
    origin = np.zeros(len(role), dtype=np.uint32)
    if source is not None:
        distinct, codes = distinct_codes(source)
        names, origin = distinct.to_list(), codes.to_numpy()
    owner, event = np.arange(len(role)), role == RECORD
    if not event.all():
        owner = owners(role, origin)
        frame = take_from(frame, owner)
        line = frame["line"].to_numpy()
        near = (owner < 0) | (line - line[owner] < layout.max_record)
        joined = (role == JOINED) & near
        counts.joined, counts.detail = int(joined.sum()), int((role == DETAIL).sum())
        counts.beyond = int(((role == JOINED) & ~near).sum())
        event |= joined
    last, open_ = {}, {}
    for code, name in enumerate(names):
        own = owner[origin == code] if source is not None else owner
        if len(own) and own[-1] >= 0:
            last[name] = Above(*frame.select("line", "key", "time", "level").row(int(own[-1])))
        at = np.flatnonzero((owner[event] < 0) & (origin[event] == code))
        if len(at):
            open_[name] = at
    if not event.all():
        texts, frame = _used(texts, frame.filter(pl.Series(event)))
    texts, places = distinct_codes(texts)
    text = places.gather(frame["text"]).cat.to(pl.Enum(texts))
    return Found(frame.with_columns(text=text), counts, open_, last)


def _named_by_column(texts: pl.Series, frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """The same for the distinct texts of a frame (`text` is a place among them) and its levels."""
    on = ["text", "level"]
    pairs = frame.select(on).unique(maintain_order=True).with_row_index("pair")
    distinct, places = distinct_codes(with_level(texts.gather(pairs["text"]), pairs["level"]))
    pair = frame.join(pairs, on=on, how="left", maintain_order="left", nulls_equal=True)["pair"]
    return distinct, frame.with_columns(text=places.gather(pair))


def _column_levels(values: pl.Series, name: str) -> pl.Series:
    """The standard levels of a column of them."""
    distinct, places = distinct_codes(values.fill_null(""))
    return standard_levels(distinct, name).gather(places)


def _header_part(block: Block, layout: Layout, name: str) -> pl.Series | None:
    """A group of the header (str), by as much of its pattern as reaches to the end of the group."""
    header = ascii_digits(layout.header or "")
    if f"(?P<{name}>" not in header:
        return None
    for end in (m.end() for m in re.finditer(r"\)", header)):
        try:
            names = groups(header[:end])
        except pl.exceptions.ComputeError:
            continue  # within a group
        if name in names:
            return block.extract(header[:end], names.index(name) + 1)
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
