"""Logs that are tables (CSV, TSV): where text, time and level are, and how rows are read."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import polars as pl

from glx.errors import InputError
from glx.parse.digits import Block, join_lines
from glx.parse.fields import COLUMN, Fields, joined, session_of
from glx.parse.jsonl import json_object, read_object
from glx.parse.layout import WIDEST, Layout
from glx.parse.line_header import header_within
from glx.parse.names import NOTHING_GIVEN, Given, given_fields, no_text
from glx.parse.outcomes import first_lines, is_outcome, varied, with_outcomes
from glx.parse.read import ReadCounts, clean
from glx.parse.sources import LogPath
from glx.parse.table import check_once, read_rows
from glx.parse.unwrap import without_colours

OBJECT = Layout("jsonl")  # whose fields go by what they are usually called
UNNAMED = ""  # what we call a column of texts that the header line does not name
WINDOWS = {"TimeCreated", "LevelDisplayName", "ProviderName"}
# Its numbers of levels are not those of syslog; 0 is what is logged always.
WINDOWS_LEVELS = dict(
    zip("012345", ("INFO", "FATAL", "ERROR", "WARN", "INFO", "TRACE"), strict=True)
)
NOTES = re.compile(rb"(?:#TYPE |sep=)[^\n]*\n")  # before the header line: of PowerShell, of Excel
NAME = re.compile(r"[^\d\s=<>{}][^=<>{}]{0,60}")  # what a column may be called


def table_layout(lines: list[str], forced: bool, given: Given = NOTHING_GIVEN) -> Layout | None:
    """The layout of a table, or None where the first line is no header of one.

    Args:
      lines: the first lines that are not empty.
      forced: the user says that it is a table.
      given: fields that the user named.

    Raises:
      InputError: a column that was given is not there, or `forced` or given, and there is none of
        text.
    """
    if lines and NOTES.match(lines[0].encode() + b"\n"):
        lines = lines[1:]
    first = lines[0] if lines else ""
    separator = max(",\t;|", key=first.count)
    try:
        rows = list(csv.reader((line[:WIDEST] + "\n" for line in lines[:200]), delimiter=separator))
    except csv.Error:  # no table, for example a carriage return within a line
        rows = []
    names, rows = (rows[0], rows[1:]) if rows else ([], [])
    unnamed = 2 * sum(len(row) == len(names) + 1 for row in rows) > len(rows)
    if not forced and not _is_table(names, rows, len(names) + unnamed):
        return None
    names += [UNNAMED] * unnamed
    columns = {
        name: [row[n] for row in rows if len(row) > n and row[n]] for n, name in enumerate(names)
    }
    text, times, level, format = given_fields(columns, given)
    text = UNNAMED if text is None and UNNAMED in names else text
    if text is None:
        if forced or given.flags:
            raise no_text("column", names)
        return None
    known = {text, level, *times}
    named = [name for name in names if name not in known and is_outcome(name)]
    if WINDOWS.intersection(names):
        named += [name for name in names if name == "Id"]
    outcomes = tuple(name for name in named if not varied(columns[name]))
    layout = Layout("csv", None, text, times, level, format, separator, outcomes=outcomes)
    layout = replace(layout, given=tuple(given.flags.values()))
    texts = pl.Series(columns[text], dtype=pl.String)
    return layout if level else header_within(layout, _within_objects(texts)[0].to_list())


def _is_table(names: list[str], rows: list[list[str]], width: int) -> bool:
    """Whether the first line names columns, and over half of the others have `width` values."""
    fit = sum(len(row) == width for row in rows)
    named = all(map(NAME.fullmatch, names)) and len(set(names)) == len(names) >= 2
    return named and (2 * fit > len(rows) or not rows)


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
    said = {name.replace(" ", ""): column[name] for name in layout.outcomes}
    inner, inner_level = _within_objects(text)
    event = with_outcomes(first_lines(inner), said).zip_with(text.is_not_null(), text)
    level = column[layout.level] if layout.level else inner_level
    if layout.level is None and layout.header is not None:
        level = None  # the header says where it is
    if level is not None and WINDOWS.intersection(layout.time):
        level = level.replace(WINDOWS_LEVELS)
    return Fields(
        Block.of(join_lines(event)),
        key=column[session] if session in column else session_of(text, session),
        time=joined([column[name] for name in layout.time]),
        level=level,
    )


def _within_objects(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Texts (str), of those that are JSON objects the text within; and their levels, if any."""
    at = texts.str.starts_with("{").fill_null(False).arg_true()
    found = [(n, json_object(texts[n])) for n in at]
    rows = [(n, read_object(value, OBJECT)) for n, value in found if value]
    levels = [level for _, (_, _, level, _) in rows]
    at = pl.Series([n for n, _ in rows], dtype=pl.UInt32)
    texts = texts.scatter(at, pl.Series([text for _, (text, *_) in rows], dtype=pl.String))
    none = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    return texts, none.scatter(at, levels) if any(levels) else None


def table_start(blocks: Iterator[bytes], layout: Layout) -> tuple[list[str], Iterator[bytes]]:
    """The names in the header line of a table, and the blocks of what follows it."""
    start = next(filter(None, blocks))
    if note := NOTES.match(start):
        start = start[note.end() :]
    line, _, rest = start.partition(b"\n")
    text = without_colours(clean(line + b"\n", ReadCounts())).decode().rstrip("\n")
    names = text.split(layout.separator)
    if layout.quote:
        text = text[:WIDEST].replace("\r", " ")
        names = next(csv.reader([text], delimiter=layout.separator), [])
    if layout.text == UNNAMED and UNNAMED not in names:
        names.append(UNNAMED)
    return names, chain([rest] if rest else [], blocks)


def rows_of(lines: Sequence[str]) -> list[str]:
    """The rows of a table of quoted fields: a line break between quotes ends none."""
    rows: list[str] = []
    within = False
    for line in lines:
        if within:
            rows[-1] += "\n" + line
        else:
            rows.append(line)
        within ^= line.count('"') % 2 == 1
    return rows


def columns_of(path: LogPath, layout: Layout, names: list[str]) -> dict[str, int]:
    """The places of the columns that the layout needs; no other is parsed."""
    needed = [layout.text, *layout.time] + ([layout.level] if layout.level else [])
    needed += [name for name in layout.outcomes if name in names]
    if layout.session and (layout.session in names or COLUMN.fullmatch(layout.session)):
        needed.append(layout.session)
    for name in needed:
        if name not in names:
            raise InputError(
                f"{path}: line 1: no column {name!r}; the columns are {', '.join(names)}"
            )
    check_once(path, names, filter(None, needed))
    return {name: names.index(name) for name in needed}
