"""Labels: the only module that reads those of a target; nothing before `evaluate/` imports it.

In: a `System`, which names the file, and its sequences. Out: a label per sequence and per event.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from glx.data.systems import LabelPlace, System
from glx.errors import InputError
from glx.parse.read import open_text
from glx.parse.table import read_table
from glx.sequences import Sequences


@dataclass(frozen=True)
class Labels:
    """1 anomalous, 0 normal.

    Attributes:
      sequences: `<uint8>[N]`.
      events: `<uint8>[E]`, the label of its line, or of its sequence where lines have none.
    """

    sequences: np.ndarray
    events: np.ndarray


def read_labels(
    system: System, sequences: Sequences, say: Callable[[str], None] = lambda text: None
) -> Labels:
    """The labels of `sequences`, which are all or some of the system's.

    Args:
      say: told how many labels belong to none of them.

    Raises:
      InputError: the system has no labels, the file is not as it should be, it contradicts itself,
        or it does not fit.
    """
    place = system.labels
    if place is None:
        raise InputError(
            f"{system.name}: no labels; give --labels={system.name}=FILE, a CSV of `key,label` or "
            "`line,label`"
        )
    if place.by == "key":
        label = _by_key(place, sequences, say)
    elif place.by == "row":
        label = _column(place, sequences.first_line)
    else:
        return _by_line(place, sequences, say)
    return Labels(label, np.repeat(label, sequences.lengths))


def check_labels(system: System, sequences: Sequences) -> None:
    """Raise InputError before any work whose end would be labels that are not as they should be.

    Nothing of what they say is given away. A system without labels needs none.
    """
    if system.labels is not None:
        read_labels(system, sequences)


def check_source(name: str, labels: np.ndarray) -> None:
    """Raise InputError unless a source has sequences of both classes."""
    for value, word in ((1, "anomalous"), (0, "normal")):
        if not np.any(labels == value):
            raise InputError(
                f"{name}: no {word} sequence, and a source needs some of each class; check its "
                "labels or choose another source"
            )


def few_labelled(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Rows that stand for "somebody labelled a `share`": that much of each class, at least one.

    Args:
      labels: `<uint8>[N]` of the sequences that may be drawn.
      share: above 0, up to 1.
      seed: of the draw.

    Returns:
      `<int64>[M]` rows, ascending.
    """
    rng = np.random.default_rng((seed, 0xFE3))
    rows = [rng.permutation(np.flatnonzero(labels == value)) for value in (0, 1)]
    return np.sort(np.concatenate([r[: int(np.ceil(share * len(r)))] for r in rows]))


def _by_key(place: LabelPlace, sequences: Sequences, say: Callable[[str], None]) -> np.ndarray:
    if sequences.keys is None:
        raise InputError(
            f"{place.path}: labels by session, but the logs were cut into windows; "
            "give --session or labels by `line,label`"
        )
    table = _table(place)
    if place.key == place.by:  # else a row labels a line, and one decides for its session
        _check_agreement(place, table)
    table = table.group_by("key").agg(pl.max("label"))
    keys = pl.DataFrame({"key": pl.Series(sequences.keys, dtype=pl.String)})
    found = keys.join(table, on="key", how="left", maintain_order="left")["label"]
    if found.null_count():
        example = sequences.keys[found.is_null().arg_max()]
        raise InputError(
            f"{place.path}: no label for {found.null_count()} of {len(found)} sessions, such as "
            f"{example!r}; labels and logs do not belong together, or --session finds other keys"
        )
    if unused := len(table) - keys["key"].n_unique():
        say(f"{place.path}: {unused:,} of its {len(table):,} keys are no session of the log")
    return found.to_numpy()


def _check_agreement(place: LabelPlace, table: pl.DataFrame) -> None:
    """Raise InputError where rows of the same key have both labels."""
    both = (
        table.group_by("key")
        .agg(pl.col("row").filter(pl.col("label") == n).min().alias(str(n)) for n in (0, 1))
        .drop_nulls()
        .sort("0")
    )
    if len(both):
        key, *rows = both.row(0)
        first, second = sorted(rows)
        raise InputError(
            f"{place.path}: line {second}: {place.key} {key!r} has another label than in line "
            f"{first}; keep the right one"
        )


def _by_line(place: LabelPlace, sequences: Sequences, say: Callable[[str], None]) -> Labels:
    if sequences.lines is None:
        raise InputError(f"{place.path}: labels by line, but a row of the logs is a whole sequence")
    n_lines = int(sequences.last_line.max()) + 1
    if place.key is None:
        events = _column(place, sequences.lines)
    else:
        table = _table(place)
        at = table["key"].cast(pl.Int64, strict=False)
        wrong = at.is_null() | (at < 0) | ((at >= n_lines) & (table["label"] == 1))
        if wrong.any():
            bad = int(wrong.arg_max() or 0)
            raise InputError(
                f"{place.path}: line {table['row'][bad]}: {table['key'][bad]!r} in column "
                f"{place.key!r} is no line of the log, from 0 to {n_lines - 1}; labels and logs do "
                "not belong together"
            )
        _check_agreement(place, table.with_columns(key=at))
        positive = at.filter(table["label"] == 1)
        if unused := len(np.setdiff1d(positive.to_numpy(), sequences.lines)):
            say(f"{place.path}: {unused:,} of its anomalous lines are in no sequence of the log")
        line_labels = np.zeros(n_lines, dtype=np.uint8)  # a line that is not listed is normal
        line_labels[positive.to_numpy()] = 1
        events = line_labels[sequences.lines]
    return Labels(np.maximum.reduceat(events, sequences.offsets[:-1]), events)


def _table(place: LabelPlace) -> pl.DataFrame:
    """Columns `key` (str), `label` (0 or 1) and `row`, the line of the file; no empty line."""
    assert place.key is not None
    assert place.column is not None
    frame = read_table(place.path, [place.key, place.column]).with_row_index("row", offset=2)
    frame = frame.filter(pl.any_horizontal(pl.exclude("row").is_not_null()))
    if not len(frame):
        raise InputError(f"{place.path}: no label below the header; give at least one")
    label = _binary(place, frame[place.column], frame["row"])
    return pl.DataFrame({"key": frame[place.key], "label": label, "row": frame["row"]})


def _column(place: LabelPlace, rows: np.ndarray) -> np.ndarray:
    """`<uint8>[n]` the labels of `n` rows of the file; one without an event needs no label."""
    if place.column is None:
        with open_text(place.path) as file:
            labels = pl.Series([not line.startswith(b"- ") for line in file]).cast(pl.UInt8)
    else:
        labels = read_table(place.path, [place.column])[place.column]
    needed = int(rows.max()) + 1
    if len(labels) < needed:
        raise InputError(
            f"{place.path}: {len(labels)} labels for {needed} rows of the log; they do not belong "
            "together"
        )
    return _binary(place, labels.gather(rows), pl.Series(rows + 2)).to_numpy()


def _binary(place: LabelPlace, column: pl.Series, rows: pl.Series) -> pl.Series:
    values = column.cast(pl.String).str.strip_chars()
    bad = values.is_null() | ~values.is_in(["0", "1"])
    if bad.any():
        at = int(bad.arg_max() or 0)
        raise InputError(
            f"{place.path}: line {rows[at]}: label {values[at]!r} in column {place.column!r} is "
            "neither 0 (normal) nor 1 (anomalous)"
        )
    return values.cast(pl.UInt8)
