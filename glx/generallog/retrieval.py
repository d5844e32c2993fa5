"""The expert without a language model: how alarming an event reads, and its labelled neighbours.

In: proprietary sequences, knowledge. Out: `ExpertAnswers`.

Each distinct event gets log-odds of an anomaly, the sum of two parts:

1. Its reading: its alarm (`glx.embed.alarm`), what a small model learned from statements of many
   systems, and whether it is new (`glx.evidence`).
2. Neighbours: the mean of the log-odds of the `k` nearest known events and notes, weighted by the
   inverse of their distance (Shepard, "A two-dimensional interpolation function", 1968), so that a
   known event decides alone when it is the same and no one does when all are far; times the mean
   similarity, weighted alike.

An event without words has no neighbours. A sequence gets the highest log-odds of its events, rarity
added.
"""

import numpy as np
from scipy.special import expit

from glx.embed.embed import UNKNOWN, readable
from glx.generallog.entries import EVENT, NOTE, Entry
from glx.generallog.expert import ExpertAnswers, ExpertInput
from glx.generallog.knowledge import Knowledge
from glx.llm.request import Costs
from glx.redact import Mask
from glx.sequences import first_highest

NEIGHBOUR_WEIGHT = 0.5
NEAR = 0.02  # distance that counts as none
QUOTED = 80  # characters of a text in a reason


def judge(inputs: ExpertInput, knowledge: Knowledge, k: int) -> ExpertAnswers:
    """Judge every event of each sequence by `k` neighbours; never abstains."""
    sequences = inputs.sequences
    events, which = np.unique(sequences.ids, return_inverse=True)
    log_odds, reasons = examine(inputs, events, knowledge, k)
    highest, places = first_highest((log_odds + inputs.beside[events])[which], sequences)
    decisive = which[sequences.offsets[:-1] + places]
    return ExpertAnswers(
        log_odds=highest,
        places=places,
        reasons=[reasons[event] for event in decisive],
        costs=Costs(questions=len(events)),
    )


def examine(
    inputs: ExpertInput, events: np.ndarray, knowledge: Knowledge, k: int
) -> tuple[np.ndarray, list[str]]:
    """`<float64>[M]` log-odds of an anomaly by text and knowledge, and `M` reasons for them.

    Args:
      events: `<int64>[M]` ids of events of `inputs`.
    """
    known = knowledge.only(EVENT, NOTE)
    vectors, alarm = inputs.vectors[events], inputs.alarm[events]
    worded = np.array([readable(inputs.texts[event]) != UNKNOWN for event in events], dtype=bool)
    scores, rows = known.search(vectors, k)
    weights = np.where(rows >= 0, 1 / (1 - np.minimum(scores.astype(np.float64), 1) + NEAR), 0.0)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    log_odds = np.append([entry.log_odds for entry in known.entries], 0.0)[rows]  # row -1: none
    shares = weights * log_odds
    similarity = np.maximum((weights * scores).sum(axis=1), 0)
    neighbours = np.where(worded, shares.sum(axis=1) * similarity, 0.0)

    strongest = rows[np.arange(len(rows)), np.abs(shares).argmax(axis=1)]
    columns = worded, alarm, inputs.share[events], inputs.seen[events]
    return inputs.reading[events] + NEIGHBOUR_WEIGHT * neighbours, [
        _reason(known.entries[row] if row >= 0 else None, inputs.mask, *column)
        for row, *column in zip(strongest, *columns, strict=True)
    ]


def _reason(
    neighbour: Entry | None, mask: Mask, worded: bool, alarm: float, share: float, seen: bool
) -> str:
    parts = [] if worded else ["has no words"]
    if worded and alarm:  # 0 is for texts that were not read
        parts.append(f"reads {'alarming' if alarm > 0 else 'harmless'} ({expit(alarm):.0%})")
    if worded and neighbour is not None:
        parts.append(f'near "{_quoted(mask(neighbour.text))}" {_origin(neighbour)}')
    parts.append(f"in {share:.2%} of usual sequences" if seen else "never seen before")
    return "; ".join(parts)


def _origin(entry: Entry) -> str:
    """Where an entry comes from and how it is labelled there."""
    source = f"of {entry.system}" if entry.system else "of the notes"
    total = entry.normal + entry.anomalous
    if not total:
        return f"{source} ({entry.label or 'no label'})"
    return f"{source} (anomalous in {entry.anomalous} of {total} sequences)"


def _quoted(text: str) -> str:
    """One short line of a text from logs."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
