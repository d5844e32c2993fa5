"""Runs at trackers: a real server of MLflow, Weights & Biases without its server, and failures."""

import gc
import json
import os
import socket
import struct
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from small_runs import config, read_rows

from glx.cli.main import main
from glx.errors import InputError, OutsideError
from glx.runs import fit as fitting
from glx.runs import trackers
from glx.runs.progress import Progress
from glx.runs.run import run

ROOT = Path(__file__).parents[2]
BLOCK = 32_768  # bytes


class Said(Progress):
    """What a run says."""

    def __init__(self):
        self.sentences = []

    def say(self, text):
        self.sentences.append(text)


@pytest.fixture(autouse=True)
def ended():
    """The process of wandb and the connection to it, which else are left to the interpreter."""
    yield
    if package := sys.modules.get("wandb"):
        package.teardown()
        gc.collect()


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    """The URL of a server of MLflow, with SQLite; one a module."""
    python = ROOT / ".venv-mlflow/bin/python"
    if not os.environ.get("GLX_MLFLOW"):
        pytest.skip("launch/test.sh --all prepares MLflow and runs this")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "mlflow", "server", f"--port={port}", "--workers=1"]
    command += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db"]
    log = (folder / "server.log").open("w")
    with log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(900):
            try:
                if httpx.get(f"{url}/health").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            pytest.fail((folder / "server.log").read_text())
        yield url
        process.terminate()


@pytest.mark.mlflow
def test_a_run_that_was_killed_goes_on_as_one_run_of_mlflow(
    mlflow_server, monkeypatch, folder, cache, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    settings, place = config("sim_vms", "hdfs", folder, cache), tmp_path / "shop"

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("glx.runs.run.measure", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings, place, trackers=["mlflow"])
    [begun] = runs_at(mlflow_server)
    assert begun["info"]["status"] == "FAILED"
    measured = run(settings, place, trackers=["mlflow"])

    [kept] = runs_at(mlflow_server)
    assert kept["info"]["run_id"] == begun["info"]["run_id"]
    assert (kept["info"]["status"], kept["info"]["run_name"]) == ("FINISHED", "shop")
    params = {one["key"]: one["value"] for one in kept["data"]["params"]}
    assert params["model.train.steps"] == "4"
    assert params["target"] == "sim_vms"
    metrics = {one["key"]: one["value"] for one in kept["data"]["metrics"]}
    assert metrics["f1"] == pytest.approx(measured.f1)
    rows = read_rows(place / "train.jsonl")
    at = httpx.get(
        f"{mlflow_server}/api/2.0/mlflow/metrics/get-history",
        params={"run_id": kept["info"]["run_id"], "metric_key": "query_loss_cls"},
    ).json()["metrics"]
    values = [row["query_loss_cls"] for row in rows]
    assert [one["value"] for one in at] == pytest.approx(values)
    assert [int(one["step"]) for one in at] == [row["step"] for row in rows]


def runs_at(url):
    """All runs of the project."""
    path = f"{url}/api/2.0/mlflow"
    where = httpx.get(f"{path}/experiments/get-by-name", params={"experiment_name": "glx"}).json()
    ids = [where["experiment"]["experiment_id"]]
    return httpx.post(f"{path}/runs/search", json={"experiment_ids": ids}).json()["runs"]


def test_a_run_is_kept_by_wandb_where_its_server_is_not_asked(monkeypatch, folder, cache, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    place = tmp_path / "shop"
    measured = run(config("sim_vms", "hdfs", folder, cache), place, trackers=["wandb"])
    [file] = (place / "wandb").glob("offline-run-*/*.wandb")
    kept = [*records(file)]
    settings = {one.key: one.value_json for r in kept for one in r.run.config.update}
    assert settings["model.train.steps"] == '"4"'
    rows = [
        {one.nested_key[0] if one.nested_key else one.key: one.value_json for one in r.history.item}
        for r in kept
        if r.WhichOneof("record_type") == "history"
    ]
    sent = [json.loads(row["query_loss_cls"]) for row in rows]
    assert sent == [row["query_loss_cls"] for row in read_rows(place / "train.jsonl")]
    summary = {
        (one.nested_key[0] if one.nested_key else one.key): one.value_json
        for r in kept
        for one in r.summary.update
    }
    assert json.loads(summary["f1"]) == measured.f1


def records(file):
    """What is in a file of Weights & Biases: a log as LevelDB has it, after 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := BLOCK - at % BLOCK) < 7:  # no room for another head
            at += left
            continue
        length, kind = struct.unpack("<4xHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole one, or the last part of one
            yield Record.FromString(whole)
            whole = b""


class FewAnswers(BaseHTTPRequestHandler):
    """A server of MLflow that fails after `server.left` requests."""

    def do_POST(self):
        self.server.left -= 1
        self.server.asked.append(self.path.rpartition("mlflow/")[2])
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.bodies.append(asked)
        body = json.dumps({"experiment_id": "7", "run": {"info": {"run_id": "r"}}}).encode()
        self.send_response(200 if self.server.left >= 0 else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def few(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), FewAnswers) as server:
        server.left, server.asked, server.bodies = 1_000, [], []
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


def test_a_server_that_fails_amid_is_left_and_the_run_goes_on(few, folder, cache, tmp_path):
    settings, said, before = config("sim_vms", "hdfs", folder, cache), Said(), Said()
    run(settings, tmp_path / "before", progress=before)
    with trackers.tracked(["mlflow"], "n", tmp_path, settings.recorded, str, print):
        begun = len(few.asked)
    few.left = begun + 1
    (tmp_path / trackers.NAME).unlink()
    few.asked.clear()
    run(settings, tmp_path / "run", trackers=["mlflow"], progress=said)
    told = [one for one in said.sentences if "--tracker=mlflow" in one]
    assert len(told) == 1
    assert few.asked[-1] == "runs/log-batch"
    tables = [(tmp_path / one / "verdicts.parquet").read_bytes() for one in ("before", "run")]
    assert tables[0] == tables[1]


def test_secrets_of_settings_are_masked(few, tmp_path):
    settings = {"llm_url": "http://me:hunter2secret@host/v1", "note": "password=hunter2secret"}
    from glx.redact import redact

    with trackers.tracked(["mlflow"], "n", tmp_path, settings, redact, print):
        pass
    assert "hunter2secret" not in "".join(few.bodies)
    assert any("[masked" in body for body in few.bodies)


@pytest.mark.parametrize("value", [None, "", "file:///tmp/runs", "sqlite:///a.db"])
def test_mlflow_without_a_server_is_wrong_input(value, monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if value is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", value)
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI"):
        trackers.check(["mlflow"])
    out = tmp_path / "run"
    assert main(["zerolog", "--tracker=mlflow", f"--run_dir={out}"]) == 2
    assert [*tmp_path.iterdir()] == []


def test_a_server_that_is_not_there_is_told_before_any_work(
    monkeypatch, folder, cache, tmp_path, unused_port
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{unused_port}")
    monkeypatch.setattr(fitting, "resolve", None)  # nothing is read
    with pytest.raises(OutsideError, match="--tracker=mlflow"):
        run(config("sim_vms", "hdfs", folder, cache), tmp_path / "run", trackers=["mlflow"])


@pytest.fixture
def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_wandb_without_a_key_is_told_before_any_work(monkeypatch, tmp_path):
    import wandb

    wandb.teardown()  # it keeps the settings of an earlier run
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with (
        pytest.raises(OutsideError, match="--tracker=wandb"),
        trackers.tracked(["wandb"], "n", tmp_path, {}, str, print),
    ):
        pass


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(OutsideError, match="wandb"):
        trackers.check(["wandb"])
