"""Verdicts: what a detector says of each sequence. In: sequences, scores, weights. Out: a table.

The columns are those of `verdicts.parquet`; no label comes near them.
"""

import json
from collections.abc import Iterator

import numpy as np
import polars as pl

from glx.logs.sequences import Sequences
from glx.logs.split import PARTS, TEST

TOP = 3  # events named as evidence
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


def table(
    sequences: Sequences,
    part: np.ndarray,
    test_scores: np.ndarray,
    threshold: float,
    test_evidence: pl.Series,
    route: pl.Series | None = None,
) -> pl.DataFrame:
    """One row per sequence, in the order of `sequences`.

    Args:
      part: `<int8>[N]` adapt, gap or test.
      test_scores: `<float32>[T]` of the test sequences, in order; NaN for an abstention.
      test_evidence: `T` JSON strings.
      route: `T` strings, or None for a detector without routes.
    """
    test = np.flatnonzero(part == TEST)
    n = len(sequences)
    scattered = pl.DataFrame(
        {
            "sequence": test,
            "score": pl.Series(test_scores, dtype=pl.Float32).fill_nan(None),
            "evidence": test_evidence,
            "route": route if route is not None else pl.Series([None] * len(test), dtype=pl.String),
        }
    )
    rows = pl.DataFrame(
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
    return rows.with_columns(
        anomalous=pl.col("score").ge(pl.lit(threshold, dtype=pl.Float32)),
        evidence=pl.col("evidence").fill_null("{}"),
    ).select([pl.col(name).cast(kind) for name, kind in SCHEMA.items()])


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


def evidence(
    places: np.ndarray, lines: np.ndarray, weights: np.ndarray, ids: np.ndarray, texts: list[str]
) -> Iterator[list[dict]]:
    """For each sequence the events that weighed most, each `{line, event, weight, text}`.

    Args:
      places: `<int64>[N, K]` place of the event in the sequence, -1 for none.
      lines: `<int64>[N, K]` row of the file it came from.
      weights: `<float32>[N, K]`.
      ids: `<int32>[N, K]` template ids.
    """
    rounded = np.round(weights.astype(np.float64), 4).tolist()
    columns = (places.tolist(), lines.tolist(), rounded, ids.tolist())
    for row in zip(*columns, strict=True):
        yield [
            {"line": line, "event": place, "weight": weight, "text": texts[id_]}
            for place, line, weight, id_ in zip(*row, strict=True)
            if place >= 0
        ]


def as_json(entries: list[dict]) -> str:
    """The events of one sequence as the string that `verdicts.parquet` holds."""
    return json.dumps({"events": entries}, ensure_ascii=False)
