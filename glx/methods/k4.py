"""Typicality by nearest neighbours (Chen et al., "K4: Online Log Anomaly Detection Via Unsupervised
Typicality Learning", arXiv 2507.20051).

In: vectors of the target's templates and its unlabelled adaptation sequences. Out: how untypical
four statistics of a sequence's neighbourhood are: precision, recall, density and coverage (Naeem et
al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020), each of one point
against known ones, and a kernel density over them.

Written by the paper's summary and those statistics; its repository holds no code. The known
sequences are the commonest, as in `rapid`, since none is known to be normal. The radius of a scored
point would be that among the others of its batch; here it is that to its neighbours among
*companions*, a half of the known sequences, while the other half is the *reference*: a verdict
depends on no other sequence that is scored. Of the paper's detectors the kernel density is here,
which has nothing to train.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from glx import devices
from glx.config import setting
from glx.methods.rapid import KnownShare, commonest
from glx.methods.task import Fitted, Log, Scores, Task
from glx.sequences import Distinct

DECIMALS = 6  # of a distance: vectors are no more exact
SPREAD = 0.01  # least bandwidth of a statistic, all of which are shares
EDGE = 0.95  # of the companions are more typical than what scores 0.5


@dataclass(frozen=True)
class K4Config(KnownShare):
    """Typicality among known sequences."""

    near: int = setting(5, "neighbours that span the ball around a sequence.", low=1, high=1000)
    most: int = setting(10_000, "distinct known sequences that are kept.", low=4)


def fit(task: Task, config: K4Config, log: Log = lambda row: None) -> "K4":
    """Reference and companions; nothing is trained, and the cut is the common one."""
    rows = commonest(task.adapt.counts, config.share)
    if len(rows) > config.most:
        drawn = np.random.default_rng(task.seed).choice(len(rows), config.most, replace=False)
        rows = rows[np.sort(drawn)]
    known = mean_vectors(task.adapt.take(rows), task.vectors)
    # By turns, so that both halves hold common ones and rare ones; one alone is both.
    reference, companions = known[::2], known[1::2] if len(known) > 1 else known
    own = len(reference) > 1
    around = radii(reference, reference, config.near, own)
    radius = radii(companions, companions, config.near, len(companions) > 1)
    known_statistics = statistics(companions, radius, reference, around, config.near)
    typical = np.maximum(known_statistics.std(axis=0), SPREAD)
    bandwidth = typical * len(companions) ** (-1 / (known_statistics.shape[1] + 4))  # Scott's rule
    surprise = -log_density(known_statistics, known_statistics, bandwidth)
    least, edge = surprise.min(), np.quantile(surprise, EDGE)
    return K4(
        config,
        reference,
        around,
        companions,
        known_statistics,
        bandwidth,
        np.float64(least),
        np.float64(max(edge - least, SPREAD)),
    )


@dataclass(frozen=True)
class K4(Fitted):
    """What is typical of a target.

    Attributes:
      reference: `<float32>[R, D]` known sequences, of length 1.
      around: `<float32>[R]` radius of the ball around each.
      companions: `<float32>[C, D]` other known sequences; they give radii of scored ones.
      known: `<float64>[C, 4]` their statistics.
      bandwidth: `<float64>[4]` of the kernel.
      least, edge: `<float64>[]` smallest surprise of companions, and how far above it 0.5 is.
    """

    config: K4Config
    reference: np.ndarray
    around: np.ndarray
    companions: np.ndarray
    known: np.ndarray
    bandwidth: np.ndarray
    least: np.floating
    edge: np.floating

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """`s / (s + edge)` of each sequence, `s` its surprise above the least; no event weighs."""
        points = mean_vectors(sequences, vectors)
        radius = radii(points, self.companions, self.config.near)
        found = statistics(points, radius, self.reference, self.around, self.config.near)
        over = np.maximum(-log_density(found, self.known, self.bandwidth) - self.least, 0)
        scores = (over / (over + self.edge)).astype(np.float32)
        return Scores(scores, np.zeros(len(sequences.ids), np.float32))


def mean_vectors(sequences: Distinct, vectors: np.ndarray) -> np.ndarray:
    """`<float32>[U, D]` mean of the vectors of each sequence's events, scaled to length 1."""
    out = np.zeros((len(sequences), vectors.shape[1]), np.float32)
    for rows in rows_of(out):
        part = sequences.take(np.arange(len(sequences))[rows])
        out[rows] = np.add.reduceat(vectors[part.ids], part.offsets[:-1])
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return out / np.where(length > 0, length, 1)


def radii(points: np.ndarray, among: np.ndarray, near: int, own: bool = False) -> np.ndarray:
    """`<float32>[P]` distance of each point to its `near`-th neighbour, or to the last there is.

    Args:
      own: the points are `among` themselves and no neighbours of their own.
    """
    place = min(near + own, len(among)) - 1
    found = [
        np.partition(distances(points[rows], among), place)[:, place] for rows in rows_of(points)
    ]
    return np.concatenate(found)


def statistics(
    points: np.ndarray, radius: np.ndarray, reference: np.ndarray, around: np.ndarray, near: int
) -> np.ndarray:
    """`<float64>[P, 4]` of each point against the reference, all in [0, 1].

    Precision: whether it is in the ball of any reference. Recall: the share of the reference in its
    own ball. Density: how many balls of the reference hold it, by `near`, at most 1. Coverage:
    whether its ball holds any. Touching counts, since logs repeat themselves exactly.

    Args:
      points: `<float32>[P, D]`, and `radius` of the ball around each.
      reference: `<float32>[R, D]`, and `around` the ball of each.
    """
    out = []
    for rows in rows_of(points):
        apart = distances(points[rows], reference)
        holding, held = apart <= around, apart <= radius[rows, None]
        density = np.minimum(holding.sum(axis=1) / near, 1)
        each = holding.any(axis=1), held.mean(axis=1), density, held.any(axis=1)
        out.append(np.stack(each, axis=1))
    return np.concatenate(out).astype(np.float64)


def log_density(points: np.ndarray, known: np.ndarray, bandwidth: np.ndarray) -> np.ndarray:
    """`<float64>[P]` of a Gaussian kernel around the known points, but for a constant."""
    points, known = points / bandwidth, known / bandwidth
    squares = (known**2).sum(axis=1)
    found = []
    for rows in rows_of(points):
        own = (points[rows] ** 2).sum(axis=1, keepdims=True)
        squared = np.maximum(own + squares - 2 * points[rows] @ known.T, 0)
        found.append(logsumexp(-0.5 * squared, axis=1) - np.log(len(known)))
    return np.concatenate(found)


def distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`<float32>[P, R]` half the squared distance of unit vectors, which orders as the distance."""
    return np.round(np.clip(1 - points @ others.T, 0, None), DECIMALS)


def rows_of(points: np.ndarray) -> Iterator[slice]:
    """Rows that NumPy may take at a time."""
    for start in range(0, len(points), devices.HOST_ROWS):
        yield slice(start, start + devices.HOST_ROWS)
