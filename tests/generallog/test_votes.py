"""One question in several wordings: what is asked, what the answers come to, what they cost."""

from dataclasses import replace
from math import inf, log

import numpy as np
import pytest
from expert_inputs import expert_input
from faulty import WORDS, Faulty, work_off
from scipy.special import expit
from tiny_chats import tiny_model

from glx.errors import InputError, Paused
from glx.generallog.experts import ExpertConfig, ExpertContext, make_expert
from glx.generallog.knowledge import build
from glx.generallog.prompt import PromptConfig
from glx.generallog.wordings import WORDINGS, average, reason
from glx.llm.chat import ChatFormat
from glx.llm.request import ANOMALOUS, NORMAL, Answer
from glx.llm.server import LLMConfig

NOTHING = ExpertContext(build([], np.zeros((0, 2), np.float32)), k=5)
TEXTS = ["disk failed", "tick"]
ROWS = [[0], [1]]


def answer(p, *, certain=True, text=None):
    return Answer(p, certain, text or (ANOMALOUS if p >= 0.5 else NORMAL), 7, 2)


HIGH, LOW = answer(0.9), answer(0.2)
CHOSE, CHOSE_NOT = answer(1.0, certain=False), answer(0.0, certain=False)
UNUSABLE = answer(None, certain=False, text="who knows")


@pytest.mark.parametrize(
    ("answers", "p", "words"),
    [
        ([HIGH], 0.9, "anomalous (probability of an anomaly 0.90)"),
        ([CHOSE], 1.0, "anomalous (probability of an anomaly 1.00, without both log-prob"),
        ([HIGH, LOW], 0.6, "anomalous (probability of an anomaly 0.60, so 1 of 2 wordings)"),
        ([LOW, HIGH, LOW], expit((2 * log(1 / 4) + log(9)) / 3), "so 2 of 3 wordings)"),
        ([UNUSABLE, HIGH, UNUSABLE], 0.9, "so 1 of 3 wordings)"),
        ([HIGH, CHOSE_NOT], 0.9, "so 1 of 2 wordings)"),
        ([CHOSE, CHOSE_NOT, CHOSE], 2 / 3, "so 2 of 3 wordings, without both log-probabilities)"),
        ([UNUSABLE, CHOSE_NOT], 0.0, "normal (probability of an anomaly 0.00, so 1 of 2"),
        ([UNUSABLE, UNUSABLE], None, "the model gave no usable answer ('who knows')"),
    ],
)
def test_log_odds_are_averaged_over_the_usable_answers(answers, p, words):
    assert average(answers).p == (p if p is None else pytest.approx(p))
    assert words in reason(answers)


def test_a_single_answer_stays_as_it_is():
    for one in (HIGH, CHOSE, UNUSABLE, answer(1e-9)):
        assert average([one]) is one


def test_a_certain_answer_does_not_drown_the_others():
    sure = average([answer(1.0), answer(expit(-4.0)), answer(expit(-8.0))])
    assert sure.p == pytest.approx(expit((10 - 4 - 8) / 3))


def by_wording(log_odds):
    """Says these log-odds of an anomaly in the wordings; of what only ticks, much lower ones."""

    def said(prompt):
        if "Say why" in prompt:
            return "it says failed"
        n = next(n for n, wording in enumerate(WORDINGS) if wording.question in prompt)
        x = log_odds[n] - 5 * ("tick" in prompt)
        return "who knows" if x == -inf else (-log(1 + np.exp(x)), -log(1 + np.exp(-x)))

    return said


@pytest.fixture
def tokenizer(tmp_path, monkeypatch):
    monkeypatch.setattr(ChatFormat, "words", lambda self: WORDS)
    return tiny_model("chatml", tmp_path / "tokenizer")


def asked(url, tokenizer, votes, context=NOTHING, cache=None, **settings):
    """Answers on `ROWS`."""
    config = ExpertConfig(
        **{"expert": "vllm"} | settings.pop("expert", {}),
        prompt=PromptConfig(votes=votes),
        llm=LLMConfig(
            llm_url=url, llm_model="m", llm_tokenizer=tokenizer, cache=cache, llm_patience=2,
            **settings,
        ),
    )  # fmt: skip
    return make_expert(config, context)(expert_input(ROWS, TEXTS))


def test_each_wording_is_asked_and_counted(tokenizer):
    with Faulty(said=by_wording([2.0, 0.5, -1.0])) as server:
        found = asked(server.url, tokenizer, 3)
    np.testing.assert_allclose(found.log_odds, [0.5, -4.5], rtol=1e-5)
    assert found.reasons == [
        "the model says anomalous (probability of an anomaly 0.62, so 2 of 3 wordings)",
        "the model says normal (probability of an anomaly 0.01, so 3 of 3 wordings)",
    ]
    assert len(set(server.answered)) == len(server.answered) == 6
    costs = found.costs
    assert (costs.questions, costs.llm_calls, costs.abstained) == (2, 6, 0)
    assert costs.llm_tokens_in == sum(map(len, server.answered))
    assert costs.llm_tokens_out == 2 * 6


def test_an_unusable_wording_is_left_out_and_none_abstains(tokenizer):
    with Faulty(said=by_wording([2.0, -inf, 0.0])) as server:
        found = asked(server.url, tokenizer, 3)
    np.testing.assert_allclose(found.log_odds, [1.0, -4.0], rtol=1e-5)
    assert (found.costs.questions, found.costs.abstained) == (2, 0)

    def only_ticks(prompt):
        return (-0.1, -2.0) if "tick" in prompt else "who knows"

    with Faulty(said=only_ticks) as server:
        found = asked(server.url, tokenizer, 2)
    assert np.isnan(found.log_odds).tolist() == [True, False]
    assert found.costs.abstained == 1
    assert found.reasons[0] == "the model gave no usable answer ('who knows')"


def test_more_votes_ask_the_further_wordings_alone(tokenizer, tmp_path):
    kept = str(tmp_path / "verdicts.sqlite")
    with Faulty(said=by_wording([2.0, 0.5, -1.0])) as server:
        one = asked(server.url, tokenizer, 1, cache=kept)
        three = asked(server.url, tokenizer, 3, cache=kept)
        again = asked(server.url, tokenizer, 1, cache=kept)
    assert len(set(server.answered)) == len(server.answered) == 6
    assert (three.costs.cache_hits, three.costs.llm_calls) == (2, 4)
    assert (again.costs.cache_hits, again.costs.llm_calls) == (2, 0)
    np.testing.assert_array_equal(one.log_odds, again.log_odds)
    assert one.reasons == again.reasons
    assert one.log_odds[0] == pytest.approx(2.0, rel=1e-5)


def test_one_reason_is_asked_for_whatever_the_first_wording_said(tokenizer):
    with Faulty(said=by_wording([-0.5, 2.0, 2.0])) as server:
        found = asked(server.url, tokenizer, 3, llm_reason=True)
    assert found.reasons[0] == "it says failed"
    assert found.costs.llm_calls == 7
    assert found.costs.questions == 2


def test_a_batch_holds_every_wording_and_replay_reads_them(tokenizer, tmp_path):
    said = by_wording([2.0, 0.5, -1.0])
    with Faulty(said=said) as server:
        chat = asked(server.url, tokenizer, 2, llm_endpoint="chat")
    context = replace(NOTHING, folder=tmp_path)
    with pytest.raises(Paused, match="4 requests"):
        asked(server.url, tokenizer, 2, context, expert={"expert": "batch"})
    responses = tmp_path / "responses.jsonl"
    responses.write_text("\n".join(work_off(tmp_path / "prompts.jsonl", said)))
    replay = {"expert": "replay", "responses": str(responses)}
    found = asked(server.url, tokenizer, 2, expert=replay)
    np.testing.assert_array_equal(found.log_odds, chat.log_odds)
    assert (found.reasons, found.costs) == (chat.reasons, chat.costs)
    with pytest.raises(InputError, match="2 of 6 responses are missing"):
        asked(server.url, tokenizer, 3, expert=replay)
