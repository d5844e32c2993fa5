"""Methods of a study beside each other, with intervals.

In: `Results`. Out: F1 and its differences by method, over all targets and on each; the baselines.
"""

from typing import NamedTuple

import numpy as np

from glx.evaluate.intervals import Interval, f1_difference, mean_f1
from glx.report.results import Results


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
