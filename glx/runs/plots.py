"""What the report shows: `figures.json` and `flagged.parquet`. In: verdicts. Out: small tables.

All of it is derived from the test part; what needs labels is null where there are none.
"""

from typing import Any

import numpy as np
import polars as pl
from msgspec import UNSET, UnsetType

from glx.data.load import Parsed
from glx.evaluate import metrics
from glx.evaluate.baselines import Baseline
from glx.report.anomalies import EVENTS, FLAGGED, GROUPS
from glx.report.models import Plots, typed
from glx.runs.measure import decisions, right_or_wrong
from glx.sequences import TEST, Sequences
from glx.verdicts import Verdicts

BINS, SCORE_BINS, SIMILARITY_BINS = 100, 50, 60


def plot_data(
    target: Parsed,
    verdicts: Verdicts,
    threshold: float,
    tau: float | UnsetType,
    y: np.ndarray | None,
    beside: dict[str, Baseline],
) -> Plots:
    """The data of the pictures of a run.

    Args:
      verdicts: of the `N` test sequences.
      tau: the router's cut, UNSET without a router.
      y: `<bool>[N]` their labels, or None.
      beside: the trivial detectors.
    """
    test = target.sequences.take(np.flatnonzero(target.part == TEST))
    flags = decisions(verdicts, threshold)
    scores = verdicts.scores[verdicts.distinct.inverse]
    curve = blocks = None
    others: dict[str, Any] = {}
    if y is not None:
        ranked = metrics.rankable(y, scores, np.isnan(scores))
        curve = metrics.precision_recall(metrics.ranking(y, ranked))
        order, inverse = _order(target, test), verdicts.distinct.inverse
        blocks = metrics.blocks_of(y, right_or_wrong(y, flags), order)
        others = {n: metrics.blocks_of(y, b.flagged[inverse], order) for n, b in beside.items()}
    found = {
        "curve": curve,
        "timeline": _timeline(target, test, np.ma.filled(flags, False), y),
        "scores": _score_bins(verdicts, scores),
        "similarity": None if tau is UNSET else _similarity_bins(verdicts, tau),
        "blocks": blocks,
        "baselines": others,
    }
    return typed(found, Plots)


def flagged(table: pl.DataFrame, verdicts: Verdicts, texts: list[str]) -> pl.DataFrame:
    """What `flagged.parquet` holds: the distinct flagged sequences, the highest score first.

    At most `GROUPS`; places and evidence are those of the first sequence of each.

    Args:
      table: `verdicts.parquet`.
      verdicts: the same verdicts, of the test sequences in order.
      texts: template texts by id.
    """
    unique = verdicts.distinct
    alike = pl.col("score", "route", "evidence", "reason", "deciding").first()
    groups = (
        table.filter(split="test")
        .with_columns(group=unique.inverse)
        .filter("anomalous")
        .group_by("group")
        .agg(alike, pl.len().cast(pl.Int64).alias("count"), pl.col("sequence").alias("sequences"))
        .sort("score", "group", descending=[True, False])
        .head(GROUPS)
    )
    ids = [unique.ids[slice(*unique.offsets[u : u + 2])][:EVENTS] for u in groups["group"]]
    events = [[texts[id_] for id_ in row.tolist()] for row in ids]
    return groups.with_columns(pl.Series("events", events, FLAGGED["events"])).select(*FLAGGED)


def _order(target: Parsed, test: Sequences) -> np.ndarray:
    """The test sequences in the order of time; without one, in a fixed order without meaning."""
    if test.start is not None:
        return np.argsort(test.start, kind="stable")
    if target.ordered:
        return np.arange(len(test))
    return np.random.default_rng(0).permutation(len(test))


def _timeline(
    target: Parsed, test: Sequences, flags: np.ndarray, y: np.ndarray | None
) -> dict[str, Any]:
    if test.start is not None:
        axis, at = "time", test.start
    else:
        axis, at = "line" if target.ordered else "row", test.first_line.astype(np.float64)
    edges = np.linspace(at.min(), max(at.max(), at.min() + 1), BINS + 1)
    which = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, BINS - 1)

    def count(of: np.ndarray) -> list[int]:
        return np.bincount(which, of, BINS).astype(np.int64).tolist()

    return {
        "axis": axis,
        "edges": edges.tolist(),
        "sequences": count(np.ones(len(test))),
        "flagged": count(flags),
        "anomalous": None if y is None else count(y),
    }


def _score_bins(verdicts: Verdicts, scores: np.ndarray) -> dict[str, Any]:
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    all_ = np.full(len(verdicts.distinct), "all")
    routes = (all_ if verdicts.routes is None else verdicts.routes)[verdicts.distinct.inverse]

    def count(route: str) -> list[int]:
        of = scores[(routes == route) & ~np.isnan(scores)]
        return np.histogram(of, edges)[0].tolist()

    return {"edges": edges.tolist(), "routes": {r: count(r) for r in np.unique(routes).tolist()}}


def _similarity_bins(verdicts: Verdicts, tau: float) -> dict[str, Any] | None:
    if verdicts.similarity is None:
        return None
    x_sim = np.minimum(verdicts.similarity, 1)[verdicts.distinct.inverse]
    count, edges = np.histogram(
        x_sim, np.linspace(min(x_sim.min(), tau, 0), 1, SIMILARITY_BINS + 1)
    )
    return {"edges": edges.tolist(), "count": count.tolist(), "tau": tau}
