"""One run: from systems by name to a run folder with verdicts and honest numbers.

In: the settings of a run. Out: `verdicts.parquet`, `metrics.json`, `train.jsonl`, `config.json`,
what the report draws and the report, the detector in `checkpoint/`. The target's labels are read
after its verdicts are on disk, but for those that `--target_labels` gives away, stamped.
"""

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from glx import verdicts
from glx.data.catalogue import resolve
from glx.data.load import Parsed
from glx.errors import Paused
from glx.evaluate import audit
from glx.evaluate.labels import read_labels
from glx.generallog import detector as general
from glx.generallog.answers import write_questions
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import prepare as prepare_expert
from glx.generallog.notes import read as read_notes
from glx.methods import detector as methods
from glx.report import models
from glx.report import run as report
from glx.runs import detectors, plots
from glx.runs.fit import few_of_target, fit_detector, fit_method, read_sources, read_target
from glx.runs.folder import run_folder
from glx.runs.measure import measure, trivial
from glx.runs.memory import forget_peak, peak_memory_mb
from glx.runs.progress import Progress
from glx.runs.settings import AnyRun, GeneralLogRun, MethodRun, name, sources_of
from glx.runs.shared import Shared
from glx.sequences import TEST

# Settings on which no result depends.
WHERE = ("data.cache_dir", "model.embed.cache_dir")


def run(
    config: AnyRun,
    run_dir: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    shared: Shared | None = None,
) -> models.Metrics:
    """Fit, score, evaluate; returns what `metrics.json` holds.

    Args:
      shared: of runs in one process, which then do once what they have in common.

    Raises:
      InputError, OutsideError, Paused: as their classes say.
    """
    progress, shared = progress or Progress(), shared or Shared()
    shared.begin()
    forget_peak()
    began = time.perf_counter()
    with run_folder(
        run_dir, asdict(config), overwrite=overwrite, may_differ=may_differ(config)
    ) as folder:
        cast = resolve(config.target, sources_of(config), config.labels, config.data)
        sources = read_sources(cast, config, progress, shared)
        target = read_target(cast, config, progress, shared)
        if isinstance(config, GeneralLogRun):
            prepare(config.general, target)
            if config.general.expert.expert == "vllm":
                progress.say(f"the expert is {config.general.expert.llm.llm_url}, asked at the end")
        few = few_of_target(config, target)
        fitted: detectors.Detector
        if isinstance(config, MethodRun):
            fitted = fit_method(config, sources, target, folder, progress)
        else:
            fitted = fit_detector(config, sources, target, folder, progress, shared, few)
        stamped = ["bgl_inferred_text"] if config.data.bgl_inferred_text else []
        stamped += [] if few is None else [f"{len(few.labels):,} labels of the target"]
        test_rows = np.flatnonzero(target.part == TEST)
        test = target.sequences.take(test_rows)
        progress.say(f"scoring {len(test):,} sequences")
        scoring = time.perf_counter()
        texts = target.parser.texts
        read = detectors.understand(config.model, texts)
        with (
            progress.asking() as told,
            detectors.expert(fitted, target.parser, told, folder) as expert,
        ):
            judged = detectors.judge(fitted, test, read, expert)
        scoring = time.perf_counter() - scoring
        figures = dict(judged.metrics)
        stamped += figures.pop("stamps", [])
        stamps = {"protocol": config.data.protocol, "stamps": stamped}
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        if not isinstance(fitted, methods.Detector):  # those are only measured
            detectors.save(folder / "checkpoint", fitted, target.parser, stamps)
        table = verdicts.table(target.sequences, target.part, judged, fitted.threshold, texts)
        table.write_parquet(folder / "verdicts.parquet", metadata={"glx": json.dumps(stamps)})
        plots.flagged(table, judged, texts).write_parquet(folder / "flagged.parquet")

        progress.say("measuring")
        has_labels = target.system.labels is not None
        labels = read_labels(target.system, target.sequences) if has_labels else None
        figures |= measure(config, target, judged, fitted.threshold, labels, shared)
        if few is not None:
            figures["audit"].append(audit.target_labels(len(few.labels)))
        figures |= {
            "method": name(config),
            "target_labels": 0 if few is None else len(few.labels),
            "wall_seconds": time.perf_counter() - began + shared.spared,
            "n_lines": len(test.ids),
            "lines_per_second": len(test.ids) / max(scoring, 1e-9),
            "peak_memory_mb": peak_memory_mb(),
            **stamps,
            "seed": config.model.seed,
            "source": [s.name for s in cast.sources],
            "target": cast.target.name,
            "read": asdict(target.counts),
        }
        metrics = models.typed(figures, models.Metrics)
        models.write(folder, metrics)
        y = None if labels is None else labels.sequences[test_rows].astype(bool)
        beside = {} if y is None else trivial(config, target, judged, shared)
        data = plots.plot_data(target, judged, fitted.threshold, metrics.tau, y, beside)
        models.write(folder, data)
        report.write(folder)
        shutil.rmtree(folder / "training", ignore_errors=True)
    return metrics


def may_differ(config: AnyRun) -> tuple[str, ...]:
    """Settings that may change when a run goes on."""
    if not isinstance(config, GeneralLogRun):
        return WHERE
    return WHERE + tuple(f"general.{name}" for name in general.may_differ(config.general))


def prepare(config: GeneralLogConfig, target: Parsed) -> None:
    """What is to be done before the work: write questions, miss a file now rather than later."""
    expert, templates = config.expert, target.parser.miner.templates
    if config.write_questions is not None:
        path = Path(config.write_questions).expanduser()
        write_questions(path, templates.texts, templates.counts, target.parser.numbers)
        if expert.expert == "answers" and expert.responses is None:
            raise Paused(
                f"{len(templates):,} templates are in {path}; fill in the column p and repeat the "
                f"command with --responses={path} in place of --write_questions"
            )
    prepare_expert(expert)
    if config.knowledge.knowledge is not None:
        read_notes(Path(config.knowledge.knowledge).expanduser())
