"""One command in several processes on loopback, and how each of them ends."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import jax
from shop import KEYS, LOG, lines, write_labels

ROOT = Path(__file__).parents[2]
NOTHING: dict[str, str] = {}
DATA = ("--target=shop=shop.log", "--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS)


def write_shop() -> None:
    """A target, a source and its labels (`DATA`) in the folder at hand."""
    Path("shop.log").write_bytes(LOG)
    Path("jobs.log").write_text("\n".join(lines("job", 40)) + "\n")
    write_labels(f"{i},{int(i % 10 == 3)}" for i in range(40))


@contextmanager
def begun(*words: str, count: int, last: dict[str, str] = NOTHING, cwd: str = "."):
    """The command in so many processes, which are told of each other where there are several.

    `last` is of the environment of the last one, `cwd` the folder that it is begun in.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    of_all = ["--distributed", f"--coordinator={place}", f"--num_processes={count}"]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        # Not that of the tests' own process, which counts what is in it.
        "JAX_COMPILATION_CACHE_DIR": f"{jax.config.values['jax_compilation_cache_dir']}-several",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    processes = []
    try:
        for n in range(count):
            own = [*of_all, f"--process_id={n}"] if count > 1 else []
            processes.append(
                subprocess.Popen(
                    [sys.executable, *(words if words[0] == "-c" else ("-m", *words)), *own],
                    env=environment | (last if n == count - 1 else {}),
                    cwd=cwd if n == count - 1 else ".",
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ends(process, within=240.0):
    """The exit code, standard output and error of a process."""
    out, error = process.communicate(timeout=within)
    return process.returncode, out, error


def completed(*words: str, count: int, **other):
    """How each of so many processes ended."""
    with begun(*words, count=count, **other) as processes:
        return [ends(process) for process in processes]


def wait_until(reached: Callable[[], bool], processes) -> None:
    """Until the work of running processes has reached something."""
    late = time.monotonic() + 240
    while not reached():
        assert all(process.poll() is None for process in processes), "ended before"
        assert time.monotonic() < late
        time.sleep(0.05)
