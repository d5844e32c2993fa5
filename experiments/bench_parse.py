"""Measure parsing: raw HDFS lines to event ids, beside Drain3 with its own masks.

    python -m experiments.bench_parse [--data_dir=DIR]

Writes HDFS lines into a temporary folder (1.6 GB): with --data_dir the real ones of the 2 % slice,
over and over, else lines rendered from twelve messages. Parses 1 and 10 million of them, each time
in a fresh process so that its peak memory is its own, and feeds a sample to Drain3. Prints a table
of medians with the range. To expect of two cores: over 1.5 million lines per second, over 10 times
Drain3, and peak memory that differs by under 20 % between the two files.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import polars as pl
from absl import flags
from absl.flags import FlagValues
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig
from rich.console import Console
from rich.table import Table

from experiments.flags import run
from glx.errors import InputError
from glx.logs.header import Layout
from glx.logs.miner import Miner
from glx.logs.parse import parse, records
from glx.logs.read import ReadCounts
from glx.logs.sequences import Templates
from glx.logs.table import read_table
from glx.runs.memory import peak_memory_mb

HDFS = Layout(
    header=r"^(?P<time>\d{6} \d{6}) \d+ (?P<level>[A-Z]+) [^ ]+: (?P<text>.*)$",
    time_format="%y%m%d %H%M%S",
)
BLOCK_ID = r"blk_-?\d+"
MESSAGES = {  # event number -> component and message
    2: "INFO dfs.DataBlockScanner: Verification succeeded for {b}",
    3: "INFO dfs.DataNode$DataXceiver: {ip}:50010 Served block {b} to /{to}",
    4: "WARN dfs.DataNode$DataXceiver: {ip}:50010:Got exception while serving {b} to /{to}:",
    5: "INFO dfs.DataNode$DataXceiver: Receiving block {b} src: /{ip}:{port} dest: /{to}:50010",
    9: "INFO dfs.DataNode$PacketResponder: Received block {b} of size {size} from /{ip}",
    11: "INFO dfs.DataNode$PacketResponder: PacketResponder {d} for block {b} terminating",
    21: "INFO dfs.FSDataset: Deleting block {b} file /mnt/hadoop/dfs/data/current/subdir{d}/{b}",
    22: "INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: /user/root/rand/_temporary/"
    "_task_200811101024_0001_m_{d}_0/part-{d}. {b}",
    23: "INFO dfs.FSNamesystem: BLOCK* NameSystem.delete: {b} is added to invalidSet of {ip}:50010",
    25: "INFO dfs.FSNamesystem: BLOCK* ask {ip}:50010 to replicate {b} to datanode(s) {to}:50010",
    26: "INFO dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: blockMap updated: {ip}:50010 is "
    "added to {b} size {size}",
}
OTHER = "WARN dfs.DataNode: unexpected event {e} of block {b}, from /{ip}:{port}"
SEQUENCES = ["5 22 5 5 11 9 11 9 26 26 11 9 26 23 23 23 21 21 21", "22 5 5 5 26 26 26 11 9 2 3 4"]
TOGETHER = 64  # blocks whose lines are mixed
PER_SECOND = 80  # lines, as in HDFS


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    short, long, sample = 1_000_000, 10_000_000, 200_000
    flags.DEFINE_integer(
        "lines", short, f"Lines of the short file (default {short}).", 1, None, own
    )
    flags.DEFINE_integer(
        "long_lines", long, f"Lines of the long file; 0: none (default {long}).", 0, None, own
    )
    flags.DEFINE_integer(
        "drain_lines", sample, f"Lines that Drain3 gets (default {sample}).", 1, None, own
    )
    flags.DEFINE_integer("repeats", 3, "Runs of each, in turn (default 3).", 1, None, own)
    flags.DEFINE_integer("threads", None, "Of the parser (default one a core).", 1, None, own)
    flags.DEFINE_string(
        "data_dir", None, "Folder of docs/data.md, for its real HDFS lines.", flag_values=own
    )
    flags.DEFINE_string(
        "worker", None, "For its own processes: glx, keys or drain3.", flag_values=own
    )
    flags.DEFINE_string("file", None, "For its own processes.", flag_values=own)
    return own


def write_lines(path: Path, lines: int, data_dir: Path | None) -> None:
    """Write raw HDFS lines: real ones over and over, or blocks with random ids and addresses."""
    if data_dir is None:
        made = _rendered(SEQUENCES, lines, np.random.default_rng(0))
    else:
        columns = ["date", "time", "pid", "level", "component", "message"]
        table = read_table(data_dir / "hdfs/hdfs_raw_2pct.csv.zst", columns)
        real = table.select(pl.concat_str(columns, separator=" ") + "\n").to_series().to_list()
        made = islice(cycle(real), lines)
    with path.open("w") as file:
        file.writelines(made)


def _rendered(sequences: list[str], lines: int, rng: np.random.Generator) -> Iterator[str]:
    clock, done = np.datetime64("2008-11-09T20:35:18"), 0
    while done < lines:
        picked = rng.integers(len(sequences), size=TOGETHER)
        events = [[int(e) for e in sequences[i].split()] for i in picked]
        blocks = [f"blk_{n}" for n in rng.integers(-(2**63), 2**63 - 1, size=TOGETHER)]
        turns = rng.permutation(np.repeat(np.arange(TOGETHER), [len(e) for e in events]))
        turns = turns[: lines - done]
        values = rng.integers(1, [255, 255, 65536, 67108864, 3000], size=(len(turns), 5)).tolist()
        waiting = [iter(e) for e in events]
        for turn, (ip, to, port, size, d) in zip(turns.tolist(), values, strict=True):
            if done % PER_SECOND == 0:
                clock = clock + np.timedelta64(1, "s")
                digits = str(clock).translate({ord(c): None for c in "-:"})
                stamp = f"{digits[2:8]} {digits[9:]}"
            event = next(waiting[turn])
            text = MESSAGES.get(event, OTHER).format(
                e=event,
                b=blocks[turn],
                ip=f"10.251.{ip}.{to}",
                to=f"10.250.{to}.{ip}",
                port=port,
                size=size,
                d=d,
            )
            yield f"{stamp} {d} {text}\n"
            done += 1


def measure(worker: str, path: Path, values: FlagValues) -> dict[str, float]:
    """One measurement: lines, templates, seconds, peak 10^6 bytes."""
    start = time.perf_counter()
    if worker == "drain3":
        lines, templates = _drain3(path, values.drain_lines)
    else:
        miner = Miner(Templates([], np.zeros(0, np.int64)))
        layout = Layout(**(vars(HDFS) | {"session": BLOCK_ID if worker == "keys" else None}))
        frames = parse(records(path, layout, ReadCounts(), values.threads), miner)
        lines, templates = sum(len(frame) for frame in frames), len(miner.templates)
    seconds = time.perf_counter() - start
    return {
        "lines": lines,
        "templates": templates,
        "seconds": seconds,
        "peak": peak_memory_mb(),
    }


def _drain3(path: Path, most: int) -> tuple[int, int]:
    """Feed the messages to Drain3 with its own masks, which do for HDFS what ours do."""
    config = TemplateMinerConfig()
    config.drain_sim_th = 0.4
    config.masking_instructions = [
        MaskingInstruction(r"blk_-?\d+", "BLOCK"),
        MaskingInstruction(r"/?(?:\d+\.){3}\d+(?::\d+)?", "IP"),
        MaskingInstruction(r"(?:/[\w.-]+)*/[\w.-]*\d[\w./-]*", "PATH"),
        MaskingInstruction(r"-?\d+", "NUM"),
    ]
    miner = TemplateMiner(config=config)
    n = 0
    with path.open() as file:
        for n, line in zip(range(1, most + 1), file, strict=False):  # noqa: B007
            miner.add_log_message(line.rstrip("\n").split(" ", 5)[5])
    return n, len(miner.drain.clusters)


def work(values: FlagValues) -> None:
    """Render, measure in fresh processes, print."""
    if values.worker is not None:
        if values.worker not in ("glx", "keys", "drain3") or values.file is None:
            raise InputError("--worker: glx, keys or drain3, with --file")
        print(json.dumps(measure(values.worker, Path(values.file), values)))
        return
    data_dir = None if values.data_dir is None else Path(values.data_dir)
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.log", Path(folder) / "long.log"
        with console.status("writing lines"):
            write_lines(short, values.lines, data_dir)
            if values.long_lines:
                write_lines(long, values.long_lines, data_dir)
        jobs = [("glx", "glx", short), ("glx, session keys", "keys", short)]
        jobs += [("glx", "glx", long)] if values.long_lines else []
        jobs += [("Drain3 with masks", "drain3", short)]
        results: list[list[dict]] = [[] for _ in jobs]
        for _ in range(values.repeats):
            for (label, worker, path), runs in zip(jobs, results, strict=True):
                with console.status(label):
                    runs.append(_in_own_process(worker, path, values))
    table = Table(title="raw HDFS lines to event ids", title_justify="left")
    table.add_column("parser")
    for name in ("lines", "templates", "1000 lines/s", "peak MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for (label, _, _), runs in zip(jobs, results, strict=True):
        lines, templates = f"{runs[0]['lines']:,}", str(runs[0]["templates"])
        table.add_row(
            label,
            lines,
            templates,
            _spread(map(_rate, runs)),
            _spread(run["peak"] for run in runs),
        )
    console.print(table)
    times = statistics.median(map(_rate, results[0])) / statistics.median(map(_rate, results[-1]))
    console.print(f"glx is {times:.1f} times as fast as Drain3 with masks")
    if values.long_lines:
        short_peak, long_peak = (
            statistics.median(run["peak"] for run in results[i]) for i in (0, 2)
        )
        console.print(
            f"peak memory of {values.long_lines:,} lines over that of {values.lines:,}: "
            f"{long_peak / short_peak:.2f}"
        )


def _rate(run: dict) -> float:
    return run["lines"] / run["seconds"] / 1000


def _spread(values: Iterable[float]) -> str:
    """The median and the range."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):,.0f} ({ordered[0]:,.0f}-{ordered[-1]:,.0f})"


def _in_own_process(worker: str, path: Path, values: FlagValues) -> dict[str, float]:
    command = [sys.executable, "-m", "experiments.bench_parse", f"--worker={worker}"]
    command += [f"--file={path}", f"--drain_lines={values.drain_lines}"]
    command += [] if values.threads is None else [f"--threads={values.threads}"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
