"""Typicality by hand, on points of a circle and on sequences of a small space."""

import numpy as np
import pytest
from rows import unique
from tiny_tasks import task

from glx.methods import k4
from glx.methods.k4 import K4Config
from glx.threshold import fit as cut_of

AXES = np.eye(9, dtype=np.float32)


def at(*degrees: float) -> np.ndarray:
    """Unit vectors of a plane."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_statistics_by_hand():
    """Reference at 0, 10 and 20 degrees; the ball of each reaches its next neighbour."""
    reference = at(0, 10, 20)
    around = k4.radii(reference, reference, 1, own=True)
    assert around == pytest.approx(1 - np.cos(np.radians([10, 10, 10])), abs=2e-6)
    points = at(5, 25, 60)
    radius = k4.radii(points, at(5, 32, 90), 1)  # to companions at 0, 7 and 30 degrees
    assert radius == pytest.approx(1 - np.cos(np.radians([0, 7, 28])), abs=2e-6)
    # Precision, recall, density, coverage.
    assert k4.statistics(points, radius, reference, around, 2).tolist() == [
        [1, 0, 1, 0],  # in the balls of 0 and 10, and 20 is 15 away; its own holds nothing
        [1, 1 / 3, 0.5, 1],  # in the ball of 20, which is 5 away
        [0, 0, 0, 0],
    ]


def test_what_repeats_exactly_touches():
    point = at(0)
    same = np.repeat(point, 4, axis=0)
    radius = k4.radii(same, same, 2, own=True)
    assert radius.tolist() == [0, 0, 0, 0]
    assert k4.statistics(point, radius[:1], same, radius, 2).tolist() == [[1, 1, 1, 1]]


def test_untypical_sequences_score_higher():
    usual = [[0, 1, 2], [0, 1, 1, 2], [0, 1, 2, 2], [0, 0, 1, 2], [0, 1, 2, 1], [0, 2, 1, 2]]
    given = task(*usual * 10, [5, 6], vectors=AXES)
    fitted = k4.fit(given, K4Config(near=2))
    assert fitted.cut is None
    found, weights = fitted.score(unique([5, 6], [0, 1, 2], [7, 8, 8]), AXES)  # sorted
    assert (found.dtype, weights.tolist()) == (np.float32, [0] * 8)
    assert found[0] < 0.5 < min(found[1:])
    adapted = fitted.score(given.adapt, AXES).scores
    assert found[0] < cut_of(adapted, given.adapt.counts, "mixture") <= found[1]


def test_a_verdict_depends_on_no_other_sequence():
    rows = [[0, 1, k % 5 + 2] for k in range(40)]
    fitted = k4.fit(task(*rows, vectors=AXES), K4Config(near=2))
    alone = [fitted.score(unique(row), AXES).scores[0] for row in ([0, 1, 2], [7, 8])]
    assert fitted.score(unique([0, 1, 2], [7, 8], [3]), AXES).scores[[0, 2]].tolist() == alone


def test_one_known_sequence_and_draws_that_repeat():
    fitted = k4.fit(task([0, 1], vectors=AXES), K4Config())
    known, other = (fitted.score(unique(row), AXES).scores[0] for row in ([0, 1], [5]))
    assert known == 0 < other
    rows = [[a, b, c] for a in range(4) for b in range(4) for c in range(4)]
    few = K4Config(share=1, most=16)
    one, again, other = (
        k4.fit(task(*rows, vectors=AXES, seed=seed), few).reference for seed in (1, 1, 2)
    )
    assert len(one) == 8
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_vectors_of_sequences_are_means_of_length_1():
    found = k4.mean_vectors(unique([0, 0, 1], [2]), AXES[:, :3])
    np.testing.assert_allclose(found, [[2 / 5**0.5, 1 / 5**0.5, 0], [0, 0, 1]], atol=1e-6)
