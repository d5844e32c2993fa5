"""The runs of a study, grouped and compared for tables and pictures.

In: a folder with `study.json`. Out: `Results`: what each run measured, F1 of the methods and its
differences with intervals.
Names come from files: hidden characters in them are made visible here, once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec.structs import asdict

from glx.evaluate.intervals import Interval, f1_difference, mean_f1
from glx.report.models import BaselineMetrics, Measured, Metrics, Plan, PlannedCell, Plots, read
from glx.report.page import as_words, marked, without_password
from glx.terminal import visible

DAGGER = "†"  # after the name of what was given labels of the target
# By name, by target: `<int64>[R, K, 3]`, one array for each detector that is compared.
Blocks = Mapping[str, Mapping[str, tuple[np.ndarray, ...]]]


class Trivial(NamedTuple):
    """A trivial detector on one target; `blocks` as in `Result`."""

    metrics: BaselineMetrics
    blocks: np.ndarray


class Result(PlannedCell, kw_only=True):
    """A planned run, its sources sorted, and what it measured.

    Attributes:
      method: the name to print; ends in a dagger where labels of the target were given.
      metrics: None while the run is not finished.
      blocks: `<int64>[K, 3]` tp, fp, fn of each block of the test part; None without labels.
      trivial: the trivial detectors on the same test part, by name.
      page: its folder holds a `report.html`.
    """

    metrics: Metrics | None = None
    blocks: np.ndarray | None = None
    trivial: dict[str, Trivial] = msgspec.field(default_factory=dict)
    page: bool = False


@dataclass(frozen=True)
class Seeds:
    """The finished seeds, of those `planned`, of one method on one target from one set of sources.

    There is at least one.
    """

    cells: tuple[Result, ...]
    planned: int

    def values(self, metric: str) -> list[float]:
        """A metric of every seed, without those where it is undefined."""
        values = (getattr(cell.metrics, metric, None) for cell in self.cells)
        return [float(value) for value in values if isinstance(value, int | float)]

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return sum(values) / len(values) if values else None

    @property
    def blocks(self) -> np.ndarray | None:
        """`<int64>[R, K, 3]` of the seeds; None where some lack them."""
        return _stacked([cell.blocks for cell in self.cells])

    def paired(self, other: "Seeds") -> tuple[np.ndarray, np.ndarray] | None:
        """Blocks of the seeds that both have, or None where they cannot be compared."""
        mine, others = ({c.seed: c.blocks for c in one.cells} for one in (self, other))
        both = sorted(set(mine) & set(others))
        return _paired([mine[s] for s in both], [others[s] for s in both])

    def against(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Blocks of the seeds, and those of a detector without one, `<int64>[K, 3]`, for each."""
        return _paired([cell.blocks for cell in self.cells], [counts] * len(self.cells))


class Compared(NamedTuple):
    """One method: over all targets (None unless it is known on each), and on each target."""

    whole: Interval | None
    each: dict[str, Interval]


class Results(Plan, dict=True):
    """What was planned and what is there of it."""

    cells: tuple[Result, ...]

    @cached_property
    def finished(self) -> tuple[Result, ...]:
        return tuple(cell for cell in self.cells if cell.metrics)

    @cached_property
    def every_target(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.target for cell in self.cells))

    @cached_property
    def unlabelled(self) -> tuple[str, ...]:
        """Targets whose finished runs had no labels to measure by."""
        found = {t: [c for c in self.finished if c.target == t] for t in self.every_target}
        return tuple(t for t, own in found.items() if own and not self.measured(t))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """All others."""
        return tuple(t for t in self.every_target if t not in self.unlabelled)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.method for cell in self.cells))

    @cached_property
    def stamps(self) -> tuple[str, ...]:
        """What departs from the plain protocol, in words, with how many runs have it if not all.

        Labels that a method was given are not among them: its name says so.
        """
        plain = [c.metrics for c in self.finished if c.metrics and c.few_labels is None]
        found = Counter(stamp for metrics in plain for stamp in metrics.stamps)
        return tuple(
            as_words(stamp) + ("" if n == len(plain) else f" ({n} of {len(plain)} cells)")
            for stamp, n in sorted(found.items())
        )

    @cached_property
    def planned(self) -> dict[tuple[str, str, tuple[str, ...]], list[Result]]:
        """Cells by method, target and sources."""
        found = defaultdict(list)
        for cell in self.cells:
            found[cell.method, cell.target, cell.source].append(cell)
        return dict(found)

    def seeds(self, method: str, target: str, source: tuple[str, ...]) -> Seeds | None:
        """None where no seed is finished."""
        planned = self.planned.get((method, target, source), [])
        done = sorted((cell for cell in planned if cell.metrics), key=lambda cell: cell.seed)
        return Seeds(tuple(done), len(planned)) if done else None

    def others(self, target: str) -> tuple[str, ...] | None:
        """The sources of leave-one-out: the largest planned set, where one is the largest."""
        planned = {cell.source for cell in self.cells if cell.target == target}
        size = max(map(len, planned), default=0)
        largest = [source for source in planned if len(source) == size]
        return largest[0] if len(largest) == 1 else None

    @cached_property
    def leave_one_out(self) -> dict[str, dict[str, Seeds]]:
        """By method and target: from all sources, or from none where a method takes none."""
        found: dict[str, dict[str, Seeds]] = {method: {} for method in self.methods}
        for method, target in product(self.methods, self.every_target):
            others = self.others(target)
            if others is not None:
                seeds = self.seeds(method, target, others) or self.seeds(method, target, ())
                found[method] |= {target: seeds} if seeds else {}
        return found

    def measured(self, target: str) -> list[Measured]:
        """The metrics of all finished runs on a target, if it has labels."""
        found = (cell.metrics for cell in self.cells if cell.target == target)
        return [metrics for metrics in found if isinstance(metrics, Measured)]

    def trivial(self, target: str) -> dict[str, Trivial]:
        """The trivial detectors of a target by name, from its first finished run."""
        return next((c.trivial for c in self.cells if c.target == target and c.trivial), {})

    @cached_property
    def scores(self) -> dict[str, Compared]:
        """F1 from all sources, the best method first; those that lack a target last."""
        blocks = self._blocks(lambda _, own: None if own.blocks is None else (own.blocks,))
        return _compare(blocks, self.targets, mean_f1)

    @cached_property
    def trivial_scores(self) -> dict[str, Compared]:
        """F1 of each trivial detector, as `scores` has it of methods."""
        blocks: dict[str, dict[str, tuple[np.ndarray]]] = {}
        for target in self.targets:
            for name, trivial in self.trivial(target).items():
                blocks.setdefault(name, {})[target] = (trivial.blocks[None],)
        return _compare(blocks, self.targets, mean_f1)

    @cached_property
    def differences(self) -> dict[str, Compared]:
        """F1 of each variant minus that of the reference; the most harmful variant first."""
        reference = self.leave_one_out.get(self.reference or "", {})
        blocks = self._blocks(
            lambda target, seeds: seeds.paired(reference[target]) if target in reference else None
        )
        variants = {method: own for method, own in blocks.items() if method != self.reference}
        return _compare(variants, self.targets, f1_difference, best_last=True)

    @cached_property
    def against_trivial(self) -> dict[str, Compared]:
        """F1 minus that of the best trivial detector of each target; the best method first."""
        rivals = {t: self.trivial(t)[name].blocks for t, name in self.best_trivial.items()}
        blocks = self._blocks(
            lambda target, seeds: seeds.against(rivals[target]) if target in rivals else None
        )
        found = _compare(blocks, self.targets, f1_difference)
        return {
            method: compared
            for method, compared in sorted(found.items(), key=lambda item: DAGGER in item[0])
            if compared.each
        }

    def _blocks(
        self, of: Callable[[str, Seeds], tuple[np.ndarray, ...] | None]
    ) -> dict[str, dict[str, tuple[np.ndarray, ...]]]:
        """What `of` makes of each target and its seeds, by method and target, where it is known."""
        return {
            method: {t: blocks for t, seeds in found.items() if (blocks := of(t, seeds))}
            for method, found in self.leave_one_out.items()
        }

    @cached_property
    def best_trivial(self) -> dict[str, str]:
        """On each target the trivial detector of the highest F1."""
        best: dict[str, str] = {}
        for target in self.targets:
            f1 = {name: trivial.metrics.f1 for name, trivial in self.trivial(target).items()}
            known = {name: value for name, value in f1.items() if value is not None}
            best |= {target: max(known, key=known.__getitem__)} if known else {}
        return best

    @cached_property
    def other_split(self) -> list[str]:
        """A sentence for each target whose runs have other baselines, so are not of one split."""

        def differ(target: str) -> bool:
            baselines = [metrics.baselines for metrics in self.measured(target)]
            found = [{name: (b.f1, b.auroc) for name, b in each.items()} for each in baselines]
            return any(one != found[0] for one in found)

        differing = [target for target in self.targets if differ(target)]
        return [f"The baselines of {t} differ between runs: not one split." for t in differing]

    def left_out(self, known: Mapping[str, Collection[str]]) -> str:
        """`Not in the mean: X, without hdfs.`; "" where all are in it, or there is none.

        Args:
          known: the targets on which each method has an F1; one that has none at all is not named.
        """
        if len(self.targets) < 2:
            return ""
        without = {m: [t for t in self.targets if t not in has] for m, has in known.items() if has}
        parts = [f"{m}, without {', '.join(lacks)}" for m, lacks in without.items() if lacks]
        return f"Not in the mean: {'; '.join(parts)}." if parts else ""


def read_study(folder: Path) -> Results:
    """A study folder; cells whose run is not finished have no metrics.

    Raises:
      InputError: `study.json` is not there, or a file of it is not as docs/formats.md says.
    """
    plan = read(folder, Plan)
    shown = {
        "command": without_password(plan.command),
        "reference": marked(plan.reference),
        "cells": tuple(_result(folder / cell.run, cell) for cell in plan.cells),
    }
    return Results(**asdict(plan) | shown)


def _result(folder: Path, cell: PlannedCell) -> Result:
    given = "" if cell.few_labels is None else f", {cell.few_labels} labels {DAGGER}"
    shown = {
        "method": visible(cell.method + given),
        "target": visible(cell.target),
        "source": tuple(sorted(map(visible, cell.source))),
    }
    result = Result(**asdict(cell) | shown)
    if not (folder / "metrics.json").is_file():
        return result
    metrics, plots = read(folder, Metrics), read(folder, Plots)
    baselines = metrics.baselines if isinstance(metrics, Measured) else {}
    result.metrics = metrics
    result.blocks = None if plots.blocks is None else plots.blocks.array()
    result.trivial = {
        name: Trivial(baselines[name], blocks.array())
        for name, blocks in plots.baselines.items()
        if name in baselines
    }
    result.page = (folder / "report.html").is_file()
    return result


def _stacked(blocks: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """`<int64>[R, K, 3]`, or None where one is missing or they are not blocks of one split."""
    known = [counts for counts in blocks if counts is not None]
    if not known or len(known) < len(blocks) or len({counts.shape for counts in known}) > 1:
        return None
    whole = np.stack(known)
    anomalous = whole[..., 0] + whole[..., 2]
    return whole if (anomalous == anomalous[0]).all() else None


def _paired(
    first: Sequence[np.ndarray | None], second: Sequence[np.ndarray | None]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Both stacked, where all are there and of the same blocks of one split."""
    both = _stacked([*first, *second])
    return None if both is None else (both[: len(first)], both[len(first) :])


def _compare(
    blocks: Blocks,
    targets: Sequence[str],
    statistic: Callable[..., Interval | None],
    best_last: bool = False,
) -> dict[str, Compared]:
    """Ordered by the mean over targets; below, those that lack some; last, those that lack all.

    Args:
      blocks: for each target the arguments of `statistic`.
    """
    found = {}
    for name, arguments in blocks.items():
        intervals = {t: statistic(*([counts] for counts in args)) for t, args in arguments.items()}
        each = {target: interval for target, interval in intervals.items() if interval is not None}
        whole = None
        if targets and len(each) == len(targets):
            whole = statistic(*map(list, zip(*arguments.values(), strict=True)))
        found[name] = Compared(whole, each)
    sign = 1 if best_last else -1

    def rank(compared: Compared) -> tuple[int, float]:
        means = [interval.mean for interval in compared.each.values()]
        if compared.whole is not None:
            return 0, sign * compared.whole.mean
        return (1, sign * sum(means) / len(means)) if means else (2, 0.0)

    return dict(sorted(found.items(), key=lambda item: rank(item[1])))
