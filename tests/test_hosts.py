"""One run by several processes on loopback: equal to one process, and all end when one does."""

import signal
import socket
from contextlib import chdir, nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from several_processes import DATA, begun, completed, ends, wait_until, write_shop
from shop import KEYS, write_labels

from experiments.benchmarks.score import problem
from glx import hosts
from glx.cli.main import main
from glx.errors import InputError
from glx.joining import LOST
from glx.zerolog.score import score

TRAIN = (
    *("--hidden=4", "--max_events=4", "--episodes=4", "--batch=2", "--nosecond_order"),
    *("--steps=12", "--log_every=1", "--checkpoint_every=1"),
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder to work in, with a target, a source and its labels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    write_shop()


def wait_for_row(step: int, processes) -> None:
    """Until the run has logged a step."""
    rows = Path("run.partial/train.jsonl")
    wait_until(lambda: rows.is_file() and len(rows.read_text().splitlines()) >= step, processes)


def verdicts(run_dir: str) -> pl.DataFrame:
    return pl.read_parquet(Path(run_dir, "verdicts.parquet"))


def same_verdicts(one: str, other: str) -> None:
    a, b = verdicts(one), verdicts(other)
    assert a.drop("score", "evidence").equals(b.drop("score", "evidence"))
    assert (a["score"] - b["score"]).abs().max() < 1e-5


def test_whoever_is_lost_the_run_goes_on_with_another_number_of_processes(shop):
    """Interrupted and killed, resumed by four, equal to one process that nobody disturbed.

    That another than the first is killed is in `test_distributed`.
    """
    command = ("experiments.zerolog", *DATA, *TRAIN)
    assert main(["zerolog", *command[1:], "--run_dir=alone"]) == 0
    command = (*command, "--run_dir=run")
    stages = [
        (1, 1, signal.SIGTERM, 130),
        (3, 0, signal.SIGKILL, -signal.SIGKILL),
    ]
    for step, victim, how, code in stages:
        with begun(*command, count=2) as processes:
            wait_for_row(step, processes)
            processes[victim].send_signal(how)
            assert ends(processes[victim])[0] == code
            left, out, error = ends(processes[1 - victim], within=60)
            assert (left, out) == (3, "")
            assert error.count("error: ") == 1
            assert error.endswith(f"error: {LOST}\n")
    first, *others = completed(*command, count=4)
    assert first[0] == 0
    assert "report.html" in first[1]
    assert others == [(0, "", "")] * 3
    assert not Path("run.partial").exists()
    assert len(Path("run/train.jsonl").read_text().splitlines()) == 12
    same_verdicts("run", "alone")


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("generallog", ("--steps=2", "--hidden=4", "--max_events=4", "--batch=2")),
        ("method", ("--method=logtad", "--logtad_steps=2")),
    ],
)
def test_two_processes_judge_as_one_does(shop, monkeypatch, name, flags):
    first, second = completed(f"experiments.{name}", *DATA, *flags, "--run_dir=run", count=2)
    assert first[0] == 0
    assert second == (0, "", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "other")  # so that vectors are computed again
    assert main([name, *DATA, *flags, "--run_dir=alone"]) == 0
    same_verdicts("run", "alone")


def test_what_is_wrong_is_said_once_and_ends_all(shop):
    flags = ("--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS, "--run_dir=run")
    first, second = completed("experiments.zerolog", *flags, "--target=a=none.log", count=2)
    assert (first[0], first[2].count("error: ")) == (2, 1)
    assert "none.log" in first[2]
    assert second == (2, "", "")
    assert not Path("run.partial").exists()


def test_hosts_that_read_different_files_end(shop):
    """Else they would train on a mixture of both and call it a result."""
    Path("stale").mkdir()
    for name in ("shop.log", "jobs.log"):
        Path("stale", name).write_bytes(Path(name).read_bytes())
    with chdir("stale"):
        write_labels(f"{i},{int(i % 10 == 4)}" for i in range(40))
    command = ("experiments.zerolog", *DATA, *TRAIN, "--run_dir=run")
    first, second = completed(*command, count=2, cwd="stale")
    assert (first[0], second) == (2, (2, "", ""))
    assert first[2].count("error: ") == 1
    assert "process 1: read jobs (114 lines" in first[2]
    assert not Path("run.partial").exists()


def test_processes_with_other_devices_end(shop):
    command = ("experiments.zerolog", *DATA, *TRAIN, "--run_dir=run")
    two = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    first, second = completed(*command, count=2, last=two)
    assert (first[0], second) == (2, (2, "", ""))
    assert "process 1: sees 2 devices" in first[2]


def test_a_folder_that_is_not_the_one_of_process_0_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(hosts, "several", lambda: True)
    monkeypatch.setattr(hosts, "of_first", lambda make: [str(tmp_path), "7", "the token"])
    monkeypatch.setattr(hosts, "of_all", lambda check: check())
    for theirs in (None, "another"):
        if theirs:
            Path(tmp_path, hosts.TOKEN).write_text(theirs)
        with pytest.raises(InputError, match=str(tmp_path)), hosts.folder_of_first(nullcontext, 7):
            pass
    Path(tmp_path, hosts.TOKEN).write_text("the token")
    with hosts.folder_of_first(nullcontext, 7) as folder:
        assert [*folder.iterdir()] == []


SENT = """
import sys, numpy as np
from glx import hosts, joining
hosts.PIECE = 40  # bytes: three rows
place, count, n = (word.partition("=")[2] for word in sys.argv[2:])
with joining.joined(joining.Cluster(place, int(n), int(count))):
    whole = np.arange(60, dtype=np.float32).reshape(20, 3)
    found = hosts.array_of_first(whole if hosts.first() else np.zeros_like(whole))
    np.testing.assert_array_equal(found, whole)
    assert hosts.array_of_first(whole[:0]).shape == (0, 3)
"""


def test_an_array_is_sent_in_pieces_and_no_proxy_is_asked():
    behind = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    assert completed("-c", SENT, count=2, last=behind) == [(0, "", "")] * 2


SCORED = """
import sys, numpy as np
from experiments.benchmarks.score import problem
from glx import joining
from glx.zerolog.score import score
place, count, n = (word.partition("=")[2] for word in sys.argv[2:])
with joining.joined(joining.Cluster(place, int(n), int(count))):
    found = score(*problem(40, events=4, hidden=4), lambda length: 2)
    np.testing.assert_allclose(found[0], np.load("scores.npy"), atol=1e-6)
    np.testing.assert_allclose(found[1], np.load("attention.npy"), atol=1e-6)
"""


def test_ten_batches_of_two_processes_are_scored_as_those_of_one(shop):
    alone = score(*problem(40, events=4, hidden=4))
    for name, array in zip(("scores", "attention"), alone, strict=True):
        np.save(f"{name}.npy", array)
    assert completed("-c", SCORED, count=2) == [(0, "", "")] * 2


def test_without_a_cluster_there_is_nothing_to_join(shop):
    [(code, _, error)] = completed("experiments.zerolog", *DATA, "--distributed", count=1)
    assert code == 2
    assert error.startswith("error: --distributed: ")
    assert "--coordinator" in error
    assert error.count("\n") == 1


def test_a_port_that_is_taken_is_said_at_once(shop, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"--coordinator=127.0.0.1:{taken.getsockname()[1]}"
        flags = ("--distributed", place, "--num_processes=2", "--process_id=0")
        assert main(["zerolog", *DATA, *flags]) == 3
    assert capsys.readouterr().err.startswith(f"error: {place}: ")
    assert not Path("runs").exists()


def test_a_port_that_slurm_chose_and_that_is_taken_is_said_at_once(shop, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("JAX_COORDINATOR_PORT", str(taken.getsockname()[1]))
        told = {"JOB_ID": "7", "STEP_NODELIST": "localhost", "NTASKS": "2"}
        for name, value in (told | {"PROCID": "0", "LOCALID": "0"}).items():
            monkeypatch.setenv(f"SLURM_{name}", value)
        assert main(["zerolog", *DATA, "--distributed"]) == 3
    assert "JAX_COORDINATOR_PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("named", "flags"),
    [
        ("--coordinator", "--coordinator=a:1"),
        ("--num_processes", "--num_processes=2"),
        ("--process_id", "--distributed --coordinator=a:1 --num_processes=2"),
        ("--process_id=2", "--distributed --coordinator=a:1 --num_processes=2 --process_id=2"),
        ("--process_id=-1", "--distributed --coordinator=a:1 --num_processes=2 --process_id=-1"),
        ("--coordinator=a", "--distributed --coordinator=a --num_processes=2 --process_id=0"),
        ("--coordinator=a:b", "--distributed --coordinator=a:b --num_processes=2 --process_id=0"),
    ],
)
def test_flags_that_cannot_be(shop, capsys, named, flags):
    assert main(["zerolog", *DATA, *flags.split()]) == 2
    assert capsys.readouterr().err.startswith(f"error: {named}")
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["serve", "causes", "mute", "inspect", "report", "download"])
def test_commands_of_one_process_say_so(capsys, command):
    assert main([command, "--distributed"]) == 2
    assert capsys.readouterr().err.startswith("error: --distributed: ")
