"""Every fault of a server, against a real one that has it: nothing lost, nothing asked twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from math import exp
from pathlib import Path

import pytest
from faulty import ENDPOINTS, WORDS, Faulty, logprobs_of, question

from glx.errors import InputError, OutsideError, is_disk_full
from glx.generallog.cache import VerdictCache
from glx.generallog.chat import SETTINGS
from glx.generallog.expert import Costs
from glx.generallog.llm import ask
from glx.generallog.request import Answer
from glx.generallog.server import LLMConfig, model_of

TEN = [question(n) for n in range(10)]


def p_of(n: int) -> float:
    normal, anomalous = logprobs_of(n)
    return exp(anomalous) / (exp(anomalous) + exp(normal))


def config(server: Faulty, **changes) -> LLMConfig:
    quick = LLMConfig(
        llm_url=server.url, llm_patience=5.0, llm_timeout=0.4, llm_batch=4, llm_concurrency=4
    )
    return replace(quick, **changes)


@pytest.fixture
def cache(tmp_path):
    with VerdictCache(tmp_path / "verdicts.sqlite") as cache:
        yield cache


def assert_all_answered(server: Faulty, answers: dict[str, Answer], requests=TEN) -> None:
    for n, request in enumerate(requests):
        assert answers[request.key].p == pytest.approx(p_of(n), abs=1e-12)
        assert answers[request.key].certain
    assert Counter(server.answered) == Counter(request.rendered for request in requests)


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


def test_the_request_to_completions(cache):
    with Faulty() as server:
        ask(TEN[:2], WORDS, config(server), cache)
    assert server.bodies == [
        {
            "model": "tiny",
            "prompt": [
                "<system>Judge.<user>event 0<assistant>",
                "<system>Judge.<user>event 1<assistant>",
            ],
            "add_special_tokens": False,
            "logprobs": 20,
            "max_tokens": 16,
            "temperature": 0,
            "repetition_penalty": 1,
            "structured_outputs": {"choice": ["normal", "anomalous"]},
            "return_tokens_as_token_ids": True,
        }
    ]


def test_the_request_to_chat(cache):
    with Faulty() as server:
        ask(TEN[:1], WORDS, config(server, llm_endpoint="chat"), cache)
    assert server.bodies == [
        {
            "model": "tiny",
            "messages": [
                {"role": "system", "content": "Judge."},
                {"role": "user", "content": "event 0"},
            ],
            "chat_template_kwargs": SETTINGS,
            "logprobs": True,
            "top_logprobs": 20,
            "max_tokens": 16,
            "temperature": 0,
            "repetition_penalty": 1,
            "structured_outputs": {"choice": ["normal", "anomalous"]},
            "return_tokens_as_token_ids": True,
        }
    ]


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


FAULTS = ["500", "502", "503", "408", "425", "429", "429 0", "hang", "close", "cut", "garbage"]
FAULTS += ["list", "no choice", "abort"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_costs_nothing(fault, endpoint, cache):
    with Faulty([None, fault, fault]) as server:
        answers, costs = ask(TEN, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert_all_answered(server, answers)
    assert (costs.llm_calls, costs.abstained, len(cache)) == (10, 0, 10)
    assert not server.faults


def test_retry_after_is_honoured(cache):
    with Faulty(["429 1"]) as server:
        began = time.monotonic()
        answers, _ = ask(TEN[:1], WORDS, config(server), cache)
    assert time.monotonic() - began >= 1.0
    assert_all_answered(server, answers, TEN[:1])


def test_a_list_that_takes_too_long_is_cut_into_shorter_ones(cache):
    def slow(prompts):
        return "hang" if len(prompts) > 2 else None

    with Faulty(bad=slow) as server:
        answers, _ = ask(TEN, WORDS, config(server, llm_timeout=0.15), cache)
    assert_all_answered(server, answers)


def test_a_server_killed_halfway_and_restarted(cache):
    first = Faulty([None, "die"])
    reborn = []

    def restart():
        first.stopped.wait(5)
        time.sleep(0.2)
        reborn.append(Faulty(port=first.port))

    helper = threading.Thread(target=restart)
    helper.start()
    answers, _ = ask(TEN, WORDS, config(first, llm_concurrency=1), cache)
    helper.join()
    reborn[0].stop()
    assert len(first.answered) == 4
    reborn[0].answered += first.answered
    assert_all_answered(reborn[0], answers)


def test_a_server_that_comes_late(cache):
    with Faulty() as early:
        port = early.port
    late = []
    helper = threading.Timer(0.3, lambda: late.append(Faulty(port=port)))
    helper.start()
    answers, _ = ask(TEN, WORDS, config(early), cache)
    late[0].stop()
    assert_all_answered(late[0], answers)


@pytest.mark.parametrize("fault", ["500", "hang", "garbage", "list", "abort", "429 9"])
def test_patience_ends_and_answers_are_kept(fault, cache):
    with Faulty([None] + [fault] * 1000) as server:
        patient = config(server, llm_patience=0.6, llm_timeout=0.2, llm_concurrency=1)
        began = time.monotonic()
        with pytest.raises(OutsideError, match=r"no answer for 0\.6 seconds.*same command again"):
            ask(TEN, WORDS, patient, cache)
    assert time.monotonic() - began < 2
    assert set(cache.get(r.key for r in TEN)) == {r.key for r in TEN[:4]}


def test_nobody_there(cache):
    with Faulty() as server:
        gone = config(server, llm_patience=0.3)
    with pytest.raises(OutsideError, match="Connection refused"):
        ask(TEN, WORDS, gone, cache)
    with pytest.raises(OutsideError, match="Connection refused"):
        model_of(gone)


def test_the_model_is_the_first_that_a_server_names_once_loaded():
    with Faulty(models=["503", "", "big"]) as server:
        assert model_of(config(server)) == "big"
    assert model_of(LLMConfig(llm_model="mine")) == "mine"  # nobody is asked


def test_a_server_that_loads_for_ever():
    with (
        Faulty(models=["503"] * 1000) as server,
        pytest.raises(OutsideError, match="it answered 503"),
    ):
        model_of(config(server, llm_patience=0.3))


@pytest.mark.parametrize(
    ("status", "flag"),
    [("401", "GLX_LLM_API_KEY"), ("403", "GLX_LLM_API_KEY"), ("404", "--llm_model")],
)
def test_what_the_user_must_mend(status, flag, cache):
    with (
        Faulty([None] + [status] * 9) as server,
        pytest.raises(InputError, match=rf"{status} no way: .*{flag}"),
    ):
        ask(TEN, WORDS, config(server, llm_concurrency=1), cache)
    assert len(cache) == 4


@pytest.mark.parametrize("url", ["nonsense", "ftp://x/v1", "http://", "http://[::1", ""])
def test_no_url(url, cache):
    with pytest.raises(InputError, match="--llm_url"):
        ask(TEN, WORDS, LLMConfig(llm_url=url), cache)


def test_the_key_is_sent_and_never_shown(monkeypatch, cache):
    monkeypatch.setenv("GLX_LLM_API_KEY", " sesame \n")
    with Faulty([None, "401"]) as server:
        ask(TEN[:1], WORDS, config(server), cache)
        with pytest.raises(InputError) as error:
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
    def bad(prompts):
        return status if any("event 6" in prompt for prompt in prompts) else None

    with Faulty(bad=bad) as server:
        answers, costs = ask(TEN, WORDS, config(server, llm_endpoint=endpoint), cache)
    assert answers.pop(TEN[6].key) == Answer(None, False, "", 0, 0)
    assert sorted(answers) == sorted(r.key for r in TEN if r != TEN[6])
    assert (costs.llm_calls, costs.abstained) == (9, 1)
    assert len(server.answered) == len(cache) == 9  # a server with other limits may take it


def test_a_server_that_refuses_everything_is_not_an_abstention(cache):
    with (
        Faulty(bad=lambda prompts: "400") as server,
        pytest.raises(InputError, match=r"refuses every question.*400 no way"),
    ):
        ask(TEN, WORDS, config(server), cache)
    assert len(cache) == 0


def test_a_prompt_that_breaks_the_server_does_not_cost_the_others(cache):
    def bad(prompts):
        return "500" if any("event 6" in prompt for prompt in prompts) else None

    with Faulty(bad=bad) as server, pytest.raises(OutsideError):
        ask(TEN, WORDS, config(server, llm_patience=1.0), cache)
    assert set(cache.get(r.key for r in TEN)) == {r.key for r in TEN if r != TEN[6]}


def of_event(number: int, fault: str):
    """That fault wherever the event is asked about."""
    return lambda prompts: fault if any(f"event {number}<" in p for p in prompts) else None


@pytest.mark.parametrize("n", [0, 9])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_unusable_answer_among_others_is_an_abstention_for_good(n, endpoint, cache):
    with Faulty(bad=of_event(n, "other")) as server:
        one_by_one = config(server, llm_endpoint=endpoint, llm_concurrency=1, llm_batch=1)
        answers, costs = ask(TEN, WORDS, one_by_one, cache)
        again, hits = ask(TEN, WORDS, one_by_one, cache)
    assert (answers[TEN[n].key].p, answers[TEN[n].key].text) == (None, "Normal.")
    assert (costs.abstained, hits.abstained, hits.llm_calls) == (1, 1, 0)
    assert again == answers


@pytest.mark.parametrize("said", ["", "Normal.", "anomal"])
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
        server.said = "Normal."
        ask(TEN[4:], WORDS, config(server), cache)
        assert len(cache) == 10
        server.bad = lambda prompts: "no choice"
        more = [question(n) for n in range(10, 14)]
        _, costs = ask(more, WORDS, config(server), cache)
    assert (costs.abstained, len(cache)) == (4, 10)


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


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_server_that_never_chooses_is_given_up_when_patience_ends(endpoint, cache):
    with Faulty(bad=lambda prompts: "no choice") as server:
        began = time.monotonic()
        with pytest.raises(OutsideError, match=r"last: it answered without a choice"):
            ask(TEN, WORDS, config(server, llm_endpoint=endpoint, llm_patience=0.6), cache)
    assert 0.6 <= time.monotonic() - began < 2
    assert len(cache) == 0


def test_a_server_that_chooses_late(cache):
    with Faulty(["no choice"] * 12) as server:  # three lists, more often than each may abstain
        answers, _ = ask(TEN, WORDS, config(server), cache)
    assert_all_answered(server, answers)


def test_a_full_disk_is_said_and_what_was_kept_stays_whole(cache, tmp_path):
    many = [question(n) for n in range(2000)]
    [(pages,)] = cache.db.execute("PRAGMA page_count")
    cache.db.execute(f"PRAGMA max_page_count = {pages + 20}")
    with Faulty() as server, pytest.raises(OSError, match="No space") as error:
        ask(many, WORDS, config(server, llm_batch=64), cache)
    assert is_disk_full(error.value)
    with Faulty() as server, VerdictCache(tmp_path / "verdicts.sqlite") as roomy:
        kept = len(roomy)
        answers, costs = ask(many, WORDS, config(server, llm_batch=64), roomy)
    assert 0 < kept < 2000
    assert (len(answers), costs.cache_hits, len(server.answered)) == (2000, kept, 2000 - kept)


RUN = """
import sys
from faulty import WORDS, question
from glx.generallog.cache import VerdictCache
from glx.generallog.llm import ask
from glx.generallog.server import LLMConfig
config = LLMConfig(llm_url=sys.argv[1], llm_endpoint="chat", llm_concurrency=int(sys.argv[4]))
with VerdictCache(sys.argv[2]) as cache:
    answers, costs = ask([question(n) for n in range(int(sys.argv[3]))], WORDS, config, cache)
print(len(answers), costs.llm_calls)
"""


def start(server: Faulty, path: Path, questions: int, concurrency: int) -> subprocess.Popen:
    root = Path(__file__).parents[2]
    here = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(Path(__file__).parent)))}
    arguments = [server.url, str(path), str(questions), str(concurrency)]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        env=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_with_what_is_missing(how, tmp_path):
    path = tmp_path / "verdicts.sqlite"
    with Faulty([None] * 12 + ["hang"] * 2) as server:
        run = start(server, path, questions=20, concurrency=2)
        with VerdictCache(path) as cache:
            deadline = time.monotonic() + 30
            while len(cache) < 12 and time.monotonic() < deadline:
                time.sleep(0.02)
            run.send_signal(how)
            run.communicate(timeout=10)
            assert (run.returncode, len(cache)) == (-how, 12)
            requests = [question(n) for n in range(20)]
            answers, costs = ask(requests, WORDS, config(server), cache)
    assert (costs.cache_hits, costs.llm_calls) == (12, 8)
    assert_all_answered(server, answers, requests)


def test_two_processes_share_a_cache(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    with Faulty() as server:
        runs = [start(server, path, questions=n, concurrency=4) for n in (60, 100)]
        ends = [(run.communicate(timeout=60), run.returncode) for run in runs]
        assert [(out.split()[0], err, code) for (out, err), code in ends] == [
            ("60", "", 0),
            ("100", "", 0),
        ]
        with VerdictCache(path) as cache:
            requests = [question(n) for n in range(100)]
            answers, costs = ask(requests, WORDS, config(server), cache)
    assert costs.llm_calls == 0
    assert all(answers[r.key].p == pytest.approx(p_of(n)) for n, r in enumerate(requests))
