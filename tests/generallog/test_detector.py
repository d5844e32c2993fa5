"""Whole runs of GeneralLog on small systems, with every expert that needs no real model."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from faulty import Faulty, work_off
from tiny_chats import tiny_model

import glx
from glx.data.load import DataConfig
from glx.errors import InputError, OutsideError, Paused
from glx.generallog.detector import GeneralLogConfig, on_one_scale
from glx.generallog.experts import ExpertConfig
from glx.llm.server import LLMConfig
from glx.runs import detect, detectors
from glx.runs import run as runs
from glx.runs.settings import GeneralLogRun
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig

TINY = TrainConfig(
    model=ModelConfig(hidden=4), second_order=False, steps=2, episodes=2, batch=4, max_events=12
)
FIGURES = {
    "share_proprietary", "n_similarities", "llm_calls", "llm_tokens_in", "llm_tokens_out",
    "cache_hits", "f1_general", "f1_proprietary", "tau", "questions", "share_over_tau",
}  # fmt: skip


def by_words(prompt: str) -> str:
    """The answer of a server that looks for words of failure, in instructions too."""
    return "anomalous" if re.search("fail|error|fatal|corrupt", prompt, re.I) else "normal"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_model("chatml", tmp_path_factory.mktemp("tokenizer"))


def config(cache: Path, target: str = "sim_vms", **expert) -> GeneralLogRun:
    return GeneralLogRun(
        target=target,
        source=("sim_blocks,sim_ras" if target == "sim_vms" else "sim_vms",),
        data=DataConfig(cache_dir=str(cache), sim_lines=4000),
        model=GeneralLogConfig(train=TINY, expert=ExpertConfig(**expert)),
    )


def asking(cache: Path, url: str, tokenizer: str, tmp_path: Path, **expert) -> GeneralLogRun:
    llm = LLMConfig(
        llm_url=url, llm_model="m", llm_tokenizer=tokenizer, llm_patience=0.5, llm_batch=4,
        cache=str(tmp_path / "verdicts.sqlite"), **expert.pop("llm", {}),
    )  # fmt: skip
    return config(cache, llm=llm, **{"expert": "vllm"} | expert)


def with_expert(run: GeneralLogRun, expert: ExpertConfig) -> GeneralLogRun:
    return replace(run, model=replace(run.model, expert=expert))


@pytest.fixture(scope="module")
def finished(cache, tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    runs.run(config(cache), root / "vms")
    return root / "vms"


def test_both_routes_are_used_and_reported(finished):
    figures = json.loads((finished / "metrics.json").read_text())
    assert set(figures) >= FIGURES
    assert 0.01 < figures["share_proprietary"] < 0.99
    assert figures["method"] == "GeneralLog"
    table = pl.read_parquet(finished / "verdicts.parquet").filter(split="test")
    assert set(table["route"]) == {"general", "proprietary"}
    share = (table["route"] == "proprietary").mean()
    assert share == pytest.approx(figures["share_proprietary"])
    assert (table["anomalous"] == (table["score"] >= figures["threshold"])).all()
    for row in table.iter_rows(named=True):
        assert row["deciding"]["source"] in ("sim_blocks", "sim_ras")
        by_expert = row["route"] == "proprietary"
        assert by_expert or (row["reason"] or "lacks").startswith(("lacks", '"'))
        assert not by_expert or row["reason"]


def test_the_saved_detector_says_what_the_run_said(finished, cache, tmp_path):
    table = pl.read_parquet(finished / "verdicts.parquet")
    log = cache / "simulated/4000-0/sim_vms.log"
    detect.detect(finished / "checkpoint", str(log), str(tmp_path / "out"))
    found = pl.read_ndjson(tmp_path / "out").sort("first_line")
    test = table["split"] == "test"
    assert found["key"].to_list() == table["key"].to_list()
    assert (found["score"].filter(test) - table["score"].filter(test)).abs().max() < 2e-6
    assert found["route"].filter(test).to_list() == table["route"].filter(test).to_list()
    judged = found["route"] == "proprietary"
    assert found["reason"].filter(judged).null_count() == 0
    assert found["reason"].filter(~judged).drop_nulls().str.contains('^lacks "|^".*"; ').all()


def test_in_a_notebook(cache, tmp_path):
    log = cache / "simulated/4000-0/sim_vms.log"
    detector = glx.fit(
        ["sim_blocks"],
        str(log),
        session=r"\[instance: ([0-9a-f-]{36})\]",
        steps=2,
        hidden=4,
        second_order=False,
        sim_lines=4000,
        cache_dir=str(cache),
    )
    verdicts = detector.detect(log)
    assert set(verdicts.table["route"]) == {"general", "proprietary"}
    assert verdicts.anomalies["anomalous"].all()
    detector.save(tmp_path / "detector")
    for name in ("detector", "sv[1]", "a\\b", "n\0l"):  # there already, or not to be read again
        with pytest.raises(InputError, match="choose another folder"):
            detector.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["detector"]
    again = glx.load(tmp_path / "detector").detect(log)
    assert again.table.equals(verdicts.table)
    assert {"fit", "load"} <= set(dir(glx))
    for settings in ({"wings": 2}, {"k": "5"}, {"expert": "answers"}, {"preset": "tiny"}):
        with pytest.raises(InputError, match=next(iter(settings))):
            glx.fit([], "sim_vms", sim_lines=4000, cache_dir=str(cache), **settings)
    moved = glx.load(tmp_path / "detector", llm_url="http://127.0.0.1:1/v1")
    assert moved.fitted.config.expert.llm.llm_url == "http://127.0.0.1:1/v1"


def test_a_model_is_asked_once_ever(cache, tokenizer, tmp_path):
    with Faulty(said=by_words) as server:
        first = runs.run(asking(cache, server.url, tokenizer, tmp_path), tmp_path / "first")
        assert first.llm_calls == first.questions == len(server.answered) > 5
        assert first.llm_tokens_in == sum(map(len, server.answered))
        assert len(set(server.answered)) == len(server.answered)
        second = runs.run(asking(cache, server.url, tokenizer, tmp_path), tmp_path / "second")
        assert second.llm_calls == 0
        assert second.cache_hits == second.questions == len(server.answered)
    one, other = (tmp_path / d / "verdicts.parquet" for d in ("first", "second"))
    assert one.read_bytes() == other.read_bytes()


def test_a_server_that_dies_keeps_the_answers_it_gave(cache, tokenizer, tmp_path):
    dying = Faulty([None] + ["500"] * 1000, said=by_words)
    with dying as server, pytest.raises(OutsideError, match="500"):
        runs.run(asking(cache, server.url, tokenizer, tmp_path), tmp_path / "run")
    assert (tmp_path / "run.partial").is_dir()
    with Faulty(said=by_words) as restarted:
        metrics = runs.run(asking(cache, restarted.url, tokenizer, tmp_path), tmp_path / "run")
        assert not set(server.answered) & set(restarted.answered)
        assert metrics.cache_hits == len(server.answered) > 0  # of one list
        assert metrics.llm_calls == len(restarted.answered)


def test_replay_of_a_batch_is_the_chat_endpoint(cache, tokenizer, tmp_path):
    with Faulty(said=by_words) as server:
        chat = asking(cache, server.url, tokenizer, tmp_path, llm={"llm_endpoint": "chat"})
        runs.run(chat, tmp_path / "chat")
        by_file = asking(cache, server.url, tokenizer, tmp_path / "b", expert="batch")
        with pytest.raises(Paused, match=r"prompts\.jsonl"):
            runs.run(by_file, tmp_path / "run")
    responses = work_off(tmp_path / "run.partial/prompts.jsonl", by_words)
    (tmp_path / "responses.jsonl").write_text("\n".join(reversed(responses)))
    expert = replace(
        by_file.model.expert, expert="replay", responses=str(tmp_path / "responses.jsonl")
    )
    runs.run(with_expert(by_file, expert), tmp_path / "run")
    one, other = (pl.read_parquet(tmp_path / d / "verdicts.parquet") for d in ("chat", "run"))
    assert one.equals(other)
    known = runs.run(by_file, tmp_path / "again")  # nothing is left to be asked
    assert known.cache_hits == len(responses)
    fresh = replace(expert.llm, cache=str(tmp_path / "c.sqlite"))
    anew = with_expert(by_file, replace(by_file.model.expert, llm=fresh))
    with pytest.raises(Paused):
        runs.run(anew, tmp_path / "other")
    with pytest.raises(InputError, match="cache"):  # replay goes on with the same settings alone
        runs.run(with_expert(by_file, expert), tmp_path / "other")


def test_answers_per_template(cache, tmp_path):
    questions = tmp_path / "questions.csv"
    asked = config(cache, expert="answers")
    asking = replace(asked, model=replace(asked.model, write_questions=str(questions)))
    with pytest.raises(Paused, match=r"questions\.csv"):
        runs.run(asking, tmp_path / "run")
    rows = list(csv.DictReader(questions.read_text().splitlines()))
    assert sum(int(row["count"]) for row in rows) > 500
    with questions.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"p": 0.9 if "fail" in row["template"] else 0.1} for row in rows)
    done = config(cache, expert="answers", responses=str(questions))
    metrics = runs.run(done, tmp_path / "run")
    table = pl.read_parquet(tmp_path / "run/verdicts.parquet").filter(route="proprietary")
    asked = table["reason"].to_list()
    kinds = {" ".join(reason.split()[:2]) for reason in asked if not reason.startswith("lacks ")}
    assert {"0.1 for:", "0.9 for:"} <= kinds <= {"0.1 for:", "0.9 for:", "no answer"}
    assert metrics.abstained == table["score"].null_count()


def test_an_expert_without_its_file(cache, tmp_path):
    for expert in ("answers", "replay"):
        with pytest.raises(InputError, match="--responses"):
            runs.run(config(cache, expert=expert), tmp_path / "run")
        assert not list(tmp_path.iterdir())


def test_scores_of_both_routes_are_on_one_scale():
    p = np.array([0.0, 0.1, 0.3, 0.300001, 1.0, np.nan], np.float32)
    scaled = on_one_scale(p, 0.300001)
    assert scaled[3] >= 0.5 > scaled[2]
    assert (np.diff(scaled[:5]) > 0).all()
    assert np.isnan(scaled[5])
    # Odds of 0.1 over those of 0.300001 are 0.2592...
    assert scaled[1] == pytest.approx(0.25925 / 1.25925, abs=1e-4)
    assert on_one_scale(np.array([0.5], np.float32), 0.5).tolist() == [0.5]
    assert on_one_scale(np.array([1.0], np.float32), 1.0000001).tolist()[0] < 0.5


def test_a_detector_folder_that_lost_its_knowledge(finished, tmp_path):
    shutil.copytree(finished / "checkpoint", tmp_path / "broken")
    (tmp_path / "broken/knowledge.parquet").unlink()
    with pytest.raises(InputError, match=r"knowledge\.parquet: missing"):
        detectors.load(tmp_path / "broken")
