"""Label-free cuts: the scores of a system's own unlabelled sequences in, one threshold out.

In: scores in [0, 1] of the distinct adaptation sequences, and how often each occurs; for
`evidence_threshold` also the evidence of each. Out: a threshold; `score >= threshold` flags. Every
method is a deterministic function of these. A threshold is a float32, as scores are, so that a
comparison in either precision agrees. A threshold of `fit` lies midway between the smallest score
flagged and the largest not, so that rounding of a score does not decide.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

METHODS = ("tail", "mixture", "knee", "prior")
EVIDENCE = "evidence"  # the threshold is that of `evidence_threshold`, not of `fit`
LABEL_FREE = (EVIDENCE, *METHODS)
DEFAULT = "mixture"
"""`mixture` alone estimates the share of anomalies (3 % of one system, 30 % of another); `tail`
presumes one, `knee` finds a corner in any smooth curve, and `prior` trusts a calibration that does
not carry over from the sources."""

ALPHA = 0.02  # share of the adaptation sequences that `tail` flags at most
CLIP = 1e-6  # scores are kept this far from 0 and 1 before the logit
SPREAD = 0.25  # smallest standard deviation of a component, in logits: ties are no component
SEPARATION = 2.0  # Ashman's D that two components need
STARTS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # upper shares that the fit starts from
STEPS = 200  # of expectation maximisation


class Mixture(NamedTuple):
    """Two normal components of logits, the lower mean first: `<float64>[2]` each."""

    share: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    log_likelihood: float = -np.inf

    def joint(self, x: np.ndarray) -> list[np.ndarray]:
        """Log of share times density of each component at `x` (`<float64>[M]`)."""
        return [
            np.log(self.share[i]) + _log_density(x, self.mean[i], self.spread[i]) for i in (0, 1)
        ]

    @property
    def distance(self) -> float:
        """Ashman's `D = sqrt(2) |m1 - m0| / sqrt(s0^2 + s1^2)` (Ashman, Bird and Zepf, 1994)."""
        return np.sqrt(2) * (self.mean[1] - self.mean[0]) / np.sqrt((self.spread**2).sum())


def fit(scores: np.ndarray, counts: np.ndarray, method: str = DEFAULT) -> float:
    """The threshold for `scores` (`<float>[U]` in [0, 1]), each seen `counts` (`<int>[U]`) times.

    Methods:
      tail: flags at most `ALPHA` of the sequences; where more than that share the highest score, it
        is flagged if they are a minority, else nothing is.
      mixture: two normal components on the logits; cuts where the upper becomes the likelier one.
        Falls back to `tail` where there are not two groups or most would be flagged.
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


def evidence_threshold(scores: np.ndarray, log_odds: np.ndarray, counts: np.ndarray) -> float:
    """The score at which the evidence is 0, once the median of what the sources add is taken off.

    The log-odds of a score are the evidence plus log-odds that the network learned from the
    sources. These depend on how common anomalies are in the sources, which is no reason to expect
    as many in the target. So a sequence is flagged if its evidence plus what the sources add to it
    is at least the median of what they add to the adaptation sequences.

    Args:
      scores: `<float>[U]` in [0, 1].
      log_odds: `<float>[U]` evidence (`glx.evidence`).
      counts: `<int>[U]`, how often each sequence occurs.
    """
    added = logit(np.clip(scores.astype(np.float64), CLIP, 1 - CLIP)) - log_odds
    order = np.argsort(added)
    half = np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)
    return float(np.float32(expit(added[order][half])))


def _tail(values: np.ndarray, weights: np.ndarray) -> int:
    above = np.cumsum(weights[::-1]) / weights.sum()
    flagged = int(np.searchsorted(above, ALPHA, side="right"))
    return flagged if flagged else int(above[0] < 0.5)


def _mixture(values: np.ndarray, weights: np.ndarray) -> int:
    x = logit(np.clip(values, CLIP, 1 - CLIP))
    fitted = _two_groups(x, weights)
    if fitted is None:
        return _tail(values, weights)
    lower, upper = fitted.joint(x)
    # A wide upper component is the likelier one below the lower mean too, and a narrow one is not
    # above its own mean: only the crossing between the means is the cut.
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
    depth = 1 - above - height
    at = int(np.argmax(depth))
    return at if depth[at] > 0 else _tail(values, weights)


def _two_groups(x: np.ndarray, weights: np.ndarray) -> Mixture | None:
    """Two components of the logits `x` (`<float64>[M]`), or None where there are not two groups.

    Two groups: their distance exceeds `SEPARATION`, and the Bayesian information criterion prefers
    two to one. The likeliest such fit from all `STARTS` is taken; the likeliest fit of all often
    only follows the shape of the bulk.
    """
    one = _log_density(x, *_moments(x, weights)) @ weights
    enough = one + 1.5 * np.log(weights.sum())  # three more parameters, half a log each
    fitted = (_em(x, weights, start) for start in STARTS)
    groups = [m for m in fitted if m and m.log_likelihood > enough and m.distance > SEPARATION]
    return max(groups, key=lambda m: m.log_likelihood, default=None)


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
        fitted = Mixture(share, *np.array([_moments(x, part) for part in parts]).T)
        lower_log, upper_log = fitted.joint(x)
        both = np.logaddexp(lower_log, upper_log)
        upper = np.exp(upper_log - both)
        likelihood = float(both @ weights)
        if likelihood - previous < 1e-7 * total:
            break
        previous = likelihood
    order = np.argsort(fitted.mean)
    share, mean, spread = (part[order] for part in fitted[:3])
    return Mixture(share, mean, spread, likelihood)


def _moments(x: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    mean = x @ weights / weights.sum()
    return mean, float(np.hypot(np.sqrt((x - mean) ** 2 @ weights / weights.sum()), SPREAD))


def _log_density(x: np.ndarray, mean: float, spread: float) -> np.ndarray:
    # By hand: `scipy.stats` takes a second to import.
    return -0.5 * ((x - mean) / spread) ** 2 - np.log(spread * np.sqrt(2 * np.pi))


def _ranked(scores: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct scores as float32, ascending, and the weight of each as float64."""
    scores, counts = np.asarray(scores, dtype=np.float32), np.asarray(counts)
    if not len(scores) or scores.shape != counts.shape:
        raise ValueError(f"{scores.shape} scores, {counts.shape} counts: need one count for each")
    if not ((scores >= 0) & (scores <= 1)).all() or not (counts > 0).all():
        raise ValueError("a score is NaN or outside [0, 1], or a count is not positive")
    values, index = np.unique(scores, return_inverse=True)
    return values.astype(np.float64), np.bincount(index, counts).astype(np.float64)


def _cut(values: np.ndarray, flagged: int) -> float:
    """The float32 threshold that flags the `flagged` highest of the ascending distinct `values`."""
    if flagged == len(values):
        return float(values[0])
    below = values[-flagged - 1]
    above = values[-flagged] if flagged else max(1.0, np.nextafter(np.float32(below), 2))
    middle = float(np.float32((below + above) / 2))
    return middle if middle > below else float(above)
