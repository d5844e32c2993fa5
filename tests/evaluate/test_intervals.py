"""The bootstrap against intervals that can be worked out by hand."""

import numpy as np
import pytest

from glx.evaluate import intervals
from glx.evaluate.intervals import f1_difference, mean_f1

PERFECT, BLIND = [2, 0, 0], [0, 0, 2]  # tp, fp, fn of a block with two anomalous sequences


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # One seed and one block leave nothing to draw, nor do blocks that are alike: F1 = 6 / 8.
        ([[[3, 1, 1]]], (0.75, 0.75, 0.75)),
        ([[[3, 1, 1]] * 50] * 3, (0.75, 0.75, 0.75)),
        # Drawn are both seeds (F1 0.5) half of the time, one of them twice (1 or 0) a quarter each.
        ([[PERFECT], [BLIND]], (0.5, 0.0, 1.0)),
        # Both blocks of a seed: tp 2, fn 2, F1 2/3. One of them twice: 1 or 0.
        ([[PERFECT, BLIND]], (2 / 3, 0.0, 1.0)),
        # A resample without anomalies is left out.
        ([[PERFECT, [0, 0, 0]]], (1.0, 1.0, 1.0)),
        ([[[0, 3, 0], [0, 0, 0]]], None),  # nothing is anomalous
    ],
)
def test_mean_f1_by_hand(counts, expected):
    found = mean_f1([np.array(counts)])
    assert found == (expected and pytest.approx(expected))


def test_two_methods_share_the_drawn_blocks_and_seeds():
    # Drawn twice, a block is found by one of them alone.
    found = f1_difference([np.array([[PERFECT, BLIND]])], [np.array([[BLIND, PERFECT]])])
    assert found == (0.0, -1.0, 1.0)
    # The first seed loses 1/3 in the second method, the other nothing.
    first = np.array([[[2, 0, 0]], [[0, 0, 2]]])
    second = np.array([[[1, 0, 1]], [[0, 0, 2]]])
    assert f1_difference([first], [second]) == pytest.approx((1 / 6, 0.0, 1 / 3))
    assert f1_difference([first[:1]] * 2, [second[:1]] * 2) == pytest.approx((1 / 3,) * 3)


def test_what_is_hard_for_both_cancels_out():
    """The second method makes one false alarm more in each block, whatever the block is like."""
    tp = np.array([9, 1] * 25)
    first = np.stack([tp, 0 * tp, 10 - tp], axis=1)[None]
    second = first + np.array([0, 1, 0])
    whole = mean_f1([first])
    assert f1_difference([first], [first]) == (0.0, 0.0, 0.0)
    paired = f1_difference([first], [second])
    assert paired.mean == pytest.approx(2 * 250 / (2 * 250 + 250) - 500 / (750 + 50))
    assert paired.low < paired.mean < paired.high
    assert paired.high - paired.low < (whole.high - whole.low) / 4


def test_targets_are_averaged():
    one, other = np.array([[PERFECT]]), np.array([[[1, 1, 1], [1, 1, 1]]])
    assert mean_f1([one, other]) == pytest.approx((0.75, 0.75, 0.75))
    assert f1_difference([one, other], [np.array([[BLIND]]), other]) == (0.5, 0.5, 0.5)


def test_a_seed_of_the_bootstrap_repeats():
    counts = np.random.default_rng(1).integers(1, 9, (1, 50, 3))
    assert mean_f1([counts], seed=4) == mean_f1([counts], seed=4) != mean_f1([counts], seed=5)


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [
        ([], [], "no target"),
        ([np.zeros((0, 5, 3), int)], [np.zeros((0, 5, 3), int)], "some seeds"),
        ([np.array([[PERFECT]])], [np.array([[PERFECT], [PERFECT]])], "same seeds"),
        ([np.array([[PERFECT]])], [np.array([[[1, 0, 0]]])], "not one split"),
    ],
)
def test_what_cannot_be_compared_is_refused(first, second, wrong):
    with pytest.raises(ValueError, match=wrong):
        f1_difference(first, second)


def test_the_interval_is_about_right():
    """Blocks of one hundred independent sequences: the interval of a normal approximation."""
    rng = np.random.default_rng(2)
    tp = rng.binomial(100, 0.5, 50)
    counts = np.stack([tp, 0 * tp, 100 - tp], axis=1)[None]
    found = mean_f1([counts])
    # F1 = 2r / (1 + r) with r the recall: dF1/dr = 2 / (1 + r)^2, and r has sqrt(0.25 / 5000).
    wide = 2 * 1.96 * 2 / 1.5**2 * np.sqrt(0.25 / 5000)
    assert found.high - found.low == pytest.approx(wide, rel=0.25)
    assert intervals.RESAMPLES >= 1000
