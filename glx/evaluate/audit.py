"""Checks for leaks between what a detector was fitted on and what it is scored on.

In: the target's sequences, their split and how the run was set up; no labels. Out: a list of
findings, `{"check": str, "ok": bool, "detail": str}`. A check that only informs is always `ok`.
"""

from typing import TypedDict

import numpy as np

from glx import threshold
from glx.sequences import Sequences, csr_gather, distinct

UNSOUND = {
    "transductive": "the detector saw the scored part, unlabelled, while it adapted",
    "paper": "the leaky protocol of the literature: it shows how figures arise, not what to expect",
}
SPLITS = ("adapt", "gap", "test")


class Finding(TypedDict):
    """One check: its name, whether it passed, and what was found, as a sentence."""

    check: str
    ok: bool
    detail: str


def audit(
    sequences: Sequences,
    split: np.ndarray,
    *,
    protocol: str,
    threshold_method: str,
    ordered: bool,
) -> list[Finding]:
    """Every check on one run.

    Args:
      sequences: all `N` sequences of the target.
      split: `<str>[N]` `adapt`, `gap` or `test`.
      protocol: the name stamped on the run.
      threshold_method: what chose the threshold.
      ordered: the file is in the order of time. Where it is not and `sequences.start` is None, only
        a random split is sound, because labels may depend on the order of the rows.

    Raises:
      ValueError: `split` has another length or another value.
    """
    split = np.asarray(split)
    if split.shape != (len(sequences),) or not np.isin(split, SPLITS).all():
        raise ValueError(f"split must give one of {', '.join(SPLITS)} for each sequence")
    adapt, test = np.flatnonzero(split == "adapt"), np.flatnonzero(split == "test")
    if not len(adapt) or not len(test):
        empty = "adaptation" if not len(adapt) else "test"
        return [Finding(check="split", ok=False, detail=f"The {empty} part is empty.")]
    free = threshold_method in threshold.LABEL_FREE
    return [
        _shared_lines(sequences, adapt, test),
        _shared_sessions(sequences, adapt, test),
        _order(sequences, adapt, test, ordered),
        _duplicates(sequences, adapt, test),
        _unseen_templates(sequences, adapt, test),
        Finding(
            check="threshold",
            ok=free,
            detail=f"The threshold comes from {threshold_method!r}, which "
            f"{'sees no label' if free else 'is not known to do without labels'}.",
        ),
        Finding(
            check="protocol",
            ok=protocol not in UNSOUND,
            detail=f"Protocol {protocol!r}: "
            f"{UNSOUND.get(protocol, 'the detector saw the adaptation part alone')}.",
        ),
    ]


def target_labels(n: int) -> Finding:
    """The finding on a detector that was fitted on `n` labels of the target."""
    detail = f"The detector saw the labels of {n:,} sequences of the target: no zero-label result."
    return Finding(check="target_labels", ok=False, detail=detail)


def _shared_lines(sequences: Sequences, adapt: np.ndarray, test: np.ndarray) -> Finding:
    def lines(rows: np.ndarray) -> np.ndarray:
        if sequences.lines is None:
            return sequences.first_line[rows]
        return sequences.lines[csr_gather(sequences.offsets, rows)]

    shared = len(np.intersect1d(lines(test), lines(adapt)))  # a line may have many events
    detail = f"{shared:,} lines of the file are in both the adaptation and the test part."
    return Finding(check="shared_lines", ok=shared == 0, detail=detail)


def _shared_sessions(sequences: Sequences, adapt: np.ndarray, test: np.ndarray) -> Finding:
    if sequences.keys is None:
        return Finding(check="shared_sessions", ok=True, detail="Sequences have no session ids.")
    shared = len(set(sequences.keys[adapt]) & set(sequences.keys[test]))
    detail = f"{shared:,} sessions are in both the adaptation and the test part."
    return Finding(check="shared_sessions", ok=shared == 0, detail=detail)


def _order(sequences: Sequences, adapt: np.ndarray, test: np.ndarray, ordered: bool) -> Finding:
    """Adaptation must end before the test starts; without times, the split must be random."""
    if sequences.start is not None and sequences.end is not None:
        late = int((sequences.end[adapt] > sequences.start[test].min()).sum())
        detail = f"{late:,} adaptation sequences end after the first test sequence starts."
        return Finding(check="time_order", ok=late == 0, detail=detail)
    if ordered:
        late = int((sequences.last_line[adapt] >= sequences.first_line[test].min()).sum())
        detail = f"{late:,} adaptation sequences end after the first line of the test part."
        return Finding(check="time_order", ok=late == 0, detail=detail)
    from scipy.stats import ranksums  # a second to import

    z = float(ranksums(sequences.first_line[test], sequences.first_line[adapt]).statistic)
    detail = (
        "The file has no times, so the split must be a random draw of rows: the test part lies "
        f"{abs(z):.1f} standard errors {'after' if z > 0 else 'before'} the adaptation part."
    )
    return Finding(check="random_rows", ok=abs(z) < 5, detail=detail)


def _duplicates(sequences: Sequences, adapt: np.ndarray, test: np.ndarray) -> Finding:
    inverse = distinct(sequences).inverse
    copies = np.isin(inverse[test], inverse[adapt])
    new = len(np.setdiff1d(inverse[test], inverse[adapt]))
    detail = (
        f"{copies.mean():.1%} of {len(test):,} test sequences also occur, event for event, in the "
        f"adaptation part; {new:,} distinct ones do not."
    )
    return Finding(check="duplicates", ok=True, detail=detail)


def _unseen_templates(sequences: Sequences, adapt: np.ndarray, test: np.ndarray) -> Finding:
    known, ids = np.unique(sequences.take(adapt).ids), sequences.take(test).ids
    templates = np.unique(ids)
    new = np.setdiff1d(templates, known)
    share = float(np.isin(ids, new).mean()) if len(ids) else 0.0
    detail = (
        f"{len(new):,} of the test part's {len(templates):,} templates, {share:.2%} of its events, "
        "do not occur in the adaptation part."
    )
    return Finding(check="unseen_templates", ok=True, detail=detail)
