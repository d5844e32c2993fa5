"""Episodes: which sequences a meta-task is made of. In: pools of rows. Out: row numbers to gather.

Each episode is a function of (seed, step) alone, so that a resumed run repeats an uninterrupted
one.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import logit


class Rows(NamedTuple):
    """Row numbers of the packed sequences and what the loss needs to know of each.

    Attributes:
      rows: `<int32>[N, B]`; the first half of `B` is of sources, the second of the target.
      label: `<float32>[N, B]`.
      target: `<float32>[N, B]`.
      log_odds: `<float32>[N, B]`; see `meta.Batch`.
    """

    rows: np.ndarray
    label: np.ndarray
    target: np.ndarray
    log_odds: np.ndarray


@dataclass(frozen=True)
class Pool:
    """Rows of one system, each sampled in proportion to the square root of its count.

    Attributes:
      rows: `<int32>[n]` distinct sequences.
      cdf: `<float64>[n]` cumulative probability.
      weight: the sum of the square roots.
    """

    rows: np.ndarray
    cdf: np.ndarray
    weight: float

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return self.rows[np.searchsorted(self.cdf, rng.random(n), side="right")]


@dataclass(frozen=True)
class Source:
    """The pools of one labelled system: `normal` and `anomalous`, for support and for query."""

    support: tuple[Pool, Pool]
    query: tuple[Pool, Pool]
    prevalence: float


@dataclass(frozen=True)
class Pools:
    """What episodes are sampled from.

    Attributes:
      sources: the labelled systems.
      target: a support and a query pool, unlabelled.
      held_out: the source that every query is of; None: each episode draws one.
    """

    sources: tuple[Source, ...]
    target: tuple[Pool, Pool]
    held_out: int | None = None


QUERY_SHARE = 0.3  # of the distinct sequences, where one system serves support and query
ANOMALOUS_SHARE = 0.25  # of the source sequences in a set, at least


def make_pools(
    normal: list[np.ndarray],
    anomalous: list[np.ndarray],
    target: np.ndarray,
    seed: int,
    held_out: int | None = None,
) -> Pools:
    """Split rows into support and query pools that share no distinct sequence.

    A target whose sequences are all alike has that one in both.

    Rows of all systems are numbered through: sources in their order, then the target.

    Args:
      normal: per source, `<int64>[U_s]` how often each distinct sequence occurs as a normal one.
      anomalous: the same, as an anomalous one.
      target: `<int64>[U_t]` how often each distinct sequence of the adapt part occurs.
      seed: of the split into support and query.
      held_out: as in `Pools`.
    """
    rng = np.random.default_rng((seed, 0x5EED))
    base, sources = 0, []
    for counts in zip(normal, anomalous, strict=True):
        several = len(normal) > 1
        chosen = _query_rows(rng, counts)
        support, query = (
            (_pool(counts[0] * kept, base), _pool(counts[1] * kept, base))
            for kept in (several | (chosen == 0), several | (chosen == 1))
        )
        prevalence = counts[1].sum() / (counts[0].sum() + counts[1].sum())
        sources.append(Source(support, query, float(prevalence)))
        base += len(counts[0])
    chosen, alike = _query_rows(rng, (target,)), len(target) < 2
    of_target = tuple(_pool(target * (alike | (chosen == part)), base) for part in (0, 1))
    return Pools(tuple(sources), (of_target[0], of_target[1]), held_out)


def draw(pools: Pools, seed: int, step: int, episodes: int, size: int) -> tuple[Rows, Rows]:
    """Draw `episodes` support and query sets of `size` source and `size` target sequences each.

    With several sources, the query's source is one that the support does not hold.
    """
    rng = np.random.default_rng((seed, step))
    supports, queries = [], []
    for _ in range(episodes):
        random = int(rng.integers(len(pools.sources)))
        held_out = random if pools.held_out is None else pools.held_out
        others = [s for i, s in enumerate(pools.sources) if i != held_out] or list(pools.sources)
        supports.append(
            _set(rng, [(s.support, s.prevalence) for s in others], pools.target[0], size)
        )
        query = pools.sources[held_out]
        queries.append(_set(rng, [(query.query, query.prevalence)], pools.target[1], size))

    def stack(sets):
        return Rows(*(np.stack(column) for column in zip(*sets, strict=True)))

    return stack(supports), stack(queries)


def _set(rng, sources, target: Pool, size: int) -> tuple[np.ndarray, ...]:
    """One support or query set: the source sequences are shared evenly by `sources`."""
    columns = []
    for (pools, prevalence), n in zip(sources, _shares(size, len(sources), rng), strict=True):
        n_anomalous = _n_anomalous(pools, n)
        ratio = n_anomalous / max(n, 1)
        raised = float(logit(ratio) - logit(prevalence)) if 0 < ratio < 1 else 0.0
        for label, k in ((0.0, n - n_anomalous), (1.0, n_anomalous)):
            if k:
                rows = pools[int(label)].draw(rng, k)
                columns.append((rows, np.full(k, label), np.zeros(k), np.full(k, raised)))
    rows = target.draw(rng, size)
    columns.append((rows, np.zeros(size), np.ones(size), np.zeros(size)))
    rows, *rest = (np.concatenate(c) for c in zip(*columns, strict=True))
    return rows.astype(np.int32), *(c.astype(np.float32) for c in rest)


def _n_anomalous(pools: tuple[Pool, Pool], n: int) -> int:
    normal, anomalous = pools
    if not len(anomalous.rows) or not len(normal.rows):
        return n if len(anomalous.rows) else 0
    natural = anomalous.weight / (anomalous.weight + normal.weight)
    share = max(ANOMALOUS_SHARE, natural)
    return int(np.clip(np.ceil(n * share), min(n, 1), max(n - 1, 0)))


def _shares(size: int, parts: int, rng) -> list[int]:
    """`size` in `parts` whole numbers as equal as possible; the rest goes to random ones."""
    shares = np.full(parts, size // parts)
    shares[rng.permutation(parts)[: size % parts]] += 1
    return shares.tolist()


def _query_rows(rng, counts: tuple[np.ndarray, ...]) -> np.ndarray:
    """`<int>[U]` 1 for the fixed share of distinct sequences that form the query pool, per class.

    A class of at least two distinct sequences has one in both pools; a single one stays in support.
    """
    query = np.zeros(len(counts[0]), dtype=np.int64)
    for c in reversed(counts):  # sequences with both labels are split among the normal ones
        rows = rng.permutation(np.flatnonzero(c))
        n = int(np.ceil(QUERY_SHARE * len(rows))) if len(rows) > 1 else 0
        query[rows] = 0
        query[rows[:n]] = 1
    return query


def _pool(counts: np.ndarray, base: int) -> Pool:
    rows = np.flatnonzero(counts)
    weights = np.sqrt(counts[rows])
    cdf = np.cumsum(weights)
    total = float(cdf[-1]) if len(cdf) else 0.0
    return Pool((rows + base).astype(np.int32), cdf / total if total else cdf, total)
