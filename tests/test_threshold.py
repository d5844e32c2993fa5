"""Cuts without labels: what each method flags on scores small enough to check by eye."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx import threshold


def ones(scores) -> np.ndarray:
    return np.ones(len(scores), dtype=np.int64)


def share(scores, counts, method: str) -> float:
    scores, counts = np.asarray(scores, dtype=np.float32), np.asarray(counts)
    return float(counts[scores >= threshold.fit(scores, counts, method)].sum() / counts.sum())


def two_groups(n_low: int, n_high: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(-3, 0.5, n_low), rng.normal(2, 0.5, n_high)])
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def test_tail_flags_at_most_its_share_and_cuts_midway():
    scores = np.arange(100) / 100
    assert share(scores, ones(scores), "tail") == pytest.approx(threshold.ALPHA)
    assert threshold.fit(scores, ones(scores), "tail") == pytest.approx(0.975)


def test_tail_weighs_by_counts():
    assert threshold.fit(np.array([0.1, 0.5, 0.9]), np.array([98, 1, 1]), "tail") < 0.5
    assert threshold.fit(np.array([0.1, 0.5, 0.9]), np.array([90, 9, 1]), "tail") > 0.5


def test_tail_flags_a_tied_minority_but_never_a_tied_majority():
    assert share([0.1, 0.9], [95, 5], "tail") == pytest.approx(0.05)
    assert share([0.1, 0.9], [40, 60], "tail") == 0


@pytest.mark.parametrize("n_high", [30, 300])
def test_mixture_finds_the_share_of_the_upper_group_itself(n_high):
    scores = two_groups(1000, n_high)
    assert share(scores, ones(scores), "mixture") == pytest.approx(n_high / (1000 + n_high))


def test_mixture_becomes_tail_where_there_is_one_group():
    rng = np.random.default_rng(1)
    scores = 1 / (1 + np.exp(-rng.normal(-2, 1, 2000)))
    tail = threshold.fit(scores, ones(scores), "tail")
    assert threshold.fit(scores, ones(scores), "mixture") == tail


def test_mixture_does_not_take_the_majority_for_anomalies():
    scores = two_groups(100, 900)
    tail = threshold.fit(scores, ones(scores), "tail")
    assert threshold.fit(scores, ones(scores), "mixture") == tail


def test_knee_is_the_corner_of_the_ranked_scores():
    scores = np.concatenate([np.linspace(0.02, 0.1, 95), np.linspace(0.8, 0.95, 5)])
    assert share(scores, ones(scores), "knee") == pytest.approx(0.05)


def test_prior_is_one_half():
    assert threshold.fit(np.array([0.9]), np.array([3]), "prior") == 0.5


@pytest.mark.parametrize("method", ["tail", "mixture", "knee"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_equal_scores_flag_nothing(method, value):
    assert share(np.full(7, value), np.arange(1, 8), method) == 0


@pytest.mark.parametrize("method", threshold.METHODS)
@pytest.mark.parametrize("scores", [[0.5], [0.0, 1.0], [1.0, 1.0, 0.0], [0.2, 0.9]])
def test_few_and_saturated_scores_are_survived(method, scores):
    assert np.isfinite(threshold.fit(np.array(scores), ones(scores), method))


@pytest.mark.parametrize(
    ("scores", "counts", "method", "message"),
    [
        ([0.1, np.nan], [1, 1], "tail", "NaN"),
        ([0.1, 1.5], [1, 1], "knee", "outside"),
        ([0.1], [0], "mixture", "positive"),
        ([], [], "tail", "need one count"),
        ([0.1, 0.2], [1], "prior", "need one count"),
        ([0.1], [1], "oracle", "tail, mixture, knee, prior"),
    ],
)
def test_wrong_input_raises(scores, counts, method, message):
    with pytest.raises(ValueError, match=message):
        threshold.fit(np.array(scores), np.array(counts, dtype=np.int64), method)


grids = st.lists(
    st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.integers(1, 50)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(grids, st.randoms(), st.sampled_from(threshold.METHODS))
def test_order_and_grouping_do_not_matter_and_no_bit_decides(pairs, random, method):
    scores, counts = (np.array(part) for part in zip(*pairs, strict=True))
    cut = threshold.fit(scores, counts, method)
    mixed = random.sample(pairs, len(pairs))
    again = threshold.fit(*(np.array(part) for part in zip(*mixed, strict=True)), method)
    expanded = np.repeat(scores, counts)
    assert cut == again == threshold.fit(expanded, ones(expanded), method)
    assert cut == np.float32(cut)
    single = scores.astype(np.float32)
    assert np.array_equal(single >= cut, single.astype(np.float64) >= cut)


@settings(max_examples=60, deadline=None)
@given(grids, st.sampled_from(["tail", "mixture"]))
def test_tail_and_mixture_flag_a_minority(pairs, method):
    scores, counts = (np.array(part) for part in zip(*pairs, strict=True))
    assert share(scores, counts, method) <= 0.5
