"""How long an expert lives: its calls are one run."""

import gc
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from expert_inputs import expert_input

from glx.errors import InputError
from glx.generallog import experts
from glx.generallog.experts import ExpertConfig, ExpertContext, make_expert
from glx.generallog.knowledge import build
from glx.llm.request import Answer, Costs
from glx.llm.server import LLMConfig

NOTHING = ExpertContext(build([], np.zeros((0, 2), np.float32)), k=5)
TEXTS = ["disk failed", "tick"]


def test_calls_share_the_model_and_the_answer_cache_until_the_expert_goes(monkeypatch, chats):
    loaded, caches = [], []

    def load(config):
        loaded.append(config)
        return "tiny", chats["chatml"]

    def ask(requests, words, config, cache, report):
        caches.append(cache)
        cache.put({request.key: Answer(0.75, True, "anomalous", 1, 1) for request in requests})
        return cache.get(request.key for request in requests), Costs()

    monkeypatch.setattr(experts, "load_model", load)
    context = replace(NOTHING, ask=ask)
    expert = make_expert(ExpertConfig("vllm", llm=LLMConfig(cache=None)), context)
    for row in ([0], [0, 1]):
        assert expert(expert_input([row], TEXTS)).log_odds.tolist() == [pytest.approx(np.log(3))]
    first, second = caches
    assert first is second
    assert (len(loaded), first.any_usable) == (1, True)
    del expert
    gc.collect()
    with pytest.raises((sqlite3.ProgrammingError, InputError), match="closed"):
        len(first)


@pytest.mark.parametrize("name", ["answers", "replay", "batch"])
def test_what_an_expert_lacks_shows_when_it_is_made(name):
    flag = {"batch": "--expert=batch"}.get(name, "--responses")
    with pytest.raises(InputError, match=flag):
        make_expert(ExpertConfig(name), NOTHING)
