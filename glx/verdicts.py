"""Verdicts: what a detector returns for sequences, and the one table that shows them.

In: verdicts on distinct sequences. Out: a row for each sequence (`verdicts.parquet`, the table of
`glx.api`) or a line of JSON for each (`glx detect`). No label of the target is read here.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl

from glx.sequences import PARTS, TEST, Distinct, Sequences

TOP = 3  # events named as evidence
TIME = "%Y-%m-%dT%H:%M:%S%.3f"  # of JSON
EVIDENCE = pl.List(
    pl.Struct({"line": pl.Int64, "event": pl.Int64, "weight": pl.Float64, "text": pl.String})
)
DECIDING = pl.Struct(
    {
        "event": pl.Int64,
        "text": pl.String,
        "cosine": pl.Float64,
        "source": pl.String,
        "nearest": pl.String,
    }
)
# `near` is the known event that reads most like a new one.
CAUSE = pl.Struct({"id": pl.String, "lacks": pl.Boolean, "text": pl.String, "near": pl.String})
Near = Callable[[int], str | None]  # of an event, what stands in `near`
SCHEMA: dict[str, Any] = {  # the columns of `verdicts.parquet`
    "sequence": pl.Int64,
    "key": pl.String,
    "first_line": pl.Int64,
    "last_line": pl.Int64,
    "split": pl.String,
    "score": pl.Float32,
    "anomalous": pl.Boolean,
    "route": pl.String,
    "evidence": EVIDENCE,
    "reason": pl.String,
    "deciding": DECIDING,
    "cause": CAUSE,
    "time": pl.Datetime("ms"),  # of the first event
}
# Those that a sequence has without a split.
VERDICT = {name: kind for name, kind in SCHEMA.items() if name not in ("sequence", "split")}


@dataclass(frozen=True)
class Verdicts:
    """What a detector returns for `N` sequences, by the `U` distinct ones among them.

    Attributes:
      distinct: the distinct sequences.
      scores: `<float32>[U]` in [0, 1], higher is more anomalous; NaN for an abstention.
      places: `<int64>[U, K]` places of the events that weighed most, -1 for none.
      weights: `<float32>[U, K]` their weights, as shares.
      ids: `<int32>[U, K]` their template ids.
      reasons: `<object>[U]` the expert's reason, or the event that is missing, in words; None where
        there is none.
      causes: `<int64>[U]` template id of the event that decided, -1 for none.
      lacks: `<bool>[U]` that event decided by not being there.
      routes: `<str>[U]` `general` or `proprietary`; None for a detector without routes.
      deciding: `DECIDING[U]` the event that chose the route and the nearest template of a source;
        None for a detector without routes.
      similarity: `<float32>[U]` `x_sim` of the router; None for a detector without routes.
      metrics: what else the detector tells of its work, as `metrics.json` holds it.
    """

    distinct: Distinct
    scores: np.ndarray
    places: np.ndarray
    weights: np.ndarray
    ids: np.ndarray
    reasons: np.ndarray
    causes: np.ndarray
    lacks: np.ndarray
    routes: np.ndarray | None = None
    deciding: pl.Series | None = None
    similarity: np.ndarray | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """The attributes that hold a value for each distinct sequence, by name."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: v for k, v in own.items() if isinstance(v, np.ndarray | pl.Series)}


def rows(
    verdicts: Verdicts, sequences: Sequences, threshold: float, texts: list[str], near: Near
) -> pl.DataFrame:
    """The columns `VERDICT`, a row for each of the `N` sequences.

    `score` and `anomalous` are null for an abstention, `cause` where nothing is anomalous.

    Args:
      sequences: those that were scored, in order.
      texts: template texts by id.
      near: `Near` of the same ids.
    """
    of_distinct = {
        "score": pl.Series(verdicts.scores).fill_nan(None),
        "route": verdicts.routes,
        "reason": [reason and _valid(reason) for reason in verdicts.reasons],
        "deciding": verdicts.deciding,
        "cause": _causes(verdicts, threshold, texts, near),
    }
    own = _places(sequences) | {"evidence": evidence(verdicts, sequences, texts)}
    found = _frame(own).hstack(_frame(of_distinct)[verdicts.distinct.inverse])
    cut = pl.lit(threshold, dtype=pl.Float32)
    return found.with_columns(anomalous=pl.col("score") >= cut).select(*VERDICT)


def _causes(verdicts: Verdicts, threshold: float, texts: list[str], near: Near) -> pl.Series:
    """`CAUSE[U]`; null for what is not flagged, or where no event weighs anything."""
    flagged = (verdicts.scores >= np.float32(threshold)) & (verdicts.causes >= 0)
    known: dict[tuple[int, bool], dict[str, Any]] = {}
    found: list[dict[str, Any] | None] = [None] * len(flagged)
    for n in np.flatnonzero(flagged).tolist():
        of = event, lacks = int(verdicts.causes[n]), bool(verdicts.lacks[n])
        known[of] = known.get(of) or _cause(texts[event], lacks, None if lacks else near(event))
        found[n] = known[of]
    return pl.Series("cause", found, dtype=CAUSE)


def _cause(text: str, lacks: bool, near: str | None) -> dict[str, Any]:
    """`CAUSE`; its id is the same in every run."""
    said = f"{'lacks' if lacks else 'holds'} {text}".encode("utf-8", "backslashreplace")
    return {"id": hashlib.sha256(said).hexdigest()[:8], "lacks": lacks, "text": text, "near": near}


def table(
    sequences: Sequences,
    part: np.ndarray,
    verdicts: Verdicts,
    threshold: float,
    texts: list[str],
    near: Near,
) -> pl.DataFrame:
    """The columns `SCHEMA`, a row for each of `sequences`; those outside test have no verdict.

    Args:
      part: `<int8>[N]` adapt, gap or test.
      verdicts: of the test sequences, in order.
      texts, near: as in `rows`.
    """
    at = np.flatnonzero(part == TEST)
    found = rows(verdicts, sequences.take(at), threshold, texts, near)
    own = _places(sequences) | {"sequence": np.arange(len(part)), "split": np.array(PARTS)[part]}
    found = found.drop(*_places(sequences)).with_columns(sequence=at)
    return _frame(own).join(found, on="sequence", how="left", maintain_order="left").select(*SCHEMA)


def evidence(verdicts: Verdicts, sequences: Sequences, texts: list[str]) -> pl.Series:
    """`EVIDENCE[N]` the events that weighed most in each sequence, the heaviest first.

    `line` is the row of the file, `event` the place in the sequence.
    """
    u = verdicts.distinct.inverse
    places = verdicts.places[u]
    lines = sequences.first_line[:, None]
    if sequences.lines is not None:
        lines = sequences.lines[sequences.offsets[:-1, None] + np.maximum(places, 0)]
    entries = pl.DataFrame(
        {
            "line": np.broadcast_to(lines, places.shape).ravel(),
            "event": places.ravel(),
            "weight": np.round(verdicts.weights.astype(np.float64), 4)[u].ravel(),
            "text": pl.Series(texts, dtype=pl.String)[verdicts.ids[u].ravel()],
        }
    )
    padded = entries.to_struct("evidence").reshape(places.shape).arr.to_list()
    return padded.list.filter(pl.element().struct.field("event") >= 0)


def json_lines(verdict_rows: pl.DataFrame, **first: Any) -> pl.Series:
    """The rows of `rows` as objects of JSON (str), as docs/formats.md says.

    `time`, `reason` and `cause` are there where there is one, and so is `detail` (str) where the
    table has that column.

    Args:
      first: what each object begins with, the same in all.
    """
    compact = json.dumps(first, ensure_ascii=False, separators=(",", ":"))
    beginning = _valid(compact[:-1]) + "," * bool(first)
    shown = pl.struct(pl.element().struct.field("line", "weight", "text"))
    verdict = pl.struct(
        "key",
        "first_line",
        "last_line",
        pl.col("score").cast(pl.Float64).round(6),
        "anomalous",
        "route",
        pl.col("evidence").list.eval(shown),
    )
    written = verdict_rows.with_columns(pl.col("time").dt.to_string(TIME))
    # Null in many lines: each an object of its own, without its braces.
    further = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(",") + _inside(pl.struct(name)))
        for name in ("time", "reason", "cause", "detail")
        if name in written.columns and written[name].null_count() < len(written)
    ]
    parts = [pl.lit(beginning), _inside(verdict), *(part.fill_null("") for part in further)]
    return written.select(pl.concat_str(*parts, pl.lit("}"))).to_series()


def _inside(struct: pl.Expr) -> pl.Expr:
    """A struct as JSON, without its braces."""
    return struct.struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")


def _places(sequences: Sequences) -> dict[str, Any]:
    """Where each sequence is in its file."""
    first, last, time = sequences.first_line, sequences.last_line, None
    if sequences.start is not None:
        seconds = pl.Series(sequences.start, dtype=pl.Float64).fill_nan(None)
        time = (seconds * 1000).round().cast(pl.Int64).cast(pl.Datetime("ms"))
    return {"key": sequences.keys, "first_line": first, "last_line": last, "time": time}


def _frame(columns: dict[str, Any]) -> pl.DataFrame:
    """Columns of `SCHEMA`, with its types; None for one that is null throughout."""
    return pl.DataFrame(columns, schema={name: SCHEMA[name] for name in columns})


def _valid(text: str) -> str:
    """What UTF-8 cannot hold, as in some file names, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


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
