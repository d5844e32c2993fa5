"""What a labelled source shows, as entries: its events and its short sequences, each with counts.

In: a labelled source with the vectors of its templates. Out: entries and a vector for each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from scipy.special import logit

from glx.embed.embed import UNKNOWN, readable
from glx.llm.request import ANOMALOUS, NORMAL
from glx.sequences import Distinct, LabelledSource, distinct

EVENT, SEQUENCE, NOTE = "event", "sequence", "note"
KINDS = (EVENT, SEQUENCE, NOTE)
MIXED = "mixed"
LABELS = (NORMAL, ANOMALOUS, MIXED)

T = TypeVar("T")
Events = tuple[int, ...]  # the distinct events of a sequence
Counts = tuple[int, int]  # normal and anomalous sequences

SHORT = (2, 12)  # distinct events of a sequence that becomes an entry
PER_LABEL = 100  # sequence entries of a system: this many most frequent ones of each label
PSEUDO = 2.0  # sequences at the system's prevalence that are added to an entry's
STILL_NORMAL = float(np.log(2.0))  # log-odds against its system up to which an entry is normal
NOTED = 8.0  # log-odds that a user's label stands for: it outweighs how the text reads


@dataclass(frozen=True)
class Entry:
    """One known thing. Its text is untrusted: it comes from logs.

    Attributes:
      text: a template; the templates of a sequence, joined by ` | `; or what a note is about.
      kind: `event`, `sequence` or `note`.
      system: the source it comes from; None for a note on no system in particular.
      label: by `label_of`; of a note its author's, or None.
      normal, anomalous: sequences of the source that hold the event, or that are such a sequence;
        0 for a note.
      prevalence: share of anomalous sequences of the source; None for a note.
      note: an explanation, or None.
    """

    text: str
    kind: str
    system: str | None = None
    label: str | None = None
    normal: int = 0
    anomalous: int = 0
    prevalence: float | None = None
    note: str | None = None

    @property
    def log_odds(self) -> float:
        """By `log_odds`; a user's label counts as `NOTED`, a note without one as 0."""
        if self.prevalence is None:
            return {ANOMALOUS: NOTED, NORMAL: -NOTED}.get(self.label or "", 0.0)
        return log_odds(self.normal, self.anomalous, self.prevalence)


def log_odds(normal: int, anomalous: int, prevalence: float) -> float:
    """How much likelier an anomaly is with an entry than without: log-odds against its system.

    The share of anomalous sequences is smoothed by `PSEUDO` sequences at the prevalence, so that
    few sequences count little.
    """
    base = min(max(prevalence, 1e-4), 1 - 1e-4)
    share = (anomalous + PSEUDO * base) / (anomalous + normal + PSEUDO)
    return float(logit(share) - logit(base))


def label_of(normal: int, anomalous: int, prevalence: float) -> str:
    """The label of an entry by its counts.

    `normal` where it hardly makes an anomaly likelier (odds at most twice its system's), else
    `anomalous` where most sequences that hold it are, else `mixed`.
    """
    if log_odds(normal, anomalous, prevalence) <= STILL_NORMAL:
        return NORMAL
    return ANOMALOUS if anomalous > normal else MIXED


def of_source(source: LabelledSource, vectors: np.ndarray) -> tuple[list[Entry], list[np.ndarray]]:
    """Entries of one source, events first, and the vector of each, `<float32>[D]` of length 1.

    Events without words are left out, and those with the same text are one. A sequence's vector is
    the mean of its distinct events' vectors, scaled to length 1.

    Args:
      vectors: `<float32>[V, D]` of its template texts, each of length 1.
    """
    texts, prevalence = source.templates.texts, float(np.mean(source.labels))
    unique = distinct(source.sequences)
    anomalous = np.bincount(unique.inverse, source.labels, len(unique)).astype(np.int64)
    counts = zip((unique.counts - anomalous).tolist(), anomalous.tolist(), strict=True)
    seen = list(zip(event_sets(unique, texts), counts, strict=True))

    def entry(text: str, kind: str, n: int, a: int) -> Entry:
        return Entry(text, kind, source.name, label_of(n, a, prevalence), n, a, prevalence)

    entries, parts = [], []
    holders = summed((v, count) for events, count in seen for v in events)
    for v, count in sorted(holders.items()):
        entries.append(entry(texts[v], EVENT, *count))
        parts.append(vectors[v])
    for events, count in _short(seen):
        entries.append(entry(" | ".join(texts[v] for v in events), SEQUENCE, *count))
        mean = vectors[list(events)].mean(axis=0)
        parts.append(mean / np.linalg.norm(mean))
    return entries, parts


def event_sets(unique: Distinct, texts: Sequence[str]) -> list[Events]:
    """The distinct events with words of each sequence, in the order in which they first come."""
    first: dict[str, int] = {}
    same = [first.setdefault(text, v) for v, text in enumerate(texts)]
    worded = [readable(text) != UNKNOWN for text in texts]
    ids, bounds = unique.ids.tolist(), unique.offsets.tolist()
    return [
        tuple(dict.fromkeys(same[v] for v in ids[a:b] if worded[v])) for a, b in pairwise(bounds)
    ]


def summed(pairs: Iterable[tuple[T, Counts]]) -> dict[T, Counts]:
    """The counts of each key added up."""
    sums: dict[T, Counts] = {}
    for key, (n, a) in pairs:
        before = sums.get(key, (0, 0))
        sums[key] = before[0] + n, before[1] + a
    return sums


def _short(seen: list[tuple[Events, Counts]]) -> list[tuple[Events, Counts]]:
    """Short sequences with their counts: the most frequent normal and the most frequent anomalous.

    Sequences with the same distinct events are one, written as the most frequent of them.
    """
    short = [one for one in seen if SHORT[0] <= len(one[0]) <= SHORT[1]]
    counts = summed((frozenset(events), count) for events, count in short)
    written: dict[frozenset[int], Events] = {}
    for events, _ in sorted(short, key=lambda one: -sum(one[1])):
        written.setdefault(frozenset(events), events)
    kept: dict[frozenset[int], None] = {}
    for label in (0, 1):
        of_label = [key for key in counts if counts[key][label]]
        of_label.sort(key=lambda key: -counts[key][label])
        kept |= dict.fromkeys(of_label[:PER_LABEL])
    return [(written[key], counts[key]) for key in kept]
