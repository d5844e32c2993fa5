"""Vectors and pseudo-labels by hand, and a classifier that learns them."""

import numpy as np
import pytest
from rows import unique
from tiny_tasks import task

from glx.methods import plelog
from glx.methods.plelog import PLELogConfig

CONFIG = PLELogConfig(hidden=4, max_events=6, steps=60, batch=16, rate=0.05)
NEAR = np.array([[0, 0], [0.1, 0], [0, 0.1], [0.1, 0.1], [0.05, 0.05], [0.05, 0.15]])
MIXTURES = [[0, 1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 2], [0, 1, 3, 4], [0, 1, 4]]
TARGET = task(*MIXTURES * 10, [7, 8], [8, 8, 7])  # 7 and 8 come now and then
POINTS = np.concatenate([NEAR, NEAR + 10, [[40.0, -3.0], [-3.0, 40.0]]])


def labels(counts, **config):
    return plelog.pseudo_labels(POINTS, np.array(counts), PLELogConfig(**config))


def test_vectors_by_hand():
    """Event 0 is everywhere and weighs nothing; 1 is in two of three, 2 in one of three."""
    vectors = plelog.sequence_vectors(unique([0, 1], [0, 1], [0, 2, 2]), np.eye(3))
    want = [[0, np.log(3 / 2) / 2, 0], [0, 0, 2 * np.log(3) / 3]]
    np.testing.assert_allclose(vectors, want)


def test_vectors_leave_the_sequences_as_they_are():
    asked = unique([2, 0, 0, 2], [1, 1])
    before = asked.ids.tolist(), asked.offsets.tolist()
    plelog.sequence_vectors(asked, np.eye(3))
    assert (asked.ids.tolist(), asked.offsets.tolist()) == before


def test_the_commonest_are_chosen_and_equally_common_ones_at_random():
    asked = unique([0], [1], [1], [2], [3], [4], [4], [5])

    def chosen(seed):
        return tuple(plelog.commonest(asked, 3, seed).ids.tolist())

    found = [chosen(seed) for seed in range(20)]
    assert found == [chosen(seed) for seed in range(20)]
    assert all({1, 4} < set(ids) for ids in found)
    assert len(set(found)) > 1
    assert len(plelog.commonest(asked, 9, 0)) == 6


def test_the_big_cluster_is_normal_and_the_small_one_and_noise_are_not():
    p = labels([100] * 6 + [1] * 6 + [1, 1])
    assert (p[:6] <= 0.5).all()
    assert p[:6].min() == 0  # the most central member is sure
    assert (p[6:12] >= 0.5).all()
    assert p[6:12].max() == 1
    assert p[12:].tolist() == [1, 1]
    assert p.dtype == np.float32


def test_both_clusters_are_normal_while_they_hold_no_more_than_the_share():
    counts = [10] * 12 + [3, 3]
    assert (labels(counts, normal=0.96)[:12] <= 0.5).all()
    one = labels(counts[:6] + [9] * 6 + [3, 3], normal=0.9)  # 114 of 120 are more than 0.9
    assert (one[:6] <= 0.5).all()
    assert (one[6:12] >= 0.5).all()


def test_the_biggest_group_is_normal_whatever_the_share():
    p = labels([10] * 6 + [9] * 6 + [1, 1], normal=0.0)
    assert (p[:6] <= 0.5).all()
    assert (p[6:] >= 0.5).all()


def test_what_is_common_by_itself_is_a_group():
    p = labels([1] * 12 + [988, 1])
    assert p[12] == 0
    assert p[13] == 1


def test_copies_of_a_vector_are_one_point():
    """Equal but for their last bits: of boundless density, and nothing else would be central."""
    copies = POINTS[:1] + 1e-12 * np.arange(20)[:, None]
    p = plelog.pseudo_labels(
        np.concatenate([copies, POINTS]), np.array([5] * 20 + [100] * 6 + [1] * 8), PLELogConfig()
    )
    want = labels([200] + [100] * 5 + [1] * 8)
    np.testing.assert_allclose(p[20:], want, atol=1e-5)
    assert np.unique(p[:20]).tolist() == [p[20]]


@pytest.mark.parametrize("n", [1, 3])
def test_too_few_for_a_cluster(n):
    x = np.arange(n, dtype=np.float64)[:, None] * np.ones((1, 4))
    p = plelog.pseudo_labels(x, np.arange(n, 0, -1), PLELogConfig())
    assert p.tolist() == [0, 0, 1][:n]  # 3 and 2 of the 6 are within 0.95


@pytest.fixture(scope="module")
def trained():
    """Fitted, and what was logged."""
    rows = []
    return plelog.fit(TARGET, CONFIG, rows.append), rows


@pytest.fixture(scope="module")
def fitted(trained):
    return trained[0]


def test_what_the_clusters_suggest_is_learned(fitted):
    scores, weights = fitted.score(unique([0, 1, 2, 3, 4], [0, 1, 4], [7, 7, 8]), np.eye(9))
    assert (scores >= fitted.cut).tolist() == [False, False, True]
    assert scores.dtype == weights.dtype == np.float32


def test_weights_are_attention_over_the_events_that_were_read(fitted):
    """Eight events are one too many twice: the commonest, 0 and 1, are left out."""
    asked = unique([0, 1, 2, 3, 4, 7, 8, 2], [0, 1])
    _, weights = fitted.score(asked, np.eye(9))
    assert weights[2:5].tolist() == [0, 0, weights[4]]
    np.testing.assert_allclose([weights[:2].sum(), weights[2:].sum()], 1, rtol=1e-5)
    assert (weights[4:] > 0).all()


def test_templates_that_adaptation_lacks_are_read(fitted):
    more = np.concatenate([np.eye(9), np.eye(9)[:3]]).astype(np.float32)  # 11 reads like 2
    old, new = unique([0, 1, 2, 3]), unique([0, 1, 11, 3])
    np.testing.assert_array_equal(fitted.score(old, more).scores, fitted.score(new, more).scores)


def test_a_seed_repeats_exactly(trained):
    fitted, loss = trained
    repeated = plelog.fit(TARGET, CONFIG, (again := []).append)
    one, two = (f.score(TARGET.adapt, np.eye(9)) for f in (fitted, repeated))
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert loss == again
