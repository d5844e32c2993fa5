"""Steps: events that a sequence of the system does not lack by chance.

In: distinct sequences. Out: for each event how surprising a sequence is that lacks one as common.
"""

import numpy as np
from scipy.special import pdtr

from glx.membership import events_of, first_missing, presence
from glx.sequences import Distinct

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


def step_tails(sequences: Distinct, n_templates: int) -> np.ndarray:
    """`<float64>[V]` as in `glx.profile.Profile`.

    A sequence is compared with the others, so that what it alone lacks is something that all have.
    """
    n, held = int(sequences.counts.sum()), presence(sequences, n_templates)
    steps = np.where(by_chance(sequences, n_templates), -1, held)
    lacked = np.append(steps, -1)[first_missing(steps, sequences)]
    order = np.argsort(lacked, kind="stable")
    above = np.append(np.cumsum(sequences.counts[order][::-1])[::-1], 0)
    as_common = above[np.searchsorted(lacked[order], steps - 1, side="left")]
    return np.where(steps < 0, 0.0, surprise(as_common, n))


def surprise(k: np.ndarray | int, n: int) -> np.ndarray:
    """Decades; of `n` sequences `k` are such."""
    return np.log10((n + 1) / (np.asarray(k) + 0.5))
