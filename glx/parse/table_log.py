"""Logs that are tables (CSV, TSV): where text, time and level are, and how rows are read."""

import csv
from collections.abc import Iterator
from itertools import chain

import polars as pl

from glx.errors import InputError
from glx.parse.digits import Block, join_lines
from glx.parse.fields import COLUMN, Fields, joined, session_of
from glx.parse.layout import WIDEST, Layout, known_columns, no_text
from glx.parse.read import ReadCounts, clean
from glx.parse.sources import LogPath
from glx.parse.table import read_rows
from glx.parse.times import format_of


def table_layout(lines: list[str], forced: bool) -> Layout | None:
    """The layout of a table, or None where the first line is no header of one."""
    first = lines[0] if lines else ""
    separator = max(",\t;|", key=first.count)
    try:
        rows = list(csv.reader((line[:WIDEST] for line in lines[:100]), delimiter=separator))
    except csv.Error:  # no table, for example a carriage return within a line
        rows = []
    names = rows[0] if rows else []
    text, times, level = known_columns(names)
    if text is None or (len(names) < 2 and not forced):
        if forced:
            raise no_text("column", names)
        return None
    places = [names.index(t) for t in times]
    values = [" ".join(r[i] for i in places) for r in rows[1:] if len(r) == len(names)]
    return Layout("csv", None, text, times, level, format_of(values), separator)


def read_table_log(
    raw: bytes,
    counts: ReadCounts,
    layout: Layout,
    path: LogPath,
    columns: dict[str, int],
    width: int,
) -> Fields:
    try:
        places = sorted(set(columns.values()))
        table = read_rows(raw, width, places, layout.separator, layout.quote)
    except pl.exceptions.PolarsError as e:
        raise InputError(
            f"{path}: not a readable table ({str(e).splitlines()[0]}); correct its quotes, or read "
            "it with --format=lines"
        ) from e
    column = {name: table[str(place)] for name, place in columns.items()}
    text, session = column[layout.text], layout.session
    return Fields(
        Block.of(join_lines(text)),
        key=column[session] if session in column else session_of(text, session),
        time=joined([column[name] for name in layout.time]),
        level=column[layout.level] if layout.level else None,
    )


def table_start(blocks: Iterator[bytes], layout: Layout) -> tuple[list[str], Iterator[bytes]]:
    """The names in the header line of a table, and the blocks of what follows it."""
    line, _, rest = next(filter(None, blocks)).partition(b"\n")
    text = clean(line + b"\n", ReadCounts()).decode().rstrip("\n")
    names = text.split(layout.separator)
    if layout.quote:
        text = text[:WIDEST].replace("\r", " ")
        names = next(csv.reader([text], delimiter=layout.separator), [])
    return names, chain([rest] if rest else [], blocks)


def columns_of(path: LogPath, layout: Layout, names: list[str]) -> dict[str, int]:
    """The places of the columns that the layout needs; no other is parsed."""
    needed = [layout.text, *layout.time] + ([layout.level] if layout.level else [])
    if layout.session and (layout.session in names or COLUMN.fullmatch(layout.session)):
        needed.append(layout.session)
    for name in needed:
        if name not in names:
            raise InputError(
                f"{path}: line 1: no column {name!r}; the columns are {', '.join(names)}"
            )
    return {name: names.index(name) for name in needed}
