"""Files of event numbers in place of raw lines: a table of templates, and sequences or a stream.

In: a CSV (plain, .gz, .zst) and its template table. Out: texts, and `Sequences` or `Events`. Only
the columns named are read: a label column beside them never enters.
"""

from pathlib import Path

import numpy as np
import polars as pl

from glx.errors import InputError
from glx.logs.read import open_text
from glx.logs.sequences import WILDCARD, Sequences, csr_offsets
from glx.logs.split import Events
from glx.logs.systems import Numbered
from glx.logs.table import read_table

UNKNOWN = "unknown event"


def read_templates(spec: Numbered, inferred_text: bool) -> tuple[np.ndarray, list[str]]:
    """Event numbers `<int64>[V]`, ascending, and their texts.

    Args:
      inferred_text: keep texts that were assigned with the help of labels (`id_source` is
        `inferred`); else such an event is as text-less as an unresolved one.
    """
    number, text = spec.template_columns
    with open_text(spec.templates) as file:
        has_source = b"id_source" in file.readline()
    frame = read_table(spec.templates, [number, text] + ["id_source"] * has_source)
    texts = frame[text].fill_null("").str.replace_all("[*]", WILDCARD, literal=True)
    if has_source and not inferred_text:
        texts = texts.set(frame["id_source"] == "inferred", "")
    texts = texts.set(texts.str.strip_chars() == "", UNKNOWN)
    numbers = _numbers(
        frame[number].str.strip_chars_start("E"), spec.templates, np.ones(len(frame))
    )
    order = np.argsort(numbers, kind="stable")
    return numbers[order], [texts[int(i)] for i in order]


def read_sequences(path: Path, spec: Numbered, numbers: np.ndarray) -> Sequences:
    """A file whose rows are whole sequences of event numbers, separated by spaces."""
    frame = read_table(path, [spec.column] + ([spec.key] if spec.key else []))
    if not len(frame):
        raise InputError(f"{path}: no row below the header; give at least one sequence")
    lists = frame[spec.column].fill_null("").str.strip_chars().str.split(" ")
    values, lengths = lists.explode(), lists.list.len().to_numpy().astype(np.int64)
    empty = values.is_null() | (values == "")
    if empty.any():
        raise InputError(
            f"{path}: line {_row(lengths, empty) + 2}: an empty sequence; remove the row"
        )
    ids = _ids(_numbers(values, path, lengths), numbers, path, lengths)
    rows = np.arange(len(frame), dtype=np.int64)
    keys = None if spec.key is None else frame[spec.key].to_numpy().astype(object)
    return Sequences(
        ids=ids, offsets=csr_offsets(lengths), first_line=rows, last_line=rows, keys=keys
    )


def read_events(path: Path, spec: Numbered, numbers: np.ndarray) -> Events:
    """A file with one event number a row."""
    values = read_table(path, [spec.column])[spec.column]
    if not len(values):
        raise InputError(f"{path}: no row below the header; give at least one event")
    one = np.ones(len(values))
    ids = _ids(_numbers(values, path, one), numbers, path, one)
    return Events(ids=ids, lines=np.arange(len(ids), dtype=np.int64))


def _numbers(values: pl.Series, path: Path, per_row: np.ndarray) -> np.ndarray:
    numbers = values.cast(pl.Int64, strict=False)
    if numbers.null_count():
        bad = numbers.is_null()
        example = values[int(bad.arg_max() or 0)]
        raise InputError(
            f"{path}: line {_row(per_row, bad) + 2}: {example!r} is not an event number"
        )
    return numbers.to_numpy()


def _ids(values: np.ndarray, numbers: np.ndarray, path: Path, per_row: np.ndarray) -> np.ndarray:
    """`<int32>` places in the template table."""
    ids = np.searchsorted(numbers, values)
    wrong = numbers[np.minimum(ids, len(numbers) - 1)] != values
    if wrong.any():
        line = _row(per_row, pl.Series(wrong)) + 2
        raise InputError(
            f"{path}: line {line}: event {values[wrong][0]} is not in the template table"
        )
    return ids.astype(np.int32)


def _row(per_row: np.ndarray, bad: pl.Series) -> int:
    """The row of the first bad value, where row `i` holds `per_row[i]` of them."""
    return int(np.searchsorted(np.cumsum(per_row), int(bad.arg_max() or 0), side="right"))
