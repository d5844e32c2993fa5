"""From settings to a fitted detector: systems are read, the detector they ask for is fitted.

In: settings of a run. Out: labelled sources, an unlabelled target, a detector.
"""

from pathlib import Path

import numpy as np

from glx.data.catalogue import Cast
from glx.data.load import Parsed, load
from glx.evaluate.labels import check_source, few_labelled, read_labels
from glx.generallog import detector as general
from glx.methods import detector as methods
from glx.runs.detectors import Ours
from glx.runs.progress import Progress
from glx.runs.settings import AnyRun, GeneralLogRun, MethodRun, RunConfig, share
from glx.runs.shared import Shared
from glx.runs.train_log import read_rows, train_log
from glx.sequences import ADAPT, LabelledSource
from glx.zerolog import detector as zerolog


def read_sources(
    cast: Cast, config: AnyRun, progress: Progress, shared: Shared
) -> list[LabelledSource]:
    """The sources with their labels."""

    def read(system):
        progress.say(f"reading {system.name} (source)")
        parsed = load(system, config.data, adapt_share=1.0)
        progress.counted(system.name, parsed.counts)
        labels = read_labels(system, parsed.sequences).sequences
        check_source(system.name, labels)
        return LabelledSource(system.name, parsed.sequences, parsed.templates, labels)

    def once(system):
        key = ("source", system.name, system.path, config.labels, config.data)
        return shared.once(key, lambda: read(system))

    return [once(system) for system in cast.sources]


def read_target(cast: Cast, config: AnyRun, progress: Progress, shared: Shared) -> Parsed:
    """The target, without labels."""

    def read():
        progress.say(f"reading {cast.target.name} (target, unlabelled)")
        parsed = load(cast.target, config.data)
        progress.counted(cast.target.name, parsed.counts)
        return parsed

    return shared.once(("target", config.target, config.labels, config.data), read)


def few_of_target(config: AnyRun, target: Parsed) -> LabelledSource | None:
    """The adaptation sequences whose labels `--target_labels` gives away; None for none."""
    if isinstance(config, MethodRun) or config.target_labels is None:
        return None
    labels = read_labels(target.system, target.sequences).sequences
    adapt = np.flatnonzero(target.part == ADAPT)  # whatever the protocol lets adaptation see
    rows = adapt[few_labelled(labels[adapt], share(config.target_labels), config.model.seed)]
    return LabelledSource(
        f"{target.system.name} (labelled)",
        target.sequences.take(rows),
        target.templates,
        labels[rows],
    )


def fit_detector(
    config: RunConfig,
    sources: list[LabelledSource],
    target: Parsed,
    folder: Path | None = None,
    progress: Progress | None = None,
    shared: Shared | None = None,
    few: LabelledSource | None = None,
) -> Ours:
    """The detector that the settings ask for; `folder` keeps the state of training."""
    progress, shared = progress or Progress(), shared or Shared()

    def train() -> tuple[zerolog.Detector, list[dict]]:
        training = None if folder is None else folder / "training"
        with progress.training(config.model.train.steps) as shown, train_log(folder) as kept:

            def log(row: dict) -> None:
                kept(row)
                shown(row)

            found = sources, target.adapt, target.templates, config.model, training, log, few
            fitted = zerolog.fit(*found)
        return fitted, [] if folder is None else read_rows(folder)

    base, rows = shared.once(base_key(config), train)
    if folder is not None and not read_rows(folder):  # fitted for an earlier run
        with train_log(folder) as log:
            for row in rows:
                log(row)
    if not isinstance(config, GeneralLogRun):
        return base
    return general.fit(base, sources, target.adapt, target.parser.texts, config.general)


def fit_method(
    config: MethodRun,
    sources: list[LabelledSource],
    target: Parsed,
    folder: Path,
    progress: Progress,
) -> methods.Detector:
    """The method that the settings name; `folder` gets its `train.jsonl`."""
    progress.say(f"fitting {methods.METHODS[config.model.method].name}")
    with train_log(folder) as log:
        return methods.fit(sources, target.adapt, target.templates, config.model, log)


def base_key(config: RunConfig) -> RunConfig:
    """What determines the ZeroLog of a run: runs of GeneralLog that differ in the rest share it."""
    return RunConfig(
        config.target, config.source, config.labels, config.target_labels, config.data, config.model
    )
