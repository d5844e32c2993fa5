"""GeneralLog with a part switched off: one route, routes by lot, nothing known of sources."""

from dataclasses import replace

import numpy as np
import pytest
from rows import sequences, unique
from tiny_chats import tiny_model
from tiny_general import TEXTS, fit, read, untrained

from glx.data.load import LogParser
from glx.generallog import experts
from glx.generallog.detector import expert_input
from glx.generallog.prompt import PromptConfig, to_requests
from glx.generallog.questions import collapse
from glx.generallog.route import route
from glx.llm import chat
from glx.parse.miner import Miner
from glx.runs import detectors
from glx.sequences import Templates

ASKED = [[0, 1], [0, 3, 1], [0, 2, 1], [0], [1, 3], [0, 0, 2]]


@pytest.fixture(scope="module")
def base():
    return untrained()


def judge(fitted):
    return fitted.judge(sequences(*ASKED), read())


def test_without_routes_the_expert_judges_all_or_is_never_asked(base, monkeypatch):
    centred = judge(fit(base))
    assert {*centred.routes} == {"general", "proprietary"}
    assert centred.metrics["stamps"] == []
    every = judge(fit(base, "proprietary"))
    assert {*every.routes} == {"proprietary"}
    assert all(every.reasons)
    assert np.isfinite(every.scores).all()
    assert (every.metrics["share_proprietary"], every.metrics["stamps"]) == (1.0, [])
    none = fit(base, "general")
    monkeypatch.setattr(experts, "make_expert", None)
    by_zerolog, told = judge(base), judge(none)
    assert {*told.routes} == {"general"}
    flagged = by_zerolog.scores >= np.float32(base.threshold)
    assert (told.scores >= none.threshold).tolist() == flagged.tolist()
    assert (told.metrics["share_proprietary"], told.metrics["stamps"]) == (0.0, [])
    for one in (every, told):  # what the router saw is told all the same
        assert one.deciding.equals(centred.deciding)


def test_lots_are_drawn_with_the_seed_of_the_run(base):
    router = fit(base, "random").router
    assert (router.ablation, router.seed) == ("random", 3)
    assert fit(replace(base, config=replace(base.config, seed=4)), "random").router.seed == 4


def test_without_sources_the_reading_and_rarity_of_events_are_left(base):
    fitted = fit(base, "proprietary", known_sources=False)
    assert len(fitted.knowledge) == 0
    judged = judge(fitted)
    assert not any("near" in reason for reason in judged.reasons)
    informed = judge(fit(base, "proprietary"))
    assert any("near" in reason for reason in informed.reasons)
    assert judged.scores.tolist() != informed.scores.tolist()


def test_notes_are_known_without_sources_too(base, tmp_path):
    (tmp_path / "notes.md").write_text("- anomalous: session closed\n")
    fitted = fit(base, "proprietary", known_sources=False, notes=(str(tmp_path),))
    assert [entry.text for entry in fitted.knowledge.entries] == ["session closed"]


def test_a_prompt_without_known_events(base, tmp_path):
    fitted = fit(base, known_sources=False)
    asked = unique(*ASKED)
    routed = route(fitted.router, asked, read().vectors)
    rows = np.flatnonzero(~routed.general)
    own = fitted.habits(read())
    inputs = expert_input(fitted, asked.take(rows), read(), own, routed, rows)
    form = chat.load(tiny_model("chatml", tmp_path))
    for known, shown in ((fitted.knowledge, False), (fit(base).knowledge, True)):
        questions = collapse(inputs, "neighbours")
        (requests,), _ = to_requests(inputs, questions, form, PromptConfig(), known, 5, "m")
        assert requests
        assert all(("Known events" in request.rendered) == shown for request in requests)


@pytest.mark.parametrize("route", ["random", "proprietary"])
def test_an_ablation_survives_the_disk(base, route, tmp_path):
    fitted = fit(base, route, known_sources=False)
    reader = LogParser(Miner(Templates(TEXTS, np.ones(4, dtype=np.int64))), None, None)
    detectors.save(tmp_path / "d", fitted, reader, {})
    again, _ = detectors.load(tmp_path / "d")
    assert (again.router.ablation, again.router.seed) == (fitted.router.ablation, 3)
    assert len(again.knowledge) == 0
    one, other = judge(fitted), judge(again)
    assert one.routes.tolist() == other.routes.tolist()
    assert one.scores.tolist() == other.scores.tolist()
