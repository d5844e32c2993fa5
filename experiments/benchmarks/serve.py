"""`glx serve` on loopback: lines that several clients post, and how soon causes are answered.

The service and its clients share the cores. HDFS is posted as it is written, so that a body holds
parts of thousands of blocks, nearly each of which lacks something: what a service answers at worst.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx

from experiments.benchmarks import e2e, hdfs_text
from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings

HERE = "experiments.benchmarks.serve"
LINES = 200_000
CLIENTS = 4
BODIES = (100, 1_000, 10_000)  # lines of each
FLAGGED = 100_000  # sequences that are kept
ASKED = 200  # times: the lowest rate is that of the slowest answer
SENT = b"081109 203518 143 WARN dfs.DataNode: lost all replicas of blk_%d\n"


def cases(settings: Settings) -> Iterator[Case]:
    """Posts of several sizes, and causes; without the real sequences there is no case."""
    if settings.data_dir is None:
        return
    log, lines = settings.folder / "hdfs.log", LINES // 20 if settings.quick else LINES
    hdfs_text.write(log, settings.data_dir, lines)
    fitted = e2e.fitted_on_hdfs(replace(settings, quick=True))  # on fewer, which costs no time here
    given = {"detector": str(fitted / "ZeroLog")}
    for size in BODIES:
        n = min(lines, size * 100)
        yield Case(
            what="serve",
            case=f"{n:,} lines of HDFS, {size:,} a body, {CLIENTS} clients",
            unit="lines/s",
            ours=Call(f"{HERE}:posted", given | {"log": str(log), "lines": n, "size": size}),
        )
    flagged = FLAGGED // 50 if settings.quick else FLAGGED
    for busy in (False, True):
        yield Case(
            what="serve",
            case=f"GET /causes of {flagged:,} flagged sequences" + ", while lines come" * busy,
            unit="answers/s",
            ours=Call(f"{HERE}:asked", given | {"flagged": flagged, "busy": busy}),
            repeats=10 if settings.quick else ASKED,
        )
    log.unlink()


def started(detector: str) -> httpx.Client:
    """A client of a service, which ends with this process."""
    command = [sys.executable, "-c", ALIVE, f"--detector={detector}", "--port=0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith(": ready\n"):
            return httpx.Client(base_url=line.removesuffix(": ready\n"), timeout=600)
    raise RuntimeError("glx serve did not start, see above")


# Ends when whoever started it does, however that ends.
ALIVE = """
import os, signal, sys, threading
from glx.__main__ import main
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
main(["serve", *sys.argv[1:]])
"""


def posted(detector: str, log: str, lines: int, size: int) -> Prepared:
    """Bodies of so many lines each, by several clients."""
    with open(log, "rb") as file:
        whole = [line for line, _ in zip(file, range(lines), strict=False)]
    bodies = [b"".join(whole[at : at + size]) for at in range(0, lines, size)]
    client = started(detector)

    def post(body: bytes) -> None:
        client.post("/detect", content=body).raise_for_status()

    def run() -> None:
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(post, bodies))

    return Prepared(run, lines)


def asked(detector: str, flagged: int, busy: bool) -> Prepared:
    """The causes of so many sequences, once; `busy`: a client posts all the time."""
    client, step = started(detector), 10_000

    def post(first: int, n: int) -> None:
        body = b"".join(SENT % k for k in range(first, first + n))
        client.post("/detect?anomalous=true", content=body).raise_for_status()

    for first in range(0, flagged, step):
        post(first, min(step, flagged - first))
    kept = client.get("/causes").json()["flagged"]
    if kept != flagged:
        raise RuntimeError(f"{kept:,} sequences were flagged in place of {flagged:,}")

    def posting() -> None:
        first = flagged
        while True:
            post(first, 100)
            first += 100

    if busy:
        threading.Thread(target=posting, daemon=True).start()
    return Prepared(lambda: client.get("/causes").raise_for_status(), 1)
