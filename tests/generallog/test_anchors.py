"""Events of known outcome: which are asked about, and how they set a model's answers right."""

from dataclasses import replace

import numpy as np
import pytest
from expert_inputs import expert_input
from faulty import WORDS, Faulty
from scipy.special import expit
from tiny_chats import tiny_model

from glx.errors import InputError, Paused
from glx.generallog import anchors
from glx.generallog.entries import EVENT, NOTE, Entry
from glx.generallog.experts import ExpertConfig, ExpertContext, make_expert
from glx.generallog.knowledge import build
from glx.generallog.prompt import PromptConfig
from glx.generallog.wordings import WORDINGS
from glx.llm.chat import ChatFormat
from glx.llm.request import ANOMALOUS, NORMAL
from glx.llm.server import LLMConfig


def event(text, system, normal, anomalous):
    label = ANOMALOUS if anomalous > normal else NORMAL
    return Entry(text, EVENT, system, label, normal, anomalous, prevalence=0.1)


KNOWN = [
    event("vms failed", "vms", 0, 50),
    event("vms stuck", "vms", 1, 40),
    event("ras failed", "ras", 0, 5),
    event("vms tick", "vms", 900, 0),
    event("ras tick", "ras", 200, 0),
    event("ras tock", "ras", 100, 0),
    Entry("a user's failed", NOTE, None, ANOMALOUS),
    Entry("seen in both", EVENT, "ras", "mixed", 30, 20, 0.1),
]


def test_the_clearest_of_each_system_in_turn_half_of_them_anomalous():
    def texts(n):
        return [KNOWN[row].text for row in anchors.choose(KNOWN, n)]

    assert texts(0) == []
    assert texts(2) == ["vms failed", "vms tick"]
    assert texts(4) == ["ras failed", "ras tick", "vms failed", "vms tick"]
    assert texts(100) == [
        "ras failed", "ras tick", "ras tock", "vms failed", "vms stuck", "vms tick",
    ]  # fmt: skip


@pytest.mark.parametrize("label", [NORMAL, ANOMALOUS])
def test_anchors_of_one_label_alone_are_none(label):
    some = [entry for entry in KNOWN if entry.label != label]
    with pytest.raises(InputError, match=f"--anchors=4: no event of the sources is .* {label};"):
        anchors.choose(some, 4)


X = np.tile([-4.0, -3, -2, 1, -1, 2, 3, 4], 5)  # a quarter reads like the other label
Y = np.tile(np.arange(8) >= 4, 5)


@pytest.mark.parametrize("shift", [-4.0, -2.0, 0.0, 3.0])
def test_what_a_model_says_too_readily_or_too_rarely_is_taken_back(shift):
    slope, found = anchors.fit(expit(X + shift), Y)
    assert 0.5 < slope <= 1
    assert anchors.corrected(expit(np.array([shift])), slope, found) == pytest.approx(0.5, abs=0.1)


def test_too_sure_a_model_is_made_less_sure_and_no_model_surer():
    assert anchors.fit(expit(4 * X), Y)[0] < 0.4
    assert anchors.fit(expit(0.2 * X), Y)[0] == 1


def test_nothing_known_changes_nothing():
    same = np.float32([0.1, 0.5, 0.9])
    for p, y in (([], []), ([np.nan, 0.9], [False, True]), ([0.2, 0.4], [False, False])):
        assert anchors.fit(np.array(p), np.array(y, dtype=bool)) == (1, 0)
    np.testing.assert_allclose(anchors.corrected(same, 1, 0), same, rtol=1e-6)
    assert np.isnan(anchors.corrected(np.float32([np.nan]), 0.5, 1)).all()


def test_labels_weigh_the_same_however_many_answers_were_usable():
    one = anchors.fit(expit(X), Y)
    usable = np.concatenate([expit(X), np.tile(expit(X[:4]), 5), [np.nan]])
    other = anchors.fit(usable, np.concatenate([Y, np.tile(Y[:4], 5), [True]]))
    assert other == pytest.approx(one, abs=0.1)


@pytest.fixture
def context():
    vectors = np.eye(10, dtype=np.float32)[: len(KNOWN)]
    return ExpertContext(build(KNOWN, vectors), k=5)


@pytest.fixture
def tokenizer(tmp_path, monkeypatch):
    monkeypatch.setattr(ChatFormat, "words", lambda self: WORDS)
    return tiny_model("chatml", tmp_path / "tokenizer")


def marked(prompt):
    return next(line for line in prompt.splitlines() if line.startswith(">>> "))


def biased(prompt):
    """Says `anomalous` of everything; of what failed more so."""
    x = 4.0 if "failed" in marked(prompt) else 1.0
    return float(-np.log1p(np.exp(x))), float(-np.log1p(np.exp(-x)))


def judge(url, tokenizer, context, *, expert="vllm", votes=2, n=4, cache=None):
    config = ExpertConfig(
        expert,
        anchors=n,
        prompt=PromptConfig(votes=votes),
        llm=LLMConfig(llm_url=url, llm_model="m", llm_tokenizer=tokenizer, cache=cache),
    )
    vectors = np.eye(10, dtype=np.float32)[:2]
    inputs = expert_input([[0], [1]], ["disk failed", "disk well"], vectors=vectors)
    return make_expert(config, context)(inputs)


def test_a_model_that_calls_everything_anomalous_is_set_right(tokenizer, context, tmp_path):
    kept = str(tmp_path / "verdicts.sqlite")
    with Faulty(said=biased) as server:
        plain = judge(server.url, tokenizer, context, n=0, cache=kept)
        found = judge(server.url, tokenizer, context, cache=kept)
        again = judge(server.url, tokenizer, context, cache=kept)
    np.testing.assert_allclose(plain.log_odds, [4.0, 1.0], rtol=1e-4)
    slope, shift = anchors.fit(expit(np.array([4.0, 1, 4, 1])), np.array([1, 0, 1, 0], bool))
    np.testing.assert_allclose(found.log_odds, slope * np.array([4, 1]) + shift, atol=1e-3)
    assert found.log_odds[0] > 0 > found.log_odds[1]
    assert found.reasons[1] == (
        "the model says anomalous (probability of an anomaly 0.73, so 2 of 2 wordings); "
        f"{expit(found.log_odds[1]):.2f} by 4 anchors"
    )
    assert plain.reasons[1] == found.reasons[1].split("; ")[0]
    assert (plain.costs.llm_calls, found.costs.llm_calls, again.costs.llm_calls) == (4, 8, 0)
    assert plain.costs.questions == found.costs.questions == again.costs.questions == 2
    np.testing.assert_array_equal(found.log_odds, again.log_odds)


def test_an_anchor_is_asked_about_without_its_own_label(tokenizer, context):
    with Faulty(said=biased) as server:
        judge(server.url, tokenizer, context, votes=1)
    assert len(server.answered) == 6
    about = [prompt for prompt in server.answered if "disk" not in marked(prompt)]
    for prompt in about:
        text = marked(prompt).removeprefix(">>> ")
        known = prompt.split("Events of the system in question")[0]
        assert text not in known
        assert f"<system>{'vms' if 'vms' in text else 'ras'}</system>" not in known
        assert f"<system>{'ras' if 'vms' in text else 'vms'}</system>" in known
        assert WORDINGS[0].question in prompt


def test_a_batch_holds_the_anchors(tokenizer, context, tmp_path):
    with pytest.raises(Paused, match="12 requests"):
        judge("http://127.0.0.1:1/v1", tokenizer, replace(context, folder=tmp_path), expert="batch")


def test_sources_that_know_nothing_are_named_when_the_expert_is_made(tokenizer):
    nothing = ExpertContext(build([], np.zeros((0, 10), np.float32)), k=5)
    with pytest.raises(InputError, match="--known_sources"):
        judge("http://127.0.0.1:1/v1", tokenizer, nothing)
