"""The evidence of a verdict."""

import numpy as np
import pytest
from rows import sequences, unique

from glx.embed.alarm import Meanings
from glx.profile import fit_profile
from glx.zerolog.detector import ZeroLogConfig, ZeroLogDetector
from glx.zerolog.inputs import system_inputs
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig, init_state, pack

TEXTS = ["start", "work", "stop", "fault"]
READ = Meanings(TEXTS, np.eye(4, dtype=np.float32), np.array([-2, -2, -2, 2], np.float32))


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
    assert verdicts.reasons[short] == 'lacks "start", which 100.0% of all 301 sequences have'
    assert verdicts.reasons[common] is None
    assert verdicts.reasons[faulty] == '"fault"; in 0.33% of usual sequences'
    assert verdicts.ids[faulty, 0] == 3
    assert verdicts.places[faulty, 0] == 1
    assert verdicts.weights[faulty, 0] > 0.99
