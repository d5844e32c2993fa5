"""Cuts on scores that never see a label.

In: the scores in [0, 1] of a system's distinct adaptation sequences, and how often each occurs.
Out: one threshold; `score >= threshold` flags. Every method is a deterministic function of the
multiset of scores, and its threshold is a float32 (the type of the scores), so that a comparison in
either precision gives the same answer. A cut lies midway between the smallest score that it flags
and the largest that it does not, so that it does not turn on the last bit of a score.
"""

from typing import NamedTuple

import numpy as np

METHODS = ("tail", "mixture", "knee", "prior")
EVIDENCE = "evidence"  # not a cut of scores: where evidence turns to speak for an anomaly
LABEL_FREE = (EVIDENCE, *METHODS)
DEFAULT = "mixture"
"""`mixture`: it alone finds a share of anomalies by itself (3 % of one system, 30 % of another),
where `tail` presumes one, `knee` is drawn to the corner of any smooth curve, and `prior` trusts a
posterior whose calibration does not carry over from the sources. Where the scores do not fall into
two groups it presumes nothing and becomes `tail`."""

ALPHA = 0.02  # share of the adaptation sequences that `tail` flags at most
CLIP = 1e-6  # scores are kept this far from 0 and 1 before the logit
SPREAD = 0.25  # smallest standard deviation of a component, in logits: ties are no component
SEPARATION = 2.0  # Ashman's D that two components need
STARTS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # upper shares that the fit starts from
STEPS = 200  # of expectation maximisation


class Mixture(NamedTuple):
    """Two normal components, the lower mean first: `<float64>[2]` each, and the log-likelihood."""

    share: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    log_likelihood: float


def fit(scores: np.ndarray, counts: np.ndarray, method: str = DEFAULT) -> float:
    """The threshold for `scores` (`<float>[U]` in [0, 1]), each seen `counts` (`<int>[U]`) times.

    Methods:
      tail: flags at most `ALPHA` of the sequences; where the highest score alone is held by more,
        it is flagged still if only a minority holds it, else nothing is.
      mixture: two normal components on the logits; cuts where the upper becomes the likelier one.
        Falls back to `tail` where they are not two groups (see `mixture`) or it would flag most.
      knee: the corner of the ranked scores, the point farthest below the line from (0, 1) to (1, 0)
        (Satopaa et al., 2011); falls back to `tail` where no point is below it.
      prior: 0.5, the model's own posterior.

    Raises:
      ValueError: no scores, a score that is NaN or outside [0, 1], counts that do not match the
        scores or are not positive, or an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    values, weights = _ranked(scores, counts)
    if method == "prior":
        return 0.5
    flagged = {"tail": _tail, "mixture": _mixture, "knee": _knee}[method](values, weights)
    return _cut(values, flagged)


def mixture(values: np.ndarray, weights: np.ndarray) -> Mixture | None:
    """Two components of the logits of `values`, or None where they are not two separate groups.

    Two groups means: Ashman's `D = sqrt(2) |m1 - m0| / sqrt(s0^2 + s1^2)` (Ashman, Bird and Zepf,
    1994) exceeds `SEPARATION`, and the Bayesian information criterion prefers two to one. Of the
    fits from all `STARTS` that are so, the likeliest: the likeliest of all often only follows the
    shape of the bulk.

    Args:
      values: `<float>[M]` distinct scores in [0, 1].
      weights: `<float>[M]` how often each occurs.
    """
    x = _logit(values)
    one = _log_density(x, *_moments(x, weights)) @ weights
    enough = one + 1.5 * np.log(weights.sum())  # three more parameters, half a log each
    fitted = (_em(x, weights, start) for start in STARTS)
    groups = [m for m in fitted if m and m.log_likelihood > enough and _distance(m) > SEPARATION]
    return max(groups, key=lambda m: m.log_likelihood, default=None)


def _distance(fitted: Mixture) -> float:
    gap = fitted.mean[1] - fitted.mean[0]
    return float(np.sqrt(2) * gap / np.sqrt((fitted.spread**2).sum()))


def _tail(values: np.ndarray, weights: np.ndarray) -> int:
    above = np.cumsum(weights[::-1]) / weights.sum()
    flagged = int(np.searchsorted(above, ALPHA, side="right"))
    return flagged if flagged else int(above[0] < 0.5)


def _mixture(values: np.ndarray, weights: np.ndarray) -> int:
    fitted = mixture(values, weights)
    if fitted is None:
        return _tail(values, weights)
    x = _logit(values)
    lower, upper = (
        np.log(fitted.share[i]) + _log_density(x, fitted.mean[i], fitted.spread[i]) for i in (0, 1)
    )
    # A wide upper component is the likelier one below the lower component too, and a narrow one
    # ceases to be it above itself: only the crossing between the means is the cut.
    flags = (x >= fitted.mean[1]) | ((x > fitted.mean[0]) & (upper > lower))
    first = int(np.argmax(flags))
    minority = flags.any() and 2 * weights[first:].sum() <= weights.sum()
    return len(values) - first if minority else _tail(values, weights)


def _knee(values: np.ndarray, weights: np.ndarray) -> int:
    width = values[-1] - values[0]
    if not width:
        return _tail(values, weights)
    height = (values[::-1] - values[0]) / width
    above = (np.cumsum(weights[::-1]) - weights[::-1]) / weights.sum()
    below = 1 - above - height
    at = int(np.argmax(below))
    return at if below[at] > 0 else _tail(values, weights)


def _em(x: np.ndarray, weights: np.ndarray, start: float) -> Mixture | None:
    """Expectation maximisation from the highest `start` of the weight as the upper component."""
    total = weights.sum()
    at_least = np.cumsum(weights[::-1])[::-1]
    upper = (at_least <= start * total).astype(np.float64)
    upper[-1] = 1.0
    previous = -np.inf
    for _ in range(STEPS):
        parts = (weights * (1 - upper), weights * upper)
        if min(part.sum() for part in parts) < 1e-9 * total:
            return None
        share = np.array([part.sum() / total for part in parts])
        mean, spread = (np.array(m) for m in zip(*(_moments(x, p) for p in parts), strict=True))
        logs = [np.log(share[i]) + _log_density(x, mean[i], spread[i]) for i in (0, 1)]
        both = np.logaddexp(*logs)
        upper = np.exp(logs[1] - both)
        likelihood = float(both @ weights)
        if likelihood - previous < 1e-7 * total:
            break
        previous = likelihood
    order = np.argsort(mean)
    return Mixture(share[order], mean[order], spread[order], likelihood)


def _moments(x: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    mean = x @ weights / weights.sum()
    return mean, float(np.hypot(np.sqrt((x - mean) ** 2 @ weights / weights.sum()), SPREAD))


def _log_density(x: np.ndarray, mean: float, spread: float) -> np.ndarray:
    return -0.5 * ((x - mean) / spread) ** 2 - np.log(spread * np.sqrt(2 * np.pi))


def _logit(values: np.ndarray) -> np.ndarray:
    p = np.clip(values.astype(np.float64), CLIP, 1 - CLIP)
    return np.log(p) - np.log1p(-p)


def _ranked(scores: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct scores as float32, ascending, and the weight of each as float64."""
    scores, counts = np.asarray(scores, dtype=np.float32), np.asarray(counts)
    if not len(scores) or scores.shape != counts.shape:
        raise ValueError(
            f"{scores.shape} scores and {counts.shape} counts: need one count for each"
        )
    if not ((scores >= 0) & (scores <= 1)).all() or not (counts > 0).all():
        raise ValueError("a score is NaN or outside [0, 1], or a count is not positive")
    values, index = np.unique(scores, return_inverse=True)
    return values.astype(np.float64), np.bincount(index, counts).astype(np.float64)


def _cut(values: np.ndarray, flagged: int) -> float:
    """The float32 threshold that flags the `flagged` highest of the ascending distinct `values`."""
    if flagged == len(values):
        return float(values[0])
    below = values[len(values) - flagged - 1]
    above = (
        values[len(values) - flagged] if flagged else max(1.0, np.nextafter(np.float32(below), 2))
    )
    middle = float(np.float32((below + above) / 2))
    return middle if middle > below else float(above)
