"""PCA on event counts (Xu et al., "Detecting Large-Scale System Problems by Mining Console Logs",
SOSP 2009).

In: the target's unlabelled adaptation sequences. Out: how much of a sequence's counts lies outside
the subspace that holds most of their variance: the squared prediction error (SPE), against the
Q-statistic, which it exceeds with probability `alpha` (Jackson and Mudholkar, "Control procedures
for residuals associated with principal component analysis", 1979).

Every occurrence of a sequence counts: the eigenvectors are those of the weighted covariance, and a
library's PCA, which takes no weights, is not used.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.special import chdtri, ndtri  # scipy.stats takes a second to import

from glx import devices
from glx.config import setting
from glx.methods.counts import columns, count, holders
from glx.methods.task import Fitted, Log, Scores, Task
from glx.sequences import Distinct

CUT = 0.5  # SPE = Q
LEAST = 1e-9  # of Q: an error below it is rounding


@dataclass(frozen=True)
class PCAConfig:
    """Principal components of event counts."""

    variance: float = setting(
        0.95, "share of the variance that the normal subspace holds.", low=0, high=1
    )
    alpha: float = setting(
        0.001, "probability that a normal sequence exceeds the cut.", low=1e-9, high=0.5
    )


def fit(task: Task, config: PCAConfig, log: Log = lambda row: None) -> "PCA":
    """The subspace of the adaptation sequences, each counted as often as it occurs."""
    events, share = np.unique(task.adapt.ids), task.adapt.counts / task.adapt.counts.sum()
    counts = count(task.adapt, events)
    held = holders(counts, task.adapt.counts)
    idf = np.log((task.adapt.counts.sum() + 1) / (held + 1))
    weighted = sp.csr_array(counts @ sp.diags_array(idf))
    mean = weighted.T @ share
    square = (weighted.T @ sp.diags_array(share) @ weighted).toarray()
    values, axes = np.linalg.eigh(square - np.outer(mean, mean))
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]  # the largest first
    before = np.cumsum(values) - values
    kept = int((before < config.variance * values.sum() * (1 - 1e-12)).sum())
    # An array on disk is never empty: without variance the only axis is 0.
    axes = axes[:, :kept] if kept else np.zeros((len(mean), 1))
    q = max(q_statistic(values[kept:], config.alpha), LEAST)
    return PCA(config, events, idf, mean, axes, np.float64(q))


@dataclass(frozen=True)
class PCA(Fitted):
    """The normal subspace of a target with `C` events, and one column for all others.

    Attributes:
      events: `<int32>[C]` ids that adaptation holds, ascending.
      idf: `<float64>[C + 1]` weight of a count: `log((N + 1) / (n_v + 1))`, `n_v` of the `N`
        adaptation sequences holding event `v`.
      mean: `<float64>[C + 1]` of the weighted counts.
      axes: `<float64>[C + 1, P]` orthonormal.
      q: `<float64>[]` the Q-statistic.
    """

    cut: ClassVar = CUT

    config: PCAConfig
    events: np.ndarray
    idf: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    q: np.floating

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """`SPE / (SPE + Q)` of each sequence; an event weighs by its part of that error."""
        scores = np.zeros(len(sequences), np.float32)
        weights = np.zeros(len(sequences.ids), np.float32)
        at = columns(sequences, self.events)
        for start in range(0, len(sequences), devices.HOST_ROWS):
            rows = np.arange(start, min(start + devices.HOST_ROWS, len(sequences)))
            part = sequences.take(rows)
            off = count(part, self.events).toarray() * self.idf - self.mean
            error = (off - (off @ self.axes) @ self.axes.T) ** 2
            spe = error.sum(axis=1)
            scores[rows] = spe / (spe + self.q)
            owner = np.repeat(np.arange(len(part)), part.lengths)
            events = slice(sequences.offsets[start], sequences.offsets[rows[-1] + 1])
            weights[events] = error[owner, at[events]] / (spe + self.q)[owner]
        return Scores(scores, weights)


def q_statistic(values: np.ndarray, alpha: float) -> float:
    """What the sum of squares in the residual subspace exceeds with probability `alpha`.

    With `t_i` the sum of the `i`-th powers of the residual variances and
    `h = 1 - 2 t_1 t_3 / (3 t_2^2)`, Jackson and Mudholkar's
    `t_1 (1 + c sqrt(2 t_2 h^2) / t_1 + t_2 h (h - 1) / t_1^2)^(1 / h)`. Their power needs `h > 0`;
    else Box's `g chi^2_f`, `g = t_2 / t_1`, `f = t_1^2 / t_2` (Annals of Mathematical Statistics,
    1954), is what is left.

    Args:
      values: `<float64>[R]` variances along the residual axes, at least 0; 0 where there are none.
    """
    t1, t2, t3 = (float((values**i).sum()) for i in (1, 2, 3))
    if t2 <= 0 or t3 <= 0:
        return 0.0
    h = 1 - 2 * t1 * t3 / (3 * t2**2)
    if h <= 0:
        return float(t2 / t1 * chdtri(t1**2 / t2, alpha))
    spread = float(-ndtri(alpha)) * np.sqrt(2 * t2) * h / t1
    return float(t1 * (1 + spread + t2 * h * (h - 1) / t1**2) ** (1 / h))
