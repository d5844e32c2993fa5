"""Every fault of a server, against a real one that has it: nothing lost, nothing asked twice."""

import threading
import time

import pytest
from asking import TEN, assert_all_answered, config, of_event
from faulty import ENDPOINTS, WORDS, WRONG_LISTS, Faulty, question

from glx.errors import OutsideError
from glx.llm.answer_cache import AnswerCache
from glx.llm.client import ask
from glx.llm.server import model_of

FAULTS = ["500", "502", "503", "408", "425", "429", "429 0", "hang", "close", "cut", "garbage"]
FAULTS += [
    "list",
    "no choice",
    "abort",
    "page",
    "packed",
    "drip",
    "drip body",
    "drip on",
    "endless",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_costs_nothing(fault, endpoint, cache):
    # Otherwise long: a busy machine's answers may be slow, too.
    seconds = 0.4 if fault == "hang" or fault.startswith("drip") else 4.0
    with Faulty([None, fault, fault]) as server:
        chosen = config(server, llm_endpoint=endpoint, llm_timeout=seconds)
        answers, costs = ask(TEN, WORDS, chosen, cache)
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


@pytest.mark.parametrize("fault", WRONG_LISTS)
def test_a_list_that_cannot_be_told_apart_is_asked_again(fault, cache):
    with Faulty([None, fault, fault]) as server:
        answers, costs = ask(TEN, WORDS, config(server), cache)
    assert_all_answered(server, answers)
    assert (costs.llm_calls, costs.abstained, len(cache)) == (10, 0, 10)


@pytest.mark.parametrize("fault", WRONG_LISTS)
def test_a_server_that_cannot_do_lists_is_asked_one_by_one(fault, cache):
    with Faulty(bad=lambda prompts: fault if len(prompts) > 1 else None) as server:
        answers, _ = ask(TEN, WORDS, config(server, llm_concurrency=1), cache)
    assert_all_answered(server, answers)
    lists = [body for body in server.bodies if len(body["prompt"]) > 1]
    assert 3 <= len(lists) <= 3 * 3  # each list is given three chances at most


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_single_question_with_two_answers_is_given_up(endpoint, cache):
    with (
        Faulty(bad=lambda prompts: "one twice") as server,
        pytest.raises(OutsideError, match="cannot be told apart"),
    ):
        ask(TEN, WORDS, config(server, llm_endpoint=endpoint, llm_patience=1.0), cache)
    assert len(cache) == 0


@pytest.mark.parametrize("fault", ["drip", "drip body", "drip on", "endless"])
def test_an_answer_without_end_is_given_up(fault, cache):
    with Faulty(bad=lambda prompts: fault) as server:
        began = time.monotonic()
        with pytest.raises(OutsideError, match=r"more than (0\.3 s|67,108,864 bytes)"):
            ask(TEN, WORDS, config(server, llm_timeout=0.3, llm_patience=1.0), cache)
    assert time.monotonic() - began < 4
    assert len(cache) == 0


def test_no_call_is_under_way_once_the_server_was_given_up(cache):
    with Faulty(bad=lambda prompts: "hang") as server:
        with pytest.raises(OutsideError):
            ask(TEN, WORDS, config(server, llm_timeout=60, llm_patience=0.5), cache)
        ours = [t for t in threading.enumerate() if t.name.endswith("(work)")]
        for thread in ours:
            thread.join(2)
        assert not any(thread.is_alive() for thread in ours)


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


def test_a_server_that_loads_for_ever():
    with (
        Faulty(models=["503"] * 1000) as server,
        pytest.raises(OutsideError, match="it answered 503"),
    ):
        model_of(config(server, llm_patience=0.3))


@pytest.mark.parametrize(
    ("status", "flag"),
    [
        ("401", "GLX_LLM_API_KEY"),
        ("402", "--llm_url"),
        ("403", "GLX_LLM_API_KEY"),
        ("404", "--llm_model"),
        ("405", "--llm_url"),
        ("410", "--llm_model"),
    ],
)
def test_a_server_that_has_changed_costs_no_answer(status, flag, cache):
    with (
        Faulty([None] + [status] * 9) as server,
        pytest.raises(OutsideError, match=rf"{status} no way: .*{flag}.*same command"),
    ):
        ask(TEN, WORDS, config(server, llm_concurrency=1), cache)
    assert len(cache) == 4


def test_a_prompt_that_breaks_the_server_does_not_cost_the_others(cache):
    with Faulty(bad=of_event(6, "500")) as server, pytest.raises(OutsideError):
        ask(TEN, WORDS, config(server, llm_patience=1.0), cache)
    assert set(cache.get(r.key for r in TEN)) == {r.key for r in TEN if r != TEN[6]}


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
    with Faulty() as server, pytest.raises(OutsideError, match=r"no space left.*--cache"):
        ask(many, WORDS, config(server, llm_batch=64), cache)
    with Faulty() as server, AnswerCache(tmp_path / "verdicts.sqlite") as roomy:
        kept = len(roomy)
        answers, costs = ask(many, WORDS, config(server, llm_batch=64), roomy)
    assert 0 < kept < 2000
    assert (len(answers), costs.cache_hits, len(server.answered)) == (2000, kept, 2000 - kept)
