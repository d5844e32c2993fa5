"""PCA of event counts by hand, its limit against samples, and what its weights point at."""

import numpy as np
import pytest
from rows import unique
from tiny_tasks import task

from glx import devices
from glx.methods import pca
from glx.methods.pca import PCAConfig

VECTORS = np.zeros((9, 4), dtype=np.float32)  # not looked at


def space(*rows: list[int], **config) -> pca.PCA:
    return pca.fit(task(*rows), PCAConfig(**config))


def test_the_subspace_by_hand():
    """Event 0 is everywhere and weighs nothing; 1 and 2 always come together."""
    found = space([0], [0], [0, 1, 2], [0, 1, 1, 2, 2])
    one = np.log(5 / 3)
    np.testing.assert_array_equal(found.events, [0, 1, 2])
    np.testing.assert_allclose(found.idf, [0, one, one, np.log(5)])
    np.testing.assert_allclose(found.mean, [0, 0.75 * one, 0.75 * one, 0])
    np.testing.assert_allclose(np.abs(found.axes.T), [[0, 0.5**0.5, 0.5**0.5, 0]], atol=1e-12)
    assert found.q == pca.LEAST  # no variance is left


def test_errors_scores_and_weights_by_hand():
    fitted = pca.fit(task([0], [0], [0, 1, 2], [0, 1, 1, 2, 2]), PCAConfig())
    asked = unique([0, 1, 1, 1, 2, 2, 2], [0, 1, 8, 1])
    (kept, parted), weights = fitted.score(asked, VECTORS)
    assert kept < fitted.cut == 0.5 < parted <= 1  # three of each are together still
    # Off the axis of 1 and 2 by half of the difference of their counts, and by the new event.
    one, new = np.log(5 / 3) ** 2, np.log(5) ** 2
    spe = 2 * one + new
    np.testing.assert_allclose(weights[:7], 0, atol=1e-6)
    np.testing.assert_allclose(weights[7:], [0, one / spe, new / spe, one / spe], rtol=1e-6)


def test_the_cut_is_where_the_error_is_q():
    rng = np.random.default_rng(0)
    rows = [[0] * a + [1] * b + [2] * c + [3] for a, b, c in rng.poisson((9, 6, 1), (300, 3))]
    fitted = pca.fit(given := task(*rows, [0]), PCAConfig(variance=0.9))
    counts = pca.count(given.adapt, np.arange(4)).toarray()
    off = counts * fitted.idf - fitted.mean
    spe = ((off - off @ fitted.axes @ fitted.axes.T) ** 2).sum(axis=1)
    scores = fitted.score(given.adapt, VECTORS).scores
    np.testing.assert_allclose(scores, spe / (spe + fitted.q), rtol=1e-5)
    assert np.array_equal(scores >= fitted.cut, spe >= fitted.q)


def test_occurrences_weigh():
    rows = ([0, 0, 2], [0, 1], [1, 1, 2], [2])
    often = space(*[rows[0]] * 5, *[rows[1]] * 3, *rows[2:])
    counts = np.array([[2, 0, 1], [1, 1, 0], [0, 2, 1], [0, 0, 1]])[[0] * 5 + [1] * 3 + [2, 3]]
    np.testing.assert_allclose(often.mean[:3], (counts * often.idf[:3]).mean(axis=0))
    values = np.linalg.eigvalsh(np.cov(counts * often.idf[:3], rowvar=False, bias=True))
    # Two axes hold 95 % of it; of the third all is left.
    assert often.axes.shape == (4, 2)
    assert often.q == pytest.approx(pca.q_statistic(values[:1], 0.001))


def test_the_statistic_by_hand():
    # One axis left with variance 1: t1 = t2 = t3 = 1 and h = 1/3, (1 + 3.0902 sqrt(2)/3 - 2/9)^3.
    assert pca.q_statistic(np.array([1.0, 0.0]), 0.001) == pytest.approx(11.2, abs=0.1)
    # The exact limit is that of chi-squared with one degree of freedom, 10.83.
    assert pca.q_statistic(np.array([4.0]), 0.001) == pytest.approx(44.9, abs=0.3)
    assert pca.q_statistic(np.zeros(3), 0.001) == pca.q_statistic(np.zeros(0), 0.001) == 0


def test_the_statistic_is_exceeded_as_often_as_expected():
    """One large variance and many small ones: Jackson and Mudholkar's power does not exist."""
    rng = np.random.default_rng(0)
    for values in (np.array([1.0, 0.5, 0.2]), np.array([1.0] + [0.005] * 400)):
        spe = rng.normal(size=(20_000, len(values))) ** 2 @ values
        assert 0.005 < (spe > pca.q_statistic(values, 0.01)).mean() < 0.03


def test_one_sequence_alone_is_normal_and_all_else_is_not():
    fitted = pca.fit(task([0, 1], [0, 1]), PCAConfig())
    found = [fitted.score(unique(row), VECTORS).scores[0] for row in ([0, 1], [0, 1, 8])]
    assert found[0] == 0 < fitted.cut < found[1]


def test_chunks_change_nothing(monkeypatch):
    given = task([0], [0, 1, 2], [0, 1, 1, 2, 2], [2, 3], [3, 3, 1])
    asked = unique([5, 1], [0, 0, 3], [2], [1, 2], [4])
    whole = pca.fit(given, PCAConfig()).score(asked, VECTORS)
    monkeypatch.setattr(devices, "HOST_ROWS", 2)
    parts = pca.fit(given, PCAConfig()).score(asked, VECTORS)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-6)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-6)
