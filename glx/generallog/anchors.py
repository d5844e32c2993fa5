"""Anchors: events of the sources with known outcome, asked about beside the questions.

In: known entries; a model's answers on some of them. Out: which of them to ask about; the answers
to the questions set right by how those on the anchors were (Platt, "Probabilistic outputs for
support vector machines", 1999), so that answers of a model that says `anomalous` too readily, too
rarely or too surely mean the same as those of another. No label of a target is involved.
"""

from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from glx.errors import InputError
from glx.evidence import bounded_logit
from glx.generallog.entries import EVENT, Entry
from glx.generallog.expert import ExpertInput
from glx.llm.request import ANOMALOUS, NORMAL
from glx.sequences import Distinct

PRIOR = 0.5  # weight of the squared distance from the identity: unit variance of either parameter
DIGITS = 3  # of slope and shift: the search for them is not more exact


def choose(entries: Sequence[Entry], n: int) -> list[int]:
    """Rows of `n` events of sources, half of them anomalous, half normal; fewer where there are.

    The most decisive of each system in turn: those that tell most of whether a sequence is
    anomalous. Rows of one system stand together.

    Raises:
      InputError: `n` is not 0, and no event of the sources has one of the labels.
    """
    chosen = list[int]()
    for label in (NORMAL, ANOMALOUS) if n else ():
        rows = [r for r, e in enumerate(entries) if e.kind == EVENT and e.label == label]
        if not rows:
            raise InputError(
                f"--anchors={n}: no event of the sources is known to be {label}; give sources that"
                " have some (and --known_sources), or no anchors"
            )
        by_system: dict[str | None, list[int]] = {}
        for row in sorted(rows, key=lambda row: -abs(entries[row].log_odds)):
            by_system.setdefault(entries[row].system, []).append(row)
        turns = chain(*zip_longest(*by_system.values()))
        chosen += [row for row in turns if row is not None][: n // 2]
    return sorted(chosen, key=lambda row: (entries[row].system or "", row))


def alone(entries: Sequence[Entry], vectors: np.ndarray) -> ExpertInput:
    """Each of `A` events as a proprietary sequence of its own; `vectors` are `<float32>[A, D]`."""
    n, zeros = len(entries), np.zeros(len(entries), np.float32)
    each = np.arange(n)
    sequences = Distinct(each.astype(np.int32), np.arange(n + 1), np.ones(n, np.int64), each)
    return ExpertInput(
        sequences=sequences,
        texts=[entry.text for entry in entries],
        vectors=vectors,
        alarm=zeros,
        reading=zeros,
        beside=zeros,
        evidence=zeros,
        share=zeros,
        seen=np.ones(n, dtype=bool),
        similarity=zeros,
        tau=1.0,
        deciding=np.zeros(n, np.int64),
        origins=[[] for _ in entries],
    )


def fit(p: np.ndarray, anomalous: np.ndarray) -> tuple[float, float]:
    """Slope, in (0, 1], and shift of a model's log-odds by its answers on anchors.

    The most likely ones if both labels were equally frequent, so that the log-odds become what the
    text alone makes of the odds, with a normal prior around the identity. The slope is at most 1:
    anchors are the clear cases, which say nothing for being surer of others.

    Args:
      p: `<float>[A]` probabilities, NaN for an abstention.
      anomalous: `<bool>[A]` what is known.
    """
    usable = ~np.isnan(p)
    x, y = bounded_logit(p[usable]), anomalous[usable]
    if y.all() or not y.any():
        return 1.0, 0.0
    weight, sign = np.where(y, 0.5 / y.mean(), 0.5 / (~y).mean()), np.where(y, 1, -1)

    def loss(parameters: np.ndarray) -> float:
        log_odds = np.exp(parameters[0]) * x + parameters[1]
        return (weight * np.logaddexp(0, -sign * log_odds)).sum() + PRIOR * (parameters**2).sum()

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(None, 0), (None, None)]).x
    return round(float(np.exp(found[0])), DIGITS), round(float(found[1]), DIGITS)


def corrected(p: np.ndarray, slope: float, shift: float) -> np.ndarray:
    """`<float32>` probabilities with the slope and shift applied to their log-odds; NaN stays."""
    return expit(slope * bounded_logit(p) + shift).astype(np.float32)
