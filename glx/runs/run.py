"""One run: from systems by name to a run folder with verdicts and honest numbers.

In: the settings of a run. Out: `verdicts.parquet`, `metrics.json`, `train.jsonl`, `config.json`,
what the report draws and the report, the detector in `checkpoint/`. The target's labels are used
after its verdicts are on disk, but for those that `--target_labels` gives away, stamped; before,
only whether they fit its logs is looked at.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import to_builtins

from glx import hosts
from glx import verdicts as tables
from glx.data.load import Parsed
from glx.detector import Detector
from glx.embed.alarm import Meanings
from glx.evaluate import audit
from glx.evaluate.labels import read_labels
from glx.files import parquet
from glx.redact import Mask, mask_of
from glx.report import models, remarks
from glx.report import run as report
from glx.runs import causes, detectors, plots
from glx.runs.fit import fit
from glx.runs.folder import run_folder
from glx.runs.measure import measure, trivial
from glx.runs.memory import forget_peak, peak_memory_mb
from glx.runs.progress import Progress
from glx.runs.settings import RunConfig
from glx.runs.shared import Shared
from glx.runs.trackers import tracked
from glx.sequences import TEST
from glx.verdicts import Verdicts


def run(
    config: RunConfig,
    run_dir: Path,
    *,
    overwrite: bool = False,
    trackers: Sequence[str] = (),
    progress: Progress | None = None,
    shared: Shared | None = None,
) -> models.Metrics:
    """Fit, judge, measure; returns what `metrics.json` holds.

    Of several processes (`glx.hosts`) all read, fit and judge, and the first alone writes.

    Args:
      trackers: `mlflow`, `wandb`, where the first process keeps the run too (`glx.runs.trackers`).
      shared: of runs in one process, which then do once what they have in common.

    Raises:
      InputError, OutsideError, Paused: as their classes say.
    """
    progress, shared = progress or Progress(), shared or Shared()
    shared.begin()
    forget_peak()
    began = time.perf_counter()
    make = partial(
        run_folder, run_dir, config.recorded, overwrite=overwrite, may_differ=config.may_differ
    )
    kept = partial(
        tracked,
        trackers if hosts.first() else (),
        run_dir.name,
        settings=config.recorded,
        mask=mask_of(config.data.redact),
        say=progress.say,
    )
    with hosts.folder_of_first(make, config.compared) as folder, kept(folder) as tracker:
        detector, sources, target, few = fit(config, folder, progress, shared, tracker.send)

        test = target.sequences.take(np.flatnonzero(target.part == TEST))
        progress.say(f"scoring {len(test):,} sequences")
        scoring = time.perf_counter()
        meanings = detector.understand(target.parser.texts, mask_of(config.data.redact))
        with progress.asking() as asked:
            verdicts = detector.with_expert(folder=folder, report=asked).judge(test, meanings)
        scoring = time.perf_counter() - scoring

        def written() -> dict[str, Any]:
            found = dict(verdicts.metrics)
            stamped = ["bgl_inferred_text"] if config.data.bgl_inferred_text else []
            stamped += [] if few is None else [f"{len(few.labels):,} labels of the target"]
            stamped += found.pop("stamps", [])
            stamps = {"protocol": config.data.protocol, "stamps": stamped}
            shown = meanings, mask_of(config.data.redact)
            _write_verdicts(folder, detector, target, verdicts, *shown, stamps)

            progress.say("measuring")
            has_labels = target.system.labels is not None
            labels = None
            if has_labels:
                labels = read_labels(target.system, target.sequences, progress.say)
            found |= measure(config, target, verdicts, detector.threshold, labels, shared)
            if few is not None:
                found["audit"].append(audit.target_labels(len(few.labels)))
            found |= {
                "method": config.model.name(labelled=few is not None),
                "target_labels": 0 if few is None else len(few.labels),
                "wall_seconds": time.perf_counter() - began + shared.saved_seconds,
                "n_lines": len(test.ids),
                "lines_per_second": len(test.ids) / max(scoring, 1e-9),
                "peak_memory_mb": peak_memory_mb(),
                **stamps,
                "seed": config.model.seed,
                "source": [source.name for source in sources],
                "target": target.system.name,
                "read": asdict(target.counts),
            }
            metrics = models.typed(found, models.Metrics)
            models.write(folder, metrics)
            tracker.end(to_builtins(metrics))
            y = None if labels is None else labels.sequences[target.part == TEST].astype(bool)
            baselines = {} if y is None else trivial(config, target, verdicts, shared)
            cut = detector.threshold
            models.write(folder, plots.plot_data(target, verdicts, cut, metrics.tau, y, baselines))
            remarks.keep(run_dir, folder)
            report.write(folder)
            shutil.rmtree(folder / "training", ignore_errors=True)
            return to_builtins(metrics)

        return models.typed(hosts.of_first(written), models.Metrics)


def _write_verdicts(
    folder: Path,
    detector: Detector,
    target: Parsed,
    verdicts: Verdicts,
    meanings: Meanings,
    mask: Mask,
    stamps: dict[str, Any],
) -> None:
    """The detector, its verdicts and what the report shows of them; no label is needed.

    Args:
      meanings: of templates.
      mask: what becomes of lines where they are shown.
    """
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    detectors.save(folder / "checkpoint", detector, target.parser, stamps)
    cut, texts = detector.threshold, meanings.shown
    near = partial(meanings.nearest, len(target.parser.miner.fitted))
    table = tables.table(target.sequences, target.part, verdicts, cut, texts, near)
    written = parquet(table, metadata={"glx": json.dumps(stamps)})
    (folder / "verdicts.parquet").write_bytes(written)
    if len(target.log.files) > 1:
        (folder / "files.parquet").write_bytes(parquet(target.log.table()))
    flagged = plots.flagged(table, verdicts, texts)
    (folder / "flagged.parquet").write_bytes(parquet(flagged))
    models.write(folder, causes.of_run(target, table, mask))
