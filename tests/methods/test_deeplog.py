"""Windows by hand; a cycle whose next event is known; ranks and scores of what breaks it."""

import numpy as np
import pytest
from tiny_tasks import make, task

from glx.methods import deeplog
from glx.methods.deeplog import DeepLogConfig

CONFIG = DeepLogConfig(window=3, top=1, hidden=8, layers=1, steps=100, batch=32, rate=0.03)
WIDER = np.eye(12, dtype=np.float32)  # three templates more than adaptation knows


@pytest.fixture(scope="module")
def cycle():
    """Fitted on 0 1 2 3 0 1 2 3, and one time in five on 0 1 3."""
    return deeplog.fit(task(*[[0, 1, 2, 3] * 2] * 4, [0, 1, 3]), CONFIG)


def test_windows_by_hand():
    codes = np.array([1, 2, 3], np.int32)
    pairs, which = deeplog.windows(make([0, 1, 2], [0, 1, 1]), codes, 2)
    assert pairs[which].tolist() == [
        [0, 0, 1], [0, 1, 2], [1, 2, 2],
        [0, 0, 1], [0, 1, 2], [1, 2, 3],
    ]  # fmt: skip
    assert len(pairs) == 4


def test_what_follows_is_normal(cycle):
    """Ranks are 1, and 1 / (1 + 1 + 1/2) is below the cut."""
    scores, weights = cycle.score(make([0, 1, 2, 3], [0, 1, 2, 3, 0, 1, 2]), np.eye(9))
    np.testing.assert_allclose(scores, 0.4, rtol=1e-6)
    np.testing.assert_allclose(weights, 0.4, rtol=1e-6)
    assert cycle.cut == 0.5
    assert scores.dtype == weights.dtype == np.float32


def test_an_event_out_of_order_ranks_behind(cycle):
    scores, weights = cycle.score(make([0, 1, 2, 0]), np.eye(9))
    assert scores[0] >= np.float32(2 / 3.5)  # 3 comes before it, whatever else does
    assert weights[:3].tolist() == pytest.approx([0.4] * 3)
    assert weights[3] == scores[0] >= cycle.cut


def test_what_is_rare_in_adaptation_is_outside_the_top(cycle):
    """Drawn by count, 3 after 0 1 is the second likeliest: `r / (r + g + 1/2)` with r = 2."""
    scores, _ = cycle.score(make([0, 1, 3]), np.eye(9))
    assert scores.tolist() == pytest.approx([2 / 3.5])


def test_an_event_that_adaptation_lacks_ranks_last(cycle):
    """Four are known, so its rank is 5; likewise a template that is newer than the table."""
    for new in (7, 11):
        scores, weights = cycle.score(make([0, 1, new]), WIDER)
        assert scores.tolist() == pytest.approx([5 / 6.5])
        assert weights.tolist() == pytest.approx([0.4, 0.4, 5 / 6.5])


def test_the_cut_is_between_the_top_and_the_next():
    scores = deeplog.outside(np.array([1, 9, 10, 1000]), 9)
    np.testing.assert_allclose(scores, [1 / 10.5, 9 / 18.5, 10 / 19.5, 1000 / 1009.5], rtol=1e-6)
    assert (scores >= 0.5).tolist() == [False, False, True, True]


def test_a_seed_repeats_exactly():
    target = task(*[[0, 1, 2, 3]] * 3, [3, 2, 1])

    def run():
        rows = []
        return deeplog.fit(target, CONFIG, rows.append).score(target.adapt, WIDER), rows

    (one, loss), (two, again) = run(), run()
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert loss == again
