"""What a target's own habits say beside an expert.

In: the profile of a target, the meanings of its texts. Out: `Habits`, where `of_texts_alone` has
nothing but what the texts say.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from glx import evidence
from glx.embed.alarm import Meanings
from glx.profile import Profile
from glx.sequences import Distinct


class Habits(NamedTuple):
    """Log-odds of an anomaly, of `V` events and of what sequences lack (`glx.evidence`).

    Attributes:
      reading, beside, evidence: `<float>[V]` as of `ExpertInput`.
      levels: `<int8>[V]` of the events; 0 where levels do not count.
      absence: `<float32>[U]` of `U` sequences; -inf where it does not count.
    """

    reading: np.ndarray
    beside: np.ndarray
    evidence: np.ndarray
    levels: np.ndarray
    absence: Callable[[Distinct], np.ndarray]


def of_profile(profile: Profile, meanings: Meanings, answered: bool) -> Habits:
    """The habits that a profile holds.

    Args:
      answered: the expert has answers of its own, to which the alarm model is a second reader.
    """
    alarm, levels = meanings.alarm, meanings.levels
    rarity = evidence.rarity(profile, levels)
    return Habits(
        reading=evidence.reading(profile, alarm, levels),
        beside=evidence.beside_answers(profile, alarm, levels) if answered else rarity,
        evidence=evidence.event_log_odds(profile, alarm, levels),
        levels=levels,
        absence=partial(evidence.absence, profile),
    )


def of_texts_alone(meanings: Meanings) -> Habits:
    """None: verdicts rest on what texts say, as published."""
    none = np.zeros(len(meanings.texts), np.float32)
    return Habits(
        reading=evidence.bounded(meanings.alarm),
        beside=none,
        evidence=none - np.inf,
        levels=np.zeros_like(meanings.levels),
        absence=lambda sequences: np.full(len(sequences), -np.inf, np.float32),
    )
