"""The target's own profile as evidence: log-odds of an anomaly that need no label and no training.

In: the profile of a system's usual sequences (`glx.profile`), how alarming each template reads
(`glx.embed.alarm`, or an expert's answers). Out: log-odds per template, per sequence.

An event says as much as it is alarming and unusual: its reading plus its `rarity`. A sequence says
as much as the event that says most, or as what it lacks, `absence`, if that is more. All of it is
in natural log-odds and 0 is the cut, so that different kinds of evidence add up. The constants are
conventions, not fits: one in twenty is unusual, four standard deviations are too many. How they
were chosen among others, and with what in view: docs/method.md.

An unlabelled log holds anomalies too; profile are fitted on its `inliers` sequences.
"""

import numpy as np
from scipy.special import logit

from glx.profile import Membership, Profile, event_tails, membership, presence, sum_of_present
from glx.sequences import Distinct, first_highest

NEUTRAL = -np.log10(0.05)  # decades; one sequence in twenty is no evidence either way
RAREST = 2.5  # decades; below one in 300 rarity says no more
LIMIT = 4.0  # standard deviations of absence that a usual sequence stays below
ROUNDS = 20  # of `inliers` at most
BAYES = float(np.log(10))  # a decade in log-odds
READING = 2.0  # log-odds; a text says no more, however plain: a reader knows other systems' words
STRONGEST = 10.0  # log-odds; nor does anything else, nor a decade of rarity


def inliers(sequences: Distinct, n_templates: int) -> Distinct:
    """The sequences that lack no more than is usual, to fit profile on.

    Sigma clipping: leave out what deviates by `LIMIT` or more, count again, until nothing changes.
    Sequences that stop short may be so many that each makes the other's absences look ordinary.
    Where less than half would stay, all do: the rule does not suit such a log.
    """
    held = membership(sequences, n_templates)
    below = np.ones(len(sequences), dtype=bool)
    for _ in range(ROUNDS):
        kept, counts = below, np.where(below, sequences.counts, 0)
        present = presence(held._replace(counts=counts), n_templates)
        below = _deviations(present, int(counts.sum()), held) < LIMIT
        if 2 * sequences.counts[below].sum() < sequences.counts.sum():
            return sequences
        if np.array_equal(kept, below):
            break
    return sequences.take(np.flatnonzero(below))


def rarity(profile: Profile, n_templates: int) -> np.ndarray:
    """`<float32>[V]` log-odds that the mere presence of each template adds.

    `T`, the decades of the share of sequences that hold anything as rare, counts from `NEUTRAL` on,
    with the odds of `regularity` less one: in a system of fixed routines an unusual event is an
    incident, in one whose sequences are arbitrary stretches of lines it happens all the time.
    Downwards it counts at least as Bayes' rule has it: what is in a share `s` of the sequences is
    anomalous with probability at most `P(anomalous) / s`. An event that no sequence held says
    nothing by that: a new release brings as many as an incident does.
    """
    over = np.minimum(event_tails(profile, n_templates), RAREST) - NEUTRAL
    regular = regularity(profile)
    odds = min(regular / max(1 - regular, 1e-9), STRONGEST)
    weight = np.where(over > 0, max(odds - 1, 0), max(odds, BAYES))
    seen = np.zeros(n_templates, dtype=bool)
    seen[: len(profile.seen)] = profile.seen[:n_templates]
    return np.clip(seen * weight * over, -STRONGEST, STRONGEST).astype(np.float32)


def regularity(profile: Profile) -> float:
    """How much of a sequence its system's profile foretell: `sum P(v)^2 / sum P(v)`, in (0, 1].

    It is the probability that a random event of a random sequence is in another one too
    (Simpson's index, 1949, over the presence of events).
    """
    share = profile.present / max(int(profile.n_sequences), 1)
    return float((share**2).sum() / max(share.sum(), 1e-9))


def absence(profile: Profile, sequences: Distinct) -> np.ndarray:
    """`<float32>[U]` log-odds from what each lacks: standard deviations beyond `LIMIT`."""
    held = membership(sequences, len(profile.present))
    beyond = _deviations(profile.present, int(profile.n_sequences), held) - LIMIT
    return np.clip(beyond, -STRONGEST, STRONGEST).astype(np.float32)


def sequence_log_odds(profile: Profile, sequences: Distinct, reading: np.ndarray) -> np.ndarray:
    """What speaks for an anomaly in each sequence.

    Args:
      sequences: ids below `V`; none is empty.
      reading: `<float>[V]` log-odds that a line of each template deserves attention, by its text.

    Returns:
      `<float32>[U]` log-odds.
    """
    highest, _ = first_highest(event_log_odds(profile, reading)[sequences.ids], sequences)
    return np.maximum(highest, absence(profile, sequences))


def event_log_odds(profile: Profile, reading: np.ndarray) -> np.ndarray:
    """`<float32>[V]` log-odds of each template: its reading, within bounds, plus its rarity."""
    return (bounded(reading) + rarity(profile, len(reading))).astype(np.float32)


def bounded_logit(p: np.ndarray) -> np.ndarray:
    """Of probabilities, in `<float64>`; none is so sure as to say more than `STRONGEST`."""
    with np.errstate(divide="ignore"):
        return np.clip(logit(np.asarray(p, dtype=np.float64)), -STRONGEST, STRONGEST)


def bounded(reading: np.ndarray) -> np.ndarray:
    """Log-odds by a reader, within bounds."""
    return np.clip(reading, -READING, READING)


def _deviations(present: np.ndarray, n: int, held: Membership) -> np.ndarray:
    """`<float64>[U]` how much more usual events each sequence lacks than sequences do on average.

    `-log10 P(absent)` summed over what it lacks, less the mean of that sum and over its standard
    deviation if events came independently, each with its share of `n` sequences.
    """
    p = (present + 1) / (n + 2)
    misses = -np.log10(1 - p)
    spread = np.sqrt((p * (1 - p) * misses**2).sum())
    return (p @ misses - sum_of_present(held, misses)) / max(spread, 1e-12)
