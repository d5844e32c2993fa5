"""The reversal by hand; two systems around one centre, an outlier, and what is never learned."""

import jax
import numpy as np
import pytest
from rows import unique

from glx.methods import logtad
from glx.methods.logtad import LogTADConfig
from glx.methods.task import Source, Task

CONFIG = LogTADConfig(hidden=4, layers=1, max_events=8, steps=40, batch=32, rate=0.03)
HERE, THERE = np.eye(9, 16, dtype=np.float32), np.eye(4, 16, k=10, dtype=np.float32)


def problem(wrong=(3, 3), seed=0):
    """A target that holds events 0 to 2, a source of other texts, whose `wrong` is anomalous."""
    source = unique(*[[0, 1, 2]] * 8, *[[0, 1, 1, 2]] * 8, list(wrong))
    anomalous = np.array([0, 0, 1])
    adapt = unique(*[[0, 1, 2, 0]] * 20, *[[0, 2, 1]] * 20, *[[1, 2]] * 9)
    return Task([Source(source, anomalous, THERE)], adapt, HERE, seed)


@pytest.fixture(scope="module")
def trained():
    """Fitted, and what was logged."""
    rows = []
    return logtad.fit(problem(), CONFIG, rows.append), rows


@pytest.fixture(scope="module")
def fitted(trained):
    return trained[0]


def test_the_reversal_by_hand():
    value, gradient = jax.value_and_grad(lambda x: 3 * logtad.reverse(x, 0.1))(2.0)
    assert value == pytest.approx(6)
    assert gradient == pytest.approx(-0.3)


def test_the_centre_keeps_away_from_zero():
    centre = logtad._away_from_zero(np.array([0.5, -0.5, 0.01, -0.01, 0]))
    np.testing.assert_allclose(centre, [0.5, -0.5, 0.1, -0.1, 0.1])


def test_an_outlier_is_farther_than_both_systems(fitted):
    """Both systems lie around one centre, though their texts have nothing in common."""
    task = problem()
    target = fitted.score(task.adapt, HERE).scores
    source = fitted.score(task.sources[0].sequences.take(np.arange(2)), THERE).scores
    outlier = fitted.score(unique([7, 8, 7, 6, 8]), HERE).scores
    assert outlier[0] > max(target.max(), source.max())
    assert fitted.cut is None


def test_half_of_adaptation_is_below_a_half(fitted):
    scores, weights = fitted.score(problem().adapt, HERE)
    counts = problem().adapt.counts
    assert counts[scores < 0.499].sum() <= counts.sum() / 2
    assert counts[scores > 0.501].sum() <= counts.sum() / 2
    assert not weights.any()
    assert len(weights) == 4 + 3 + 2
    assert scores.dtype == weights.dtype == np.float32


def test_templates_that_adaptation_lacks_are_read(fitted):
    more = np.concatenate([HERE, HERE[:3]])  # 11 reads like 2
    old, new = unique([0, 1, 2, 2]), unique([0, 1, 11, 2])
    np.testing.assert_array_equal(fitted.score(old, more).scores, fitted.score(new, more).scores)


def test_anomalous_sequences_of_a_source_are_never_sampled(fitted):
    other = logtad.fit(problem(wrong=(3, 0)), CONFIG)
    one, two = (run.score(problem().adapt, HERE).scores for run in (fitted, other))
    np.testing.assert_array_equal(one, two)


def test_a_seed_repeats_exactly(trained):
    fitted, loss = trained
    repeated = logtad.fit(problem(), CONFIG, (again := []).append)
    reseeded = logtad.fit(problem(seed=1), CONFIG)
    runs = (fitted, repeated, reseeded)
    one, two, other = (run.score(problem().adapt, HERE).scores for run in runs)
    np.testing.assert_array_equal(one, two)
    assert loss == again
    assert not np.array_equal(one, other)


def test_no_source_is_needed():
    alone = Task([], problem().adapt, HERE, 0)
    assert np.isfinite(logtad.fit(alone, CONFIG).score(alone.adapt, HERE).scores).all()
