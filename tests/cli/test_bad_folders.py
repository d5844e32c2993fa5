"""Folders that cannot be written or hold another's work: one sentence, exit code 2, all kept."""

import json
import os
import signal
from pathlib import Path

import pytest
from shop import KEYS, RUN_DIR, tree

from glx.cli.main import main
from glx.terminal import visible


def test_a_finished_run_is_not_touched(refused):
    RUN_DIR.mkdir(parents=True)
    (RUN_DIR / "config.json").write_text('{"settings": {}}')
    refused("out/run", "--overwrite")


@pytest.mark.parametrize("overwrite", ["--overwrite", "--nooverwrite"])
def test_what_is_no_run_is_never_replaced(overwrite, refused, shop):
    for path in (".", "/", "jobs.log", shop):
        refused(str(path), "no run", f"--run_dir={path}", overwrite)


@pytest.mark.parametrize("other", ["out", "out.partial"])
@pytest.mark.parametrize("name", ["{}/run", "link/run", "{}/checkpoint/b/run", "out/run"])
def test_a_folder_in_that_of_another_run(other, name, refused):
    """Replacing the other one would take this one with it."""
    own = Path(other)
    (own / "checkpoint").mkdir(parents=True)
    kept = {"settings": {}, "packages": {}, "device": "cpu", "commit": None}
    (own / "config.json").write_text(json.dumps(kept))
    Path("link").symlink_to(own)
    given = name.format(other)
    refused(given, "another run", f"--run_dir={given}", "--overwrite")


def test_a_folder_that_cannot_be_made(refused):
    for folder in ("jobs.log/run", "/proc/self/run"):
        refused(f"{folder}.partial", "--run_dir", f"--run_dir={folder}")
    for folder in ("runs[1]", "a\\b", "s3:/run", "run:"):
        refused(f"{Path.cwd()}/{folder}", "--run_dir", f"--run_dir={folder}")
    cache = {"source": "sim_ras", "labels": ()}
    refused("jobs.log/simulated/40000-0", "--cache_dir", "--cache_dir=jobs.log", **cache)


PATHS = {
    "loop": "symbolic links",
    "loop/run": "symbolic links",
    "dangling": "a link to what is not there",
    "dangling/run": "a link to what is not there",
    "~nobody-of-this-name/run": "no such user",
    "x" * 300: "File name too long",
    "x" * 240: "File name too long",  # with what is added while it is written
    "/".join(["x" * 200] * 19): "File name too long",  # with what lies in it
    os.fsdecode(b"caf\xe9"): "not UTF-8",
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path[:20]))
def test_a_path_that_no_run_can_have(path, refused):
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("gone")
    refused(visible(path), PATHS[path], f"--run_dir={path}")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path[:20]))
def test_a_path_that_no_study_can_have(path, shop, capsys):
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("gone")
    before = tree(shop)
    cells = ("--methods=deeplog", "--pairs=")
    assert main(["study", *cells, f"--study_dir={path}"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {visible(path)}: ")
    assert tree(shop) == before


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
