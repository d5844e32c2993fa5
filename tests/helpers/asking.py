"""Ten questions for the server of `faulty.py`, how to reach it, and what it must have answered."""

from collections import Counter
from dataclasses import replace
from math import exp

import pytest
from faulty import Faulty, logprobs_of, question

from glx.llm.request import Answer
from glx.llm.server import LLMConfig

TEN = [question(n) for n in range(10)]


def p_of(n: int) -> float:
    normal, anomalous = logprobs_of(n)
    return exp(anomalous) / (exp(anomalous) + exp(normal))


def config(server: Faulty, **changes) -> LLMConfig:
    few = LLMConfig(llm_url=server.url, llm_patience=5.0, llm_batch=4, llm_concurrency=4)
    return replace(few, **changes)


def of_event(number: int, fault: str):
    """That fault wherever the event is asked about."""
    return lambda prompts: fault if any(f"event {number}<" in p for p in prompts) else None


def assert_all_answered(server: Faulty, answers: dict[str, Answer], requests=TEN) -> None:
    for n, request in enumerate(requests):
        assert answers[request.key].p == pytest.approx(p_of(n), abs=1e-12)
        assert answers[request.key].certain
    assert Counter(server.answered) == Counter(request.rendered for request in requests)
