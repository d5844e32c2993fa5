"""Where the time of a subject goes: by lines of Python and by compiled operations.

    python -m experiments.benchmarks.profile MODULE:FUNCTION JSON_ARGUMENTS

Out: Markdown, of the second repeat (the first compiles). Python is sampled, all threads but those
that wait for another of them; a call that waits elsewhere counts where it was made. Compiled
programs are traced by JAX. Who is watched is slower: shares are what to read.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from experiments.benchmarks.measure import Call
from glx.errors import InputError

ROOT = Path(__file__).parents[2]
TICK = 2e-3  # seconds from sample to sample
WAITING = ("threading.py", "queue.py", "selectors.py", "futures/_base.py", "futures/thread.py")
RUNTIME = re.compile(r".*::|end: ")  # its own spans, waiting among them
ROWS, LEAST = 16, 0.005  # of all
Seconds = dict[str, float]


class Span(NamedTuple):
    """What a thread did for a while; others lie within it."""

    name: str
    start: float
    seconds: float


def profile(call: Call) -> str:
    """Where the time of a subject goes, as Markdown; found out in a process of its own.

    Raises:
      InputError: the subject fails.
    """
    command = [sys.executable, "-m", "experiments.benchmarks.profile", call.function]
    done = subprocess.run([*command, json.dumps(call.arguments)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise InputError(f"{call.function}: could not be watched, see above")
    return done.stdout.strip()


def main(function: str, arguments: str) -> None:
    """Prepare, repeat once unseen and once watched, and tell what was seen."""
    out, sys.stdout = sys.stdout, sys.stderr
    run = Call(function, json.loads(arguments)).prepare().run
    run()
    operations: Seconds = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        with trace(folder) if "jax" in sys.modules else nullcontext():
            lines, seconds = sampled(run)
        for spans in threads_of_trace(Path(folder)):
            for name, own in own_seconds(spans).items():
                operations[name] += own
    print(f"{seconds:.2f} s while watched\n\n{table('Python, line by line', lines)}", file=out)
    if operations:
        print(f"\n{table('compiled operations', operations)}", file=out)


def table(title: str, found: Seconds) -> str:
    """The largest of what was found, as Markdown."""
    total = sum(found.values())
    largest = sorted(found.items(), key=lambda pair: -pair[1])[:ROWS]
    rows = [f"| {name} | {s:.2f} | {s / total:.0%} |" for name, s in largest if s > LEAST * total]
    head = [f"| {title}, all threads | s of {total:.2f} | share |", "| --- | --: | --: |"]
    return "\n".join(head + rows)


def sampled(run: Callable[[], Any]) -> tuple[Seconds, float]:
    """Seconds that threads spent at each line of ours, calls of libraries included; and in all."""
    found: Seconds = defaultdict(float)
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(found, done))
    began = time.perf_counter()
    watcher.start()
    try:
        run()
    finally:
        seconds = time.perf_counter() - began
        done.set()
        watcher.join()
    return found, seconds


def _watch(found: Seconds, done: threading.Event) -> None:
    last = time.perf_counter()
    while not done.wait(TICK):
        now = time.perf_counter()
        for thread, frame in sys._current_frames().items():
            if thread != threading.get_ident() and (place := place_of(frame)):
                found[place] += now - last  # a tick is longer where others keep the interpreter
        last = now


def place_of(frame: FrameType | None) -> str | None:
    """The innermost line of ours and the function of a library that it called; None: idle."""
    if frame is None or frame.f_code.co_filename.endswith(WAITING):
        return None
    inner = frame.f_code
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
            within = "" if inner is frame.f_code else f": {inner.co_name}"
            name = f"{path.relative_to(ROOT)}:{frame.f_lineno}"
            return f"{name} {frame.f_code.co_name}{within}"
        frame = frame.f_back
    return None


def trace(folder: str) -> AbstractContextManager[None]:
    """A context whose compiled operations are written to a folder."""
    import jax

    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    return jax.profiler.trace(folder, profiler_options=options)


def threads_of_trace(folder: Path) -> Iterator[list[Span]]:
    """The operations of compiled programs, of each thread of a CPU or stream of a GPU."""
    for file in folder.rglob("*.xplane.pb"):
        from jax.profiler import ProfileData  # who wrote the file has JAX

        for plane in ProfileData.from_file(str(file)).planes:
            for line in plane.lines:
                if line.name.startswith("tf_XLA") or line.name == "XLA Ops":
                    yield [
                        Span(event.name, event.start_ns / 1e9, event.duration_ns / 1e9)
                        for event in line.events
                        if not RUNTIME.match(event.name)
                    ]


def own_seconds(spans: list[Span]) -> Seconds:
    """Seconds of each kind of operation, without those within it; numbers of names are dropped."""
    own: Seconds = defaultdict(float)
    around: list[tuple[str, float]] = []  # name and end of those that go on
    for name, start, seconds in sorted(spans, key=lambda span: (span.start, -span.seconds)):
        while around and around[-1][1] <= start:
            around.pop()
        kind = re.sub(r"(\.\w*\d+|\.clone)+$", "", name)
        own[kind] += seconds
        if around:
            own[around[-1][0]] -= seconds
        around.append((kind, start + seconds))
    return own


if __name__ == "__main__":
    main(*sys.argv[1:])
