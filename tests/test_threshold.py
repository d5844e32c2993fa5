"""Cuts without labels: what each method flags on scores small enough to check by eye."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from glx import threshold


def cut(scores, method: str, counts=None) -> float:
    counts = np.ones(len(scores), np.int64) if counts is None else np.array(counts, np.int64)
    return threshold.fit(np.array(scores), counts, method)


def share(scores, method: str, counts=None) -> float:
    """Of all sequences, how many are flagged."""
    counts = np.ones(len(scores)) if counts is None else np.array(counts)
    return float(counts[np.float32(scores) >= cut(scores, method, counts)].sum() / counts.sum())


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def two_groups(n_low: int, n_high: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return sigmoid(np.concatenate([rng.normal(-3, 0.5, n_low), rng.normal(2, 0.5, n_high)]))


def test_tail_flags_at_most_its_share_and_cuts_midway():
    scores = np.arange(100) / 100
    assert share(scores, "tail") == pytest.approx(threshold.ALPHA)
    assert cut(scores, "tail") == pytest.approx(0.975)


def test_tail_weighs_by_counts():
    scores = [0.1, 0.5, 0.9]
    assert cut(scores, "tail", [98, 1, 1]) < 0.5 < cut(scores, "tail", [90, 9, 1])


def test_tail_flags_a_tied_minority_but_never_a_tied_majority():
    assert share([0.1, 0.9], "tail", [95, 5]) == pytest.approx(0.05)
    assert share([0.1, 0.9], "tail", [40, 60]) == 0


@pytest.mark.parametrize("n_high", [30, 300])
def test_mixture_finds_the_share_of_the_upper_group_itself(n_high):
    assert share(two_groups(1000, n_high), "mixture") == pytest.approx(n_high / (1000 + n_high))


ONE_GROUP = sigmoid(np.random.default_rng(1).normal(-2, 1, 2000))


@pytest.mark.parametrize("scores", [ONE_GROUP, two_groups(100, 900)], ids=["one", "majority"])
def test_mixture_becomes_tail_for_one_group_or_an_upper_majority(scores):
    assert cut(scores, "mixture") == cut(scores, "tail")


def test_knee_is_the_corner_of_the_ranked_scores():
    scores = np.concatenate([np.linspace(0.02, 0.1, 95), np.linspace(0.8, 0.95, 5)])
    assert share(scores, "knee") == pytest.approx(0.05)


def test_prior_is_one_half():
    assert cut([0.9], "prior", [3]) == 0.5


@pytest.mark.parametrize("method", ["tail", "mixture", "knee"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_equal_scores_flag_nothing(method, value):
    assert share(np.full(7, value), method, np.arange(1, 8)) == 0


@pytest.mark.parametrize("method", threshold.METHODS)
@pytest.mark.parametrize("scores", [[0.5], [0.0, 1.0], [1.0, 1.0, 0.0], [0.2, 0.9]])
def test_few_and_saturated_scores_give_a_finite_cut(method, scores):
    assert np.isfinite(cut(scores, method))


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
        cut(scores, method, counts)


grids = st.lists(
    st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.integers(1, 50)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=120, deadline=None)
@given(grids, st.randoms(), st.sampled_from(threshold.METHODS))
def test_order_grouping_and_precision_do_not_matter_and_a_minority_is_flagged(
    pairs, random, method
):
    scores, counts = (np.array(part) for part in zip(*pairs, strict=True))
    found = cut(scores, method, counts)
    mixed, of_mixed = zip(*random.sample(pairs, len(pairs)), strict=True)
    expanded = np.repeat(scores, counts)
    assert found == cut(mixed, method, of_mixed) == cut(expanded, method) == np.float32(found)
    single = scores.astype(np.float32)
    assert np.array_equal(single >= found, single.astype(np.float64) >= found)
    if method in ("tail", "mixture"):
        assert share(scores, method, counts) <= 0.5


def by_evidence(log_odds, added, counts):
    scores = expit(np.array(log_odds, float) + added).astype(np.float32)
    return threshold.evidence_threshold(scores, np.float32(log_odds), np.array(counts))


def test_the_median_of_what_sources_add_is_taken_off():
    assert by_evidence([0, -3, 2], [1, 1.5, -4], [1, 5, 1]) == pytest.approx(expit(1.5), rel=1e-5)
    assert by_evidence([0, -3, 2], [1, 1.5, -4], [5, 1, 1]) == pytest.approx(expit(1), rel=1e-5)
    assert by_evidence([-4, 4], [-1, -1], [9, 1]) == pytest.approx(expit(-1), rel=1e-4)


def test_the_evidence_alone_moves_no_cut():
    """However many sequences it speaks against, or for, it counts from 0 on."""
    for log_odds in ([-9, -8, -7], [5, 6, 7], [0, 0, 0]):
        assert by_evidence(log_odds, [0, 0, 0], [1, 1, 1]) == pytest.approx(0.5, rel=1e-3)


def test_sure_scores_have_finite_log_odds():
    assert 0 < threshold.evidence_threshold(np.float32([0, 1]), np.float32([0, 0]), np.ones(2)) < 1
