"""What the report draws: `figures.json` and `flagged.parquet`. In: verdicts. Out: small tables.

All of it is derived from the test part; what needs labels is null where there are none.
"""

from typing import Any

import numpy as np
import polars as pl

from glx import verdicts
from glx.data.load import Parsed
from glx.evaluate import metrics
from glx.evaluate.baselines import Baseline
from glx.report.anomalies import EVENTS, FLAGGED, KINDS
from glx.runs.measure import decisions, right_or_wrong
from glx.sequences import TEST, Sequences
from glx.verdicts import Verdicts

BINS, SCORE_BINS, SIMILARITY_BINS = 100, 50, 60


def figures(
    target: Parsed,
    judged: Verdicts,
    threshold: float,
    tau: float | None,
    y: np.ndarray | None,
    beside: dict[str, Baseline],
) -> dict[str, Any]:
    """What `figures.json` holds.

    Args:
      judged: the `N` test sequences.
      tau: the router's cut, None without a router.
      y: `<bool>[N]` their labels, or None.
      beside: the trivial detectors.
    """
    test = target.sequences.take(np.flatnonzero(target.part == TEST))
    flags = decisions(judged, threshold)
    scores = judged.scores[judged.distinct.inverse]
    curve = blocks = None
    others: dict[str, Any] = {}
    if y is not None:
        ranked = metrics.rankable(y, scores, np.isnan(scores))
        curve = metrics.precision_recall(metrics.ranking(y, ranked))
        order, inverse = _order(target, test), judged.distinct.inverse
        blocks = metrics.blocks_of(y, right_or_wrong(y, flags), order)
        others = {n: metrics.blocks_of(y, b.flagged[inverse], order) for n, b in beside.items()}
    return {
        "curve": curve,
        "timeline": _timeline(target, test, np.ma.filled(flags, False), y),
        "scores": _score_bins(judged, scores),
        "similarity": None if tau is None else _similarity_bins(judged, tau),
        "blocks": blocks,
        "baselines": others,
    }


def flagged(
    sequences: Sequences, rows: np.ndarray, judged: Verdicts, threshold: float, texts: list[str]
) -> pl.DataFrame:
    """The distinct flagged sequences, the highest score first, at most `KINDS`.

    Args:
      sequences: all of the target's.
      rows: `<int64>[N]` which of them were judged.
    """
    unique = judged.distinct
    hit = np.flatnonzero(judged.scores >= np.float32(threshold))
    hit = hit[np.argsort(-judged.scores[hit], kind="stable")][:KINDS]
    by_kind = np.argsort(unique.inverse, kind="stable")
    starts = np.searchsorted(unique.inverse[by_kind], np.arange(len(unique) + 1))
    members = [by_kind[starts[u] : starts[u + 1]] for u in hit.tolist()]
    first = np.array([own[0] for own in members], dtype=np.int64)
    # One sequence of each kind, so that evidence is made for those alone.
    shown = verdicts.rows(judged.take(hit), sequences.take(rows[first]), threshold, texts)
    columns = {
        "count": unique.counts[hit],
        "sequences": [rows[own].tolist() for own in members],
        "events": [
            [texts[id_] for id_ in unique.ids[a : min(b, a + EVENTS)].tolist()]
            for a, b in zip(unique.offsets[hit], unique.offsets[hit + 1], strict=True)
        ],
    }
    more = pl.DataFrame(columns, schema={name: FLAGGED[name] for name in columns})
    return shown.hstack(more).select(*FLAGGED)


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


def _score_bins(judged: Verdicts, scores: np.ndarray) -> dict[str, Any]:
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    all_ = np.full(len(judged.distinct), "all")
    routes = (all_ if judged.routes is None else judged.routes)[judged.distinct.inverse]

    def count(route: str) -> list[int]:
        of = scores[(routes == route) & ~np.isnan(scores)]
        return np.histogram(of, edges)[0].tolist()

    return {"edges": edges.tolist(), "routes": {r: count(r) for r in np.unique(routes).tolist()}}


def _similarity_bins(judged: Verdicts, tau: float) -> dict[str, Any] | None:
    if judged.similarity is None:
        return None
    x_sim = np.minimum(judged.similarity, 1)[judged.distinct.inverse]
    count, edges = np.histogram(
        x_sim, np.linspace(min(x_sim.min(), tau, 0), 1, SIMILARITY_BINS + 1)
    )
    return {"edges": edges.tolist(), "count": count.tolist(), "tau": tau}
