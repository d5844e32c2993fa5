"""One question per distinct thing: proprietary sequences become questions, answers go back.

In: the distinct proprietary sequences of a target. Out: the distinct questions about them, each an
event in its context; and from the answers a probability, a place and a reason for each sequence.

Thousands of distinct sequences differ only in how often common events repeat. What is to be judged
are the few events unlike anything the sources have, so each of them is asked about once in each
context, however many sequences hold it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from glx.evidence import bounded_logit
from glx.generallog.expert import ExpertInput
from glx.sequences import csr_offsets

CONTEXTS = ("event", "neighbours", "sequence")
Key = tuple[int, int, tuple[int, ...]]  # of a question: event, its place in the context, context


@dataclass(frozen=True)
class Questions:
    """`Q` distinct questions about `U` sequences, an event in its context each.

    Attributes:
      ids: `<int32>[C]` event ids of the contexts in order, the asked event among them.
      offsets: `<int64>[Q + 1]`: the context of question `q` is `ids[offsets[q]:offsets[q + 1]]`.
      asked: `<int64>[Q]` place of the asked event in its context.
      members: `<int64>[M]` the questions of each sequence, in the order of their events.
      places: `<int64>[M]` place of the asked event in the sequence: where it first occurs.
      member_offsets: `<int64>[U + 1]`: those of sequence `u` are
        `members[member_offsets[u]:member_offsets[u + 1]]`; never none.
    """

    ids: np.ndarray
    offsets: np.ndarray
    asked: np.ndarray
    members: np.ndarray
    places: np.ndarray
    member_offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.asked)

    @property
    def events(self) -> np.ndarray:
        """`<int32>[Q]` the asked events."""
        return self.ids[self.offsets[:-1] + self.asked]


def collapse(inputs: ExpertInput, context: str) -> Questions:
    """The distinct questions about a target's proprietary sequences.

    Events that repeat at once are taken for one. A sequence is asked about once for each distinct
    proprietary event in it (similarity below `inputs.tau`; the deciding event whatever its
    similarity), where that event first occurs. Its context is, by `context`,
    - `event`: nothing but the event itself;
    - `neighbours`: the event before and the event after;
    - `sequence`: the whole sequence, and then the deciding event alone is asked about.
    The same event in the same context is one question, whatever sequences it is in and however
    often events repeat there. Questions ascend by event and context: they depend on the set of
    sequences, not on its order.
    """
    proprietary = inputs.similarity < inputs.tau
    found: list[tuple[Key, int]] = []  # question, place in sequence
    counts = [0]
    bounds = pairwise(inputs.sequences.offsets)
    for (start, end), deciding in zip(bounds, inputs.deciding.tolist(), strict=True):
        row = inputs.sequences.ids[start:end].tolist()
        events, lengths = _runs(row)
        first: dict[int, int] = {}
        for r, event in enumerate(events):
            first.setdefault(event, r)
        for event, r in first.items():
            if event != row[deciding] and (context == "sequence" or not proprietary[event]):
                continue
            low, high = _window(r, len(events), context)
            key = event, r - low, tuple(events[low:high])
            found.append((key, sum(lengths[:r])))
        counts.append(len(found))
    rank = {key: q for q, key in enumerate(sorted({key for key, _ in found}))}
    return Questions(
        ids=np.array([v for key in rank for v in key[2]], dtype=np.int32),
        offsets=csr_offsets(np.array([len(key[2]) for key in rank], dtype=np.int64)),
        asked=np.array([key[1] for key in rank], dtype=np.int64),
        members=np.array([rank[key] for key, _ in found], dtype=np.int64),
        places=np.array([place for _, place in found], dtype=np.int64),
        member_offsets=np.array(counts, dtype=np.int64),
    )


def fold(
    questions: Questions, p: np.ndarray, reasons: Sequence[str], beside: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """From the answers to the questions to one answer for each sequence.

    A sequence gets the answer with the highest log-odds once what else is known of its event is
    added (of equal ones the earliest). It abstains only where all of its questions do: an answer
    that one event is fine says nothing of another, but some answer is better than none.

    Args:
      p: `<float32>[Q]` probability of an anomaly; NaN for an abstention.
      reasons: `Q` short texts.
      beside: `<float>[V]` log-odds that are added, as in `ExpertInput`.

    Returns:
      `<float64>[U]` log-odds, NaN for an abstention; `<int64>[U]` places of their events in the
      sequence; `U` reasons.
    """
    owner = np.repeat(
        np.arange(len(questions.member_offsets) - 1), np.diff(questions.member_offsets)
    )
    of_member = np.asarray(p, dtype=np.float32)[questions.members]
    log_odds = bounded_logit(of_member) + beside[questions.events[questions.members]]
    chosen = np.lexsort((questions.places, -log_odds, owner))[questions.member_offsets[:-1]]
    kept = [reasons[q] for q in questions.members[chosen].tolist()]
    return log_odds[chosen], questions.places[chosen], kept


def _runs(row: list[int]) -> tuple[list[int], list[int]]:
    """The events of a sequence without immediate repeats, and how often each stood there."""
    runs = [(event, sum(1 for _ in run)) for event, run in groupby(row)]
    return [event for event, _ in runs], [length for _, length in runs]


def _window(r: int, n: int, context: str) -> tuple[int, int]:
    """The runs around run `r` of `n` that are its context, the second bound exclusive."""
    if context == "event":
        return r, r + 1
    return (max(r - 1, 0), min(r + 2, n)) if context == "neighbours" else (0, n)
