"""The expert without a language model: how alarming an event reads, and its labelled neighbours.

In: proprietary sequences, knowledge. Out: a `ExpertAnswers`.

Each distinct event gets log-odds of an anomaly, the sum of two parts:

1. Its alarm (`glx.embed.alarm`): what a small model learned from statements of many systems.
2. Neighbours: the mean of the log-odds of the `k` nearest known events and notes, weighted by the
   inverse of their distance (Shepard, "A two-dimensional interpolation function", 1968), so that a
   known event decides alone when it is the same and no one does when all are far; times the mean
   similarity, weighted alike.

How unusual an event is does not count here: it is added to the answer of every expert. An event
without words has no neighbours. A sequence gets the most anomalous of its events, the rarity of
each considered.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from glx.embed.embed import UNKNOWN, readable
from glx.evidence import bounded
from glx.generallog.entries import EVENT, NOTE, Entry
from glx.generallog.expert import ExpertAnswers, ExpertInput
from glx.generallog.knowledge import Knowledge
from glx.llm.request import Costs
from glx.sequences import first_highest

NEIGHBOUR_WEIGHT = 0.5
NEAR = 0.02  # distance that counts as none
QUOTED = 80  # characters of a text in a reason


@dataclass(frozen=True)
class Findings:
    """What is found out about `E` events.

    Attributes:
      log_odds: `<float64>[E]` of an anomaly, by text and knowledge.
      reasons: `E` texts.
    """

    log_odds: np.ndarray
    reasons: list[str]


def judge(inputs: ExpertInput, knowledge: Knowledge, k: int) -> ExpertAnswers:
    """Judge every event of each sequence; never abstains."""
    sequences = inputs.sequences
    events, which = np.unique(sequences.ids, return_inverse=True)
    found = examine(inputs, events, knowledge, k)
    says = (found.log_odds + inputs.rarity[events])[which]
    places = first_highest(says, sequences)[1]
    decisive = which[sequences.offsets[:-1] + places]
    return ExpertAnswers(
        p=expit(found.log_odds[decisive]).astype(np.float32),
        places=places,
        reasons=[found.reasons[event] for event in decisive],
        costs=Costs(questions=len(events)),
    )


def examine(inputs: ExpertInput, events: np.ndarray, knowledge: Knowledge, k: int) -> Findings:
    """What speaks for and against each of `events`, `<int64>[E]` ids of `inputs`."""
    known = knowledge.only(EVENT, NOTE)
    vectors = inputs.vectors[events]
    worded = np.array([readable(inputs.texts[event]) != UNKNOWN for event in events], dtype=bool)
    scores, rows = known.search(vectors, k)
    pull = np.where(rows >= 0, 1 / (1 - np.minimum(scores.astype(np.float64), 1) + NEAR), 0.0)
    pull /= np.maximum(pull.sum(axis=1, keepdims=True), 1e-12)
    says = np.append([entry.log_odds for entry in known.entries], 0.0)[rows]  # -1: the last, none
    closeness = np.maximum((pull * scores).sum(axis=1), 0)
    neighbours = np.where(worded, (pull * says).sum(axis=1) * closeness, 0.0)

    leaned = rows[np.arange(len(rows)), np.abs(pull * says).argmax(axis=1)]
    columns = worded, inputs.alarm[events], inputs.share[events], inputs.seen[events]
    return Findings(
        log_odds=bounded(inputs.alarm[events]) + NEIGHBOUR_WEIGHT * neighbours,
        reasons=[
            _reason(known.entries[row] if row >= 0 else None, *found)
            for row, *found in zip(leaned, *columns, strict=True)
        ],
    )


def _reason(neighbour: Entry | None, worded: bool, alarm: float, share: float, seen: bool) -> str:
    parts = [] if worded else ["has no words"]
    if worded and alarm:  # 0 is for texts that were not read
        parts.append(f"reads {'alarming' if alarm > 0 else 'harmless'} ({expit(alarm):.0%})")
    if worded and neighbour is not None:
        parts.append(f'near "{_quoted(neighbour.text)}" {_told(neighbour)}')
    parts.append(f"in {share:.2%} of usual sequences" if seen else "never seen before")
    return "; ".join(parts)


def _told(entry: Entry) -> str:
    """Where an entry comes from and what it says."""
    source = f"of {entry.system}" if entry.system else "of the notes"
    if entry.share is None:
        return f"{source} ({entry.label or 'no label'})"
    total = entry.normal + entry.anomalous
    return f"{source} (anomalous in {entry.anomalous} of {total} sequences)"


def _quoted(text: str) -> str:
    """One short line of a text from logs."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
