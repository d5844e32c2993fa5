"""The expert without a language model: labelled neighbours, the sound of an event, its rarity.

In: proprietary sequences, knowledge, an encoder. Out: a `Judgement`.

Each distinct event gets log-odds of an anomaly, the sum of four parts with fixed weights:

1. `BASE`, for an everyday event that nothing is known of.
2. Neighbours: the mean of the log-odds of the `k` nearest known events and notes, weighted by the
   inverse of their distance (Shepard, "A two-dimensional interpolation function", 1968), so that a
   known event decides alone when it is the same and no one does when all are far; times the mean
   similarity, weighted alike.
3. Sound: what it is nearer to in the embedding space, phrases of failure or phrases of normal
   operation (zero-shot classification); the difference of the means of the nearest `VOICES`.
4. Rarity: `-log10` of the share of the target's unlabelled sequences that hold the event. By
   Bayes' rule an event in a share `s` of them is anomalous with probability at most
   `P(anomalous) / s`, which falls by `ln 10` a decade.

The weights are constants: of a target they know nothing. An event without words has no sound and no
neighbours. A sequence gets the most anomalous of its proprietary events.
"""

from dataclasses import dataclass

import numpy as np

from glx.embed.embed import UNKNOWN, readable
from glx.generallog.entries import EVENT, NOTE, Entry
from glx.generallog.expert import Costs, Judgement, Proprietary
from glx.generallog.knowledge import DECIMALS, Encode, Knowledge, KnowledgeConfig

FAILURE = (
    "an error occurred and the operation failed",
    "the process crashed and was killed",
    "connection timed out, no answer",
    "no space left, the disk is full",
    "out of memory",
    "data is corrupt, the checksum does not match",
    "hardware failure that cannot be corrected",
    "access was denied",
    "the node is lost and does not respond",
    "an exception was thrown and the request was aborted",
    "gave up after too many attempts",
    "the state is inconsistent or invalid",
)
NORMAL = (
    "the operation completed successfully",
    "the service started",
    "the connection was established",
    "a periodic report, all values within limits",
    "the request was accepted",
    "the file was written and closed",
    "the job finished and released its resources",
    "a new item was allocated",
    "the configuration was loaded",
    "the check passed",
)
ANCHORS = FAILURE + NORMAL
VOICES = 3  # nearest phrases of a side that speak for it

BASE = -4.5
NEIGHBOUR_WEIGHT = 2.0
SOUND_WEIGHT = 8.0
RARITY_WEIGHT = 1.5
RAREST = 2.5  # decades: below one in 300 rarity says no more
NEAR = 0.02  # distance that counts as none
QUOTED = 80  # characters of a text in a reason


@dataclass(frozen=True)
class Findings:
    """What is found out about `E` events.

    Attributes:
      neighbours, sound, rarity: `<float64>[E]` before weighting.
      log_odds: `<float64>[E]` of an anomaly.
      reasons: `E` texts.
    """

    neighbours: np.ndarray
    sound: np.ndarray
    rarity: np.ndarray
    log_odds: np.ndarray
    reasons: list[str]


def judge(
    case: Proprietary, knowledge: Knowledge, config: KnowledgeConfig, encode: Encode
) -> Judgement:
    """Judge the proprietary events of each sequence; never abstains.

    Args:
      encode: texts to `<float32>[n, D]`, each of length 1, as `case.vectors` were made.
    """
    starts = case.sequences.offsets[:-1]
    ids = case.sequences.ids.astype(np.int64)
    asked = case.similarity[ids] < case.tau
    asked[starts + case.deciding] = True
    events, inverse = np.unique(ids[asked], return_inverse=True)
    found = examine(case, events, knowledge, config.k, encode)

    log_odds = np.full(len(ids), -np.inf)
    log_odds[asked] = found.log_odds[inverse]
    if not len(starts):
        return Judgement(np.zeros(0, np.float32), np.zeros(0, np.int64), [], Costs())
    highest = np.maximum.reduceat(log_odds, starts)
    at = np.flatnonzero(log_odds == np.repeat(highest, case.sequences.lengths))
    first = at[np.searchsorted(at, starts)]
    which = np.searchsorted(events, ids[first])
    return Judgement(
        p=(1 / (1 + np.exp(-highest))).astype(np.float32),
        places=first - starts,
        reasons=[found.reasons[event] for event in which],
        costs=Costs(questions=len(events)),
    )


def examine(
    case: Proprietary, events: np.ndarray, knowledge: Knowledge, k: int, encode: Encode
) -> Findings:
    """What speaks for and against each of `events`, `<int64>[E]` ids of the case."""
    known = knowledge.only(EVENT, NOTE)
    vectors = case.vectors[events]
    worded = np.array([readable(case.texts[event]) != UNKNOWN for event in events], dtype=bool)
    scores, rows = known.search(vectors, k)
    pull = np.where(rows >= 0, 1 / (1 - np.minimum(scores.astype(np.float64), 1) + NEAR), 0.0)
    pull /= np.maximum(pull.sum(axis=1, keepdims=True), 1e-12)
    says = np.append([entry.log_odds for entry in known.entries], 0.0)[rows]  # -1: the last, none
    closeness = np.maximum((pull * scores).sum(axis=1), 0)
    neighbours = np.where(worded, (pull * says).sum(axis=1) * closeness, 0.0)

    anchors = encode(ANCHORS).astype(np.float64)
    to_anchor = np.round(vectors.astype(np.float64) @ anchors.T, DECIMALS)
    failing, going = to_anchor[:, : len(FAILURE)], to_anchor[:, len(FAILURE) :]
    sound = np.where(worded, _loudest(failing) - _loudest(going), 0.0)

    share = case.share[events]
    rarity = -np.log10(np.maximum(share, 10**-RAREST))
    leaned = rows[np.arange(len(rows)), np.abs(pull * says).argmax(axis=1)]
    heard = np.where(sound > 0, failing.argmax(axis=1), len(FAILURE) + going.argmax(axis=1))
    return Findings(
        neighbours=neighbours,
        sound=sound,
        rarity=rarity,
        log_odds=BASE
        + NEIGHBOUR_WEIGHT * neighbours
        + SOUND_WEIGHT * sound
        + RARITY_WEIGHT * rarity,
        reasons=[
            _reason(known.entries[row] if row >= 0 else None, ANCHORS[anchor], has_words, s)
            for row, anchor, has_words, s in zip(leaned, heard, worded, share, strict=True)
        ],
    )


def _loudest(similarity: np.ndarray) -> np.ndarray:
    """Mean of the `VOICES` largest of each row."""
    return np.sort(similarity, axis=1)[:, -VOICES:].mean(axis=1)


def _reason(neighbour: Entry | None, anchor: str, worded: bool, share: float) -> str:
    parts = []
    if worded and neighbour is not None:
        parts.append(f'near "{_quoted(neighbour.text)}" {_told(neighbour)}')
    parts.append(f'sounds like "{anchor}"' if worded else "has no words")
    parts.append(f"in {share:.2%} of the sequences adapted on" if share else "never seen before")
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
