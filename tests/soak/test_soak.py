"""A day of a detector in short: it reads 2,000 lines a second, is killed, its model comes and goes.

`GLX_SOAK` is for how many seconds; without it the test is left out.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from faulty import Faulty
from tiny_chats import tiny_model
from writing import RATE, Service

SECONDS = float(os.environ.get("GLX_SOAK", "0"))
SESSION = r"order=(\d+)"
IDLE = 10.0  # seconds
LATEST = 120.0  # seconds that a verdict may be late: two starts, and the patience with the server
RUN = """
import sys
from faulty import WORDS
from glx.cli.main import main
from glx.llm.chat import ChatFormat
ChatFormat.words = lambda self: WORDS  # those of the server, whatever the tokenizer
sys.exit(main(sys.argv[1:]))
"""
pytestmark = pytest.mark.skipif(not SECONDS, reason="set GLX_SOAK to a number of seconds")


def start(*flags: str, out=None) -> subprocess.Popen:
    helpers = str(Path(__file__).parents[1] / "helpers")
    path = os.pathsep.join([helpers, os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", RUN, *flags]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=out, stderr=out)


class Watched:
    """A process of `glx detect`, and what it held at each look."""

    def __init__(self, process: subprocess.Popen, out: Path):
        self.process, self.out, self.begun = process, out, time.monotonic()
        self.looks: list[tuple[float, int, int]] = []  # MB, open files, threads
        self.judging: float | None = None
        self.before = size(out)

    def look(self) -> None:
        if self.judging is None and size(self.out) > self.before:
            self.judging = time.monotonic()
        if self.judging is None or time.monotonic() < self.judging + 10:
            return  # what is compiled and cached first
        about = Path(f"/proc/{self.process.pid}")
        try:
            status = (about / "status").read_text()
            held = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1e3
            threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
            self.looks.append((held, len(os.listdir(about / "fd")), threads))
        except (FileNotFoundError, TypeError):  # it has ended
            return


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def verdicts(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.fixture
def detector(tmp_path):
    """GeneralLog, fitted on a minute of the service, and its server."""
    service = Service(tmp_path / "fit.log", seed=1)
    with (tmp_path / "fit.log").open("w") as log:
        for _ in range(100):
            log.write(service.lines(200))
            service.clock += 0.1
    tokenizer = tiny_model("chatml", tmp_path / "tokenizer")
    server = Faulty(said=lambda prompt: (-2.0, -0.2) if "broken" in prompt else (-0.1, -3.0))
    expert = (
        "--expert=vllm", f"--llm_url={server.url}", "--llm_model=tiny",
        f"--llm_tokenizer={tokenizer}", f"--cache={tmp_path / 'answers.sqlite'}",
    )  # fmt: skip
    with (tmp_path / "fit.txt").open("w") as told:
        fit = start(
            "generallog", f"--target=app={tmp_path / 'fit.log'}", f"--session={SESSION}",
            "--steps=3", "--sim_lines=2000", f"--run_dir={tmp_path / 'run'}", *expert, out=told,
        )  # fmt: skip
        assert fit.wait(300) == 0, (tmp_path / "fit.txt").read_text()
    yield tmp_path / "run" / "checkpoint", server
    server.stop()


def test_each_line_is_judged_once_in_flat_memory(detector, tmp_path):
    folder, server = detector
    path, out, told = tmp_path / "app.log", tmp_path / "out.jsonl", tmp_path / "told.txt"
    service, chance = Service(path), random.Random(2)
    path.touch()
    flags = (
        "detect", f"--detector={folder}", f"--logs={path}", "--follow", f"--out={out}",
        f"--idle={IDLE}", "--llm_patience=20",
    )  # fmt: skip
    ends: Counter[int] = Counter()
    lives: list[Watched] = []
    seen, lags, port = 0, [], server.port
    service.start()
    with told.open("w") as said:
        lives.append(Watched(start(*flags, out=said), out))
        # What is rotated before the log was opened for the first time is not read.
        while not lives[0].judging and time.monotonic() < lives[0].begun + 180:
            time.sleep(0.5)
            lives[0].look()
        service.rotating.set()
        began = time.monotonic()
        half = began + SECONDS / 2
        kill, change = began + SECONDS / 6, began + 25
        while True:
            time.sleep(0.5)
            now = time.monotonic()
            lives[-1].look()
            if out.exists():
                with out.open("rb") as file:
                    file.seek(seen)
                    new = file.read()
                whole = new[: new.rfind(b"\n") + 1]
                seen += len(whole)
                for line in whole.splitlines():
                    lags.append(now - service.at[json.loads(line)["last_line"]])
            if service.is_alive() and now > began + SECONDS:
                service.stopping.set()
                service.join()
                last = len(service.key) - 1
            judged = not service.is_alive() and now - service.at[-1] > 2 and position(out) >= last
            if judged or now > began + SECONDS + 180:
                break
            if service.is_alive() and now > change:
                # Away for longer than its patience at times: the process ends, and is started.
                if server.stopped.is_set():
                    server = Faulty(port=port, said=server.said)
                else:
                    server.stop()
                # In the second half no process ends, so that its memory can be watched.
                change = now + chance.choice([5, 10, 30 if now < half else 15])
            elif not service.is_alive() and server.stopped.is_set():
                server = Faulty(port=port, said=server.said)
            if kill < now < half and lives[-1].judging:
                lives[-1].process.kill()
                kill = now + SECONDS / 8
            if (code := lives[-1].process.poll()) is not None:
                ends[code] += 1
                lives.append(Watched(start(*flags, out=said), out))
        lives[-1].process.send_signal(signal.SIGINT)
        assert lives[-1].process.wait(60) == 130
    server.stop()

    assert set(ends) <= {-signal.SIGKILL, 3}, told.read_text()
    assert ends[-signal.SIGKILL] >= 1
    times = np.zeros(len(service.key), int)
    key, lines_of = np.array(service.key), {}
    for n, name in enumerate(service.key):
        lines_of.setdefault(name, []).append(n)
    found = verdicts(out)
    for verdict in found:
        own = lines_of[int(verdict["key"])]
        assert verdict["first_line"] in own
        assert verdict["last_line"] in own
        times[[n for n in own if verdict["first_line"] <= n <= verdict["last_line"]]] += 1
    left = key == key[-1]  # the session of the last line goes on
    assert (times[~left] == 1).all(), (np.flatnonzero((times != 1) & ~left)[:9], told.read_text())
    assert "gone" not in told.read_text()

    whole = max(lives, key=lambda life: len(life.looks))
    looks = np.array(whole.looks)
    third = len(looks) // 3
    assert third, "no process was watched for long enough; give more seconds"
    early, late = np.median(looks[:third], axis=0), np.median(looks[-third:], axis=0)
    lag, wrote = np.array(lags) - IDLE, service.at[-1] - service.at[0]
    print(
        f"\n{len(key):,} lines in {wrote:.0f} s ({len(key) / wrote:,.0f}/s, of {RATE:,}), "
        f"{len(found):,} sessions, each line judged once; {dict(service.rotations)}; ends "
        f"{dict(ends)}; late by {np.median(lag):.1f} s (median), {np.quantile(lag, 0.99):.0f} s "
        f"(99 %), {lag.max():.0f} s at most; in {len(looks) / 2:.0f} s of one process "
        f"{early[0]:.0f} -> {late[0]:.0f} MB, {early[1]:.0f} -> {late[1]:.0f} files, "
        f"{early[2]:.0f} -> {late[2]:.0f} threads"
    )
    assert lag.max() < LATEST
    assert late[0] < 1.1 * early[0]
    assert (late[1:] <= early[1:]).all()


def position(out: Path) -> int:
    """The line before which all is judged, as is kept beside the output."""
    return json.loads(out.with_name(out.name + ".position").read_text())["judged"]
