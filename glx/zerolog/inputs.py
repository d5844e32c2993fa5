"""What the network reads: one table of template inputs, and sequences cut to a bounded length.

In: template vectors, habits and distinct sequences of a system. Out: `Inputs`.
"""

from dataclasses import dataclass

import numpy as np

from glx import evidence, surprise
from glx.embed.alarm import Meanings
from glx.logs.sequences import Distinct, csr_offsets


@dataclass(frozen=True)
class Inputs:
    """One system as the network sees it.

    Attributes:
      table: `<float32>[V, E]` template vectors (unit variance per column on average), and beside
        them the structural statistics of each template within its own system, how alarming it
        reads and what it says (`glx.evidence`).
      distinct: its distinct sequences, none longer than asked, none empty.
      positions: `<int64>[E]` for each kept event its place within the original sequence.
      statistics: `<float32>[U, F]` tail probabilities of each sequence within its own system; the
        last column is what all evidence says, in log-odds (`glx.evidence`).
    """

    table: np.ndarray
    distinct: Distinct
    positions: np.ndarray
    statistics: np.ndarray


def system_inputs(
    meanings: Meanings,
    habits: surprise.Habits,
    sequences: Distinct,
    max_events: int,
    structural: bool = True,
) -> Inputs:
    """Inputs of one system.

    Args:
      meanings: of its `V` templates.
      habits: fitted on the system's own unlabelled, usual sequences.
      sequences: the distinct sequences to train on or to score.
      max_events: `L`; longer sequences are shortened by `shorten`.
      structural: False leaves the structural inputs at zero (an ablation).
    """
    vectors, alarm = meanings
    event_says = evidence.event_says(habits, alarm)
    per_event = surprise.event_statistics(habits, len(vectors))
    per_event = np.concatenate([per_event, alarm[:, None], event_says[:, None]], axis=1)
    tails = surprise.tails(habits, surprise.sequence_statistics(habits, sequences))
    says = evidence.weigh(habits, sequences, alarm)
    per_sequence = np.concatenate([tails, says[:, None]], axis=1)
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


def shorten(
    sequences: Distinct, rarity: np.ndarray, max_events: int
) -> tuple[Distinct, np.ndarray]:
    """Cut sequences longer than `max_events`: repeats first, then the most familiar events.

    A run of one event becomes a single one; if that is not enough, the rarest `max_events` events
    stay, in their order (ties: the earlier). An anomaly in the middle of a long session survives.

    Args:
      rarity: `<float>[V]` how much each template says.

    Returns:
      The shortened sequences, still one per original one, and `<int64>[E]` where each kept event
      stood in its sequence.
    """
    lengths = sequences.lengths.copy()
    positions = np.arange(len(sequences.ids)) - np.repeat(sequences.offsets[:-1], lengths)
    drop = np.zeros(len(sequences.ids), dtype=bool)
    for n in np.flatnonzero(lengths > max_events):
        at = np.arange(sequences.offsets[n], sequences.offsets[n + 1])
        ids = sequences.ids[at]
        at = at[np.concatenate([[True], ids[1:] != ids[:-1]])]
        if len(at) > max_events:
            rarest = np.argsort(-rarity[sequences.ids[at]], kind="stable")[:max_events]
            at = at[np.sort(rarest)]
        drop[sequences.offsets[n] : sequences.offsets[n + 1]] = True
        drop[at] = False
        lengths[n] = len(at)
    short = Distinct(
        ids=sequences.ids[~drop],
        offsets=csr_offsets(lengths),
        counts=sequences.counts,
        inverse=sequences.inverse,
    )
    return short, positions[~drop]


def pad(sequences: Distinct, rows: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """`<int32>[B, length]` ids of `rows`, 0 after the end; `<int32>[B]` lengths (at least 1)."""
    lengths = sequences.lengths[rows]
    inside = np.arange(length) < lengths[:, None]
    padded = np.zeros((len(rows), length), dtype=np.int32)
    at = sequences.offsets[rows][:, None] + np.arange(length)
    padded[inside] = sequences.ids[at[inside]]
    return padded, np.maximum(lengths, 1).astype(np.int32)
