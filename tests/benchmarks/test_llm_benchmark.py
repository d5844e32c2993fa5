"""A real server answers all subjects; the bare loop sends what ours sends, other prompts apart."""

import pytest

from experiments.benchmarks import llm
from glx.llm import wire


@pytest.mark.vllm
def test_subjects_ask_a_real_server_alike(vllm_server, monkeypatch):
    sent: list[dict] = []
    body = wire.completions_body

    def noted(requests):
        sent.append(body(requests))
        return sent[-1]

    monkeypatch.setattr(wire, "completions_body", noted)

    def calls_of(subject) -> tuple[list[int], list[dict], set[str]]:
        """Prompts in each call of a repeat, smallest list first; settings; prompts."""
        sent.clear()
        ready = subject(vllm_server.url, vllm_server.model, prompts=70, first=first[subject])
        assert ready.amount == 70
        del sent[len(sent) // llm.SETS :]  # those made ahead for the other repeats
        ready.run()
        settings = [{k: v for k, v in call.items() if k != "prompt"} for call in sent]
        prompts = [prompt for call in sent for prompt in call["prompt"]]
        assert len(prompts) == 70
        return sorted(len(call["prompt"]) for call in sent), settings, set(prompts)

    first = {llm.ours: 0, llm.bare_loop: 1, llm.one_by_one: 2}
    ours, bare, alone = map(calls_of, first)
    assert ours[0] == bare[0] == [6, 64]
    assert alone[0] == [1] * 70
    assert ours[1] == bare[1]
    assert not ours[2] & bare[2]
    assert not ours[2] & alone[2]
