"""The training-free router: which sequences resemble something in the sources, which do not.

In: unit vectors of the target's and of the sources' templates, the target's unlabelled adaptation
sequences. Out: a `Router`, and by it for any later sequences of the target `Routed`: general or
proprietary, and the event and the source template that decided it. No label is read here, not even
of a source.
"""

import hashlib
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
import polars as pl

from glx.config import setting
from glx.embed.alarm import Meanings
from glx.generallog.nearest import nearest
from glx.membership import presence
from glx.sequences import Distinct, csr_offsets, first_highest
from glx.verdicts import DECIDING

ONE_WAY = ("general", "proprietary")  # all sequences alike
ABLATIONS = (*ONE_WAY, "random")
ROUTES = ("centred", "paper", *ABLATIONS)
LEAST, MOST = 0.05, 0.5  # share of adaptation sequences that the default cut may send to the expert
ISOLATED = 0.05  # share of a source's templates that count as outliers of their own system
TWO_ROUTES = (0.01, 0.99)  # a share of proprietary sequences outside of this is warned of


@dataclass(frozen=True)
class RouteConfig:
    """How sequences are divided between the transferred detector and the expert."""

    route: str = setting(
        "centred",
        "`centred` compares events by how they differ from the mean of their own system, and "
        "takes what at least half of the adaptation sequences contain as known; `paper` compares "
        "them as they are. For ablations, `general` sends none to the expert, `proprietary` all, "
        "and `random` draws lots, as many as `centred` sends of the sequences that are judged.",
        among=ROUTES,
    )
    tau: float | None = setting(
        None,
        "the least similarity of a general sequence, a cosine; unset, it is chosen from the "
        "target's adaptation part and the sources' templates, without labels.",
        low=-1,
        high=1,
    )


@dataclass(frozen=True)
class Router:
    """What is kept to route later sequences: arrays and JSON values.

    Attributes:
      mean: `<float32>[D]` taken off the target's vectors.
      sources: `<float32>[S, D]` source templates, relative to the mean of their system, length 1.
      offsets: `<int64>[n + 1]` the templates of source `i` are rows `offsets[i]:offsets[i + 1]`.
      common: `<bool>[V]` events that are known because most sequences of the target hold them.
      names: of the `n` source systems.
      tau: a sequence is general if its similarity is at least this.
      ablation: the route of `ABLATIONS` that is taken in place of the similarities; None for none.
      seed: of the route `random`.
    """

    mean: np.ndarray
    sources: np.ndarray
    offsets: np.ndarray
    common: np.ndarray
    names: list[str]
    tau: float
    ablation: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Routed:
    """`U` distinct sequences over `V` events, and what they were divided by.

    Attributes:
      general: `<bool>[U]` `x_sim >= tau`, unless an ablation divides; the others are proprietary.
      x_sim: `<float32>[U]` least `similarity` of the events of each sequence.
      deciding: `<int64>[U]` place in its sequence of the event with that similarity. Of equal ones
        (as in a sequence of common events only) the event with the least `cosine`, then the
        smaller id decides; of its places the first.
      event: `<int64>[U]` id of that event.
      similarity: `<float32>[V]` what `tau` cuts: `cosine`, or 1 for a common event.
      cosine: `<float32>[V]` of each event to the nearest source template.
      nearest: `<int32>[V]` row of that template in `Router.sources`.
    """

    general: np.ndarray
    x_sim: np.ndarray
    deciding: np.ndarray
    event: np.ndarray
    similarity: np.ndarray
    cosine: np.ndarray
    nearest: np.ndarray


def fit(
    vectors: np.ndarray,
    adapt: Distinct,
    sources: list[np.ndarray],
    names: list[str],
    config: RouteConfig,
    seed: int = 0,
) -> Router:
    """A router for one target (GeneralLog, arXiv 2511.05882, the router).

    `paper` compares unit vectors as they are. Sentence vectors of one system's log lines share a
    large part, so that between systems all cosines are alike; and one common event without a
    counterpart decides nearly every sequence. `centred` therefore takes off the mean of the
    templates of each system (of the target: those that adaptation holds), and lets an event that at
    least half of the adaptation sequences contain count as known. Each mean is shrunk by one
    template at the origin, so that a system of one template keeps its direction. The routes of
    ablations are fitted as `centred`.

    Args:
      vectors: `<float32>[V, D]` unit vectors of the target's templates; rows that no sequence of
        `adapt` holds have no influence.
      adapt: the target's adaptation sequences, unlabelled; none is empty.
      sources: for each source system `<float32>[S_i, D]` unit vectors of its templates, at least 1.
      names: of the source systems.
      seed: of the route `random`.
    """
    centred = config.route != "paper"
    relative = [unit(s - _mean(s, centred)) for s in sources]
    return _of_target(vectors, adapt, relative, names, config, seed)


def refit(router: Router, vectors: np.ndarray, adapt: Distinct, config: RouteConfig) -> Router:
    """The router of the same sources for newer sequences of the target; as `fit`."""
    relative = [router.sources[a:b] for a, b in pairwise(router.offsets.tolist())]
    return _of_target(vectors, adapt, relative, router.names, config, router.seed)


def _of_target(
    vectors: np.ndarray,
    adapt: Distinct,
    relative: list[np.ndarray],
    names: list[str],
    config: RouteConfig,
    seed: int,
) -> Router:
    """As `fit`; `relative` are templates of the sources as `Router.sources` has them."""
    present = presence(adapt, len(vectors))
    centred = config.route != "paper"
    router = Router(
        mean=_mean(vectors[present > 0], centred),
        sources=np.concatenate(relative),
        offsets=csr_offsets(np.array([len(s) for s in relative])),
        common=centred & (2 * present >= adapt.counts.sum()),
        names=list(names),
        tau=0.0 if config.tau is None else config.tau,
        ablation=config.route if config.route in ABLATIONS else None,
        seed=seed,
    )
    if config.tau is not None:
        return router
    x_sim = route(router, adapt, vectors).x_sim
    return replace(router, tau=default_tau(x_sim, adapt.counts, within_source_similarity(relative)))


def route(router: Router, sequences: Distinct, vectors: np.ndarray) -> Routed:
    """Divide distinct sequences: `sim_i = max_j cos(v_i, u_j)`, `x_sim = min_i sim_i`, against tau.

    Args:
      sequences: ids below `V`; none is empty.
      vectors: `<float32>[V, D]` of the templates that the ids stand for, in the order of `fit`, new
        ones after those.
    """
    if not sequences.lengths.all():
        raise ValueError("a sequence without events has nothing to be routed by")
    cosine, at = nearest(unit(vectors - router.mean), router.sources)
    common = np.zeros(len(vectors), dtype=bool)
    common[: len(router.common)] = router.common[: len(vectors)]
    similarity = np.where(common, np.float32(1), cosine)
    rank = np.argsort(np.lexsort((cosine, similarity)))  # of the event that decides first: 0
    _, deciding = first_highest(-rank[sequences.ids], sequences)
    event = sequences.ids[sequences.offsets[:-1] + deciding].astype(np.int64)
    x_sim = similarity[event]
    general = x_sim >= np.float32(router.tau)
    if router.ablation in ONE_WAY:
        general = np.full(len(sequences), router.ablation == "general")
    elif router.ablation:
        general = random_route(sequences, general, router.seed)
    return Routed(general, x_sim, deciding, event, similarity, cosine, nearest=at)


def random_route(sequences: Distinct, general: np.ndarray, seed: int) -> np.ndarray:
    """`<bool>[U]` general sequences, chosen at random, as many occurrences as `general` has.

    Copies of a sequence go one way, so that the number is met as far as their counts allow.

    Args:
      general: `<bool>[U]` by similarity.
    """
    order = np.argsort(random_numbers(sequences, seed), kind="stable")
    middle = np.cumsum(sequences.counts[order]) - sequences.counts[order] / 2
    chosen = np.empty(len(sequences), dtype=bool)
    chosen[order] = middle > sequences.counts[~general].sum()
    return chosen


def random_numbers(sequences: Distinct, seed: int) -> np.ndarray:
    """`<float64>[U]` in [0, 1): a hash of the event ids of each and of `seed`, and nothing else."""
    raw, key = sequences.ids.astype("<i4").tobytes(), seed.to_bytes(8, "little")
    bounds = pairwise((4 * sequences.offsets).tolist())
    hashes = (hashlib.blake2b(raw[a:b], digest_size=8, key=key).digest() for a, b in bounds)
    # A float64 holds 53 bits: with more, the highest would be rounded up to 1.
    return np.array([int.from_bytes(h, "little") >> 11 for h in hashes], np.float64) / 2**53


def default_tau(x_sim: np.ndarray, counts: np.ndarray, level: float) -> float:
    """The cut where none is given: `level`, moved as little as the share of sequences asks for.

    An event below `level` (`within_source_similarity`) is further from all source templates than
    the outliers of a source are from the rest of their own system. `level` is the cut as long as
    between `LEAST` and `MOST` of the target's adaptation sequences lie below it. Often nearly all
    do, since a sequence goes by its least similar event; then, as where hardly any do, the cut is
    the nearest one within those shares, midway between two similarities. Where none is within, it
    is the one whose share is nearest.

    Args:
      x_sim: `<float32>[U]` of the distinct adaptation sequences.
      counts: `<int64>[U]` how often each occurs.

    Returns:
      A cosine that float32 holds exactly; `level` where all similarities are equal.
    """
    left, right, share = _gaps(x_sim, counts)
    if not len(share):
        return float(np.float32(level))
    excess = np.maximum(np.maximum(LEAST - share, share - MOST), 0)
    away = np.maximum(np.maximum(left - level, level - right), 0)
    at = np.lexsort((away, excess))[0]
    tau = np.float32(level if left[at] < level <= right[at] else (left[at] + right[at]) / 2)
    return float(tau if tau > left[at] else right[at])  # neighbours in float32 have no middle


def within_source_similarity(sources: list[np.ndarray]) -> float:
    """How near an outlier among templates still is to the others of its own system, a cosine.

    For every source the quantile `ISOLATED` over its distinct templates of the cosine to the
    nearest other one; the mean over sources; 0 where none has two templates.

    Args:
      sources: `<float32>[S_i, D]` as in `Router.sources`.
    """
    unlike = [np.unique(s, axis=0) for s in sources]
    near = [nearest(s, s, skip=np.arange(len(s)))[0] for s in unlike if len(s) > 1]
    return float(np.mean([np.quantile(n, ISOLATED) for n in near])) if near else 0.0


def summary(
    routed: Routed, counts: np.ndarray, rows: int = 20, *, one_way: bool = False
) -> dict[str, Any]:
    """What to report of a routing, JSON values.

    Args:
      counts: `<int64>[U]` how often each distinct sequence occurs.
      rows: of the table at most.
      one_way: one route alone was asked for, which is then not warned of.

    Returns:
      `share_proprietary` of all sequences; `n_similarities`, distinct values of `x_sim`;
      `share_over_tau`, pairs of a cut and the share that it would have made proprietary, from the
      steps of that curve; `warning`, a sentence, or None where both routes are used.
    """
    share = float(counts[~routed.general].sum() / max(counts.sum(), 1))
    warning = (
        f"{share:.1%} of the sequences are proprietary, so that one route is hardly used; see the "
        "share over tau and set --tau, or take other sources."
    )
    left, right, shares = _gaps(routed.x_sim, counts)
    some = np.unique(np.linspace(0, max(len(shares) - 1, 0), rows).round().astype(int))
    table = [[float(t), float(s)] for t, s in zip((left + right) / 2, shares, strict=True)]
    return {
        "share_proprietary": share,
        "n_similarities": len(np.unique(routed.x_sim)),
        "share_over_tau": [table[i] for i in some] if table else [],
        "warning": None if one_way or TWO_ROUTES[0] <= share <= TWO_ROUTES[1] else warning,
    }


def explain(
    router: Router, routed: Routed, meanings: Meanings, source_texts: list[list[str]]
) -> pl.Series:
    """Why each of `U` distinct sequences went where it went.

    Args:
      meanings: of the `V` templates of the target; texts are as it shows them.
      source_texts: for each source its template texts, in the order of `fit`.

    Returns:
      `DECIDING[U]`: place (`event`) and `text` of the deciding event, `cosine` to the nearest
      template of a source, and that template's `source` and text (`nearest`).
    """
    row, known = routed.nearest[routed.event], [*chain(*source_texts)]
    system = np.searchsorted(router.offsets, row, side="right") - 1
    columns = {
        "event": routed.deciding,
        "text": pl.Series(meanings.shown)[routed.event],
        "cosine": routed.cosine[routed.event],
        "source": pl.Series(router.names)[system],
        "nearest": pl.Series([meanings.mask(known[n]) for n in row.tolist()], dtype=pl.String),
    }
    return pl.DataFrame(columns, schema=DECIDING.to_schema()).to_struct("deciding")


def unit(vectors: np.ndarray) -> np.ndarray:
    """`<float32>[V, D]` scaled to length 1; a row of zeros stays one, similar to nothing."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def _mean(vectors: np.ndarray, centred: bool) -> np.ndarray:
    """`<float32>[D]`, with one more vector at the origin; zeros where nothing is centred."""
    total = vectors.sum(axis=0, dtype=np.float64)
    return (total * centred / (len(vectors) + 1)).astype(np.float32)


def _gaps(x_sim: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Between which two similarities each cut may lie, and the share of sequences below it."""
    values, inverse = np.unique(x_sim.astype(np.float64), return_inverse=True)
    share = np.cumsum(np.bincount(inverse, counts, len(values))) / max(counts.sum(), 1)
    return values[:-1], values[1:], share[:-1]
