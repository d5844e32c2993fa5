"""Processes that are told to end: what was done is kept, and nobody is in its way afterwards."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import descendants, gone
from shop import KEYS

from glx.cli.main import main

ROOT = Path(__file__).parents[2]
RUN = (
    *("--target=shop=shop.log", "--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS),
    *("--hidden=4", "--max_events=4", "--episodes=1", "--batch=2", "--nosecond_order"),
    *("--steps=1000000", "--log_every=1", "--checkpoint_every=1", "--run_dir=out/run"),
)
STUDY = ("--sim_lines=4000", "--steps=1000000", "--seeds=1", "--parallel=2", "--study_dir=out")
SAID = "interrupted; the same command completes it\n"


@contextmanager
def begun(*words: str, when: Callable[[], bool]) -> Iterator[subprocess.Popen]:
    """`glx` in a process, and group, of its own, from the time at which `when` is true."""
    with subprocess.Popen(
        [sys.executable, "-m", "glx", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_for(when, process)
            yield process
        finally:
            process.kill()  # if it is there still


def wait_for(when: Callable[[], bool], process: subprocess.Popen) -> None:
    ends = time.monotonic() + 240
    while not when():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < ends
        time.sleep(0.05)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_run_has_its_folder_for_itself_and_keeps_its_work(shop, capsys):
    config, rows = (Path("out/run.partial", name) for name in ("config.json", "train.jsonl"))
    with begun("zerolog", *RUN, when=config.is_file) as process:
        before = config.stat()
        for more in ((), ("--overwrite",), ("--seed=1",)):
            assert main(["zerolog", *RUN, *more]) == 2
            said = capsys.readouterr().err
            assert said.startswith("error: out/run.partial: another process ")
            assert said.count("\n") == 1
        assert os.path.samestat(config.stat(), before)
        wait_for(rows.is_file, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 130
        assert process.stderr.read().endswith(SAID)
    assert names("out") == ["run.partial"]
    assert {"config.json", "train.jsonl", "training"} <= set(names("out/run.partial"))
    assert not [one for one in names("out/run.partial") if one[0] == "." or "partial" in one]


def test_a_study_ends_with_all_its_processes(shop):
    def at_work() -> bool:
        return len([*Path("out").glob("cells/*/*/*.partial/config.json")]) == 2

    with begun("study", *STUDY, "--methods=zerolog", "--pairs=", when=at_work) as process:
        started = descendants(process.pid)
        assert main(["study", *STUDY, "--methods=zerolog", "--pairs="]) == 2  # it has one already
        os.killpg(process.pid, signal.SIGTERM)  # as systemd, SLURM and containers do
        assert process.wait(120) == 130
        assert process.stderr.read().endswith(SAID)
    assert len(started) > 1
    began = time.monotonic()
    while not all(map(gone, started)):  # Python's own ones end once they see that it is gone
        assert time.monotonic() < began + 10
        time.sleep(0.05)
    assert names("out") == ["cells", "study.html", "study.json"]


def test_a_download_is_kept(shop, capsys):
    part = Path("data/hdfs/HDFS_v1.zip.part")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        command = ("download", "--system=hdfs", "--data_dir=data", f"--url={url}")
        answers = []

        def received() -> bool:
            if not answers:
                answers.append(server.accept()[0])
                answers[0].recv(65536)
                answers[0].sendall(
                    b"HTTP/1.0 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(2**21)
                )
            return part.is_file() and part.stat().st_size > 0

        with begun(*command, when=received) as process:
            assert main([*command]) == 2
            assert "data/hdfs: another process " in capsys.readouterr().err
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 130
            assert process.stderr.read().endswith(SAID)
        answers[0].close()
    assert names("data/hdfs") == [part.name]
