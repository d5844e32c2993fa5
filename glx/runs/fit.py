"""From settings to a fitted detector: systems are read, the detector they ask for is fitted.

In: settings of a run. Out: labelled sources, an unlabelled target, a detector.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from glx import hosts
from glx.data.catalogue import resolve
from glx.data.inspect import inspect
from glx.data.load import Parsed, load, raw_layout, window_in
from glx.data.systems import System
from glx.detector import Detector, DetectorConfig, Log, Options, Target
from glx.devices import memory
from glx.errors import InputError
from glx.evaluate.labels import check_labels, check_source, few_labelled, read_labels
from glx.redact import mask_of
from glx.report.inspection import masked, table
from glx.runs.in_step import digest
from glx.runs.progress import Progress
from glx.runs.settings import RunConfig
from glx.runs.shared import Shared
from glx.runs.train_log import read_rows, train_log
from glx.sequences import ADAPT, LabelledSource

T = TypeVar("T")


class Fit(NamedTuple):
    """A fitted detector, and what it was fitted on.

    Attributes:
      few: sequences of the target whose labels it learned from; None for no label.
    """

    detector: Detector
    sources: list[LabelledSource]
    target: Parsed
    few: LabelledSource | None


def fit(
    config: RunConfig,
    folder: Path | None,
    progress: Progress,
    shared: Shared,
    track: Callable[[dict], None] = lambda row: None,
) -> Fit:
    """Read the systems of a run and fit the detector that the settings ask for.

    Args:
      folder: gets `train.jsonl` of the first process, and keeps the state of training of all; None
        for neither.
      track: takes each row of `train.jsonl` as it is written.
    """
    check_memory(config.model)
    mask = mask_of(config.data.redact)
    systems = resolve(config.target, config.sources, config.labels, config.data)

    def parse(system: System, role: str, **split: float) -> Parsed:
        progress.say(f"reading {system.name} ({role})")
        if system.raw is None and system.numbered is None:
            layout, window = raw_layout(system, config.data), window_in(system, config.data)
            seen = inspect(system.log, layout, window)
            progress.show(table(masked(seen, mask), short=True))
        parsed = load(system, config.data, **split)
        progress.counted(system.name, parsed.counts)
        return parsed

    def labelled(system: System) -> LabelledSource:
        parsed = parse(system, "source", adapt_share=1.0)
        labels = read_labels(system, parsed.sequences, progress.say).sequences
        check_source(system.name, labels)
        return LabelledSource(system.name, parsed.sequences, parsed.templates, labels)

    def unlabelled(system: System) -> Parsed:
        parsed = parse(system, "target, unlabelled")
        check_labels(system, parsed.sequences)
        return parsed

    def once(role: str, system: System, read: Callable[[], T]) -> T:
        return shared.once((role, system.name, system.log.files, config.labels, config.data), read)

    def read() -> tuple[list[LabelledSource], Parsed, LabelledSource | None]:
        sources = [once("source", system, partial(labelled, system)) for system in systems.sources]
        target = once("target", systems.target, partial(unlabelled, systems.target))
        return sources, target, few_of_target(config, target)

    sources, target, few = hosts.of_all(read)
    if hosts.several():
        hosts.alike("read", ", ".join(_read(sources, target, few)))
    config.model.prepare(target.parser, progress.say, mask)
    seen = Target(target.adapt, target.templates, target.parser.numbers)
    logs = folder if hosts.first() else None
    training = partial(_training, config, logs, progress, shared, track)
    options = Options(few, None if folder is None else folder / "training", training)
    detector = config.model.detector.fit(config.model, sources, seen, options)
    return Fit(detector, sources, target, few)


def _read(
    sources: list[LabelledSource], target: Parsed, few: LabelledSource | None
) -> Iterator[str]:
    """What was read of each system, equal where all of it is."""
    labelled = [*sources, *([few] if few else [])]
    seen = [(one.name, one.sequences, one.templates, one.labels) for one in labelled]
    seen.append((target.system.name, target.sequences, target.templates, target.part))
    for name, sequences, templates, of_each in seen:
        yield f"{name} ({digest(templates.texts, sequences, of_each)})"


def check_memory(config: DetectorConfig) -> None:
    """Raise InputError, before any work, where the sizes of a network need more than there is."""
    (needed, flags), there = config.least_memory, memory()
    if needed > there:
        sizes = ", ".join(f"--{flag}" for flag in flags)
        raise InputError(
            f"{sizes}: training at these sizes needs {needed / 1e9:,.1f} GB of memory or more, and "
            f"there are {there / 1e9:,.1f} GB; choose smaller ones"
        )


def _training(
    run: RunConfig,
    folder: Path | None,
    progress: Progress,
    shared: Shared,
    track: Callable[[dict], None],
    config: DetectorConfig,
    fit: Callable[[Log], T],
) -> T:
    """Fit what has the settings `config`, once for all runs on the same data; log it in each."""

    def logged() -> tuple[T, list[dict]]:
        with progress.training(config.name(), config.steps) as show, train_log(folder) as write:

            def log(row: dict) -> None:
                write(row)
                show(row)
                track(row)

            fitted = fit(log)
        return fitted, [] if folder is None else read_rows(folder)

    data = run.target, run.source, run.labels, run.target_labels, run.data
    fitted, rows = shared.once(("fitted", config, *data), logged)
    if folder is not None and not read_rows(folder):  # fitted for an earlier run
        with train_log(folder) as write:
            for row in rows:
                write(row)
                track(row)
    return fitted


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
