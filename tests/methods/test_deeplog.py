"""Windows by hand; a cycle whose next event is known; ranks and scores of what breaks it."""

from dataclasses import replace

import numpy as np
import pytest
from rows import unique
from tiny_tasks import task

from glx.methods import deeplog
from glx.methods.deeplog import DeepLogConfig

CONFIG = DeepLogConfig(window=3, hidden=4, layers=1, steps=60, batch=32, rate=0.05)
TARGET = task(*[[0, 1, 2, 3] * 2] * 4, [0, 1, 3])  # one time in five 3 follows on 0 1
WIDER = np.eye(12, dtype=np.float32)  # three templates more than adaptation knows


@pytest.fixture(scope="module")
def trained():
    """Fitted on fewer events than are normal by default, and what was logged."""
    rows = []
    return deeplog.fit(TARGET, CONFIG, rows.append), rows


@pytest.fixture(scope="module")
def cycle(trained):
    return trained[0]


def of_rank(r: int) -> float:
    return pytest.approx(r / (r + 9.5))


def test_windows_by_hand():
    codes = np.array([1, 2, 3], np.int32)
    pairs, which = deeplog.windows(unique([0, 1, 2], [0, 1, 1]), codes, 2)
    assert pairs[which].tolist() == [
        [0, 0, 1], [0, 1, 2], [1, 2, 2],
        [0, 0, 1], [0, 1, 2], [1, 2, 3],
    ]  # fmt: skip
    assert len(pairs) == 4


def test_what_follows_is_normal(cycle):
    scores, weights = cycle.score(unique([0, 1, 2, 3], [0, 1, 2, 3, 0, 1, 2]), np.eye(9))
    assert scores.tolist() == [of_rank(1)] * 2
    assert weights.tolist() == [of_rank(1)] * 11
    assert cycle.cut == 0.5
    assert scores.dtype == weights.dtype == np.float32


def test_an_event_out_of_order_ranks_behind(cycle):
    scores, weights = cycle.score(unique([0, 1, 2, 0]), np.eye(9))
    assert weights[:3].tolist() == [of_rank(1)] * 3
    assert weights[3] == scores[0] >= np.float32(2 / 11.5)  # 3 comes before it, whatever else does


def test_what_is_rarer_in_adaptation_ranks_behind(cycle):
    """Drawn by count, 3 after 0 1 is the second likeliest."""
    scores, _ = cycle.score(unique([0, 1, 3]), np.eye(9))
    assert scores.tolist() == [of_rank(2)]


def test_an_event_that_adaptation_lacks_is_never_normal(cycle):
    """Four are known and nine normal: it ranks behind those nine, as does a newer template."""
    for new in (7, 11):
        scores, weights = cycle.score(unique([0, 1, new]), WIDER)
        assert scores.tolist() == [of_rank(10)]
        assert weights.tolist() == [of_rank(1), of_rank(1), of_rank(10)]
        assert scores[0] >= cycle.cut


def test_the_cut_is_between_the_top_and_the_next():
    scores = deeplog.outside(np.array([1, 9, 10, 1000]), 9)
    np.testing.assert_allclose(scores, [1 / 10.5, 9 / 18.5, 10 / 19.5, 1000 / 1009.5], rtol=1e-6)
    assert (scores >= 0.5).tolist() == [False, False, True, True]


def test_a_seed_repeats_exactly(trained):
    """The loss, that is: ranks alone would hardly differ."""
    one, again, other = trained[1], [], []
    deeplog.fit(TARGET, CONFIG, again.append)
    deeplog.fit(replace(TARGET, seed=1), CONFIG, other.append)
    assert one == again != other
