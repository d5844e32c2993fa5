"""What verdicts are worth beside baselines and ceilings. In: verdicts, labels. Out: figures."""

from typing import Any

import numpy as np

from glx.evaluate import audit, baselines, ceilings, metrics
from glx.evaluate.labels import read_labels
from glx.logs.load import DataConfig, Parsed
from glx.logs.sequences import distinct
from glx.logs.split import PARTS, TEST
from glx.verdicts import Judged
from glx.zerolog.detector import ZeroLogConfig


def measure(
    data: DataConfig, model: ZeroLogConfig, target: Parsed, judged: Judged, threshold: float
) -> dict[str, Any]:
    """The figures of `metrics.json`; without labels only those that need none.

    Args:
      judged: the test sequences.
    """
    test_rows = np.flatnonzero(target.part == TEST)
    test = target.sequences.take(test_rows)
    unique = judged.distinct
    scores = judged.scores[unique.inverse]
    flags = np.ma.masked_array(scores >= np.float32(threshold), np.isnan(scores))
    figures: dict[str, Any] = {
        "threshold": threshold,
        "n_sequences": len(test),
        "n_distinct": len(unique),
        "n_anomalous": int(flags.sum()),
        "abstained": int(np.isnan(scores).sum()),
        "audit": audit.audit(
            target.sequences,
            np.array(PARTS)[target.part],
            protocol=data.protocol,
            threshold_method=model.threshold,
            ordered=target.ordered,
        ),
    }
    if target.system.labels is None:
        return figures
    labels = read_labels(target.system, target.sequences)
    y = labels.sequences[test_rows].astype(bool)
    known = np.append(target.templates.counts > 0, False)
    unseen = ~known[np.minimum(test.ids, len(known) - 1)]

    def evaluated(scores, flags, threshold):
        return metrics.evaluate(
            y,
            scores,
            flags,
            threshold=threshold,
            inverse=unique.inverse,
            unseen=np.logical_or.reduceat(unseen, test.offsets[:-1]),
            seconds=test.start,
            ordered=target.ordered,
            seed=model.seed,
        )

    kept = ("f1", "f1_interval", "precision", "recall", "auprc", "auroc", "oracle_f1", "threshold")
    beside = {}
    templates = target.reader.miner.templates
    for name, b in baselines.run(distinct(target.adapt), unique, templates).items():
        whole = evaluated(b.scores[unique.inverse], b.flagged[unique.inverse], b.threshold)
        beside[name] = {k: whole[k] for k in kept}
    if judged.routes is not None:
        routes = judged.routes[unique.inverse]
        decided = np.ma.filled(flags, False) ^ (np.ma.getmaskarray(flags) & ~y)  # abstained: wrong
        for route in ("general", "proprietary"):
            rows = routes == route
            figures[f"f1_{route}"] = metrics.f1(metrics.confusion(y[rows], decided[rows]))
    in_test = np.repeat(target.part == TEST, target.sequences.lengths)
    return figures | {
        **evaluated(scores, flags, threshold),
        "supervised_ceiling": ceilings.supervised_ceiling(unique, y),
        "template_ceiling": ceilings.template_ceiling(test, labels.events[in_test], y),
        "baselines": beside,
    }
