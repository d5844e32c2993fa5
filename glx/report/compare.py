"""Methods of a study beside each other, with intervals.

In: `Results`. Out: F1 and its differences by method, over all targets and on each; the baselines.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from glx.evaluate.intervals import Interval, f1_difference, mean_f1
from glx.report.results import DAGGER, Results


class Compared(NamedTuple):
    """One method: over all targets (None unless it is known on each), and on each target."""

    whole: Interval | None
    each: dict[str, Interval]

    @property
    def mean(self) -> float | None:
        """Over the targets that are known."""
        known = [interval.mean for interval in self.each.values()]
        return sum(known) / len(known) if known else None


def scores(study: Results) -> dict[str, Compared]:
    """F1 of each method from all other systems, the best first; those that lack a target last."""
    found = {}
    for method in study.methods:
        blocks = {}
        for target in study.targets:
            group = study.leave_one_out(method, target)
            if group is not None and group.blocks is not None:
                blocks[target] = [group.blocks]
        found[method] = _compared(study, blocks, mean_f1)
    return dict(sorted(found.items(), key=lambda item: _rank(item[1], -1)))


def differences(study: Results) -> dict[str, Compared]:
    """F1 of each variant minus that of the reference; the most harmful variant first."""
    found = {}
    for method in study.methods:
        if method == study.reference:
            continue
        blocks = {}
        for target in study.targets:
            mine = study.leave_one_out(method, target)
            reference = study.leave_one_out(study.reference or "", target)
            both = mine.paired(reference) if mine and reference else None
            if both is not None:
                blocks[target] = list(both)
        found[method] = _compared(study, blocks, f1_difference)
    return dict(sorted(found.items(), key=lambda item: _rank(item[1], 1)))


def against_trivial(study: Results) -> dict[str, Compared]:
    """F1 of each method minus that of the best trivial detector of each target; the best first.

    Empty where the blocks of trivial detectors are not kept, as in runs of an earlier glx.
    """
    best, found = best_trivial(study), {}
    for method in study.methods:
        blocks = {}
        for target, name in best.items():
            mine = study.leave_one_out(method, target)
            both = mine.beside(trivial_blocks(study, target)[name]) if mine else None
            if both is not None:
                blocks[target] = list(both)
        found[method] = _compared(study, blocks, f1_difference)
    known = [item for item in found.items() if item[1].each]
    return dict(sorted(known, key=lambda item: (DAGGER in item[0], *_rank(item[1], -1))))


def best_trivial(study: Results) -> dict[str, str]:
    """On each target the trivial detector of the highest F1, of those whose blocks are kept."""
    best = {}
    for target in study.targets:
        known = trivial_blocks(study, target)
        f1 = {n: b["f1"] for n, b in baselines(study, target).items() if n in known}
        values = {name: value for name, value in f1.items() if value is not None}
        if values:
            best[target] = max(values, key=lambda name: values[name])
    return best


def trivial_scores(study: Results) -> dict[str, Compared]:
    """F1 of each trivial detector, as `scores` has it of methods, where blocks are kept."""
    every = {target: trivial_blocks(study, target) for target in study.targets}
    found = {}
    for name in dict.fromkeys(name for known in every.values() for name in known):
        blocks = {t: [known[name][None]] for t, known in every.items() if name in known}
        found[name] = _compared(study, blocks, mean_f1)
    return found


def trivial_blocks(study: Results, target: str) -> dict[str, np.ndarray]:
    """`<int64>[K, 3]` of each trivial detector of a target, from its first run that kept them."""
    runs = (cell.beside for cell in study.finished if cell.target == target)
    return next((beside for beside in runs if beside), {})


def left_out(study: Results, known: Mapping[str, Collection[str]]) -> str:
    """`Not in the mean: X, without hdfs.`; "" where all are in it, or there is none.

    Args:
      known: the targets on which each method has a figure; one that has none at all is not told.
    """
    if len(study.targets) < 2:
        return ""
    without = {m: [t for t in study.targets if t not in has] for m, has in known.items() if has}
    parts = [f"{m}, without {', '.join(lacks)}" for m, lacks in without.items() if lacks]
    return f"Not in the mean: {'; '.join(parts)}." if parts else ""


def baselines(study: Results, target: str) -> dict[str, dict]:
    """The trivial detectors of a target by name, from its first finished run."""
    runs = (cell.figures for cell in study.finished if cell.target == target)
    return next((run["baselines"] for run in runs if run.get("baselines")), {})


def disagree(study: Results) -> list[str]:
    """Targets whose runs do not have the same baselines, so that they cannot be of one split."""

    def figures(found: dict[str, dict]) -> dict:
        return {name: (b.get("f1"), b.get("auroc")) for name, b in found.items()}

    return [
        target
        for target in study.targets
        if any(
            figures(run["baselines"]) != figures(baselines(study, target))
            for run in (cell.figures for cell in study.finished if cell.target == target)
            if run.get("baselines")
        )
    ]


def _compared(study: Results, blocks: dict[str, list[np.ndarray]], statistic) -> Compared:
    """`blocks`: for each target the arguments of `statistic`, one for each method in it."""
    each = {target: statistic(*([counts] for counts in args)) for target, args in blocks.items()}
    each = {target: interval for target, interval in each.items() if interval is not None}
    whole = None
    if study.targets and len(each) == len(study.targets):
        whole = statistic(*map(list, zip(*blocks.values(), strict=True)))
    return Compared(whole, each)


def _rank(compared: Compared, sign: int) -> tuple[int, float]:
    if compared.whole is not None:
        return 0, sign * compared.whole.mean
    return (1, sign * compared.mean) if compared.mean is not None else (2, 0.0)
