"""Files of event numbers in place of raw lines: a table of templates, and sequences or a stream.

In: a CSV (plain, .gz, .zst) and its template table. Out: texts, and `Sequences` or `Events`. Only
the columns named are read: a label column beside them never enters.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from glx.data.split import Events
from glx.data.systems import Numbered
from glx.errors import InputError
from glx.parse.read import ReadCounts, blocks, clean, head, open_text
from glx.parse.sources import Live, LogPath, Remote
from glx.parse.table import read_rows, read_table, suspect
from glx.sequences import WILDCARD, Sequences, csr_offsets

UNKNOWN = "unknown event"


def read_templates(spec: Numbered, inferred_text: bool) -> tuple[np.ndarray, list[str]]:
    """Event numbers `<int64>[V]`, ascending, and their texts.

    Args:
      inferred_text: keep texts that were assigned with the help of labels (`id_source` is
        `inferred`); else such an event has no text, like an unresolved one.

    Raises:
      InputError: a row without a number, a number twice, no row at all, or no such table.
    """
    number, text = spec.template_columns
    with open_text(spec.templates) as file:
        has_source = b"id_source" in file.readline()
    frame = read_table(spec.templates, [number, text] + ["id_source"] * has_source)
    texts = frame[text].fill_null("").str.replace_all("[*]", WILDCARD, literal=True)
    if has_source and not inferred_text:
        texts = texts.set(frame["id_source"] == "inferred", "")
    texts = texts.set(texts.str.strip_chars() == "", UNKNOWN)
    numbers = frame[number].str.strip_chars_start("E").cast(pl.Int64, strict=False)
    if numbers.null_count():
        line = int(numbers.is_null().arg_max() or 0) + 2
        raise InputError(f"{spec.templates}: line {line}: no event number in column {number!r}")
    if not len(numbers):
        raise InputError(f"{spec.templates}: no row below the header; give the template table")
    if not numbers.is_first_distinct().all():
        line = int(numbers.is_first_distinct().arg_min() or 0) + 2
        raise InputError(
            f"{spec.templates}: line {line}: event {numbers[line - 2]} is there twice; "
            "give each event one row"
        )
    order = np.argsort(numbers.to_numpy(), kind="stable")
    return numbers.to_numpy()[order], [texts[int(i)] for i in order]


def read_sequences(
    path: Path, spec: Numbered, numbers: np.ndarray, counts: ReadCounts
) -> Sequences:
    """A file whose rows are whole sequences of event numbers, separated by spaces."""
    frame = read_table(path, [spec.column] + ([spec.key] if spec.key else []), counts)
    found = _sequences(frame[spec.column], path, numbers, counts)
    _check_any(path, len(found))
    if spec.key is None:
        return found
    return replace(found, keys=frame[spec.key].to_numpy()[found.first_line].astype(object))


def read_events(path: Path, spec: Numbered, numbers: np.ndarray, counts: ReadCounts) -> Events:
    """A file that is one stream of event numbers, row after row, or several such files in one."""
    frame = read_table(path, [spec.column] + ([spec.clock] if spec.clock else []), counts)
    rows = _sequences(frame[spec.column], path, numbers, counts)
    _check_any(path, len(rows))
    file_starts = None
    if spec.clock is not None:
        times = _times(frame[spec.clock], path, rows.first_line)
        file_starts = rows.offsets[np.flatnonzero(np.diff(times, prepend=np.inf) < 0)]
    lines = np.repeat(rows.first_line, rows.lengths)
    return Events(ids=rows.ids, lines=lines, file_starts=file_starts)


def numbered_column(path: LogPath) -> str | None:
    """The column of event numbers, `sequence` or `event_id`, if the file is a table with one."""
    if not isinstance(path, Remote) and (isinstance(path, Live) or not Path(path).is_file()):
        return None  # standard input or a pipe, which give their lines once
    names = _names(head(path, 1)[0][:10_000])  # a longer first line is no header
    return next((name for name in ("sequence", "event_id") if name in names), None)


def numbered_blocks(
    path: LogPath, column: str, numbers: np.ndarray, counts: ReadCounts
) -> Iterator[Sequences]:
    """A table of any length, some rows at a time; each row one sequence (or one event).

    Args:
      counts: new; is added to while reading.
    """
    names: list[str] = []
    found = 0
    for raw in blocks(path):
        raw = clean(raw, counts, quoted=True)
        if not names:
            header, _, raw = raw.partition(b"\n")
            names = _names(header.decode())
            if not raw:
                continue
        try:
            rows = read_rows(raw, len(names), [names.index(column)], comma=",", quoted=True)
        except pl.exceptions.PolarsError as e:
            line = counts.lines + 1 + suspect(raw, ",", width=len(raw))
            raise InputError(f"{path}: line {line}: not a row of the table; correct it") from e
        sequences = _sequences(rows.to_series(), path, numbers, counts)
        if len(sequences):
            found += len(sequences)
            yield sequences
    _check_any(path, found)


def _times(column: pl.Series, path: Path, rows: np.ndarray) -> np.ndarray:
    """`<float64>[n]` seconds of times such as 2017-05-16 00:01:00 in `n` rows of the column."""
    given = column.gather(rows)
    times = given.str.strip_chars().str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    if times.null_count():
        at = int(times.is_null().arg_max() or 0)
        raise InputError(
            f"{path}: line {rows[at] + 2}: {given[at]!r} in column {column.name!r} is no time such "
            "as 2017-05-16 00:01:00"
        )
    return times.dt.epoch("s").to_numpy().astype(np.float64)


def _names(header: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([header]), [])]


def _check_any(path: LogPath, rows: int) -> None:
    if not rows:
        raise InputError(f"{path}: no row below the header; give at least one row of events")


def _sequences(
    column: pl.Series, path: LogPath, numbers: np.ndarray, counts: ReadCounts
) -> Sequences:
    """The next rows of event numbers, of which `counts` has the lines so far; no empty row."""
    spaced = column.fill_null("").str.replace_all(r"\s\s+|[^\S ]", " ").str.strip_chars()
    filled = (spaced != "").arg_true()
    rows = filled.to_numpy().astype(np.int64) + counts.lines
    counts.lines += len(column)
    counts.empty += len(column) - len(rows)
    lists = spaced.gather(filled).str.split(" ")
    values, lengths = lists.explode(), lists.list.len().to_numpy().astype(np.int64)

    def check(bad: pl.Series, what: str) -> None:
        if bad.any():
            at = int(bad.arg_max() or 0)
            line = rows[np.searchsorted(np.cumsum(lengths), at, side="right")] + 2
            raise InputError(f"{path}: line {line}: {what.format(repr(values[at]))}")

    of_row = values.str.strip_prefix("E").cast(pl.Int64, strict=False)  # as loghub writes them
    check(of_row.is_null(), "{} is not an event number")
    ids = np.searchsorted(numbers, of_row.to_numpy())
    wrong = numbers[np.minimum(ids, len(numbers) - 1)] != of_row.to_numpy()
    check(pl.Series(wrong), "event {} is not in the template table")
    return Sequences(
        ids=ids.astype(np.int32), offsets=csr_offsets(lengths), first_line=rows, last_line=rows
    )
