"""What verdicts are worth beside baselines and ceilings. In: verdicts, labels. Out: figures."""

from typing import Any

import numpy as np

from glx.data.load import Parsed
from glx.evaluate import audit, baselines, ceilings, metrics
from glx.evaluate.baselines import Baseline
from glx.evaluate.labels import Labels
from glx.runs.settings import RunConfig
from glx.runs.shared import Shared
from glx.sequences import PARTS, TEST, Sequences, distinct
from glx.verdicts import Verdicts

KEPT = ("f1", "f1_interval", "precision", "recall", "auprc", "auroc", "oracle_f1", "threshold")


def measure(
    config: RunConfig,
    target: Parsed,
    judged: Verdicts,
    threshold: float,
    labels: Labels | None,
    shared: Shared,
) -> dict[str, Any]:
    """The figures of `metrics.json`; without labels only those that need none.

    Args:
      judged: the test sequences.
      labels: of all sequences of the target.
      shared: knows what is alike for all detectors on the target.
    """
    rows = np.flatnonzero(target.part == TEST)
    unique = judged.distinct
    flags = decisions(judged, threshold)
    figures: dict[str, Any] = {
        "threshold": threshold,
        "n_sequences": len(rows),
        "n_distinct": len(unique),
        "n_anomalous": int(np.ma.filled(flags, False).sum()),
        "abstained": int(np.ma.getmaskarray(flags).sum()),
        "audit": audit.audit(
            target.sequences,
            np.array(PARTS)[target.part],
            protocol=config.data.protocol,
            threshold_method=config.model.threshold,
            ordered=target.ordered,
        ),
    }
    if labels is None:
        return figures
    y, seed = labels.sequences[rows].astype(bool), config.model.seed
    if judged.routes is not None:
        routes, decided = judged.routes[unique.inverse], right_or_wrong(y, flags)
        for route in ("general", "proprietary"):
            of = routes == route
            figures[f"f1_{route}"] = metrics.f1(metrics.confusion(y[of], decided[of]))
    test = target.sequences.take(rows)
    beside, key = trivial(config, target, judged, shared), alike(config)
    scores = judged.scores[unique.inverse]
    return figures | {
        **_evaluate(target, test, judged, y, scores, flags, threshold, seed),
        **shared.once(("ceilings", *key), lambda: _ceilings(target, test, judged, labels, y)),
        "baselines": shared.once(
            ("baselines", seed, *key), lambda: _baselines(target, test, judged, y, seed, beside)
        ),
    }


def trivial(
    config: RunConfig, target: Parsed, judged: Verdicts, shared: Shared
) -> dict[str, Baseline]:
    """The trivial detectors on the distinct test sequences."""
    templates = target.parser.miner.templates
    return shared.once(
        ("trivial", *alike(config)),
        lambda: baselines.run(distinct(target.adapt), judged.distinct, templates),
    )


def alike(config: RunConfig) -> tuple:
    """What all runs on one target and split have in common."""
    return config.target, config.labels, config.data


def decisions(judged: Verdicts, threshold: float) -> np.ma.MaskedArray:
    """`<bool>[N]` what is flagged; abstentions are masked."""
    scores = judged.scores[judged.distinct.inverse]
    return np.ma.masked_array(scores >= np.float32(threshold), np.isnan(scores))


def right_or_wrong(y: np.ndarray, flags: np.ma.MaskedArray) -> np.ndarray:
    """`<bool>[N]` decisions in which an abstention is the wrong one."""
    return np.where(np.ma.getmaskarray(flags), ~y, np.ma.getdata(flags))


def _evaluate(
    target: Parsed,
    test: Sequences,
    judged: Verdicts,
    y: np.ndarray,
    scores: np.ndarray,
    flags: np.ndarray,
    threshold: float,
    seed: int,
) -> dict[str, Any]:
    known = np.append(target.templates.counts > 0, False)
    unseen = ~known[np.minimum(test.ids, len(known) - 1)]
    return metrics.evaluate(
        y,
        scores,
        flags,
        threshold=threshold,
        inverse=judged.distinct.inverse,
        unseen=np.logical_or.reduceat(unseen, test.offsets[:-1]),
        seconds=test.start,
        ordered=target.ordered,
        seed=seed,
    )


def _baselines(
    target: Parsed,
    test: Sequences,
    judged: Verdicts,
    y: np.ndarray,
    seed: int,
    beside: dict[str, Baseline],
) -> dict[str, Any]:
    found, inverse = {}, judged.distinct.inverse
    for name, b in beside.items():
        scores, flags = b.scores[inverse], b.flagged[inverse]
        whole = _evaluate(target, test, judged, y, scores, flags, b.threshold, seed)
        found[name] = {k: whole[k] for k in KEPT}
    return found


def _ceilings(
    target: Parsed, test: Sequences, judged: Verdicts, labels: Labels, y: np.ndarray
) -> dict[str, float | None]:
    in_test = np.repeat(target.part == TEST, target.sequences.lengths)
    return {
        "supervised_ceiling": ceilings.supervised_ceiling(judged.distinct, y),
        "template_ceiling": ceilings.template_ceiling(test, labels.events[in_test], y),
    }
