"""What verdicts are worth, beside baselines and ceilings. In: verdicts, labels. Out: metrics."""

from typing import Any

import numpy as np

from glx.data.load import Parsed
from glx.evaluate import audit, baselines, ceilings, metrics
from glx.evaluate.baselines import Baseline
from glx.evaluate.labels import Labels
from glx.runs.settings import RunConfig
from glx.runs.shared import Shared
from glx.sequences import PARTS, TEST, distinct
from glx.verdicts import Verdicts

OF_BASELINES = (
    "f1", "f1_interval", "precision", "recall", "auprc", "auroc", "oracle_f1", "threshold",
)  # fmt: skip


def measure(
    config: RunConfig,
    target: Parsed,
    verdicts: Verdicts,
    threshold: float,
    labels: Labels | None,
    shared: Shared,
) -> dict[str, Any]:
    """Metrics of `metrics.json`; without labels only those that need none.

    Args:
      verdicts: of the `N` test sequences.
      labels: of all sequences of the target.
      shared: holds what is the same for all detectors on the target.
    """
    in_test, unique, seed = target.part == TEST, verdicts.distinct, config.model.seed
    test = target.sequences.take(np.flatnonzero(in_test))
    flags = decisions(verdicts, threshold)
    found: dict[str, Any] = {
        "threshold": threshold,
        "n_sequences": len(test),
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
        return found
    y = labels.sequences[in_test].astype(bool)
    if verdicts.routes is not None:
        routes, decided = verdicts.routes[unique.inverse], right_or_wrong(y, flags)
        for route in ("general", "proprietary"):
            of = routes == route
            found[f"f1_{route}"] = metrics.f1(metrics.confusion(y[of], decided[of]))
    known = np.append(target.templates.counts > 0, False)
    unseen = ~known[np.minimum(test.ids, len(known) - 1)]

    def evaluate(scores: np.ndarray, flags: np.ndarray, threshold: float) -> dict[str, Any]:
        return metrics.evaluate(
            y,
            scores[unique.inverse],
            flags,
            threshold=threshold,
            inverse=unique.inverse,
            unseen=np.logical_or.reduceat(unseen, test.offsets[:-1]),
            seconds=test.start,
            ordered=target.ordered,
            seed=seed,
        )

    def of_baselines() -> dict[str, Any]:
        of_each = {
            name: evaluate(baseline.scores, baseline.flagged[unique.inverse], baseline.threshold)
            for name, baseline in trivial(config, target, verdicts, shared).items()
        }
        return {name: {key: of[key] for key in OF_BASELINES} for name, of in of_each.items()}

    def of_ceilings() -> dict[str, float | None]:
        events = labels.events[np.repeat(in_test, target.sequences.lengths)]
        return {
            "supervised_ceiling": ceilings.supervised_ceiling(unique, y),
            "template_ceiling": ceilings.template_ceiling(test, events, y),
        }

    key = _data(config)
    return found | {
        **evaluate(verdicts.scores, flags, threshold),
        **shared.once(("ceilings", *key), of_ceilings),
        "baselines": shared.once(("baselines", seed, *key), of_baselines),
    }


def trivial(
    config: RunConfig, target: Parsed, verdicts: Verdicts, shared: Shared
) -> dict[str, Baseline]:
    """The trivial detectors on the distinct test sequences."""
    templates = target.parser.miner.templates
    return shared.once(
        ("trivial", *_data(config)),
        lambda: baselines.run(distinct(target.adapt), verdicts.distinct, templates),
    )


def _data(config: RunConfig) -> tuple:
    """What all runs on one target and split have in common."""
    return config.target, config.labels, config.data


def decisions(verdicts: Verdicts, threshold: float) -> np.ma.MaskedArray:
    """`<bool>[N]` what is flagged; abstentions are masked."""
    scores = verdicts.scores[verdicts.distinct.inverse]
    return np.ma.masked_array(scores >= np.float32(threshold), np.isnan(scores))


def right_or_wrong(y: np.ndarray, flags: np.ma.MaskedArray) -> np.ndarray:
    """`<bool>[N]` decisions in which an abstention is the wrong one."""
    return np.where(np.ma.getmaskarray(flags), ~y, np.ma.getdata(flags))
