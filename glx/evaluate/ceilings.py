"""What labels could buy: two supervised detectors fitted on the scored part, as upper bounds.

In: the test part's sequences and their labels. Out: an F1 each, None where labels hold one class.
"""

import numpy as np

from glx.evaluate import metrics
from glx.methods.counts import count
from glx.sequences import Distinct, Sequences

FOLDS = 5
TREES = 50


def supervised_ceiling(test: Distinct, labels: np.ndarray, seed: int = 0) -> float | None:
    """Out-of-fold F1 of a random forest on event counts, over `N` sequences in stratified folds.

    Sequences with the same event counts and label are one row, weighted by their number in the
    fold: copies in other folds are known to the forest, as they are to any detector on a log whose
    sequences repeat.

    Args:
      test: the distinct test sequences; `test.inverse` gives each of the `N` its own.
      labels: `<bool>[N]`.

    Returns:
      None where fewer than two sequences are anomalous, or fewer than two normal.
    """
    labels = np.asarray(labels, dtype=bool)
    folds = min(FOLDS, int(labels.sum()), int((~labels).sum()))
    if folds < 2:
        return None
    events = np.arange(test.ids.max(initial=-1) + 1)
    counts = count(test, events)[:, :-1].toarray().astype(np.float32)
    vectors, bag = np.unique(counts, axis=0, return_inverse=True)
    kinds, kind = np.unique(2 * bag[test.inverse] + labels, return_inverse=True)
    inside = np.zeros((folds, len(kinds)), dtype=np.int64)
    np.add.at(inside, (_stratified(labels, folds, seed), kind), 1)
    x, y = vectors[kinds // 2], kinds % 2 == 1
    rng = np.random.default_rng(seed)
    hits = np.zeros(3, dtype=np.int64)
    for weight in inside:
        asked = weight > 0
        flags = _forest(x, y, inside.sum(axis=0) - weight, x[asked], rng) > 0.5
        truth, n = y[asked], weight[asked]
        hits += [(truth & flags) @ n, (~truth & flags) @ n, (truth & ~flags) @ n]
    return metrics.f1(dict(zip(("tp", "fp", "fn"), hits.tolist(), strict=True)))


def template_ceiling(test: Sequences, line_labels: np.ndarray, labels: np.ndarray) -> float | None:
    """F1 of flagging every sequence that holds a template most of whose lines are anomalous.

    Args:
      test: the `N` test sequences, `E` events in all.
      line_labels: `<bool>[E]` label of each line; where lines have none, that of its sequence.
      labels: `<bool>[N]`.
    """
    labels = np.asarray(labels, dtype=bool)
    if labels.all() or not labels.any():
        return None
    bad = 2 * np.bincount(test.ids, line_labels) > np.bincount(test.ids)
    row = np.repeat(np.arange(len(test)), test.lengths)
    flags = np.bincount(row, bad[test.ids], len(test)) > 0
    return metrics.f1(metrics.confusion(labels, flags))


def _stratified(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """`<int64>[N]` the fold of each sequence, at random, either class spread evenly."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(labels), dtype=np.int64)
    for rows in (np.flatnonzero(labels), np.flatnonzero(~labels)):
        fold[rng.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def _forest(
    x: np.ndarray, y: np.ndarray, copies: np.ndarray, asked: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Probability of each row of `asked` by a random forest on `copies` of each row of `x`.

    Breiman (2001): a tree per bootstrap sample, at each node the best of `sqrt(V)` events. A sample
    of rows with copies is a multinomial draw: by weights, scikit-learn's own forest would leave a
    row out with all its copies.
    """
    from sklearn.tree import DecisionTreeClassifier  # seconds to import, and seldom needed

    total = np.zeros(len(asked))
    for _ in range(TREES):
        sample = rng.multinomial(copies.sum(), copies / copies.sum())
        rows = sample > 0
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=int(rng.integers(2**31)))
        tree.fit(x[rows], y[rows], sample_weight=sample[rows])
        if y[rows].any():
            total += tree.predict_proba(asked)[:, list(tree.classes_).index(True)]
    return total / TREES
