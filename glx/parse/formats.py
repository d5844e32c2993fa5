"""The formats of log files, one function each: a block of raw bytes to the fields of its lines.

A new format needs a function here, its name in `block_parser`, and, if files of it shall be
recognised, a layout in `detect_layout` (`glx/parse/header.py`).
"""

import csv
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from glx.errors import InputError
from glx.parse.digits import Block, ascii_digits, join_lines
from glx.parse.fields import COLUMN, Fields, groups, joined, session_of
from glx.parse.jsonl import read_json
from glx.parse.layout import WIDEST, Layout
from glx.parse.read import ReadCounts, clean
from glx.parse.table import read_rows

BlockParser = Callable[[bytes, ReadCounts], Fields]  # adds to the counts


def block_parser(
    path: Path | str, layout: Layout, blocks: Iterator[bytes]
) -> tuple[BlockParser, Iterator[bytes]]:
    """The function that reads blocks of this layout, and the blocks without a table's header line.

    Raises:
      InputError: a pattern of the layout is wrong, or a column is missing.
    """
    for name, pattern in (("the header", layout.header), ("--session", layout.session)):
        try:
            groups(pattern or "")
        except pl.exceptions.ComputeError as e:
            raise InputError(
                f"{path}: {name} {pattern!r} is not a regular expression "
                f"({str(e).splitlines()[-1]}); correct it"
            ) from e
    if layout.format == "csv":
        names, blocks = _table_start(blocks, layout)
        columns = _columns(path, layout, names)
        width = len(names)
        return partial(_read_table, layout=layout, path=path, columns=columns, width=width), blocks
    read = {"lines": _read_lines, "jsonl": read_json}[layout.format]
    return partial(read, layout=layout), blocks


def _read_lines(raw: bytes, counts: ReadCounts, layout: Layout) -> Fields:
    block = Block.of(clean(raw, counts))
    if layout.session is None:
        return Fields(block)
    pattern = ascii_digits(layout.session)
    return Fields(block, key=block.extract(pattern, 1 if groups(pattern) else 0))


def _read_table(
    raw: bytes,
    counts: ReadCounts,
    layout: Layout,
    path: Path | str,
    columns: dict[str, int],
    width: int,
) -> Fields:
    try:
        rows = clean(raw, counts, layout.quote)
        places = sorted(set(columns.values()))
        table = read_rows(rows, width, places, layout.separator, layout.quote)
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


def _table_start(blocks: Iterator[bytes], layout: Layout) -> tuple[list[str], Iterator[bytes]]:
    """The names in the header line of a table, and the blocks of what follows it."""
    line, _, rest = next(blocks).partition(b"\n")
    text = clean(line + b"\n", ReadCounts()).decode().rstrip("\n")
    names = text.split(layout.separator)
    if layout.quote:
        text = text[:WIDEST].replace("\r", " ")
        names = next(csv.reader([text], delimiter=layout.separator), [])
    return names, chain([rest] if rest else [], blocks)


def _columns(path: Path | str, layout: Layout, names: list[str]) -> dict[str, int]:
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
