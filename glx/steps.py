"""Steps: events that a sequence of the system does not lack by chance.

In: which sequences hold which events. Out: which events come by chance, and for each of the others
how surprising a sequence is that lacks one as common.
"""

import numpy as np
from scipy.special import pdtr

from glx.membership import Held, events_of
from glx.sequences import Distinct

NEUTRAL = -np.log10(0.05)  # decades; what one of twenty sequences shows is no evidence
SELDOM = -np.log10(0.02)  # decades; one in fifty sequences may lack a step or hold a known error
RAREST = 2.5  # decades; what is rarer than one in 300 counts no more
CHANCE = 0.001, 0.05  # share of sequences without an event by chance that would look like faults
DOUBT = 0.05  # probability of so few lacks as there are, below which they are no chance


def by_chance(sequences: Distinct, n_templates: int) -> np.ndarray:
    """`<bool>[V]` events that a sequence may lack by chance: they come as lines of a text do.

    If an event comes `m` times in a sequence on average, with variance `d m`, the binomial, Poisson
    and negative binomial distributions with this mean and variance all give none a probability of
    `d^(m / (1 - d))` (`exp(-m)` for `d = 1`). That counts where it is within `CHANCE` (what is
    rarer does not come up, what is often lacking is no news), the event comes twice or more (of
    one that comes once or never, the numbers say nothing else), and as many sequences lack it: a
    step that is repeated at will is never lacking.
    """
    n = max(int(sequences.counts.sum()), 1)
    row, event, repeats = events_of(sequences, n_templates)
    known = event < n_templates
    row, event, repeats = row[known], event[known], repeats[known].astype(np.float64)
    weight = sequences.counts[row]
    holding, total, squares = (
        np.bincount(event, weight * repeats**power, n_templates) for power in (0, 1, 2)
    )
    mean = total / n
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.maximum(squares / n - mean**2, 0) / mean
        even = np.abs(1 - spread) < 1e-9
        none = np.where(even, np.exp(-mean), spread ** (mean / (1 - spread)))
    lacks = np.maximum(n - holding, 0)
    rare = (none >= CHANCE[0]) & (none <= CHANCE[1])
    return (mean >= 2) & rare & (pdtr(lacks, n * none) >= DOUBT)


def step_tails(held: Held, steps: np.ndarray) -> np.ndarray:
    """`<float64>[V]` surprise of a sequence that lacks one of `steps` (`<bool>[V]`) as common.

    A sequence is compared with the others, so that what it alone lacks is something that all have.
    0 for what is no step, or lacking in so many sequences that its absence is no evidence.
    """
    n, holding = int(held.counts.sum()), held.present
    tails = np.zeros(len(steps))
    seldom = np.flatnonzero(
        steps & (holding > 0) & (surprise(np.maximum(n - holding - 1, 0), n) > NEUTRAL)
    )
    order = seldom[np.argsort(-holding[seldom], kind="stable")]
    there = np.ones((len(held.counts), len(order) + 1), dtype=bool)
    there[:, :-1] = held.members[:, order].toarray() > 0
    there[:, -1] = False  # who lacks none of them
    lacked = np.append(holding[order], -1)[there.argmin(axis=1)]
    at = np.argsort(lacked, kind="stable")
    above = np.append(np.cumsum(held.counts[at][::-1])[::-1], 0)
    as_common = above[np.searchsorted(lacked[at], holding[order] - 1, side="left")]
    tails[order] = surprise(as_common, n)
    return tails


def surprise(k: np.ndarray | int, n: int) -> np.ndarray:
    """Decades; of `n` sequences `k` are such."""
    return np.log10((n + 1) / (np.asarray(k) + 0.5))
