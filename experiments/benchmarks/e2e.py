"""From raw text to verdicts on disk, as `experiments.detect` has it: all of HDFS.

Ours parses, groups lines by block, scores each block and writes a line of JSON for it. Nobody else
does all of that in one program; the peer does the beginning of it, Drain3 with masks and lines
grouped by block, on the first lines of the file.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from experiments.benchmarks import hdfs_text, one_step_detector
from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.parse import peer_miner
from experiments.benchmarks.settings import Settings
from glx.data.catalogue import resolve
from glx.data.load import DataConfig, load
from glx.data.systems import BLOCK_ID
from glx.detector import Target
from glx.generallog.detector import GeneralLogConfig, GeneralLogDetector
from glx.runs import detectors
from glx.runs.detect import detect
from glx.zerolog.detector import ZeroLogDetector

HERE = "experiments.benchmarks.e2e"
PEER_LINES = 200_000
OPEN = "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_"


def cases(settings: Settings) -> Iterator[Case]:
    """Both detectors, fitted on `hdfs`; without the real sequences there is no case."""
    if settings.data_dir is None:
        return
    log = settings.folder / "hdfs.log"
    lines = hdfs_text.write(log, settings.data_dir, 200_000 if settings.quick else None)
    fitted = fitted_on_hdfs(settings)
    most = 20_000 if settings.quick else PEER_LINES
    peer = Call(f"{HERE}:drain3", {"log": str(log), "lines": most})
    for name in ("ZeroLog",) if settings.quick else ("ZeroLog", "GeneralLog"):
        yield Case(
            what="e2e",
            case=f"{lines:,} lines of HDFS to verdicts of {name}",
            unit="lines/s",
            ours=ours(fitted / name, log, lines),
            peers={"Drain3 with masks, and groups of lines alone": peer},
            ceiling=Call("experiments.benchmarks.ceilings:memory_copy"),
            per_unit=2 * log.stat().st_size / lines,  # bytes of a line, read and written once
            repeats=None if settings.quick else 3,
        )
    log.unlink()
    n = 50_000 if settings.quick else 1_000_000
    open_ = settings.folder / "open.log"
    with open_.open("w") as file:
        file.writelines(f"{OPEN}{block}\n" for block in range(n))
    yield Case(
        what="e2e",
        case=f"{n:,} sessions that are open to the end, to verdicts of ZeroLog",
        unit="sessions/s",
        ours=ours(fitted / "ZeroLog", open_, n),
        repeats=None if settings.quick else 3,
    )
    open_.unlink()


def ours(detector: Path, log: Path, lines: int) -> Call:
    """What is measured: `detect` by a saved detector."""
    arguments = {"detector": str(detector), "log": str(log), "lines": lines}
    return Call(f"{HERE}:detected", arguments)


def fitted_on_hdfs(settings: Settings) -> Path:
    """A folder with detectors `ZeroLog` and `GeneralLog`; in a process of its own.

    What they learned does not matter for the time: the training takes one step.
    """
    folder = settings.folder / "detectors"
    assert settings.data_dir is not None
    if not folder.exists():
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            most = 20_000 if settings.quick else None
            pool.submit(fit_both, folder, settings.data_dir, most).result()
    return folder


def fit_both(folder: Path, data_dir: Path, most: int | None = None) -> None:
    """Fit and save both, with `sim_ras` as their source.

    Args:
      most: sequences to adapt on, at most; None: all of the adaptation part.
    """
    data = DataConfig(data_dir=str(data_dir))
    chosen = resolve("hdfs", ("sim_ras",), (), data)
    target, source_data = load(chosen.target, data), load(chosen.sources[0], data, 1.0)
    source = one_step_detector.source("sim_ras", source_data)
    adapt = target.adapt.take(np.arange(len(target.adapt))[:most])
    config, seen = one_step_detector.config(), Target(adapt, target.templates)
    zerolog = ZeroLogDetector.fit(config, [source], seen)
    whole = GeneralLogDetector.around(zerolog, GeneralLogConfig(train=config.train), [source], seen)
    detectors.save(folder / "ZeroLog", zerolog, target.parser, {})
    detectors.save(folder / "GeneralLog", whole, target.parser, {})


def detected(detector: str, log: str, lines: int) -> Prepared:
    """Verdicts of a file, on disk beside it."""
    out = f"{log}.verdicts.jsonl"
    return Prepared(lambda: detect(Path(detector), log, out), lines)


def drain3(log: str, lines: int) -> Prepared:
    """Template ids by Drain3 with its own masks, which do for HDFS what ours do; a list a block."""
    block = re.compile(BLOCK_ID)

    def run() -> dict[str, list[int]]:
        miner, sessions = peer_miner(), defaultdict(list)
        with open(log) as file:
            for line in islice(file, lines):
                text = line.rstrip("\n").split(" ", 5)[5]
                found = block.search(text)
                assert found is not None
                sessions[found[0]].append(miner.add_log_message(text)["cluster_id"])
        return sessions

    return Prepared(run, lines)
