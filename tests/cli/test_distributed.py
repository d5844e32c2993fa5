"""Commands beside those that fit, shared by several processes: equal to one process."""

import json
import signal
from contextlib import chdir
from pathlib import Path

import pytest
from several_processes import DATA, begun, completed, ends, wait_until, write_shop
from shop import lines

from glx.cli.main import main
from glx.joining import LOST
from glx.report import tables
from glx.report.results import read_study
from glx.report.table import to_markdown

TINY = ("--hidden=4", "--max_events=4", "--episodes=2", "--batch=2", "--nosecond_order")
DETECT = ("experiments.detect", "--detector=fit/checkpoint", "--logs=new.log", "--out=found.jsonl")
SYSTEMS = ("--systems=sim_vms,sim_ras", "--sim_lines=2000", "--pairs=", "--seeds=1")
STUDY = (*SYSTEMS, "--methods=generallog,pca", "--steps=2", *TINY)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a fitted detector, and logs with an event that it does not know."""
    folder = tmp_path_factory.mktemp("place")
    with chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", "cache")
        write_shop()
        text = "\n".join(lines("order", 90)).replace("to depot 1", "astray") + "\n"
        Path("new.log").write_text(text)
        Path("stale").mkdir()
        Path("stale/new.log").write_text(text.replace("astray", "away"))
        assert main(["generallog", *DATA, *TINY, "--steps=2", "--run_dir=fit"]) == 0
        yield folder


def test_detect_writes_what_one_process_does(place, monkeypatch):
    first, second = completed(*DETECT, "--summary", count=2)
    assert (first[0], second) == (0, (0, "", ""))
    assert "90 sequences flagged" in first[1]
    shared = Path("found.jsonl").read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", "other")  # so that vectors are computed again
    assert main(["detect", *DETECT[1:]]) == 0
    assert Path("found.jsonl").read_bytes() == shared
    assert b'"route":"proprietary"' in shared


def test_detect_ends_where_processes_read_different_logs(place):
    Path("stale/fit").symlink_to(place / "fit")
    first, second = completed(*DETECT[:-1], "--out=other.jsonl", count=2, cwd="stale")
    assert (first[0], second) == (2, (2, "", ""))
    assert "process 1: read new.log (256 lines" in first[2]
    assert not Path("other.jsonl").exists()


def test_what_only_the_first_process_meets_ends_all(place):
    out = "--out=fit/checkpoint/found.jsonl"
    first, second = completed(*DETECT[:-1], out, count=2)
    assert (first[0], second) == (2, (2, "", ""))
    assert first[2].startswith(f"error: {out}")


def test_refresh_says_what_one_process_says(place, capsys):
    words = ("experiments.refresh", "--detector=fit/checkpoint", "--logs=new.log", "--format=json")
    assert main(["refresh", *words[1:], "--out=one"]) == 0
    alone = capsys.readouterr().out
    first, second = completed(*words, "--out=two", count=2)
    assert (first[0], second) == (0, (0, "", ""))
    assert json.loads(first[1]) == json.loads(alone)
    one, two = (json.loads(Path(name, "detector.json").read_text()) for name in ("one", "two"))
    assert one["settings"] == two["settings"]


def scores(folder: str) -> dict[str, str]:
    """The tables of a study that no clock is in."""
    found = {table.key: to_markdown(table) for table in tables.of_study(read_study(Path(folder)))}
    del found["cost"]
    return found


def test_a_study_that_lost_a_process_goes_on_and_equals_that_of_one(place):
    assert main(["study", *STUDY, "--study_dir=alone", "--parallel=1"]) == 0
    words = ("experiments.study", *STUDY, "--study_dir=shared")
    done = Path("shared/cells/generallog/sim_vms-from-sim_ras/0/metrics.json")
    with begun(*words, count=2) as processes:
        wait_until(done.is_file, processes)
        processes[1].send_signal(signal.SIGKILL)
        code, _, error = ends(processes[0], within=60)
        assert code == 3
        assert error.endswith(f"error: {LOST}\n")
    before = done.stat().st_mtime_ns
    first, second = completed(*words, count=2)
    assert (first[0], second) == (0, (0, "", ""))
    assert "study.html" in first[1]
    assert done.stat().st_mtime_ns == before
    assert scores("shared") == scores("alone")
    plans = [json.loads(Path(name, "study.json").read_text()) for name in ("shared", "alone")]
    assert plans[0]["cells"] == plans[1]["cells"]
    assert "--process_id" not in plans[0]["command"]


def test_cells_that_fail_alike_in_all_keep_no_other_from_its_turn(place):
    words = ("experiments.study", *SYSTEMS, "--methods=zerolog,pca", "--episodes=3")
    first, second = completed(*words, "--study_dir=failing", count=2)
    assert (first[0], second) == (2, (2, "", ""))
    assert "error: 2 of 4 cells failed; cells/zerolog/" in first[2]
    assert "--episodes=3: 2 processes" in first[2]
    assert len([*Path("failing").rglob("metrics.json")]) == 2


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("detect", "--follow"),
        ("detect", "--ray=auto"),
        ("study", "--parallel=2"),
        ("study", "--ray=auto"),
        ("ablate", "--dry_run"),
    ],
)
def test_what_one_process_does_is_refused(place, capsys, command, flag):
    given = DETECT[1:] if command == "detect" else ()
    assert main([command, *given, "--distributed", flag]) == 2
    assert capsys.readouterr().err.startswith(f"error: {flag.partition('=')[0]}: ")


def test_a_log_that_can_be_read_only_once_is_refused(place):
    first, second = completed(*DETECT[:2], "--logs=-", "--out=-", count=2)
    assert (first[0], second) == (2, (2, "", ""))
    assert first[2].startswith("error: --logs=-: ")
