"""The fields of the lines of a block: what every format is read into."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from glx.parse.digits import Block, ascii_digits

COLUMN = re.compile(r"[\w.@ -]+")  # a session rule that names a column; others are expressions


@dataclass(frozen=True)
class Fields:
    """The fields of the `N` rows of a block, each a series of str or None where it has none.

    Attributes:
      texts: the block of the texts, with their headers.
      key: session ids.
      time, level: where they stand beside the text; those in its header are read later.
      rows: `<int64>[N]` the line of each row in the block, ascending; None: row n is line n.
      fits: `<bool>[N]` the rows that are of this format; None: all.
    """

    texts: Block
    key: pl.Series | None = None
    time: pl.Series | None = None
    level: pl.Series | None = None
    rows: np.ndarray | None = None
    fits: np.ndarray | None = None


def groups(pattern: str) -> list[str]:
    """The groups of a regular expression (Rust syntax), numbered where they have no name."""
    return list(pl.Series([""]).str.extract_groups(pattern).struct.fields)


def session_of(lines: pl.Series, pattern: str | None) -> pl.Series | None:
    """The first match in each line, its group 1 where there is one; null where there is none."""
    if pattern is None:
        return None
    return lines.str.extract(ascii_digits(pattern), 1 if groups(pattern) else 0)


def joined(columns: list[pl.Series]) -> pl.Series | None:
    """Columns of str, joined with a space."""
    if not columns:
        return None
    named = [column.alias(str(i)) for i, column in enumerate(columns)]
    return pl.DataFrame(named).select(pl.concat_str(pl.all(), separator=" ")).to_series()
