"""Verdicts: what a detector says of each sequence. In: sequences, scores, weights. Out: a table
(the columns of `verdicts.parquet`) or lines of JSON; no label comes near them.

Sequences alike differ in their keys and lines alone: each distinct one is written once, with holes
for these, and Polars fills the holes.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from json.encoder import encode_basestring
from typing import Any

import numpy as np
import polars as pl

from glx.sequences import PARTS, TEST, Distinct, Sequences

TOP = 3  # events named as evidence
HOLE = 10**18  # stands for a key or line that is filled in later
# No text of a log can look like one: within a JSON string its quotes would be escaped.
HOLES = re.compile(rf'(?:(?<=key": )|(?<=line": )){HOLE}')
SCHEMA = {
    "sequence": pl.Int64,
    "key": pl.String,
    "first_line": pl.Int64,
    "last_line": pl.Int64,
    "split": pl.String,
    "score": pl.Float32,
    "anomalous": pl.Boolean,
    "route": pl.String,
    "evidence": pl.String,
}


@dataclass(frozen=True)
class Verdicts:
    """What a detector says of `N` sequences, by the `U` distinct ones among them.

    Attributes:
      distinct: the distinct sequences.
      scores: `<float32>[U]` in [0, 1], higher is more anomalous; NaN for an abstention.
      places: `<int64>[U, K]` places of the events that weighed most, -1 for none.
      weights: `<float32>[U, K]` their weights, as shares.
      ids: `<int32>[U, K]` their template ids.
      routes: `U` of `general` and `proprietary`; None for a detector without routes.
      notes: `U` dicts of JSON values, more evidence beside the events; None for none.
      similarity: `<float32>[U]` `x_sim` of the router; None for a detector without routes.
    """

    distinct: Distinct
    scores: np.ndarray
    places: np.ndarray
    weights: np.ndarray
    ids: np.ndarray
    routes: np.ndarray | None = None
    notes: list[dict] | None = None
    similarity: np.ndarray | None = None


def table(
    sequences: Sequences, part: np.ndarray, judged: Verdicts, threshold: float, texts: list[str]
) -> pl.DataFrame:
    """One row per sequence, in the order of `sequences`.

    Args:
      part: `<int8>[N]` adapt, gap or test.
      judged: of the test sequences, in order.
      texts: template texts by id.
    """
    rows = np.flatnonzero(part == TEST)
    test, n = sequences.take(rows), len(sequences)
    scores = judged.scores[judged.distinct.inverse]
    scattered = pl.DataFrame(
        {
            "sequence": rows,
            "score": pl.Series(scores, dtype=pl.Float32).fill_nan(None),
            "evidence": evidence_json(judged, test, texts),
            "route": pl.Series(routes(judged), dtype=pl.String),
        }
    )
    all_rows = pl.DataFrame(
        {
            "sequence": np.arange(n),
            "key": pl.Series(
                [None] * n if sequences.keys is None else sequences.keys.tolist(), dtype=pl.String
            ),
            "first_line": sequences.first_line,
            "last_line": sequences.last_line,
            "split": pl.Series(np.array(PARTS)[part]),
        }
    ).join(scattered, on="sequence", how="left", maintain_order="left")
    return all_rows.with_columns(
        anomalous=pl.col("score").ge(pl.lit(threshold, dtype=pl.Float32)),
        evidence=pl.col("evidence").fill_null("{}"),
    ).select([pl.col(name).cast(kind) for name, kind in SCHEMA.items()])


def routes(judged: Verdicts) -> list[str | None]:
    """The route of each of the `N` sequences."""
    u = judged.distinct.inverse
    return [None] * len(u) if judged.routes is None else judged.routes[u].tolist()


def evidence(judged: Verdicts, sequences: Sequences, texts: list[str]) -> Iterator[list[dict]]:
    """For each of the `N` sequences the events that weighed most, `{line, event, weight, text}`.

    `line` is the row of the file, `event` the place in the sequence.
    """
    u = judged.distinct.inverse
    columns = _lines(judged, sequences), judged.places[u], judged.weights[u], judged.ids[u]
    yield from _entries(*columns, texts)


def evidence_json(judged: Verdicts, sequences: Sequences, texts: list[str]) -> pl.Series:
    """`as_json` (str) of the evidence and notes of each of the `N` sequences."""
    notes = judged.notes or [{}] * len(judged.distinct)
    written = [as_json(e, n) for e, n in zip(_holes(judged, texts), notes, strict=True)]
    return _filled(written, judged, *_lines(judged, sequences).T)


def json_lines(
    judged: Verdicts, sequences: Sequences, threshold: float, texts: list[str], **first: Any
) -> pl.Series:
    """The verdict of each of the `N` sequences as an object of JSON (str), as docs/formats.md says.

    `score` and `anomalous` are null for an abstention; `reason` is there where there is one.

    Args:
      first: what each object begins with, alike in all.
    """
    written = []
    scores, routes = judged.scores, judged.routes
    flags, abstained = scores >= np.float32(threshold), np.isnan(scores)
    for u, events in enumerate(_holes(judged, texts)):
        verdict = {
            **first,
            "key": HOLE,
            "first_line": HOLE,
            "last_line": HOLE,
            "score": None if abstained[u] else round(float(scores[u]), 6),
            "anomalous": None if abstained[u] else bool(flags[u]),
            "route": None if routes is None else str(routes[u]),
            "evidence": [{k: e[k] for k in ("line", "weight", "text")} for e in events],
        }
        note = judged.notes[u] if judged.notes else {}
        verdict |= {"reason": note["reason"]} if "reason" in note else {}
        written.append(json.dumps(verdict, ensure_ascii=False))
    keys = ["null"] * len(sequences)
    if sequences.keys is not None:
        keys = [encode_basestring(key) for key in sequences.keys]
    lines = sequences.first_line, sequences.last_line, *_lines(judged, sequences).T
    return _filled(written, judged, keys, *lines)


def _holes(judged: Verdicts, texts: list[str]) -> Iterator[list[dict]]:
    """The evidence of each of the `U` distinct sequences, its lines left open."""
    places = judged.places
    return _entries(np.full(places.shape, HOLE), places, judged.weights, judged.ids, texts)


def _filled(written: Iterable[str], judged: Verdicts, *columns: Any) -> pl.Series:
    """What was written of each of the `U` distinct sequences, for each of the `N`.

    Args:
      columns: `N` values each, in the order of the holes; what has fewer holes leaves out the last.
    """
    # What no UTF-8 can say, as some file names, is escaped.
    valid = (text.encode("utf-8", "backslashreplace").decode() for text in written)
    parts = [*zip_longest(range(len(columns) + 1), *map(HOLES.split, valid))]
    pieces = pl.DataFrame([pl.Series(f"part {n}", row, dtype=pl.String) for n, *row in parts])
    frame = pieces[judged.distinct.inverse].with_columns(
        pl.Series(f"value {n}", column).cast(pl.String) for n, column in enumerate(columns)
    )
    # Null where the part after the hole is.
    after = (pl.concat_str(f"value {n}", f"part {n + 1}") for n in range(len(columns)))
    return frame.select(pl.concat_str("part 0", *after, ignore_nulls=True)).to_series()


def _lines(judged: Verdicts, sequences: Sequences) -> np.ndarray:
    """`<int64>[N, K]` the row of the file of each event that weighed most."""
    places = judged.places[judged.distinct.inverse]
    if sequences.lines is None:
        return np.repeat(sequences.first_line[:, None], places.shape[1], axis=1)
    return sequences.lines[sequences.offsets[:-1, None] + np.maximum(places, 0)]


def _entries(lines, places, weights, ids, texts: list[str]) -> Iterator[list[dict]]:
    """Entries of each row of `<int64>[M, K]` lines and places, `<float32>[M, K]` weights, ids."""
    columns = (places, lines, np.round(weights.astype(np.float64), 4), ids)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        yield [
            {"line": line, "event": place, "weight": weight, "text": texts[id_]}
            for place, line, weight, id_ in zip(*row, strict=True)
            if place >= 0
        ]


def heaviest(
    offsets: np.ndarray, weights: np.ndarray, top: int = TOP
) -> tuple[np.ndarray, np.ndarray]:
    """The `top` heaviest events of each sequence, heaviest first (ties: the earlier).

    Args:
      offsets: `<int64>[U + 1]` of the events that `weights` (`<float32>[E]`) belong to.

    Returns:
      `<int64>[U, top]` indices into `weights`, -1 where a sequence has fewer events, and
      `<float32>[U, top]` their weights.
    """
    n = len(offsets) - 1
    owner = np.repeat(np.arange(n), np.diff(offsets))
    order = np.lexsort((-weights, owner))
    rank = np.arange(len(order)) - np.repeat(offsets[:-1], np.diff(offsets))
    order, rank = order[rank < top], rank[rank < top]
    at = np.full((n, top), -1, dtype=np.int64)
    at[owner[order], rank] = order
    return at, np.append(weights, 0).astype(np.float32)[at]  # -1 picks the 0


def as_json(entries: list[dict], notes: dict) -> str:
    """The evidence of one sequence as the string that `verdicts.parquet` holds."""
    return json.dumps({"events": entries, **notes}, ensure_ascii=False)
