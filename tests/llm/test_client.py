"""Requests to a server and its answers: what is sent, what it costs, what counts as an answer."""

import pytest
from asking import TEN, assert_all_answered, config, of_event, p_of
from faulty import ENDPOINTS, WORDS, Faulty, question

from glx.errors import InputError, OutsideError
from glx.llm.chat import SETTINGS
from glx.llm.client import ask
from glx.llm.request import Answer, Costs
from glx.llm.server import LLMConfig, model_of


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_answers_and_what_they_cost(endpoint, cache):
    seen = []
    with Faulty() as server:
        answers, costs = ask(
            TEN + TEN[:3],
            WORDS,
            config(server, llm_endpoint=endpoint),
            cache,
            lambda *now: seen.append(now),
        )
    assert_all_answered(server, answers)
    tokens = sum(len(request.rendered) for request in TEN)
    assert costs == Costs(questions=10, llm_calls=10, llm_tokens_in=tokens, llm_tokens_out=20)
    assert answers[TEN[3].key] == Answer(
        answers[TEN[3].key].p, True, "anomalous", len(TEN[3].rendered), 2
    )
    assert seen[0] == (0, 10, 0)
    assert seen[-1] == (10, 10, tokens + 20)
    assert len(server.bodies) == (3 if endpoint == "completions" else 10)


def test_a_second_run_asks_nothing_at_either_endpoint(cache):
    with Faulty() as server:
        first, _ = ask(TEN, WORDS, config(server), cache)
        second, costs = ask(TEN, WORDS, config(server, llm_endpoint="chat"), cache)
    assert first == second
    assert costs == Costs(questions=10, cache_hits=10)
    assert len(server.answered) == 10


def test_what_is_known_needs_no_server(cache):
    cache.put({TEN[0].key: Answer(0.5, True, "normal", 1, 1)})
    answers, _ = ask(TEN[:1], WORDS, LLMConfig(llm_url="http://127.0.0.1:9/v1"), cache)
    assert answers[TEN[0].key].p == 0.5
    assert ask([], WORDS, LLMConfig(), cache) == ({}, Costs())


DECODING = {
    "model": "tiny",
    "max_tokens": 16,
    "temperature": 0,
    "repetition_penalty": 1,
    "structured_outputs": {"choice": ["normal", "anomalous"]},
    "return_tokens_as_token_ids": True,
}
PROMPTS = [f"<system>Judge.<user>event {n}<assistant>" for n in (0, 1)]
MESSAGES = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "event 0"}]
CHAT = {"messages": MESSAGES, "chat_template_kwargs": SETTINGS, "logprobs": True}


@pytest.mark.parametrize(
    ("endpoint", "n", "body"),
    [
        ("completions", 2, {"prompt": PROMPTS, "add_special_tokens": False, "logprobs": 20}),
        ("chat", 1, CHAT | {"top_logprobs": 20}),
    ],
)
def test_the_request(endpoint, n, body, cache):
    with Faulty() as server:
        ask(TEN[:n], WORDS, config(server, llm_endpoint=endpoint), cache)
    assert server.bodies == [DECODING | body]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_reasons_are_one_line_and_have_no_probability(endpoint, cache):
    requests = [question(n, kind="reason") for n in range(2)]
    with Faulty(said=" the disk\tfailed\u202e\n") as server:
        answers, costs = ask(requests, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert {(a.p, a.text) for a in answers.values()} == {(None, "the disk failed")}
    assert (costs.abstained, costs.uncertain) == (0, 0)
    for body in server.bodies:
        assert body["structured_outputs"] == {"regex": r"[^\n\r]+"}
        assert (body["max_tokens"], body.get("logprobs")) == (64, None)


def test_the_model_is_the_first_that_a_server_names_once_loaded():
    with Faulty(models=["503", "", "big"]) as server:
        assert model_of(config(server)) == "big"
    assert model_of(LLMConfig(llm_model="mine")) == "mine"  # nobody is asked


@pytest.mark.parametrize("url", ["nonsense", "ftp://x/v1", "http://", "http://[::1", ""])
def test_no_url(url, cache):
    with pytest.raises(InputError, match="--llm_url"):
        ask(TEN, WORDS, LLMConfig(llm_url=url), cache)


def test_the_key_is_sent_and_never_shown(monkeypatch, cache):
    monkeypatch.setenv("GLX_LLM_API_KEY", " sesame \n")
    with Faulty([None, "401"]) as server:
        ask(TEN[:1], WORDS, config(server), cache)
        with pytest.raises(OutsideError) as error:
            ask(TEN[1:2], WORDS, config(server), cache)
    assert server.keys == ["Bearer sesame"] * 2
    assert "sesame" not in str(error.value)
    with pytest.raises(InputError) as error:
        ask(TEN[1:], WORDS, LLMConfig(llm_url="http://me:sesame@127.0.0.1:1/v1"), cache)
    assert "sesame" not in str(error.value)
    monkeypatch.setenv("GLX_LLM_API_KEY", "sés\name")
    with pytest.raises(InputError, match="GLX_LLM_API_KEY"):
        ask(TEN[1:], WORDS, LLMConfig(), cache)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("status", ["400", "413", "422"])
def test_only_the_prompt_that_is_refused_abstains(status, endpoint, cache):
    with Faulty(bad=of_event(6, status)) as server:
        answers, costs = ask(TEN, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert answers.pop(TEN[6].key) == Answer(None, False, "", 0, 0)
    assert sorted(answers) == sorted(r.key for r in TEN if r != TEN[6])
    assert (costs.llm_calls, costs.abstained) == (9, 1)
    assert len(server.answered) == len(cache) == 9  # a server with other limits may take it


def test_a_server_that_refuses_everything_is_not_an_abstention(cache):
    with (
        Faulty(bad=lambda prompts: "400") as server,
        pytest.raises(OutsideError, match=r"refuses every question.*400 no way"),
    ):
        ask(TEN, WORDS, config(server), cache)
    assert len(cache) == 0


@pytest.mark.parametrize("n", [0, 9])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_unusable_answer_is_an_abstention_but_not_for_good(n, endpoint, cache):
    with Faulty(bad=of_event(n, "other")) as server:
        one_by_one = config(server, llm_endpoint=endpoint, llm_concurrency=1, llm_batch=1)
        answers, costs = ask(TEN, WORDS, one_by_one, cache)
        again, hits = ask(TEN, WORDS, one_by_one, cache)
        assert again == answers
        server.bad = lambda prompts: None
        mended, _ = ask(TEN, WORDS, one_by_one, cache)
    assert (answers[TEN[n].key].p, answers[TEN[n].key].text) == (None, "who knows")
    assert (costs.abstained, hits.abstained, hits.llm_calls) == (1, 1, 1)
    assert mended[TEN[n].key].p == pytest.approx(p_of(n))


def test_an_abstention_that_an_earlier_glx_kept_is_asked_again(cache):
    cache.put({TEN[0].key: Answer(None, False, "Normal.", 9, 2)})
    with Faulty() as server:
        for calls in (1, 0):
            answers, costs = ask(TEN[:1], WORDS, config(server), cache)
            assert (answers[TEN[0].key].p, costs.llm_calls) == (pytest.approx(p_of(0)), calls)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_choice_in_other_words_counts_without_log_probabilities(endpoint, cache):
    with Faulty(said='{"verdict": "Anomalous"}') as server:
        answers, costs = ask(TEN, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert {(a.p, a.certain, a.text) for a in answers.values()} == {(1.0, False, "anomalous")}
    assert (costs.abstained, costs.uncertain, len(cache)) == (0, 10, 10)


@pytest.mark.parametrize("said", ["", "Normal or not.", "anomal"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_server_without_one_usable_answer_is_asked_again_once_it_is_mended(said, endpoint, cache):
    with Faulty(said=said) as server:
        answers, costs = ask(TEN, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert {(a.p, a.text) for a in answers.values()} == {(None, said)}
    assert (costs.abstained, len(cache)) == (10, 0)
    with Faulty() as server:
        answers, _ = ask(TEN, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert_all_answered(server, answers)


def test_calls_with_one_cache_are_one_run(cache):
    with Faulty() as server:
        ask(TEN[:4], WORDS, config(server), cache)
        server.said = "who knows"
        ask(TEN[4:], WORDS, config(server), cache)
        assert len(cache) == 4
        server.bad = lambda prompts: "no choice"
        more = [question(n) for n in range(10, 14)]
        _, costs = ask(more, WORDS, config(server), cache)
    assert (costs.abstained, len(cache)) == (4, 4)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_question_without_a_choice_abstains_but_not_for_good(endpoint, cache):
    with Faulty(bad=of_event(6, "no choice")) as server:
        one_by_one = config(server, llm_endpoint=endpoint, llm_batch=1)
        answers, costs = ask(TEN, WORDS, one_by_one, cache)
        assert answers[TEN[6].key] == Answer(None, False, "", 0, 0)
        assert (costs.abstained, len(server.bodies), len(cache)) == (1, 9 + 3, 9)
        server.bad = lambda prompts: None
        answers, _ = ask(TEN, WORDS, one_by_one, cache)
    assert_all_answered(server, answers)
