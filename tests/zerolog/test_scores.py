"""The label-free cut, and the evidence of a verdict."""

import numpy as np
import pytest
from rows import sequences, unique
from scipy.special import expit

from glx.embed.alarm import Meanings
from glx.profile import fit_profile
from glx.zerolog.detector import ZeroLogConfig, ZeroLogDetector, _where_evidence_turns
from glx.zerolog.inputs import system_inputs
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig, init_state, pack

TEXTS = ["start", "work", "stop", "fault"]
READ = Meanings(TEXTS, np.eye(4, dtype=np.float32), np.array([-2, -2, -2, 2], np.float32))


def cut(log_odds, added, counts):
    scores = expit(np.array(log_odds, float) + added).astype(np.float32)
    return _where_evidence_turns(scores, np.float32(log_odds), np.array(counts))


def test_the_median_of_what_sources_add_is_taken_off():
    assert cut([0, -3, 2], [1, 1.5, -4], [1, 5, 1]) == pytest.approx(expit(1.5), rel=1e-5)
    assert cut([0, -3, 2], [1, 1.5, -4], [5, 1, 1]) == pytest.approx(expit(1), rel=1e-5)
    assert cut([-4, 4], [-1, -1], [9, 1]) == pytest.approx(expit(-1), rel=1e-4)


def test_the_evidence_alone_moves_no_cut():
    """However many sequences it speaks against, or for, it counts from 0 on."""
    for log_odds in ([-9, -8, -7], [5, 6, 7], [0, 0, 0]):
        assert cut(log_odds, [0, 0, 0], [1, 1, 1]) == pytest.approx(0.5, rel=1e-3)


def test_sure_scores_have_finite_log_odds():
    assert 0 < _where_evidence_turns(np.float32([0, 1]), np.float32([0, 0]), np.ones(2)) < 1


@pytest.fixture(scope="module")
def verdicts():
    """By a network as it is before its first step: the evidence is all there is."""
    train = TrainConfig(model=ModelConfig(hidden=4), max_events=8)
    adapt = unique(*[[0, 1, 2]] * 200, *[[0, 1, 1, 2]] * 100, [0, 3, 2])
    profile = fit_profile(adapt, 4)
    inputs = system_inputs(READ, profile, adapt, train.max_events)
    params = init_state(train, pack([inputs], train.max_events), 0)["params"]
    fitted = ZeroLogDetector(ZeroLogConfig(train=train), params, profile, 0.5)
    return fitted.judge(sequences([0, 1, 2], [0, 3, 1, 2], [1]), READ)


def test_a_verdict_names_what_is_missing_and_the_heaviest_event(verdicts):
    common, faulty, short = range(3)
    assert verdicts.distinct.ids.tolist() == [0, 1, 2, 0, 3, 1, 2, 1]
    assert (verdicts.scores >= 0.5).tolist() == [False, True, True]
    assert verdicts.reasons[short] == 'lacks "start", which 100.0% of sequences have'
    assert verdicts.reasons[common] is verdicts.reasons[faulty] is None
    assert verdicts.ids[faulty, 0] == 3
    assert verdicts.places[faulty, 0] == 1
    assert verdicts.weights[faulty, 0] > 0.99
