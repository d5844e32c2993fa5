"""What the network reads: one table of template inputs, and sequences cut to a bounded length.

In: template vectors, profile and distinct sequences of a system. Out: `Inputs`.
"""

from dataclasses import dataclass

import numpy as np

from glx import evidence
from glx.embed.alarm import Meanings
from glx.profile import (
    Profile,
    event_statistics,
    sequence_statistics,
    sequence_tails,
)
from glx.sequences import Distinct, shorten


@dataclass(frozen=True)
class Inputs:
    """One system as the network sees it.

    Attributes:
      table: `<float32>[V, E]` template vectors (unit variance per column on average), and beside
        them the structural statistics of each template within its own system, how alarming it
        reads, and its log-odds of an anomaly (`glx.evidence`).
      distinct: its distinct sequences, none longer than asked, none empty.
      positions: `<int64>[E]` for each kept event its place within the original sequence.
      statistics: `<float32>[U, F]` tail probabilities of each sequence within its own system; the
        last column holds the log-odds of an anomaly by all evidence (`glx.evidence`).
    """

    table: np.ndarray
    distinct: Distinct
    positions: np.ndarray
    statistics: np.ndarray


def system_inputs(
    meanings: Meanings,
    profile: Profile,
    sequences: Distinct,
    max_events: int,
    structural: bool = True,
) -> Inputs:
    """Inputs of one system.

    Args:
      meanings: of its `V` templates.
      profile: fitted on the system's own unlabelled inliers.
      sequences: the distinct sequences to train on or to score.
      max_events: `L`; longer sequences are shortened by `shorten`.
      structural: False leaves the structural inputs at zero (an ablation).
    """
    vectors, alarm = meanings.vectors, meanings.alarm
    levels = meanings.levels
    event_log_odds = evidence.event_log_odds(profile, alarm, levels)
    per_event = event_statistics(profile, len(vectors))
    per_event = np.concatenate([per_event, alarm[:, None], event_log_odds[:, None]], axis=1)
    tails = sequence_tails(profile, sequence_statistics(profile, sequences))
    log_odds = evidence.sequence_log_odds(profile, sequences, alarm, levels)
    per_sequence = np.concatenate([tails, log_odds[:, None]], axis=1)
    if not structural:
        per_event, per_sequence = per_event * 0, per_sequence * 0
    short, positions = shorten(sequences, per_event[:, -1], max_events)
    scaled = vectors * np.sqrt(vectors.shape[1])
    return Inputs(
        table=np.concatenate([scaled, per_event], axis=1).astype(np.float32),
        distinct=short,
        positions=positions,
        statistics=per_sequence.astype(np.float32),
    )
