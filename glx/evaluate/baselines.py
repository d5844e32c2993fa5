"""The trivial detectors that every model is compared with, on the same split and without labels.

In: the distinct sequences of the target's adaptation and test parts, and its templates' texts.
Out: for each baseline a score per distinct test sequence and a decision by its label-free cut.
"""

import re
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from glx import threshold
from glx.methods.counts import count
from glx.profile import STATISTICS, fit_profile, sequence_statistics
from glx.sequences import Distinct, Templates

NAMES = ("all_positive", "keyword", "new_event", "surprise", "count_vector")
BOUND = 0.02  # `surprise` flags a present or an absent event of at most this probability
WORDS = (
    *("error", "fail", "exception", "fatal", "critical", "severe", "panic", "abort", "denied"),
    *("refused", "timeout", "timed out", "corrupt", "crash", "unreachable", "cannot", "unable"),
)
# A word begins after anything but a letter (`I/O error`, `fails`), in any case, or with its own
# capital inside a camel-case name (`IOException`, `SocketTimeout`); it may go on (`failed`).
KEYWORD = re.compile("|".join(f"(?<![A-Za-z])(?i:{word})|{word.capitalize()}" for word in WORDS))


class Baseline(NamedTuple):
    """`scores` `<float32>[U]` and `flagged` `<bool>[U]` of the distinct test sequences; the cut."""

    scores: np.ndarray
    flagged: np.ndarray
    threshold: float


def run(adapt: Distinct, test: Distinct, templates: Templates) -> dict[str, Baseline]:
    """Every baseline of `NAMES`.

    Args:
      templates: texts of the ids that occur in `adapt` and `test`; ids beyond them have no text.
    """
    within, beyond = count_vector(adapt, test)
    new = ~np.isin(np.arange(_width(test)), adapt.ids)
    bound = float(np.float32(-np.log10(BOUND)))
    found: dict[str, tuple[np.ndarray, float]] = {
        "all_positive": (np.ones(len(test)), 0.5),
        "keyword": (_any_event(test, suspicious(templates)), 0.5),
        "new_event": (_any_event(test, new), 0.5),
        "surprise": (surprise_bound(adapt, test, len(templates)), bound),
        "count_vector": (beyond, threshold.fit(within, adapt.counts, "tail")),
    }
    return {
        name: Baseline(scores.astype(np.float32), scores >= cut, cut)
        for name, (scores, cut) in found.items()
    }


def suspicious(templates: Templates) -> np.ndarray:
    """`<bool>[V]` templates whose text, which begins with the level from WARN up, holds a word."""
    return np.array([bool(KEYWORD.search(text)) for text in templates.texts], dtype=bool)


def surprise_bound(adapt: Distinct, test: Distinct, n_templates: int) -> np.ndarray:
    """`<float32>[U]` `-log10` of the least P(present) or P(absent) in each test sequence."""
    statistics = sequence_statistics(fit_profile(adapt, n_templates), test)
    return statistics[:, STATISTICS.index("bound")]


def count_vector(adapt: Distinct, test: Distinct) -> tuple[np.ndarray, np.ndarray]:
    """Mean cosine distance of the event counts to those of all adaptation sequences.

    Weights are `log(1 + count) * (1 + log((N + 1) / (n_v + 1)))`, `n_v` of the `N` adaptation
    sequences holding event `v`. The mean distance, not the smallest: an unlabelled log holds
    anomalies, so that an anomaly has a near neighbour in it, but not many.

    Returns:
      `<float32>[U]` in [0, 1] for the distinct sequences of `adapt`, and of `test`.
    """
    events = np.arange(max(_width(adapt), _width(test)))
    known, beyond = (count(x, events)[:, :-1].astype(np.float32) for x in (adapt, test))
    n = adapt.counts.sum()
    idf = 1 + np.log((n + 1) / ((known > 0).T @ adapt.counts + 1))
    mean = _unit(known, idf).T @ (adapt.counts / n)

    def distance(counts: sp.csr_array) -> np.ndarray:
        return np.clip(1 - _unit(counts, idf) @ mean, 0, 1).astype(np.float32)

    return distance(known), distance(beyond)


def _unit(counts: sp.csr_array, idf: np.ndarray) -> sp.csr_array:
    """Rows weighted and scaled to length 1; an empty row stays 0."""
    weighted = counts.log1p().multiply(idf[None, :]).tocsr()
    lengths = np.sqrt(weighted.multiply(weighted).sum(axis=1))
    return sp.csr_array(sp.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ weighted)


def _any_event(sequences: Distinct, marked: np.ndarray) -> np.ndarray:
    """`<float32>[U]` 1 where a sequence holds a `marked` event (`<bool>[V]`), else 0."""
    held = count(sequences, np.flatnonzero(marked))[:, :-1]
    return (held.sum(axis=1) > 0).astype(np.float32)


def _width(sequences: Distinct) -> int:
    return int(sequences.ids.max(initial=-1)) + 1
