"""GeneralLog on four templates and fourteen sequences, its network as it is before any step."""

import numpy as np
from rows import sequences, unique

from glx.detector import Target
from glx.embed.alarm import Meanings
from glx.embed.embed import EmbedConfig, embed
from glx.generallog.detector import GeneralLogConfig, GeneralLogDetector
from glx.generallog.knowledge import KnowledgeConfig
from glx.generallog.route import RouteConfig
from glx.profile import fit_profile
from glx.sequences import LabelledSource, Templates
from glx.statements.known import KnownConfig
from glx.zerolog.detector import ZeroLogConfig, ZeroLogDetector
from glx.zerolog.inputs import system_inputs
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig, init_state, pack

TEXTS = ["session opened for <*>", "session closed", "disk <*> failed", "lease renewed by <*>"]
SOURCE_TEXTS = ["session opened on <*>", "disk error on <*>", "fan speed <*>"]
ENCODER = EmbedConfig("tfidf", cache_dir=None)
ADAPT = [[0, 1]] * 10 + [[0, 3, 1]] * 3 + [[0, 2, 1]]


def read() -> Meanings:
    return Meanings(TEXTS, embed(TEXTS, ENCODER), np.array([-1.5, -1, 1.5, -1], np.float32))


def untrained(structural: bool = True) -> ZeroLogDetector:
    """A ZeroLog as it is before its first step."""
    train = TrainConfig(model=ModelConfig(hidden=4), max_events=8, structural=structural)
    adapt = unique(*ADAPT)
    profile = fit_profile(adapt, len(TEXTS))
    inputs = system_inputs(read(), profile, adapt, train.max_events, structural)
    params = init_state(train, pack([inputs], train.max_events), 0)["params"]
    return ZeroLogDetector(ZeroLogConfig(train, ENCODER, seed=3), params, profile, 0.5)


def fit(base: ZeroLogDetector, route="centred", notes=(), **known) -> GeneralLogDetector:
    more = {"route": RouteConfig(route), "knowledge": KnowledgeConfig(**known)}
    config = GeneralLogConfig(**vars(base.config) | more | {"known": KnownConfig(notes)})
    texts = Templates(SOURCE_TEXTS, np.ones(3, dtype=np.int64))
    source = LabelledSource(
        "s", sequences([0], [0, 2], [0, 1]), texts, np.array([0, 0, 1], np.uint8)
    )
    target = Target(sequences(*ADAPT), Templates(TEXTS, np.ones(4, dtype=np.int64)))
    return GeneralLogDetector.around(base, config, [source], target)
