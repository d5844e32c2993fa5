"""Confidence intervals of a mean F1, or of the difference of two methods: a bootstrap.

In: for each target the confusion counts of every seed in blocks of its test part (`figures.json`),
`<int64>[R, K, 3]` for `R` seeds and `K` blocks, the last axis being tp, fp, fn. Out: a mean and its
95 % percentile interval (Efron, 1979).

A resample draws `R` seeds and `K` blocks of each target, both with replacement and independently,
since every seed scores every block (Owen, 2007, "The pigeonhole bootstrap"; it errs on the wide
side). Blocks are contiguous, so that a burst of alike sequences is one event (Künsch, 1989). Two
methods share the drawn seeds and blocks, so that what is hard for both cancels out.

With three seeds the part of the seeds is crude: there are ten different draws of them, their
variance comes out a third too small, and one seed has none at all. Targets are not resampled: an
average over them is about these targets, not about others.
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean, and the 2.5th and 97.5th percentile of its resamples."""

    mean: float
    low: float
    high: float


def mean_f1(targets: Sequence[np.ndarray], *, seed: int = 0) -> Interval | None:
    """F1 of one method, averaged over seeds, then over targets.

    Args:
      targets: `<int64>[R, K, 3]` for each; `R` and `K` may differ between targets.
      seed: of the bootstrap.

    Returns:
      None where a target, or all its resamples, have nothing anomalous.

    Raises:
      ValueError: no target, no seed, no block, or seeds that do not share their labels.
    """
    return _bootstrap([(counts,) for counts in targets], seed)


def f1_difference(
    first: Sequence[np.ndarray], second: Sequence[np.ndarray], *, seed: int = 0
) -> Interval | None:
    """As `mean_f1`, F1 of `first` minus F1 of `second`, on the same seeds and blocks of a target.

    ValueError where the two were not scored on the same blocks.
    """
    return _bootstrap(list(zip(first, second, strict=True)), seed)


def _bootstrap(targets: Sequence[tuple[np.ndarray, ...]], seed: int) -> Interval | None:
    """Of each target the F1 of its one method, or of its first minus that of its second."""
    if not targets:
        raise ValueError("no target to average over")
    rng = np.random.default_rng(seed)
    mean, samples = 0.0, np.zeros(RESAMPLES)
    for methods in targets:
        _check(methods)
        n_seeds, n_blocks, _ = methods[0].shape
        seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=RESAMPLES)
        blocks = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=RESAMPLES)
        whole = [_f1(counts.sum(axis=1)) for counts in methods]  # [R]
        again = [_f1(np.einsum("mk,rkc->mrc", blocks, counts)) for counts in methods]  # [M, R]
        mean += reduce(np.subtract, whole).mean()
        samples += (reduce(np.subtract, again) * seeds).mean(axis=1)
    defined = samples[~np.isnan(samples)]  # NaN: a resample without anything anomalous
    if np.isnan(mean) or not len(defined):
        return None
    low, high = np.quantile(defined, [0.025, 0.975]) / len(targets)
    return Interval(float(mean) / len(targets), float(low), float(high))


def _f1(counts: np.ndarray) -> np.ndarray:
    """`<float64>[...]` of `<int64>[..., 3]`; NaN where nothing is anomalous."""
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    return np.where(tp + fn > 0, 2 * tp / np.maximum(2 * tp + fp + fn, 1), np.nan)


def _check(methods: tuple[np.ndarray, ...]) -> None:
    for counts in methods:
        if counts.ndim != 3 or counts.shape[2] != 3 or not counts.size:
            raise ValueError(f"need counts [R, K, 3] of some seeds and blocks, not {counts.shape}")
        if counts.shape != methods[0].shape:
            raise ValueError(f"{counts.shape}, {methods[0].shape}: need the same seeds, blocks")
    anomalous = np.concatenate([counts[..., 0] + counts[..., 2] for counts in methods])
    if (anomalous != anomalous[0]).any():
        raise ValueError("the labels of a block differ between seeds or methods: not one split")
