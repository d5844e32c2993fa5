r"""Where the time goes from the start of `glx detect` to its first verdicts.

Examples:
  python -m experiments.start --detector=runs/zerolog-sim_vms-0/checkpoint

The network is traced, or is the one that the folder has exported (`glx/exported.py`). Each runs in
a first process, for which nothing is compiled and no vector of a text is on disk, and in a second.
Told are seconds of the processor, of all threads: what else runs on the machine hardly matters.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from absl.flags import FlagValues

from glx.cli.flags import add, run
from glx.data.load import DataConfig
from glx.errors import InputError
from glx.files import given_path
from glx.runs import detectors
from glx.runs.compilation import keep_compilations
from glx.runs.warm import every_length, new_texts
from glx.zerolog.detector import ZeroLogDetector

STAGES = ("import", "load", "known texts", "new texts", "scores of every length", "again")
NETWORKS = ("traced", "exported")
PROCESSES = ("first", "second")


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "string", "detector", None, "The `checkpoint` folder of a finished run of ZeroLog.")
    add(own, "integer", "repeats", 3, "Of each; medians are told.", lower_bound=1, upper_bound=100)
    return own


def work(values: FlagValues) -> None:
    """Print a table in Markdown, of seconds."""
    if not values.detector:
        raise InputError("--detector: missing; see --help")
    folder = given_path(values.detector)
    detector, _ = detectors.load(folder)
    if not isinstance(detector, ZeroLogDetector) or detector.exported is None:
        raise InputError(
            f"--detector={folder}: has no program that these versions exported for these devices; "
            "fit `glx zerolog` here"
        )
    print(f"| network | process | to verdicts | {' | '.join(STAGES)} |")
    print(f"| --- | --- |{' --: |' * (1 + len(STAGES))}")
    told: dict[tuple[str, str], list[list[float]]] = {of: [] for of in product(NETWORKS, PROCESSES)}
    for _, network in product(range(values.repeats), NETWORKS):  # in turn: what else runs, comes
        with tempfile.TemporaryDirectory() as cache:
            for process in PROCESSES:
                told[network, process].append(begin(str(folder.resolve()), network, cache))
    for kind, rounds in told.items():
        seconds = np.median(np.array(rounds), axis=0)
        shown = [seconds[:-1].sum(), *seconds]
        print(f"| {' | '.join([*kind, *(f'{s:.2f}' for s in shown)])} |")


def begin(folder: str, network: str, cache: str) -> list[float]:
    """What `measure` tells in a process of its own, with its caches in a folder."""
    code = f"from experiments.start import measure; measure({folder!r}, {network!r})"
    own = os.environ | {"XDG_CACHE_HOME": cache}
    command = [sys.executable, "-c", code]
    return json.loads(subprocess.run(command, env=own, stdout=subprocess.PIPE, check=True).stdout)


def measure(folder: str, network: str) -> None:
    """Print the seconds of `STAGES`; that of imports is all until now."""
    laps = [time.process_time()]

    def lap(stage: Callable[[], Any]) -> Any:
        start = time.process_time()
        done = stage()
        laps.append(time.process_time() - start)
        return done

    keep_compilations(DataConfig())
    detector, parser = lap(lambda: detectors.load(Path(folder)))
    if network == "traced":
        detector = replace(detector, exported=None)
    meanings = lap(lambda: detector.understand(parser.texts))
    lap(lambda: new_texts(detector))
    commonest = int(np.argmax(parser.miner.fitted.counts))
    for _ in range(2):
        lap(lambda: every_length(detector, meanings, commonest))
    print(json.dumps(laps))


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
