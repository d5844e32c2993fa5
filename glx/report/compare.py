"""Methods of a study beside each other, with intervals.

In: `Results`. Out: F1 and its differences by method, over all targets and on each; the baselines.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np

from glx.evaluate.intervals import Interval, f1_difference, mean_f1
from glx.report.results import DAGGER, Results

Blocks = Mapping[
    str, Mapping[str, tuple[np.ndarray, ...]]
]  # by name, by target: `<int64>[R, K, 3]`


class Compared(NamedTuple):
    """One method: over all targets (None unless it is known on each), and on each target."""

    whole: Interval | None
    each: dict[str, Interval]


def scores(study: Results) -> dict[str, Compared]:
    """F1 of each method from all other systems, the best first; those that lack a target last."""
    blocks = {
        method: {t: (seeds.blocks,) for t, seeds in found.items() if seeds.blocks is not None}
        for method, found in study.leave_one_out.items()
    }
    return _compare(study, blocks, mean_f1)


def trivial_scores(study: Results) -> dict[str, Compared]:
    """F1 of each trivial detector, as `scores` has it of methods."""
    blocks: dict[str, dict[str, tuple[np.ndarray]]] = {}
    for target in study.targets:
        for name, trivial in study.trivial(target).items():
            blocks.setdefault(name, {})[target] = (trivial.blocks[None],)
    return _compare(study, blocks, mean_f1)


def differences(study: Results) -> dict[str, Compared]:
    """F1 of each variant minus that of the reference; the most harmful variant first."""
    reference = study.leave_one_out.get(study.reference or "", {})
    blocks = {
        method: {
            target: both
            for target, seeds in found.items()
            if target in reference and (both := seeds.paired(reference[target]))
        }
        for method, found in study.leave_one_out.items()
        if method != study.reference
    }
    return _compare(study, blocks, f1_difference, best_last=True)


def against_trivial(study: Results) -> dict[str, Compared]:
    """F1 of each method minus that of the best trivial detector of each target; the best first."""
    rivals = {t: study.trivial(t)[name].blocks for t, name in best_trivial(study).items()}
    blocks = {
        method: {
            target: both
            for target, seeds in found.items()
            if target in rivals and (both := seeds.against(rivals[target]))
        }
        for method, found in study.leave_one_out.items()
    }
    known = [item for item in _compare(study, blocks, f1_difference).items() if item[1].each]
    return dict(sorted(known, key=lambda item: DAGGER in item[0]))


def best_trivial(study: Results) -> dict[str, str]:
    """On each target the trivial detector of the highest F1."""
    best = {}
    for target in study.targets:
        trivial = study.trivial(target)
        f1 = {n: t.metrics.f1 for n, t in trivial.items() if t.metrics.f1 is not None}
        if f1:
            best[target] = max(f1, key=lambda name: f1[name])
    return best


def left_out(study: Results, known: Mapping[str, Collection[str]]) -> str:
    """`Not in the mean: X, without hdfs.`; "" where all are in it, or there is none.

    Args:
      known: the targets on which each method has an F1; one that has none at all is not named.
    """
    if len(study.targets) < 2:
        return ""
    without = {m: [t for t in study.targets if t not in has] for m, has in known.items() if has}
    parts = [f"{m}, without {', '.join(lacks)}" for m, lacks in without.items() if lacks]
    return f"Not in the mean: {'; '.join(parts)}." if parts else ""


def other_split(study: Results) -> list[str]:
    """A sentence for each target whose runs have other baselines: they cannot be of one split."""

    def differ(target: str) -> bool:
        baselines = [metrics.baselines for metrics in study.measured(target)]
        found = [{name: (b.f1, b.auroc) for name, b in each.items()} for each in baselines]
        return any(one != found[0] for one in found)

    differing = [target for target in study.targets if differ(target)]
    return [f"The baselines of {t} differ between runs: not one split." for t in differing]


def _compare(
    study: Results,
    blocks: Blocks,
    statistic: Callable[..., Interval | None],
    best_last: bool = False,
) -> dict[str, Compared]:
    """Ordered by the mean over targets; below, those that lack some; last, those that lack all.

    Args:
      blocks: for each target the arguments of `statistic`.
    """
    found = {}
    for name, targets in blocks.items():
        intervals = {t: statistic(*([counts] for counts in args)) for t, args in targets.items()}
        each = {target: interval for target, interval in intervals.items() if interval is not None}
        whole = None
        if study.targets and len(each) == len(study.targets):
            whole = statistic(*map(list, zip(*targets.values(), strict=True)))
        found[name] = Compared(whole, each)
    sign = 1 if best_last else -1

    def rank(compared: Compared) -> tuple[int, float]:
        means = [interval.mean for interval in compared.each.values()]
        if compared.whole is not None:
            return 0, sign * compared.whole.mean
        return (1, sign * sum(means) / len(means)) if means else (2, 0.0)

    return dict(sorted(found.items(), key=lambda item: rank(item[1])))
