"""Metrics of verdicts against labels.

In: labels, scores and decisions of the scored sequences. Out: one dict of plain floats, ints and
None (nothing in it is NaN or infinite), with the names of `metrics.json`.

Everything is derived from counts. An abstention (a masked decision) is a wrong decision: a missed
anomaly or a normal sequence flagged. Where the labels hold one class, a metric that needs both is
None.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 1000
BLOCKS = 50  # of equally many sequences, in the order of time; each is drawn as a whole
DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Curve:
    """The counts at each threshold, from the highest score down.

    Attributes:
      thresholds: `<float64>[T]` distinct scores, descending.
      tp, fp: `<int64>[T]` anomalous and normal sequences with a score at or above each.
    """

    thresholds: np.ndarray
    tp: np.ndarray
    fp: np.ndarray


def evaluate(
    labels: np.ndarray,
    scores: np.ndarray,
    anomalous: np.ndarray,
    *,
    threshold: float | None,
    inverse: np.ndarray | None = None,
    unseen: np.ndarray | None = None,
    seconds: np.ndarray | None = None,
    ordered: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """All metrics of one detector on the `N` scored sequences.

    Args:
      labels: `<bool>[N]` True where anomalous.
      scores: `<float>[N]` higher is more anomalous; NaN only where the decision is masked.
      anomalous: `<bool>[N]` decisions; a masked array marks abstentions.
      threshold: of the decisions, only reported.
      inverse: `<int>[N]` the distinct sequence of each; adds `n_distinct` and `distinct`, where
        each counts once, with the label of its majority (a draw is anomalous).
      unseen: `<bool>[N]` holds a template that the adaptation part lacks; adds `seen`, `unseen`.
      seconds: `<float64>[N]` start of each; for false alarms per day and the order of blocks.
      ordered: rows are in the order of time, so that blocks need no `seconds`.
      seed: of the bootstrap.

    Raises:
      ValueError: arrays of different length, none at all, or a NaN score without an abstention.
    """
    labels = np.asarray(labels, dtype=bool)
    abstained = np.ma.getmaskarray(np.ma.asarray(anomalous))
    flags = np.ma.filled(np.ma.asarray(anomalous), False).astype(bool)
    scores = rankable(labels, np.ma.getdata(scores), abstained)
    if not len(labels):
        raise ValueError("no sequences: need at least one")
    decided = np.where(abstained, ~labels, flags)

    def part(rows: np.ndarray) -> dict[str, Any]:
        return {"n_sequences": len(rows), **summary(labels[rows], scores[rows], decided[rows])}

    n, alarms = len(labels), int((flags & ~labels & ~abstained).sum())
    order, days, blocks = np.arange(n), 0.0, ordered
    if seconds is not None:
        order, days, blocks = np.argsort(seconds, kind="stable"), float(np.ptp(seconds)) / DAY, True
    out: dict[str, Any] = {
        **part(np.arange(n)),
        "threshold": None if threshold is None else float(threshold),
        "abstained": int(abstained.sum()),
        "f1_interval": f1_interval(labels[order], decided[order], blocks=blocks, seed=seed),
        "false_alarms": alarms,
        "false_alarms_per_10k": 1e4 * alarms / n,
        "false_alarms_per_day": alarms / days if days else None,
    }
    if inverse is not None:
        values, first, which = np.unique(inverse, return_index=True, return_inverse=True)
        majority = 2 * np.bincount(which, labels) >= np.bincount(which)
        chosen = np.where(abstained[first], ~majority, flags[first])
        once = summary(majority, scores[first], chosen)
        out |= {"n_distinct": len(values), "distinct": {"n_sequences": len(values), **once}}
    if unseen is not None:
        out |= {"seen": part(np.flatnonzero(~unseen)), "unseen": part(np.flatnonzero(unseen))}
    return out


def summary(labels: np.ndarray, scores: np.ndarray, flags: np.ndarray) -> dict[str, Any]:
    """The metrics of decisions and ranking without abstentions; arrays as in `evaluate`."""
    counts, curve = confusion(labels, flags), ranking(labels, scores)
    tp, fp, fn = counts["tp"], counts["fp"], counts["fn"]
    best_f1, best_threshold = oracle(curve)
    return {
        "f1": f1(counts),
        # Nothing flagged is precision 0, as F1 then is 0 too.
        "precision": tp / max(tp + fp, 1) if tp + fn else None,
        "recall": tp / (tp + fn) if tp + fn else None,
        "mcc": mcc(counts),
        "auprc": average_precision(curve),
        "auroc": auroc(curve),
        "oracle_f1": best_f1,
        "oracle_threshold": best_threshold,
        "prevalence": float(labels.mean()) if len(labels) else None,
        "confusion": counts,
    }


def confusion(labels: np.ndarray, flags: np.ndarray) -> dict[str, int]:
    """Counts `tp fp fn tn` of `<bool>[N]` decisions against `<bool>[N]` labels."""
    tp, fp = int((labels & flags).sum()), int((~labels & flags).sum())
    positives = int(labels.sum())
    return {"tp": tp, "fp": fp, "fn": positives - tp, "tn": len(labels) - positives - fp}


def f1(counts: dict[str, int]) -> float | None:
    """`2 tp / (2 tp + fp + fn)`; None without an anomalous sequence."""
    tp, fp, fn = counts["tp"], counts["fp"], counts["fn"]
    return 2 * tp / (2 * tp + fp + fn) if tp + fn else None


def mcc(counts: dict[str, int]) -> float | None:
    """Matthews correlation; 0 where all decisions are alike, None where all labels are."""
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    if not tp + fn or not tn + fp:
        return None
    scale = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / scale**0.5 if scale else 0.0


def ranking(labels: np.ndarray, scores: np.ndarray) -> Curve:
    """The curve of `<float>[N]` scores, none of them NaN; equal scores are one point."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order].astype(np.float64), np.cumsum(labels[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
    return Curve(ranked[last], hits[last], last + 1 - hits[last])


def average_precision(curve: Curve) -> float | None:
    """`sum_i (R_i - R_{i-1}) P_i` over the distinct scores; None without an anomalous sequence."""
    if not len(curve.tp) or not curve.tp[-1]:
        return None
    gained = np.diff(curve.tp, prepend=0) / curve.tp[-1]
    return float(gained @ (curve.tp / (curve.tp + curve.fp)))


def auroc(curve: Curve) -> float | None:
    """Chance that an anomalous sequence outranks a normal one, a tie being half, or None."""
    if not len(curve.tp) or not curve.tp[-1] or not curve.fp[-1]:
        return None
    tp = np.concatenate([[0], curve.tp])
    area = np.diff(curve.fp, prepend=0) @ (tp[1:] + tp[:-1])
    return float(area / (2 * curve.tp[-1] * curve.fp[-1]))


def oracle(curve: Curve) -> tuple[float | None, float | None]:
    """The best F1 in hindsight and the highest threshold that reaches it."""
    if not len(curve.tp) or not curve.tp[-1]:
        return None, None
    values = 2 * curve.tp / (curve.tp + curve.fp + curve.tp[-1])
    best = int(np.argmax(values))
    threshold = float(curve.thresholds[best])
    return float(values[best]), threshold if np.isfinite(threshold) else None


def f1_interval(
    labels: np.ndarray, decided: np.ndarray, *, blocks: bool, seed: int = 0
) -> list[float | None]:
    """The 95 % bootstrap interval `[lo, hi]` of F1, from resampled confusion counts.

    With `blocks`, rows are in time order and `BLOCKS` contiguous blocks are resampled, so that a
    burst of alike sequences counts as one event (Künsch, 1989); else sequences are.
    """
    rng, n = np.random.default_rng(seed), len(labels)
    cells = np.stack([labels & decided, labels ^ decided, ~labels & ~decided], axis=1)
    if blocks:
        sums = _block_sums(cells)
        even = np.full(len(sums), 1 / len(sums))
        samples = rng.multinomial(len(sums), even, size=RESAMPLES) @ sums
    else:
        samples = rng.multinomial(n, cells.mean(axis=0), size=RESAMPLES)
    hits, errors, _ = samples[samples[:, 0] + samples[:, 1] > 0].T
    if not labels.any() or not len(hits):
        return [None, None]
    return np.quantile(2 * hits / (2 * hits + errors), [0.025, 0.975]).tolist()


def blocks_of(labels: np.ndarray, decided: np.ndarray, order: np.ndarray) -> dict[str, list[int]]:
    """Confusion counts `tp fp fn` of `BLOCKS` contiguous blocks, for paired intervals later.

    Args:
      order: `<int>[N]` the rows in the order of time; where there is none, in any fixed order.
    """
    y, flags = labels[order], decided[order]
    sums = _block_sums(np.stack([y & flags, ~y & flags, y & ~flags], axis=1))
    return dict(zip(("tp", "fp", "fn"), sums.T.tolist(), strict=True))


def _block_sums(cells: np.ndarray) -> np.ndarray:
    """`<int64>[B, C]` sums of `<bool>[N, C]` over contiguous blocks, `BLOCKS` or `N` if fewer."""
    n = len(cells)
    starts = np.unique(np.linspace(0, n, min(BLOCKS, n), endpoint=False).astype(np.int64))
    return np.add.reduceat(cells.astype(np.int64), starts)


def precision_recall(curve: Curve, points: int = 300) -> dict[str, list[float]] | None:
    """At most `points` of the curve, evenly in recall, from the highest threshold down.

    Returns:
      `recall`, `precision` and the finite `threshold` of each; None without an anomalous sequence.
    """
    if not len(curve.tp) or not curve.tp[-1]:
        return None
    rising = np.linspace(0, curve.tp[-1], points)
    at = np.unique(np.append(np.searchsorted(curve.tp, rising), len(curve.tp) - 1))
    at = at[np.isfinite(curve.thresholds[at])]
    return {
        "recall": (curve.tp[at] / curve.tp[-1]).tolist(),
        "precision": (curve.tp[at] / (curve.tp + curve.fp)[at]).tolist(),
        "threshold": curve.thresholds[at].tolist(),
    }


def rankable(labels: np.ndarray, scores: np.ndarray, abstained: np.ndarray) -> np.ndarray:
    """`<float64>[N]` scores in which an abstention (NaN) ranks where it does most harm.

    Raises:
      ValueError: arrays of different length, or a NaN score without an abstention.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not len(scores) == len(labels) == len(abstained):
        raise ValueError(f"{len(scores)} scores, {len(labels)} labels, {len(abstained)} decisions")
    missing = np.isnan(scores)
    if (missing & ~abstained).any():
        raise ValueError("a score is NaN where the detector did not abstain")
    return np.where(missing, np.where(labels, -np.inf, np.inf), scores)
