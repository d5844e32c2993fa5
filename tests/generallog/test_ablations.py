"""GeneralLog with a part switched off: one route, routes by lot, nothing known of sources."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tiny_chats import tiny_model

from glx import surprise
from glx.embed.embed import EmbedConfig, embed
from glx.generallog import chat, detector, retrieval
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import ExpertConfig, Setting, to_requests
from glx.generallog.knowledge import KnowledgeConfig
from glx.generallog.questions import collapse
from glx.generallog.route import RouteConfig, route
from glx.logs.load import Reader
from glx.logs.miner import Miner
from glx.logs.sequences import Sequences, Templates, csr_offsets, distinct
from glx.runs import detectors
from glx.zerolog import detector as zerolog
from glx.zerolog.detector import LabelledSource, ZeroLogConfig
from glx.zerolog.inputs import system_inputs
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig, init_state, pack

TEXTS = ["session opened for <*>", "session closed", "disk <*> failed", "lease renewed by <*>"]
SOURCE_TEXTS = ["session opened on <*>", "disk error on <*>", "fan speed <*>"]
ENCODER = EmbedConfig("tfidf", cache_dir=None)
ADAPT = [[0, 1]] * 10 + [[0, 3, 1]] * 3 + [[0, 2, 1]]
ASKED = [[0, 1], [0, 3, 1], [0, 2, 1], [0], [1, 3], [0, 0, 2]]


def make(rows: list[list[int]]) -> Sequences:
    at = np.arange(len(rows))
    lengths = np.array([len(row) for row in rows])
    return Sequences(np.concatenate(rows).astype(np.int32), csr_offsets(lengths), at, at)


@pytest.fixture(scope="module")
def base():
    """A ZeroLog as it is before its first step."""
    train = TrainConfig(model=ModelConfig(hidden=4), max_events=8)
    unique = distinct(make(ADAPT))
    habits = surprise.fit(unique, len(TEXTS))
    inputs = system_inputs(embed(TEXTS, ENCODER), habits, unique, train.max_events)
    params = init_state(train, pack([inputs], train.max_events), 0)["params"]
    return zerolog.Detector(ZeroLogConfig(train, ENCODER, seed=3), params, habits, 0.5)


def fit(base, route="centred", **known):
    config = GeneralLogConfig(RouteConfig(route), KnowledgeConfig(**known))
    texts = Templates(SOURCE_TEXTS, np.ones(3, dtype=np.int64))
    source = LabelledSource("s", make([[0], [0, 2], [0, 1]]), texts, np.array([0, 0, 1], np.uint8))
    return detector.fit(base, [source], make(ADAPT), TEXTS, config)


def judge(fitted):
    encode = partial(embed, config=ENCODER)
    knowledge, config = fitted.knowledge, fitted.config.knowledge
    expert = partial(retrieval.judge, knowledge=knowledge, config=config, encode=encode)
    return detector.judge(fitted, make(ASKED), embed(TEXTS, ENCODER), TEXTS, expert)


def test_without_routes_the_expert_judges_all_or_is_never_asked(base):
    centred, figures = judge(fit(base))
    assert {*centred.routes} == {"general", "proprietary"}
    assert figures["stamps"] == []
    every, figures = judge(fit(base, "proprietary"))
    assert {*every.routes} == {"proprietary"}
    assert all(note["reason"] for note in every.notes)
    assert np.isfinite(every.scores).all()
    assert (figures["share_proprietary"], figures["stamps"]) == (1.0, [])
    none = fit(base, "general")
    by_zerolog = zerolog.score_sequences(base, make(ASKED), embed(TEXTS, ENCODER))
    told, figures = detector.judge(none, make(ASKED), embed(TEXTS, ENCODER), TEXTS, expert=None)
    assert {*told.routes} == {"general"}
    flagged = by_zerolog.scores >= np.float32(base.threshold)
    assert (told.scores >= none.threshold).tolist() == flagged.tolist()
    assert (figures["share_proprietary"], figures["stamps"]) == (0.0, [])
    for one in (every, told):  # what the router saw is told all the same
        decided = [note["deciding"] for note in one.notes]
        assert decided == [note["deciding"] for note in centred.notes]


def test_lots_are_drawn_with_the_seed_of_the_run(base):
    router = fit(base, "random").router
    assert (router.drawn, router.seed) == ("random", 3)
    assert fit(replace(base, config=replace(base.config, seed=4)), "random").router.seed == 4


def test_without_sources_the_sound_and_rarity_of_events_are_left(base):
    fitted = fit(base, "proprietary", known_sources=False)
    assert len(fitted.knowledge) == 0
    judged, _ = judge(fitted)
    reasons = [note["reason"] for note in judged.notes]
    assert all(reason.startswith("sounds like") for reason in reasons)
    informed, _ = judge(fit(base, "proprietary"))
    assert any(note["reason"].startswith("near") for note in informed.notes)
    assert judged.scores.tolist() != informed.scores.tolist()


def test_notes_are_known_without_sources_too(base, tmp_path):
    (tmp_path / "notes.md").write_text("- anomalous: session closed\n")
    fitted = fit(base, "proprietary", known_sources=False, knowledge=str(tmp_path))
    assert [entry.text for entry in fitted.knowledge.entries] == ["session closed"]


def test_a_prompt_without_known_events(base, tmp_path):
    fitted = fit(base, known_sources=False)
    unique, vectors = distinct(make(ASKED)), embed(TEXTS, ENCODER)
    routed = route(fitted.router, unique, vectors)
    rows = np.flatnonzero(~routed.general)
    case = detector.proprietary(fitted, unique.take(rows), TEXTS, vectors, routed, rows)
    form = chat.load(tiny_model("chatml", tmp_path))
    for known, shown in ((fitted.knowledge, False), (fit(base).knowledge, True)):
        setting = Setting(known, KnowledgeConfig(), partial(embed, config=ENCODER))
        asked = collapse(case, "neighbours")
        requests, _ = to_requests(case, asked, ExpertConfig(), setting, form, "m")
        assert requests
        assert all(("Known events" in request.rendered) == shown for request in requests)


@pytest.mark.parametrize("route", ["random", "proprietary"])
def test_an_ablation_survives_the_disk(base, route, tmp_path):
    fitted = fit(base, route, known_sources=False)
    templates = {"texts": TEXTS, "counts": np.ones(4, dtype=np.int64), "glued": False}
    reader = Reader(Miner.from_state(templates), None, None)
    detectors.save(tmp_path / "d", fitted, reader, {})
    again, _ = detectors.load(tmp_path / "d")
    assert (again.router.drawn, again.router.seed) == (fitted.router.drawn, 3)
    assert len(again.knowledge) == 0
    one, other = judge(fitted)[0], judge(again)[0]
    assert one.routes.tolist() == other.routes.tolist()
    assert one.scores.tolist() == other.scores.tolist()
