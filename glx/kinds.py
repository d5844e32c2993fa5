"""Kinds of sequences: what one lacks is judged given what else it holds.

A system has one routine, or a dozen kinds of request with steps of their own. An event `a` makes a
kind, the sequences that hold it, where these hold other things than all do. In: the inliers of a
system (`glx.evidence.inliers`) and all of its sequences. Out: `Kinds`; and of any sequences what
they lack as one of a kind. Of `N` inliers `n_a` hold `a`, `n_ab` also `b`; `P(b)` is that of
`glx.profile`:

    P(b | a) = (n_ab + P(b)) / (n_a + 1)      one sequence is borrowed from all
    usual    = the events with P(b | a) >= USUAL
    kind     = n_a >= KIND and 2 n_a sum_b KL(n_ab / n_a, n_b / N) > B log N, over the `B` events
               that are usual there or among all: the Bayesian information criterion
    a_b      = -log10 (1 - P(b | a))          for usual events that the kind does not lack by chance
    lack(x)  = sum over b not in x of a_b
    over(x)  = (lack(x) - mean) / sd - limit  mean and sd if events came independently
    limit    = ABSENCE_LIMIT, or BEYOND more than inliers reach that lack the same as one in fifty
    tail(b)  = step_tails of all sequences with `a`
    pooled(b) = surprise of a sequence that lacks one of its own kind with a tail as high
    step(x)  = max over b not in x of pooled(b), where it is beyond RAREST and tail(b) beyond SELDOM

Many kinds have many steps, and few sequences each: one of a kind that all have is missed where in
the whole system hardly a sequence lacks such a one. Of all sequences, `step` is the largest tail.
Only sessions have kinds: what an event of a window goes with may be in the next window. All
sequences are a kind, too, to which every event belongs. A sequence is one of all and of its own
kind, that of the rarest event that makes one; of this it lacks nothing while one in twenty of the
kind, inliers or not, lack what it lacks.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import rel_entr

from glx.membership import Held, events_of, first_gap, held_sets
from glx.sequences import Distinct
from glx.steps import NEUTRAL, RAREST, SELDOM, by_chance, step_tails, surprise

ABSENCE_LIMIT = 4.0  # standard deviations of `lack` that a usual sequence stays below
KIND = 25  # sequences that make a kind: of fewer, what all have may be lacking in one of fifty
USUAL = 0.5  # share of a kind from which on an event belongs to it
MOST = 1000, 1e8  # kinds that are tried, the commonest first, and events of all their sequences
BEYOND = 1.0  # standard deviations between what a habit lacks and what is unusual
TIE = 1e-6  # decades; less than what two counts differ by


@dataclass(frozen=True)
class Kinds:
    """`G` kinds of sequences over `V` templates, the rarest first, all sequences last.

    Attributes:
      event: `<int64>[G]` the event that makes the kind; `V` for all sequences.
      sequences: `<int64>[G]` sequences of the kind, inliers or not.
      mean, spread: `<float64>[G]` decades; what is there is worth `mean` if events came
        independently, as in `expected`.
      limit: `<float64>[G]` standard deviations.
      kind, usual: `<int64>[K]` the usual events of each kind, sorted by both.
      held: `<int64>[K]` sequences of the kind that hold it, inliers or not.
      absence, step: `<float64>[K]` decades: `a_b`, and its tail.
    """

    event: np.ndarray
    sequences: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    limit: np.ndarray
    kind: np.ndarray
    usual: np.ndarray
    held: np.ndarray
    absence: np.ndarray
    step: np.ndarray


def fit_kinds(inside: Distinct, everything: Distinct, n_templates: int) -> Kinds:
    """The kinds of a system, `inside` its inliers."""
    whole = everything.take(np.flatnonzero(everything.whole))
    steps = ~by_chance(whole, n_templates)
    every = held_sets(whole, n_templates)
    ours = held_sets(inside.take(np.flatnonzero(inside.whole)), n_templates)
    n, present = int(ours.counts.sum()), ours.present
    prior = (present + 1) / (n + 2)
    parts = []
    sessions = everything.cut_short is None
    for a in _candidates(ours).tolist() if sessions else []:
        of_kind = ours.holding(a)
        both = of_kind.present
        p = (both + prior) / (present[a] + 1)
        p[a] = 0  # which all of the kind hold
        if _differs(both / present[a], present / n, (both > 0) | (prior >= USUAL), n, a):
            its = whole.take(np.flatnonzero(np.isin(every.inverse, every.rows(a))))
            its_steps = steps & ~by_chance(its, n_templates)
            usual = np.flatnonzero(p >= USUAL)
            parts.append(_fit(a, of_kind, every.holding(a), p, usual, its_steps))
    parts.append(_fit(n_templates, ours, every, prior, np.arange(n_templates), steps))
    of_kinds, of_usual = zip(*parts, strict=True)
    event, size, mean, spread, limit = map(np.array, zip(*of_kinds, strict=True))
    kind = np.repeat(np.arange(len(parts)), [len(usual) for usual, *_ in of_usual])
    usual, held, absence, step = map(np.concatenate, zip(*of_usual, strict=True))
    kinds = Kinds(event, size, mean, spread, limit, kind, usual, held, absence, step)
    pooled = _pooled(kinds, whole)
    sure = (step > SELDOM) & (pooled > RAREST)
    return replace(kinds, step=np.where(kind < len(event) - 1, pooled * sure, step))


def _pooled(kinds: Kinds, sequences: Distinct) -> np.ndarray:
    """`<float64>[K]` how surprising it is, of all `sequences`, to lack a step with as high a tail.

    Each sequence is compared with the others of its kind, without itself.
    """
    n, of_own = int(sequences.counts.sum()), lacking(kinds, sequences)[1]
    size = kinds.sequences[kinds.kind]
    lacks = np.round((size + 1) / 10**kinds.step - 0.5)
    others = surprise(np.maximum(lacks - 1, 0), size)
    highest = np.where(of_own.tail > 0, np.append(others, 0)[of_own.step], 0)
    order = np.argsort(highest, kind="stable")
    above = np.append(np.cumsum(sequences.counts[order][::-1])[::-1], 0)
    as_high = above[np.searchsorted(highest[order], kinds.step - TIE)]
    return np.where(kinds.step > 0, surprise(as_high, n), 0)


def _candidates(held: Held) -> np.ndarray:
    """`<int64>` events that may make a kind, the rarest first, no more than `MOST`."""
    present = held.present
    found = np.flatnonzero(present >= KIND)
    found = found[np.argsort(-present[found], kind="stable")][: MOST[0]]
    work = np.cumsum((held.members.sum(axis=1) @ held.members)[found])
    return found[work <= MOST[1]][::-1]


def _differs(q: np.ndarray, p: np.ndarray, compared: np.ndarray, n: int, a: int) -> bool:
    """Whether the kind of `a` with shares `q` of events is told from all `n`, with shares `p`."""
    compared = compared & (p < 1)
    compared[a] = False
    gain = rel_entr(q, p) + rel_entr(1 - q, 1 - p)
    return 2 * p[a] * n * gain[compared].sum() > compared.sum() * np.log(n)


def _fit(
    event: int, ours: Held, every: Held, p: np.ndarray, usual: np.ndarray, steps: np.ndarray
) -> tuple[tuple, tuple]:
    """The columns `[G]` of one kind, and those `[K]` of its usual events.

    Args:
      ours, every: inliers of the kind, all of its sequences.
      p: `<float64>[V]` `P(b | a)`.
      steps: `<bool>[V]` the events whose absence counts.
    """
    belongs = np.zeros(len(p), dtype=bool)
    belongs[usual] = True
    absent, mean, spread = expected(p * belongs, steps)
    limit = _limit((mean - ours.members @ absent) / spread, ours.counts)
    tails = step_tails(every, belongs & steps)
    of_kind = (event, int(every.counts.sum()), mean, spread, limit)
    return of_kind, (usual, every.present[usual], absent[usual], tails[usual])


def expected(p: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, float, float]:
    """What an event's absence adds to `lack` (`<float64>[V]`), and the mean and spread of that.

    Args:
      p: `<float64>[V]` probability of each event.
      steps: `<bool>[V]` the events whose absence counts.
    """
    absent = -np.log10(1 - p)
    spread = np.sqrt((p * (1 - p) * absent**2).sum())
    absent = absent * steps
    # This mean of what is there, less what is there, is `lack` less its mean.
    return absent, float(p @ absent), max(float(spread), 1e-12)


def _limit(deviations: np.ndarray, counts: np.ndarray) -> float:
    """What sets of events exceed that are unusual, given `<float64>[S]` and `<int64>[S]`."""
    return max(ABSENCE_LIMIT, float(deviations[often(counts)].max(initial=0)) + BEYOND)


def often(counts: np.ndarray) -> np.ndarray:
    """`<bool>[S]` what one in fifty sequences show, itself not counted, of `<int64>[S]` that do."""
    return (counts > 1) & (surprise(counts - 1, int(counts.sum())) < SELDOM)


@dataclass(frozen=True)
class Lacking:
    """What each of `U` sequences lacks as one of a kind.

    Attributes:
      over: `<float64>[U]` standard deviations beyond the limit; not positive where it is usual.
      commonest: `<int64>[U]` the usual event that it lacks and most have, as a place in the arrays
        `[K]`; 0 where `over` is not positive.
      tail: `<float64>[U]` the highest tail of a step that it lacks, in decades; 0 where none is.
      step: `<int64>[U]` the place of that step.
    """

    over: np.ndarray
    commonest: np.ndarray
    tail: np.ndarray
    step: np.ndarray


def lacking(kinds: Kinds, sequences: Distinct) -> tuple[Lacking, Lacking]:
    """What sequences lack as one of all, and as one of their own kind."""
    n_templates, everyone = int(kinds.event[-1]), len(kinds.event) - 1
    row, event, _ = events_of(sequences, n_templates)
    row, event = row[event < n_templates], event[event < n_templates]
    of_event = np.full(n_templates, everyone)
    of_event[kinds.event[:-1]] = np.arange(everyone)
    whole = np.full(len(sequences), everyone)
    own = whole.copy()
    np.minimum.at(own, row, of_event[event])
    if sequences.awaited is not None:  # which is not lacking yet
        waiting, later = sequences.awaited.nonzero()
        row, event = np.append(row, waiting), np.append(event, later)
    return _lacking(kinds, row, event, whole), _lacking(kinds, row, event, own)


def _lacking(kinds: Kinds, row: np.ndarray, event: np.ndarray, of: np.ndarray) -> Lacking:
    """The same as one of the kinds `of` (`<int64>[U]`); a row and an event for each that it has."""
    n_kinds, n_templates = len(kinds.event), int(kinds.event[-1])
    keys, key = kinds.kind * n_templates + kinds.usual, of[row] * n_templates + event
    at = np.searchsorted(keys, key)
    found = np.append(keys, -1)[at] == key
    row, at = row[found], at[found]
    there = np.bincount(row, kinds.absence[at], len(of))
    over = (kinds.mean[of] - there) / kinds.spread[of] - kinds.limit[of]
    steps = (kinds.step > 0).astype(np.float64)
    all_steps = np.bincount(kinds.kind, steps, n_kinds)[of]
    asked = (over >= 0) | (np.bincount(row, steps[at], len(of)) < all_steps)
    rows, kept = np.flatnonzero(asked), asked[row]
    row, at = (np.cumsum(asked) - 1)[row[kept]], at[kept]
    commonest, step = np.zeros((2, len(of)), dtype=np.int64)
    commonest[rows] = _first_missing(kinds, kinds.absence, row, at, of[rows])
    step[rows] = _first_missing(kinds, kinds.step, row, at, of[rows])
    size, held = kinds.sequences[of], np.append(kinds.held, 0)[commonest]
    lacks = np.where(
        of < n_kinds - 1,
        surprise(np.maximum(size - held, 0), size),
        np.append(kinds.absence, 0)[commonest],
    )
    optional = (n_kinds > 1) & (lacks <= NEUTRAL)
    over = np.where(optional, np.minimum(over, -ABSENCE_LIMIT), over)
    return Lacking(over, commonest, np.where(asked, np.append(kinds.step, 0)[step], 0), step)


def _first_missing(
    kinds: Kinds, values: np.ndarray, row: np.ndarray, at: np.ndarray, of: np.ndarray
) -> np.ndarray:
    """`<int64>[U]` the place of the highest of `values` (`<float64>[K]`) that each row lacks.

    Of a row that lacks none of its kind, the place of the last one.
    """
    order = np.lexsort((-values, kinds.kind))
    starts = np.searchsorted(kinds.kind, np.arange(len(kinds.event) + 1))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts[kinds.kind]
    place = starts[of] + first_gap(row, rank[at], len(of))
    return order[np.minimum(place, starts[of + 1] - 1)]
