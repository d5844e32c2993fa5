"""Folders that cannot be written or hold another's work: one sentence, exit code 2, all kept."""

import signal
from pathlib import Path

import pytest
from shop import KEYS, RUN_DIR, tree

from glx.cli.main import main


def test_a_finished_run_is_not_touched(refused):
    RUN_DIR.mkdir(parents=True)
    (RUN_DIR / "config.json").write_text('{"settings": {}}')
    refused("out/run", "--overwrite")


@pytest.mark.parametrize("overwrite", ["--overwrite", "--nooverwrite"])
def test_what_is_no_run_is_never_replaced(overwrite, refused, shop):
    for path in (".", "/", "jobs.log", shop):
        refused(str(path), "no run", f"--run_dir={path}", overwrite)


def test_a_folder_that_cannot_be_made(refused):
    for folder in ("jobs.log/run", "x" * 300, "/proc/self/run"):
        refused(f"{folder}.partial", "--run_dir", f"--run_dir={folder}")
    refused(f"{Path.cwd()}/runs[1]", "--run_dir", "--run_dir=runs[1]")
    cache = {"source": "sim_ras", "labels": ()}
    refused("jobs.log/simulated/40000-0", "--cache_dir", "--cache_dir=jobs.log", **cache)


@pytest.fixture
def interrupted(shop, monkeypatch, capsys) -> Path:
    """The folder of a run that was interrupted before its training."""

    def interrupt(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("glx.runs.fit.load", interrupt)
        given = ["--target=shop=shop.log", "--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS]
        assert main(["zerolog", *given, f"--run_dir={RUN_DIR}"]) == 130
    assert capsys.readouterr().err.endswith("interrupted; the same command completes it\n")
    assert sorted(tree(Path("out"))) == ["run.partial", "run.partial/config.json"]
    return RUN_DIR.with_name("run.partial")


def test_an_interrupted_run_goes_on_with_the_same_settings_only(interrupted, refused):
    refused("out/run.partial", "model.train.steps=200, now it is 3", "--steps=3", "--seed=0")
    (interrupted / "config.json").write_text('{"settings": ')
    refused("out/run.partial/config.json", "--overwrite")


def test_earlier_work_survives_a_file_that_went_bad(interrupted, refused):
    (interrupted / "train.jsonl").write_text("")
    Path("shop.log").write_bytes(b"")
    refused("shop.log", "empty")  # which looks for leftovers, too
