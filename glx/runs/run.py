"""One run: from systems by name to a run folder with verdicts and honest numbers.

In: a `RunConfig`. Out: `verdicts.parquet`, `metrics.json`, `train.jsonl`, `config.json`, the
detector in `checkpoint/`. The target's labels are read after its verdicts are on disk.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glx import verdicts
from glx.config import nested
from glx.embed.embed import embed
from glx.errors import Paused
from glx.evaluate.labels import check_source, read_labels
from glx.generallog import detector as general
from glx.generallog.answers import write_questions
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import prepare as prepare_expert
from glx.generallog.notes import read as read_notes
from glx.logs.catalogue import Cast, resolve
from glx.logs.load import DataConfig, Parsed, load
from glx.logs.split import TEST
from glx.runs import detectors
from glx.runs.folder import run_folder
from glx.runs.measure import measure
from glx.runs.memory import peak_memory_mb
from glx.runs.progress import Progress
from glx.zerolog import detector as zerolog
from glx.zerolog.detector import LabelledSource, ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig


@dataclass(frozen=True)
class RunConfig:
    """What a run of ZeroLog learns from, what it scores, and how.

    Attributes:
      target: the system to judge: a name of docs/data.md, NAME=FILE or a file of your own logs.
      source: a labelled system to learn from, a name or NAME=FILE; repeat it or list several with
        commas. None given: the simulated systems.
      labels: NAME=FILE, labels of your own source (or of your target, to measure): a CSV of
        `key,label` or `line,label`; repeat it for several.
      data: where files are and how they are read and cut.
      model: ZeroLog.
    """

    target: str = "sim_vms"
    source: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    data: DataConfig = nested(DataConfig)
    model: ZeroLogConfig = nested(ZeroLogConfig)


@dataclass(frozen=True)
class GeneralLogRun(RunConfig):
    """A run of GeneralLog: ZeroLog, and what it adds.

    Attributes:
      general: router, knowledge and expert.
    """

    general: GeneralLogConfig = nested(GeneralLogConfig)


SMALL, FULL = (
    ZeroLogConfig(),
    ZeroLogConfig(
        train=TrainConfig(
            model=ModelConfig(hidden=128), steps=2000, episodes=8, batch=32, max_events=64
        )
    ),
)
PRESETS = {"small": RunConfig(model=SMALL), "full": RunConfig(model=FULL)}
GENERAL_PRESETS = {"small": GeneralLogRun(model=SMALL), "full": GeneralLogRun(model=FULL)}
# Settings on which no result depends.
WHERE = ("data.cache_dir", "model.embed.cache_dir")


def run(
    config: RunConfig, run_dir: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit, score, evaluate; returns what `metrics.json` holds.

    Raises:
      InputError, OutsideError, Paused: as their classes say.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    settings = asdict(config)
    differ: tuple[str, ...] = WHERE
    if isinstance(config, GeneralLogRun):
        differ += tuple(f"general.{name}" for name in general.may_differ(config.general))
    with run_folder(run_dir, settings, overwrite=overwrite, may_differ=differ) as folder:
        cast = resolve(config.target, config.source, config.labels, config.data)
        sources = read_sources(cast, config.data, progress)
        progress.say(f"reading {cast.target.name} (target, unlabelled)")
        target = load(cast.target, config.data)
        progress.counted(cast.target.name, target.counts)
        if isinstance(config, GeneralLogRun):
            prepare(config.general, target)
            if config.general.expert.expert == "vllm":
                progress.say(f"the expert is {config.general.expert.llm.llm_url}, asked at the end")
        fitted = fit_detector(config, sources, target, folder, progress)
        stamps = {
            "protocol": config.data.protocol,
            "stamps": ["bgl_inferred_text"] if config.data.bgl_inferred_text else [],
        }
        test = target.sequences.take(np.flatnonzero(target.part == TEST))
        progress.say(f"scoring {len(test):,} sequences")
        scoring = time.perf_counter()
        texts = target.reader.texts
        vectors = embed(texts, config.model.embed)
        with (
            progress.asking() as report,
            detectors.expert(fitted, target.reader, report, folder) as expert,
        ):
            judged, figures = detectors.judge(fitted, test, vectors, texts, expert)
        scoring = time.perf_counter() - scoring
        stamps["stamps"] += figures.pop("stamps", [])
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        detectors.save(folder / "checkpoint", fitted, target.reader, stamps)
        table = verdicts.table(target.sequences, target.part, judged, fitted.threshold, texts)
        table.write_parquet(folder / "verdicts.parquet", metadata={"glx": json.dumps(stamps)})

        progress.say("measuring")
        figures |= measure(config.data, config.model, target, judged, fitted.threshold)
        figures |= {
            "method": "ZeroLog" if isinstance(fitted, zerolog.Detector) else "GeneralLog",
            "wall_seconds": time.perf_counter() - began,
            "n_lines": len(test.ids),
            "lines_per_second": len(test.ids) / max(scoring, 1e-9),
            "peak_memory_mb": peak_memory_mb(),
            **stamps,
            "seed": config.model.seed,
            "source": [s.name for s in cast.sources],
            "target": cast.target.name,
            "read": asdict(target.counts),
        }
        (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n")
        shutil.rmtree(folder / "training", ignore_errors=True)
    return figures


def prepare(config: GeneralLogConfig, target: Parsed) -> None:
    """What is to be done before the work: write questions, miss a file now rather than later."""
    expert, templates = config.expert, target.reader.miner.templates
    if config.write_questions is not None:
        path = Path(config.write_questions).expanduser()
        write_questions(path, templates.texts, templates.counts, target.reader.numbers)
        if expert.expert == "answers" and expert.responses is None:
            raise Paused(
                f"{len(templates):,} templates are in {path}; fill in the column p and repeat the "
                f"command with --responses={path} in place of --write_questions"
            )
    prepare_expert(expert)
    if config.knowledge.knowledge is not None:
        read_notes(Path(config.knowledge.knowledge).expanduser())


def read_sources(cast: Cast, data: DataConfig, progress: Progress) -> list[LabelledSource]:
    """The sources with their labels."""
    sources = []
    for system in cast.sources:
        progress.say(f"reading {system.name} (source)")
        parsed = load(system, data, adapt_share=1.0)
        progress.counted(system.name, parsed.counts)
        labels = read_labels(system, parsed.sequences).sequences
        check_source(system.name, labels)
        sources.append(LabelledSource(system.name, parsed.sequences, parsed.templates, labels))
    return sources


def fit_detector(
    config: RunConfig,
    sources: list[LabelledSource],
    target: Parsed,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> zerolog.Detector | general.Detector:
    """The detector that the settings ask for; `folder` keeps the state of training."""
    progress = progress or Progress()
    with progress.training(config.model.train.steps, folder) as log:
        training = None if folder is None else folder / "training"
        base = zerolog.fit(sources, target.adapt, target.templates, config.model, training, log)
    if not isinstance(config, GeneralLogRun):
        return base
    return general.fit(base, sources, target.adapt, target.reader.texts, config.general)
