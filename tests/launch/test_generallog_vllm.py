"""GeneralLog with a real vLLM server: mechanics, since its model is random."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from glx.data.load import DataConfig
from glx.errors import Paused
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import ExpertConfig
from glx.generallog.prompt import PromptConfig
from glx.llm.server import LLMConfig
from glx.runs import run as runs
from glx.runs.settings import GeneralLogRun
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig

ROOT = Path(__file__).parents[2]
TINY = TrainConfig(model=ModelConfig(hidden=4), steps=2, episodes=2, batch=4, max_events=12)


@pytest.fixture(scope="module")
def config(vllm_server, tmp_path_factory):
    def with_expert(expert: str, cache: str, votes: int = 1, **llm) -> GeneralLogRun:
        folder = tmp_path_factory.getbasetemp()
        settings = LLMConfig(
            llm_url=vllm_server.url, llm_model=vllm_server.model, cache=str(folder / cache), **llm
        )
        return GeneralLogRun(
            target="sim_vms",
            source=("sim_blocks",),
            data=DataConfig(cache_dir=str(folder / "glx"), sim_lines=6000),
            model=GeneralLogConfig(
                train=TINY,
                expert=ExpertConfig(expert=expert, prompt=PromptConfig(votes=votes), llm=settings),
            ),
        )

    return with_expert


@pytest.mark.vllm
def test_both_endpoints_and_a_batch_give_the_same_verdicts(config, vllm_server, tmp_path):
    lists = runs.run(config("vllm", "lists", llm_reason=True), tmp_path / "lists")
    assert lists.llm_calls >= lists.questions > 3
    assert lists.uncertain == lists.abstained == 0
    again = runs.run(config("vllm", "lists", llm_reason=True), tmp_path / "again")
    assert again.llm_calls == 0
    assert again.cache_hits == lists.llm_calls
    three = runs.run(config("vllm", "lists", votes=3), tmp_path / "three")
    assert three.questions == three.cache_hits == lists.questions  # the first wording is known
    assert three.llm_calls == 2 * lists.questions
    assert three.uncertain == three.abstained == 0
    chat = config("vllm", "chat", llm_endpoint="chat")
    runs.run(chat, tmp_path / "chat")

    def verdicts(name: str) -> pl.DataFrame:
        return pl.read_parquet(tmp_path / name / "verdicts.parquet").filter(split="test")

    assert set(verdicts("lists")["route"]) == {"general", "proprietary"}
    assert verdicts("again").equals(verdicts("lists"))
    voted = verdicts("three").filter(route="proprietary")["reason"]
    assert voted.str.contains("of 3 wordings").any()
    assert (verdicts("lists")["score"] - verdicts("chat")["score"]).abs().max() < 1e-3

    batch = config("batch", "unused", llm_endpoint="chat")
    with pytest.raises(Paused):
        runs.run(batch, tmp_path / "replay")
    requests, responses = tmp_path / "replay.partial/prompts.jsonl", tmp_path / "responses.jsonl"
    command = [ROOT / ".venv-vllm/bin/python", "-m", "vllm.entrypoints.openai.run_batch"]
    command += ["-i", requests, "-o", responses, "--model", vllm_server.model]
    command += ["--enforce-eager", "--dtype=bfloat16", "--max-model-len=2048"]
    command += ["--generation-config=vllm"]
    # Beside the server, which takes its part of the memory too.
    small = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1"}
    done = subprocess.run(command, env=small, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(responses.read_text().splitlines()) == len(requests.read_text().splitlines())
    expert = replace(batch.model.expert, expert="replay", responses=str(responses))
    runs.run(replace(batch, model=replace(batch.model, expert=expert)), tmp_path / "replay")
    assert (verdicts("replay")["score"] - verdicts("chat")["score"]).abs().max() < 1e-3
    reasons = verdicts("replay").filter(route="proprietary")["reason"]
    assert all("the model says " in reason or reason.startswith("lacks ") for reason in reasons)
    assert any("the model says " in reason for reason in reasons)
