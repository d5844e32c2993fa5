"""One ZeroLog run: from systems by name to a run folder with verdicts and honest numbers.

In: a `RunConfig`. Out: `verdicts.parquet`, `metrics.json`, `train.jsonl`, `config.json`, the
detector in `checkpoint/`. The target's labels are read after its verdicts are on disk.
"""

import json
import resource
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from glx import verdicts
from glx.config import nested
from glx.embed.embed import embed
from glx.evaluate import audit, baselines, ceilings, metrics
from glx.evaluate.labels import check_source, read_labels
from glx.logs.catalogue import resolve
from glx.logs.load import DataConfig, Parsed, load
from glx.logs.sequences import Distinct, distinct
from glx.logs.split import PARTS, TEST
from glx.runs import detectors
from glx.runs.folder import run_folder
from glx.runs.progress import Progress
from glx.zerolog import detector
from glx.zerolog.detector import LabelledSource, ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig


@dataclass(frozen=True)
class RunConfig:
    """What a run learns from, what it scores, and how.

    Attributes:
      target: the system to judge: a name of docs/data.md, NAME=FILE or a file of your own logs.
      source: a labelled system to learn from, a name or NAME=FILE; repeat it or list several with
        commas. None given: the simulated systems.
      labels: NAME=FILE, labels of your own source (or of your target, to measure): a CSV of
        `key,label` or `line,label`; repeat it for several.
      data: where files are and how they are read and cut.
      model: the detector.
    """

    target: str = "sim_vms"
    source: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    data: DataConfig = nested(DataConfig)
    model: ZeroLogConfig = nested(ZeroLogConfig)


PRESETS = {
    "small": RunConfig(),
    "full": RunConfig(
        model=ZeroLogConfig(
            train=TrainConfig(
                model=ModelConfig(hidden=128), steps=2000, episodes=8, batch=32, max_events=64
            )
        )
    ),
}


def run(
    config: RunConfig, run_dir: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit, score, evaluate; returns what `metrics.json` holds.

    Raises:
      InputError, OutsideError: as their classes say.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    where = ("data.cache_dir", "model.embed.cache_dir")  # results do not depend on them
    with run_folder(run_dir, asdict(config), overwrite=overwrite, may_differ=where) as folder:
        systems = resolve(config.target, config.source, config.labels, config.data)
        sources = []
        for system in systems.sources:
            progress.say(f"reading {system.name} (source)")
            parsed = load(system, config.data, adapt_share=1.0)
            progress.counted(system.name, parsed.counts)
            labels = read_labels(system, parsed.sequences).sequences
            check_source(system.name, labels)
            sources.append(LabelledSource(system.name, parsed.sequences, parsed.templates, labels))
        progress.say(f"reading {systems.target.name} (target, unlabelled)")
        target = load(systems.target, config.data)
        progress.counted(systems.target.name, target.counts)
        with progress.training(config.model.train.steps, folder) as log:
            fitted = detector.fit(
                sources,
                target.adapt,
                target.templates,
                config.model,
                folder / "training",
                log,
            )
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        stamps = {
            "protocol": config.data.protocol,
            "stamps": ["bgl_inferred_text"] if config.data.bgl_inferred_text else [],
        }
        detectors.save(folder / "checkpoint", fitted, target.reader, stamps)

        test = target.sequences.take(np.flatnonzero(target.part == TEST))
        progress.say(f"scoring {len(test):,} sequences")
        scoring = time.perf_counter()
        vectors = embed(target.reader.texts, config.model.embed)
        scored = detector.score_sequences(fitted, test, vectors)
        scoring = time.perf_counter() - scoring
        scores = scored.scores[scored.distinct.inverse]
        evidence = detector.evidence(scored, test, target.reader.texts)
        table = verdicts.table(
            target.sequences,
            target.part,
            scores,
            fitted.threshold,
            pl.Series([verdicts.as_json(e) for e in evidence], dtype=pl.String),
        )
        table.write_parquet(folder / "verdicts.parquet", metadata={"glx": json.dumps(stamps)})

        progress.say("measuring")
        figures = measure(config, target, scores, scored.distinct, fitted.threshold)
        figures |= {
            "wall_seconds": time.perf_counter() - began,
            "lines_per_second": len(test.ids) / max(scoring, 1e-9),
            "peak_memory_mb": peak_memory_mb(),
            **stamps,
            "seed": config.model.seed,
            "source": [s.name for s in systems.sources],
            "target": systems.target.name,
            "read": asdict(target.counts),
        }
        (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n")
        shutil.rmtree(folder / "training", ignore_errors=True)
    return figures


def measure(
    config: RunConfig, target: Parsed, scores: np.ndarray, unique: Distinct, threshold: float
) -> dict[str, Any]:
    """The figures of `metrics.json`; without labels only those that need none.

    Args:
      scores: `<float32>[N]` of the test sequences.
      unique: the distinct ones among them.
    """
    test_rows = np.flatnonzero(target.part == TEST)
    test = target.sequences.take(test_rows)
    flags = scores >= np.float32(threshold)
    figures: dict[str, Any] = {
        "threshold": threshold,
        "n_sequences": len(test),
        "n_distinct": len(unique),
        "n_anomalous": int(flags.sum()),
        "abstained": 0,
        "audit": audit.audit(
            target.sequences,
            np.array(PARTS)[target.part],
            protocol=config.data.protocol,
            threshold_method=config.model.threshold,
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
            seed=config.model.seed,
        )

    kept = ("f1", "f1_interval", "precision", "recall", "auprc", "auroc", "oracle_f1", "threshold")
    beside = {}
    templates = target.reader.miner.templates
    for name, b in baselines.run(distinct(target.adapt), unique, templates).items():
        whole = evaluated(b.scores[unique.inverse], b.flagged[unique.inverse], b.threshold)
        beside[name] = {k: whole[k] for k in kept}
    in_test = np.repeat(target.part == TEST, target.sequences.lengths)
    return figures | {
        **evaluated(scores, flags, threshold),
        "supervised_ceiling": ceilings.supervised_ceiling(unique, y),
        "template_ceiling": ceilings.template_ceiling(test, labels.events[in_test], y),
        "baselines": beside,
    }


def peak_memory_mb() -> float:
    """Peak resident memory of this process and the largest of its children, in 10^6 bytes."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(who).ru_maxrss for who in whose) * 1024 / 1e6
