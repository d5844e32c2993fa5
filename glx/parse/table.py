"""Columns of a CSV or TSV table (plain, .gz, .zst) as strings; only requested ones are parsed."""

import csv
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from glx.errors import InputError
from glx.parse.read import ReadCounts, clean, open_text
from glx.parse.sources import LogPath

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number(text: str) -> float:
    """The number in a cell; Python itself would also read `0_1`, `nan` and digits of all scripts.

    Raises:
      ValueError: it is none.
    """
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def check_once(path: LogPath, names: Sequence[str], needed: Iterable[str]) -> None:
    """Raise InputError where a column is there twice: which one is meant?"""
    for name in needed:
        if names.count(name) > 1:
            raise InputError(f"{path}: line 1: two columns {name!r}; rename or drop one")


def read_table(path: Path, columns: list[str], counts: ReadCounts | None = None) -> pl.DataFrame:
    """`columns` of a table with a header line, in the order of the file; an empty row is all null.

    Args:
      counts: repaired lines are added to it.

    Raises:
      InputError: empty, a column is missing (naming it and those there are), or no table.
    """
    with open_text(path) as file:
        data = clean(file.read(), counts or ReadCounts(), quoted=True)
    read = partial(pl.read_csv, data, separator=separator(path), infer_schema=False)
    try:
        header = read(n_rows=0).columns
        missing = [name for name in columns if name not in header]
        if missing:
            raise InputError(
                f"{path}: line 1: no column {missing[0]!r}; the columns are {', '.join(header)}"
            )
        first = read(n_rows=1, has_header=False).row(0)  # as it is: Polars renames the second
        check_once(path, first, columns)
        return read(columns=columns)
    except pl.exceptions.NoDataError as e:
        raise InputError(f"{path}: the file is empty; give a table with a header line") from e
    except pl.exceptions.PolarsError as e:
        line = suspect(data, separator(path))
        raise InputError(f"{path}: line {line}: not a row of the table; correct it") from e


def read_rows(raw: bytes, width: int, columns: list[int], comma: str, quoted: bool) -> pl.DataFrame:
    """Some columns of the rows of a table, named by their place; of a short row the rest is null.

    Args:
      raw: clean rows without the header.
      width: columns in a row; further ones are dropped.
      comma: what separates them.
    """
    header = comma.join(map(str, range(width)))  # else Polars takes the width from the first row
    return pl.read_csv(
        header.encode() + b"\n" + (raw or b"\n"),  # a last line of NUL alone is an empty row
        separator=comma,
        quote_char='"' if quoted else None,
        schema={str(i): pl.String for i in range(width)},
        columns=columns,
        truncate_ragged_lines=True,
    )


def read_header(path: Path) -> list[str]:
    """The names of the columns."""
    with open_text(path) as file:
        line = file.readline()
    if not line.strip():
        raise InputError(f"{path}: line 1: is empty; give a table with a header line")
    read = partial(pl.read_csv, line, separator=separator(path), infer_schema=False)
    names = read(n_rows=0).columns
    check_once(path, read(n_rows=1, has_header=False).row(0), names)
    return names


def separator(path: Path) -> str:
    """A tab for `.tsv` (`.tsv.gz`, `.tsv.zst`), else a comma."""
    return "\t" if ".tsv" in path.suffixes else ","


def suspect(data: bytes, separator: str, width: int | None = None) -> int:
    """The first line that leaves a quote open or has over `width` fields (those of the first)."""
    for n, raw in enumerate(data.split(b"\n"), start=1):
        try:
            fields = next(csv.reader([raw.decode()], delimiter=separator, strict=True), [])
        except csv.Error:
            return n
        width = width or len(fields)
        if len(fields) > width or raw.count(b'"') % 2:
            return n
    return 1
