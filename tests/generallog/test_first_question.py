"""A server is asked before any work, and what most answers say in the end is looked at."""

import socket
from dataclasses import replace

import numpy as np
import pytest
from expert_inputs import expert_input
from faulty import ENDPOINTS, WORDS, Faulty, work_off
from tiny_chats import tiny_model

from glx.errors import InputError, OutsideError, Paused
from glx.generallog.experts import ExpertConfig, ExpertContext, make_expert, prepare
from glx.generallog.knowledge import build
from glx.llm.chat import ChatFormat
from glx.llm.server import LLMConfig

NOTHING = ExpertContext(build([], np.zeros((0, 2), np.float32)), k=5)
TEXTS = [f"disk {word} failed" for word in "abcdefghi"]
ROWS = [[n] for n in range(9)]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(ChatFormat, "words", lambda self: WORDS)
    folder = tiny_model("chatml", tmp_path / "tokenizer")

    def of(url: str, **settings) -> ExpertConfig:
        given = {"llm_model": "m", "llm_tokenizer": folder, "llm_patience": 0.6, "cache": None}
        return ExpertConfig("vllm", llm=LLMConfig(llm_url=url, **given | settings))

    return of


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_good_server_is_asked_once_and_nothing_is_said(config, endpoint):
    said = []
    with Faulty() as server:
        prepare(config(server.url, llm_endpoint=endpoint), said.append)
    assert (server.first, server.bodies, said) == (1, [], [])


@pytest.mark.parametrize(
    ("fault", "flag"),
    [
        ("400", "--llm_model"), ("401", "GLX_LLM_API_KEY"), ("402", "--llm_url"),
        ("403", "GLX_LLM_API_KEY"), ("404", "--llm_model"), ("405", "--llm_url"),
        ("410", "--llm_model"), ("422", "--llm_url"), ("301", "--llm_url"), ("302", "--llm_url"),
        ("307", "/elsewhere"), ("308", "--llm_url"), ("page", "--llm_url"),
    ],
)  # fmt: skip
def test_what_is_wrong_from_the_beginning_is_the_users(config, fault, flag):
    with Faulty(at_first=fault) as server, pytest.raises(InputError, match=flag):
        prepare(config(server.url, llm_patience=60.0))
    assert server.first == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999/v1", "http://127.0.0.1:0/v1", "http://127.0.0.1:-1/v1",
        "ftp://127.0.0.1/v1", "127.0.0.1:8000", f"http://{'x' * 64}.example/v1", "http://a..b/v1",
    ],
)  # fmt: skip
def test_what_is_no_url(config, url):
    with pytest.raises(InputError, match="--llm_url"):
        prepare(config(url))


def test_a_server_without_tls(config):
    with Faulty() as server, pytest.raises(InputError, match=r"--llm_url.*http"):
        prepare(config(server.url.replace("http:", "https:"), llm_patience=60.0))


@pytest.mark.parametrize(
    "fault", ["500", "503", "garbage", "no choice", "drip", "hang", "close", "no server"]
)
def test_a_server_out_of_reach_is_waited_for_and_given_up(config, fault):
    said = []
    with Faulty(at_first=fault) as server:
        if fault == "no server":
            server.stop()
        with pytest.raises(OutsideError, match=r"--llm_url.*no answer for 0\.6 seconds"):
            prepare(config(server.url, llm_timeout=0.3), said.append)
    assert len(said) == 1
    assert "waiting" in said[0]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("empty", [{"at_first": "no choice"}, {"said": ""}, {"said": " \n"}])
def test_a_server_whose_first_answer_is_empty_is_given_up_before_the_work(config, empty, endpoint):
    with Faulty(**empty) as server, pytest.raises(OutsideError, match=r"--llm_url.*empty"):
        prepare(config(server.url, llm_endpoint=endpoint))
    assert server.first > 1


def test_a_server_that_answered_before_is_not_needed(config, tmp_path):
    kept = {"cache": str(tmp_path / "kept.sqlite")}
    with Faulty() as server:
        prepare(config(server.url, **kept))
    said = []
    prepare(config(server.url, **kept), said.append)
    assert "going on" in said[0]
    with pytest.raises(OutsideError):
        prepare(config(server.url, llm_model="another", **kept))
    with Faulty(port=server.port, at_first="401"), pytest.raises(InputError, match="KEY"):
        prepare(config(server.url, **kept))


def test_a_first_answer_that_is_no_choice_is_said(config):
    said = []
    with Faulty(said="\x1b[31mOui\u202e") as server:
        prepare(config(server.url), said.append)
    assert "Oui" in said[0]
    assert said[0].isprintable()


def half_known(share: float):
    """Says no choice on the first `share` of the events."""
    unknown = [f"disk {word} " for word in "abcdefghi"[: round(9 * share)]]
    return lambda prompt: "Oui" if any(one in prompt for one in unknown) else (-0.1, -3.0)


def test_a_run_ends_where_more_than_a_third_of_the_answers_are_unusable(config, tmp_path):
    context, inputs = replace(NOTHING, folder=tmp_path), expert_input(ROWS, TEXTS)
    kept = {"cache": str(tmp_path / "kept.sqlite")}
    with Faulty(said=half_known(3 / 9)) as server:
        found = make_expert(config(server.url), context)(inputs)
        assert found.costs.abstained == np.isnan(found.log_odds).sum() == 3
        server.said = half_known(4 / 9)
        with pytest.raises(OutsideError, match=r"4 of 9 questions.*'Oui' \(4 times\).*kept"):
            make_expert(config(server.url, **kept), context)(inputs)
        server.said = half_known(0)
        mended = make_expert(config(server.url, **kept), context)(inputs)
    assert (mended.costs.abstained, mended.costs.cache_hits, mended.costs.llm_calls) == (0, 5, 4)


def test_a_stream_goes_on_until_it_has_asked_enough_or_ends(config):
    with Faulty(said="Oui") as server:
        expert = make_expert(config(server.url), NOTHING)
        for _ in range(5):
            assert np.isnan(expert(expert_input(ROWS, TEXTS)).log_odds).all()
        with pytest.raises(OutsideError, match="45 of 45"):
            expert.finish()
        with pytest.raises(OutsideError, match="54 of 54"):
            expert(expert_input(ROWS, TEXTS))


def test_a_batch_needs_no_server_no_hub_and_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    llm = LLMConfig(llm_url="http://127.0.0.1:9/v1", cache=None)
    context, inputs = replace(NOTHING, folder=tmp_path), expert_input(ROWS, TEXTS)
    for model in (None, "some/model"):
        batch, said = ExpertConfig("batch", llm=replace(llm, llm_model=model)), []
        prepare(batch, said.append)
        assert ["--llm_tokenizer" in one for one in said] == [True]
        with pytest.raises(Paused, match=r"9 requests of .*ships with glx"):
            make_expert(batch, context)(inputs)
        answers = work_off(tmp_path / "prompts.jsonl", lambda prompt: (-2.0, -0.2))
        (tmp_path / "responses.jsonl").write_text("\n".join(answers))
        replay = replace(batch, expert="replay", responses=str(tmp_path / "responses.jsonl"))
        found = make_expert(replay, context)(inputs)
        # Its log-probabilities are of tokens that nobody knows here; the words count.
        assert (found.costs.abstained, found.costs.uncertain) == (0, 9)
        assert (found.log_odds > 0).all()
    (tmp_path / "responses.jsonl").write_text("\n".join(answers).replace('"anomalous"', '"Oui"'))
    with pytest.raises(OutsideError, match="--responses"):
        make_expert(replay, context)(inputs)


def test_a_port_that_speaks_something_else(config):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(5)
        port = other.getsockname()[1]
        with pytest.raises(OutsideError, match="--llm_url"):
            prepare(config(f"http://127.0.0.1:{port}/v1", llm_timeout=0.2))
