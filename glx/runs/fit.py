"""From settings to a fitted detector: systems are read, the detector they ask for is fitted.

In: settings of a run. Out: labelled sources, an unlabelled target, a detector.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from glx.data.catalogue import Systems
from glx.data.load import Parsed, load
from glx.data.systems import System
from glx.detector import Detector, DetectorConfig, Log, Target
from glx.errors import InputError
from glx.evaluate.labels import check_source, few_labelled, read_labels
from glx.runs.progress import Progress
from glx.runs.settings import RunConfig
from glx.runs.shared import Shared
from glx.runs.train_log import read_rows, train_log
from glx.sequences import ADAPT, LabelledSource

T = TypeVar("T")


def read_sources(
    systems: Systems, config: RunConfig, progress: Progress, shared: Shared
) -> list[LabelledSource]:
    """The sources with their labels."""

    def read(system: System) -> LabelledSource:
        progress.say(f"reading {system.name} (source)")
        parsed = load(system, config.data, adapt_share=1.0)
        progress.counted(system.name, parsed.counts)
        labels = read_labels(system, parsed.sequences).sequences
        check_source(system.name, labels)
        return LabelledSource(system.name, parsed.sequences, parsed.templates, labels)

    def once(system: System) -> LabelledSource:
        key = ("source", system.name, system.path, config.labels, config.data)
        return shared.once(key, lambda: read(system))

    return [once(system) for system in systems.sources]


def read_target(systems: Systems, config: RunConfig, progress: Progress, shared: Shared) -> Parsed:
    """The target, without labels."""

    def read() -> Parsed:
        progress.say(f"reading {systems.target.name} (target, unlabelled)")
        parsed = load(systems.target, config.data)
        progress.counted(systems.target.name, parsed.counts)
        return parsed

    return shared.once(("target", config.target, config.labels, config.data), read)


def few_of_target(config: RunConfig, target: Parsed) -> LabelledSource | None:
    """The adaptation sequences whose labels `--target_labels` gives away; None for none."""
    if config.target_labels is None:
        return None
    labels = read_labels(target.system, target.sequences).sequences
    adapt = np.flatnonzero(target.part == ADAPT)  # whatever the protocol lets adaptation see
    known = few_labelled(labels[adapt], share(config.target_labels), config.model.seed)
    rows = adapt[known]
    return LabelledSource(
        f"{target.system.name} (labelled)",
        target.sequences.take(rows),
        target.templates,
        labels[rows],
    )


def share(target_labels: str) -> float:
    """`1%` or `0.01` as 0.01.

    Raises:
      InputError: not a share above 0 and up to all.
    """
    number, percent = target_labels.removesuffix("%"), target_labels.endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = float("nan")
    if not 0 < value <= 1:
        raise InputError(f"--target_labels={target_labels}: must be a share, as 1% or 0.01")
    return value


def fit_detector(
    config: RunConfig,
    sources: list[LabelledSource],
    target: Parsed,
    folder: Path | None = None,
    progress: Progress | None = None,
    shared: Shared | None = None,
    few: LabelledSource | None = None,
) -> Detector:
    """The detector that the settings ask for.

    Args:
      folder: gets `train.jsonl`, and keeps the state of training; None for neither.
    """
    progress, shared = progress or Progress(), shared or Shared()

    def training(settings: DetectorConfig, fit: Callable[[Log], T]) -> T:
        """Fit what has these settings, once for all runs on the same data, and log it in each."""

        def logged() -> tuple[T, list[dict]]:
            with (
                progress.training(settings.name(), settings.steps) as show,
                train_log(folder) as write,
            ):

                def log(row: dict) -> None:
                    write(row)
                    show(row)

                fitted = fit(log)
            return fitted, [] if folder is None else read_rows(folder)

        data = config.target, config.source, config.labels, config.target_labels, config.data
        fitted, rows = shared.once(("fitted", settings, *data), logged)
        if folder is not None and not read_rows(folder):  # fitted for an earlier run
            with train_log(folder) as write:
                for row in rows:
                    write(row)
        return fitted

    return config.model.detector.fit(
        config.model,
        sources,
        Target(target.adapt, target.templates, target.parser.numbers),
        few=few,
        folder=None if folder is None else folder / "training",
        training=training,
    )
