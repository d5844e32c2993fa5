"""Log statements with the level that their authors chose, as lessons for the alarm model.

In: a table of `text`, `level`, and where there are, `project` (`experiments.fit_reader` makes one
from source code). Out: `Lessons`: a choice of the texts, each with a probability and a weight.

A level is a weak word for "deserves attention": programs log as errors what a user mistyped and
what was corrected, and operators let that pass. So a level counts for less than an answer of the
primer, and severe is not certain.
"""

import re
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import zstandard

from glx.embed.embed import UNKNOWN, readable
from glx.errors import InputError
from glx.parse.levels import SEVERE, STANDARD
from glx.parse.sources import pieces
from glx.parse.table import check_once

P = {"FATAL": 0.9, "ERROR": 0.8, "WARN": 0.4, "INFO": 0.06, "DEBUG": 0.06, "TRACE": 0.06}
WEIGHT = 0.25  # of a statement, beside 1 for one of the primer
WORDS = re.compile("[^\\W\\d]{2,}")
LEVEL_SHARE = 0.3  # of the texts whose level is given before them
LEVEL_NOISE = 0.25  # standard deviation of the probability that chooses the level of a lesson
STEPS = (0.25, 0.55, 0.9)  # probabilities from which a lesson is WARN, ERROR, FATAL
READ = 1 << 20  # bytes at a time


@dataclass(frozen=True)
class Lessons:
    """`n` texts to learn from.

    Attributes:
      texts: as programs log them, `<*>` for what varies.
      p: `<float32>[n]` the probability that each deserves attention.
      weight: `<float32>[n]` of each in the loss.
    """

    texts: list[str]
    p: np.ndarray
    weight: np.ndarray

    def __add__(self, more: "Lessons") -> "Lessons":
        weight = np.append(self.weight, more.weight)
        return Lessons(self.texts + more.texts, np.append(self.p, more.p), weight)


def read(path: Path) -> pl.DataFrame:
    """The statements of a CSV, packed with gzip or Zstandard or not: `text`, `level`, `project`.

    Raises:
      InputError: it cannot be read, lacks a column, or no row has a level that is known.
    """
    try:
        read = partial(pl.read_csv, b"".join(pieces(path, READ)), infer_schema=False)
        table, first = read(), read(n_rows=1, has_header=False).row(0)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: not a CSV of text,level,project ({error}); see --help") from None
    if lacking := {"text", "level"} - set(table.columns):
        there = ", ".join(table.columns)
        raise InputError(f"{path}: no column {' nor '.join(sorted(lacking))}; it has {there}")
    check_once(path, first, ("text", "level", "project"))
    if "project" not in table.columns:
        table = table.with_columns(project=pl.lit(""))
    return standard(table, str(path))


def standard(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows with two words or more and a known level, that on the standard scale.

    Raises InputError where no row is left.
    """
    level = pl.col("level").str.to_uppercase().replace_strict(STANDARD, default=None)
    table = table.select("text", level, pl.col("project").fill_null("")).drop_nulls()
    table = table.filter(pl.Series(map(_has_words, table["text"]), dtype=pl.Boolean))
    if table.is_empty():
        raise InputError(f"{name}: no statement with two words and a level such as info or error")
    return table


def _has_words(text: str) -> bool:
    words = readable(text)
    return words != UNKNOWN and len(WORDS.findall(words)) > 1


def lessons(table: pl.DataFrame, limit: int, rng: np.random.Generator) -> Lessons:
    """At most `limit` of the statements of `standard`.

    A project's share grows with the square root of its size, so that large ones do not drown the
    others.
    """
    size = table.select(pl.len().over("project")).to_series().to_numpy()
    chance = 1 / np.sqrt(size)
    rows = rng.choice(len(table), min(limit, len(table)), replace=False, p=chance / chance.sum())
    chosen = table[rows]
    p = chosen["level"].replace_strict(P, return_dtype=pl.Float32).to_numpy()
    return Lessons(chosen["text"].to_list(), p, np.full(len(p), WEIGHT, np.float32))


def with_levels(texts: list[str], p: np.ndarray, rng: np.random.Generator) -> list[str]:
    """The texts, a part of them with the level before them that a log with levels has there.

    Drawn by the probability with noise, so that a level says something and not all.
    """
    given = rng.random(len(texts)) < LEVEL_SHARE
    step = np.searchsorted(STEPS, p + rng.normal(0, LEVEL_NOISE, len(texts)), side="right")
    names = ("", *SEVERE)
    return [
        f"{names[n]} {text}" if n and at else text
        for text, n, at in zip(texts, step.tolist(), given.tolist(), strict=True)
    ]
