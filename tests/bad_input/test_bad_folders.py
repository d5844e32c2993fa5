"""Folders that cannot be written or hold another's work: one sentence, exit code 2, all kept."""

import signal
from pathlib import Path

import pytest
from shop import KEYS, RUN_DIR, tree

from glx.cli.main import main


def test_a_finished_run_is_not_touched(refused):
    RUN_DIR.mkdir(parents=True)
    (RUN_DIR / "config.json").write_text('{"settings": {}}')
    assert refused() == (
        "out/run: a finished run is there; choose another --run_dir or give --overwrite"
    )


@pytest.mark.parametrize("overwrite", ["--overwrite", "--nooverwrite"])
def test_what_is_no_run_is_never_replaced(overwrite, refused, shop):
    said = "{}: is there already and is no run; choose another --run_dir"
    for path in (".", "/", "jobs.log", shop):
        assert refused(f"--run_dir={path}", overwrite) == said.format(path)


def test_a_run_dir_that_cannot_be_made(refused):
    assert refused("--run_dir=jobs.log/run") == (
        "jobs.log/run.partial: cannot be written (Not a directory); choose another --run_dir"
    )
    assert refused("--run_dir=runs[1]") == (
        f"{Path.cwd()}/runs[1]: the path of a run cannot have any of *?[]; choose another --run_dir"
    )
    long = "x" * 300
    assert refused(f"--run_dir={long}") == (
        f"{long}.partial: cannot be written (File name too long); choose another --run_dir"
    )
    assert refused("--run_dir=/proc/self/run") == (
        "/proc/self/run.partial: cannot be written (No such file or directory); choose another "
        "--run_dir"
    )


def test_a_cache_that_cannot_be_made(refused):
    assert refused("--cache_dir=jobs.log", source="sim_ras", labels=()) == (
        "jobs.log/simulated/40000-0: cannot be written (Not a directory); choose another "
        "--cache_dir"
    )


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
    assert refused("--steps=3", "--seed=0") == (
        "out/run.partial: begun with model.train.steps=200, now it is 3; repeat the earlier "
        "settings to go on, or give --overwrite to begin anew"
    )
    (interrupted / "config.json").write_text('{"settings": ')
    assert refused() == (
        "out/run.partial/config.json: damaged (JSONDecodeError); give --overwrite to begin anew"
    )


def test_earlier_work_survives_a_file_that_went_bad(interrupted, refused):
    (interrupted / "train.jsonl").write_text("")
    Path("shop.log").write_bytes(b"")
    assert refused().startswith("shop.log: the file is empty; ")  # which looks for leftovers, too
