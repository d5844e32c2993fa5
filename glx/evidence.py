"""Evidence of an anomaly that needs no label and no training, as log-odds.

In: the `Profile` of a system's inliers and the log-odds `alarm` of each template (the alarm model,
`glx.embed.alarm`, or an expert's answers). Out: natural log-odds per template and per sequence. The
cut is 0; log-odds of different kinds add up. In order, for an event `v` and a sequence `x`:

    s_v           = n_v / N                               share of the sequences that hold v
    regularity    = sum s_v^2 / sum s_v                   R; one sequence foretells the next
    rarity(v)     = w (min(T_v, RAREST) - NEUTRAL)        T_v = event_tails(v), in decades
                    w = max(R / (1 - R) - 1, 0)           above NEUTRAL
                    w = max(R / (1 - R), log 10)          below it, at least Bayes' rule
                    0 for an event that no sequence held
    level(v)      = log 10 (min(level_tails(level of v), RAREST) - SELDOM), at least 0; NEUTRAL in
                    place of SELDOM for an event that no sequence held
    reading(v)    = clip(alarm_v, +-ALARM_LIMIT); at least 0 for an ERROR or FATAL that no sequence
                    held where level(v) > 0
    novelty(v)    = w (min(new_tail, RAREST) - NEUTRAL)   for an event that no sequence held, from 0
                    to NOVELTY_LIMIT, w as above NEUTRAL; 0 for others
    log_odds(v)   = reading(v) + novelty(v) + rarity(v) + level(v)
    answer(v)     = logit p_v + SECOND alarm_v - ANSWER_CUT + rarity(v) + level(v)   where a model
                    answers, alarm_v bounded, rarity at most RARITY_LIMIT, w as above NEUTRAL
    step(x)       = log 10 (min(tail, RAREST) - SELDOM)   the highest tail of a step that x lacks
    absence(x)    = max over all and its own kind of max(over(x), step(x)), as in `glx.kinds`, of a
                    sequence that was not cut short
    log_odds(x)   = max(max over v in x of log_odds(v), absence(x))

Rarity, odds and absence are clipped to `+-MAX_LOG_ODDS`. In a system of fixed routines (R near 1) a
rare event is an incident; where sequences are arbitrary windows of lines (R small) rare events
happen all the time and add nothing. Downwards, what is in a share `s` of the sequences is anomalous
with probability at most `P(anomalous) / s`. A level is the program's own word for how severe a line
is, in every system. An event that no sequence held says little by being new, as a new release
brings such events too: a line that reads harmless stays so, and where new events come all the time,
or rare ones do, one more is no news.

A step is missing by `over` where sequences are much alike, and by `step`, whatever else they vary
in, where hardly any sequence lacks one as common: one that all have is missed from 41 sequences on.
Lines of a text that come at random are no steps (`glx.steps.by_chance`). What a sequence that was
cut short lacks is no evidence.

The constants are conventions, not fits; docs/method.md says how they were chosen.
"""

import numpy as np
from scipy.special import logit

from glx.kinds import ABSENCE_LIMIT, Kinds, Lacking, expected, lacking, often
from glx.membership import Held, held_sets
from glx.profile import Profile, event_tails
from glx.sequences import Distinct, first_highest
from glx.steps import NEUTRAL, RAREST, SELDOM, by_chance

ROUNDS = 20  # of `inliers` at most
DECADE = float(np.log(10))  # in log-odds
ALARM_LIMIT = 2.0  # log-odds; the alarm model knows other systems' words, not this one's
SECOND = 0.2  # weight of the alarm model beside a model's answer
RARITY_LIMIT = 3.0  # log-odds beside a model's answer
ANSWER_CUT = 0.3  # log-odds, p = 0.57; from there on an answer speaks for an anomaly
NOVELTY_LIMIT = 1.0  # log-odds; half of what the alarm model may say against it
MAX_LOG_ODDS = 10.0  # bound of every other evidence, and of the odds of regularity


def inliers(sequences: Distinct, n_templates: int) -> Distinct:
    """The sequences to fit a profile on: those that lack no more than is usual.

    Sigma clipping: leave out sequences that deviate by `ABSENCE_LIMIT` or more and are no habit,
    count again, until nothing changes. An unlabelled log holds anomalies too: many sequences that
    stop short make each other's absences look ordinary. Where less than half would stay, all do:
    the rule does not suit such a log.
    """
    whole = np.flatnonzero(sequences.whole)
    held, steps = held_sets(sequences.take(whole), n_templates), ~by_chance(sequences, n_templates)
    habit = habits(held)
    inside = np.ones(len(held.counts), dtype=bool)
    for _ in range(ROUNDS):
        before, counts = inside, np.where(inside, held.counts, 0)
        p = (counts @ held.members + 1) / (counts.sum() + 2)
        absent, mean, spread = expected(p, steps)
        inside = habit | ((mean - held.members @ absent) / spread < ABSENCE_LIMIT)
        if 2 * held.counts[inside].sum() < sequences.counts.sum():
            return sequences
        if np.array_equal(before, inside):
            break
    return sequences.take(whole[inside[held.inverse]])


def habits(held: Held) -> np.ndarray:
    """`<bool>[S]` the sets of events that one in fifty sequences hold, and that no other such has.

    A kind of request does the same time and again, and something that others do not; what stops
    short does nothing of its own, however often.
    """
    found = often(held.counts)
    rows = np.flatnonzero(found)
    members = held.members[rows]
    common, size = (members @ members.T).toarray(), members.sum(axis=1)
    within = (common == size[:, None]) & (size[:, None] < size)
    found[rows] = ~within.any(axis=1)
    return found


def regularity(profile: Profile) -> float:
    """`R` in (0, 1]: the chance that a random event of a random sequence is in another one too.

    Simpson's index (1949) over the presence of events.
    """
    share = profile.present / max(int(profile.n_sequences), 1)
    return float((share**2).sum() / max(share.sum(), 1e-9))


def rarity(profile: Profile, levels: np.ndarray, trusted: bool = False) -> np.ndarray:
    """`<float32>[V]` log-odds that the mere presence of each template adds: rarity and level.

    Args:
      levels: `<int8>[V]` of `glx.parse.levels.severities`, of new templates too.
      trusted: the reading that they are added to knows the text, so that being common counts
        against it in regular systems only, as being rare counts for it, and that no more than
        `RARITY_LIMIT`: what is sure to be harmless may be rare.
    """
    n_templates = len(levels)
    over = np.minimum(event_tails(profile, n_templates), RAREST) - NEUTRAL
    odds = _odds(profile)
    rare = max(odds - 1, 0)
    weight = np.where(over > 0, rare, rare if trusted else max(odds, DECADE))
    seen = seen_events(profile, n_templates)
    most = RARITY_LIMIT if trusted else MAX_LOG_ODDS
    own = seen * np.clip(weight * over, -MAX_LOG_ODDS, most)
    return (own + level(profile, levels)).astype(np.float32)


def seen_events(profile: Profile, n_templates: int) -> np.ndarray:
    """`<bool>[V]` templates that some sequence of the system held, new ones included."""
    seen = np.zeros(n_templates, dtype=bool)
    seen[: len(profile.seen)] = profile.seen[:n_templates]
    return seen


def reading(profile: Profile, alarm: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """`<float64>[V]` log-odds by what templates say, and by their being new.

    Args:
      alarm, levels: `<float>[V]` and as in `rarity`.
    """
    new = ~seen_events(profile, len(alarm))
    error = new & (levels > 1) & (level(profile, levels) > 0)
    return np.where(error, np.maximum(bounded(alarm), 0), bounded(alarm)) + novelty(profile) * new


def novelty(profile: Profile) -> float:
    """Log-odds that an event adds which no sequence held."""
    over = min(float(profile.new_tail), RAREST) - NEUTRAL
    return float(np.clip(max(_odds(profile) - 1, 0) * over, 0, NOVELTY_LIMIT))


def level(profile: Profile, levels: np.ndarray) -> np.ndarray:
    """`<float64>[V]` log-odds that the levels of templates add, as in `rarity`."""
    neutral = np.where(seen_events(profile, len(levels)), SELDOM, NEUTRAL)
    return np.maximum(_beyond(profile.level_tails[levels], neutral), 0) * (levels > 0)


def event_log_odds(profile: Profile, alarm: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """`<float32>[V]` log-odds of each template; `alarm` is `<float>[V]`, levels as in `rarity`."""
    return (reading(profile, alarm, levels) + rarity(profile, levels)).astype(np.float32)


def absence(profile: Profile, sequences: Distinct) -> np.ndarray:
    """`<float32>[U]` log-odds from what each sequence lacks."""
    return missing(profile.kinds, sequences)[0]


def missing(kinds: Kinds, sequences: Distinct) -> tuple[np.ndarray, np.ndarray]:
    """`<float32>[U]` log-odds from what each sequence lacks as one of all or of its own kind.

    Returns also `<int64>[U]` which usual event of which kind that is, as a place in the arrays
    `[K]` of `kinds`; any where the log-odds are below 0.
    """
    of_all, of_own = lacking(kinds, sequences)
    (odds, place), (within, at) = _log_odds(of_all), _log_odds(of_own)
    place = np.where(within > odds, at, place)
    odds = np.where(sequences.whole, np.maximum(odds, within), -MAX_LOG_ODDS)
    return np.clip(odds, -MAX_LOG_ODDS, MAX_LOG_ODDS).astype(np.float32), place


def _log_odds(found: Lacking) -> tuple[np.ndarray, np.ndarray]:
    step = np.where(found.tail > SELDOM, _beyond(found.tail, SELDOM), -MAX_LOG_ODDS)
    place = np.where(step >= found.over, found.step, found.commonest)
    return np.maximum(found.over, step), place


def sequence_log_odds(
    profile: Profile, sequences: Distinct, alarm: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """`<float32>[U]` log-odds of sequences, none empty, with ids below `V`.

    Args:
      alarm, levels: as in `event_log_odds`.
    """
    highest, _ = first_highest(event_log_odds(profile, alarm, levels)[sequences.ids], sequences)
    return np.maximum(highest, absence(profile, sequences))


def beside_answers(profile: Profile, alarm: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """`<float32>[V]` log-odds of each template beside a model's answer to its text.

    A model that read the text knows better than the rule that what is common is harmless; the alarm
    model is a second reader of it, which decides where the first is of two minds.

    Args:
      alarm, levels: as in `event_log_odds`.
    """
    second = SECOND * bounded(alarm) - ANSWER_CUT
    return (second + rarity(profile, levels, trusted=True)).astype(np.float32)


def bounded_logit(p: np.ndarray) -> np.ndarray:
    """`<float64>` log-odds of probabilities, within `+-MAX_LOG_ODDS`."""
    with np.errstate(divide="ignore"):
        return np.clip(logit(np.asarray(p, dtype=np.float64)), -MAX_LOG_ODDS, MAX_LOG_ODDS)


def bounded(alarm: np.ndarray) -> np.ndarray:
    """Log-odds of the alarm model, within `+-ALARM_LIMIT`."""
    return np.clip(alarm, -ALARM_LIMIT, ALARM_LIMIT)


def _odds(profile: Profile) -> float:
    """Odds that an event of one sequence is in another one too, at most `MAX_LOG_ODDS`."""
    regular = regularity(profile)
    return min(regular / max(1 - regular, 1e-9), MAX_LOG_ODDS)


def _beyond(tails: np.ndarray, neutral: float | np.ndarray) -> np.ndarray:
    """Log-odds of surprises in decades, 0 at `neutral`; none grows beyond `RAREST`."""
    return DECADE * (np.minimum(tails, RAREST) - neutral)
