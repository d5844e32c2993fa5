"""The real HDFS event sequences as raw HDFS text: the file that whole programs are timed on.

In: the sequences of `hdfs` (docs/data.md), without their labels. Out: 11.2 million lines, 1.5 GB.
Which events there are, how many and in which order within a block is real, and so is how often
sequences repeat; addresses, sizes, times and which blocks are at work at once are random.
"""

from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import numpy as np
import polars as pl

from glx.data import numbered
from glx.data.systems import known
from glx.parse.read import ReadCounts
from glx.sequences import Sequences, csr_offsets

TOGETHER = 8192  # blocks whose lines are mixed: they take under an hour, as sessions may
PER_SECOND = 80  # lines, as in HDFS
BEGIN = 1_226_262_918  # 2008-11-09 20:35:18 UTC
NODES = [f"10.{250 + n % 2}.{n * 37 % 255}.{n * 83 % 253 + 1}" for n in range(203)]
TASK = "_task_200811101024_{task}_m_{part}_0/part-{part}"
NAMES = "INFO dfs.FSNamesystem: BLOCK* "
ADDED = f"{NAMES}NameSystem.addStoredBlock: "
NODE = "INFO dfs.DataNode"
MESSAGES = {  # event number -> level, component and message
    1: "INFO dfs.DataBlockScanner: Adding an already existing block {block}",
    2: "INFO dfs.DataBlockScanner: Verification succeeded for {block}",
    3: NODE + "$DataXceiver: {ip}:50010 Served block {block} to /{to}",
    4: "WARN dfs.DataNode$DataXceiver: {ip}:50010:Got exception while serving {block} to /{to}:",
    5: NODE + "$DataXceiver: Receiving block {block} src: /{ip}:{port} dest: /{to}:50010",
    6: NODE + "$DataXceiver: Received block {block} src: /{ip}:{port} dest: /{to}:50010 "
    "of size {size}",
    7: NODE + "$DataXceiver: writeBlock {block} received exception java.io.IOException: "
    "Could not read from stream",
    8: NODE + "$PacketResponder: PacketResponder {one} for block {block} Interrupted.",
    9: NODE + "$PacketResponder: Received block {block} of size {size} from /{ip}",
    10: NODE + "$PacketResponder: PacketResponder {block} {one} Exception java.io.EOFException",
    11: NODE + "$PacketResponder: PacketResponder {one} for block {block} terminating",
    12: NODE + "$BlockReceiver: {ip}:50010:Exception writing block {block} to mirror {to}:50010",
    13: NODE + "$BlockReceiver: Receiving empty packet for block {block}",
    14: NODE + "$BlockReceiver: Exception in receiveBlock for block {block} java.io.EOFException",
    15: NODE + "$BlockReceiver: Changing block file offset of block {block} from {port} to {size} "
    "meta file offset to {port}",
    16: NODE + "$DataTransfer: {ip}:50010:Transmitted block {block} to /{to}:50010",
    17: "WARN dfs.DataNode$DataTransfer: {ip}:50010:Failed to transfer {block} to {to}:50010 got "
    "java.net.SocketException: Connection reset",
    18: NODE + ": {ip}:50010 Starting thread to transfer block {block} to {to}:50010",
    19: NODE + ": Reopen Block {block}",
    20: "WARN dfs.FSDataset: Unexpected error trying to delete block {block}. "
    "BlockInfo not found in volumeMap.",
    21: "INFO dfs.FSDataset: Deleting block {block} file "
    "/mnt/hadoop/dfs/data/current/subdir{one}/{block}",
    22: NAMES + "NameSystem.allocateBlock: /user/root/rand/_temporary/" + TASK + ". {block}",
    23: NAMES + "NameSystem.delete: {block} is added to invalidSet of {ip}:50010",
    24: NAMES + "Removing block {block} from neededReplications as it does not belong to any file.",
    25: NAMES + "ask {ip}:50010 to replicate {block} to datanode(s) {to}:50010",
    26: ADDED + "blockMap updated: {ip}:50010 is added to {block} size {size}",
    27: "WARN dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request "
    "received for {block} on {ip}:50010 size {size}",
    28: ADDED + "addStoredBlock request received for {block} on {ip}:50010 size {size} But it does "
    "not belong to any file.",
    29: "WARN dfs.PendingReplicationBlocks: PendingReplicationMonitor timed out block {block}",
}


def write(path: Path, data_dir: Path, lines: int | None = None) -> int:
    """Write the log; the same at every call, and with fewer `lines` the beginning of it.

    Args:
      lines: at most so many; None: all of them.

    Returns:
      The lines written.

    Raises:
      InputError: `data_dir` has no such sequences.
    """
    rows, numbers = real_sequences(data_dir)
    done = 0
    with path.open("wb") as file:
        for frame in rendered(rows, numbers, lines):
            frame.write_csv(file, include_header=False, quote_style="never")
            done += len(frame)
    return done


def real_sequences(data_dir: Path) -> tuple[Sequences, np.ndarray]:
    """The sequences of `hdfs` in permuted order, and `<int64>[V]` the event number of each id."""
    system = known(data_dir)["hdfs"]
    assert system.numbered is not None
    numbers, _ = numbered.read_templates(system.numbered, False)
    rows = numbered.read_sequences(system.path, system.numbered, numbers, ReadCounts())
    return rows.take(np.random.default_rng(0).permutation(len(rows))), numbers


def rendered(
    rows: Sequences, numbers: np.ndarray, lines: int | None = None
) -> Iterator[pl.DataFrame]:
    """Lines of the log, in order: a column of str, some 160,000 rows at a time.

    A sequence is a block with an id of its own. `TOGETHER` blocks are at work at once, their lines
    mixed but each block's in order.

    Args:
      numbers: `<int64>[V]` the event number of each id.
      lines: at most so many.
    """
    names = block_names(len(rows))
    done, most = 0, len(rows.ids) if lines is None else lines
    for first in range(0, len(rows), TOGETHER):
        if done >= most:
            return
        members = np.arange(first, min(first + TOGETHER, len(rows)))
        part = rows.take(members)
        rng = np.random.default_rng(first)
        owner = rng.permutation(np.repeat(np.arange(len(part)), part.lengths))
        # The n-th turn of a block is its n-th event.
        turn = np.empty(len(owner), dtype=np.int64)
        turn[np.argsort(owner, kind="stable")] = np.arange(len(owner))
        values = _values(rng, done, names.gather(members), owner)
        frame = _lines(values, numbers[part.ids[turn]])
        yield frame.head(most - done)
        done += len(frame)


def block_names(n: int) -> pl.Series:
    """`n` block ids, as HDFS has them, no two alike."""
    odd = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # wraps: one to one
    return "blk_" + pl.Series(odd.view(np.int64)).cast(pl.String)


def _values(rng: np.random.Generator, done: int, blocks: pl.Series, owner: np.ndarray):
    """What stands at the places of `MESSAGES`, a row for each line from the `done`-th on."""
    n, nodes = len(owner), pl.Series(NODES)

    def digits(high: int, width: int = 1) -> pl.Series:
        distinct = pl.Series(range(high), dtype=pl.String).str.zfill(width)
        return distinct.gather(rng.integers(high, size=n))

    second = (done + np.arange(n)) // PER_SECOND
    clock = pl.from_epoch(pl.Series(np.arange(second[0], second[-1] + 1) + BEGIN))
    full = rng.random(n) < 0.7
    sizes = np.where(full, 1 << 26, rng.integers(1, 1 << 26, size=n))
    return pl.DataFrame(
        {
            "stamp": clock.dt.strftime("%y%m%d %H%M%S").gather(second - second[0]),
            "pid": digits(30_000),
            "block": blocks.gather(owner),
            "ip": nodes.gather(rng.integers(len(nodes), size=n)),
            "to": nodes.gather(rng.integers(len(nodes), size=n)),
            "port": digits(65_536),
            "size": pl.Series(sizes).cast(pl.String),
            "one": digits(64),
            "task": digits(20, 4),
            "part": digits(2_000, 5),
        }
    )


def _lines(values: pl.DataFrame, events: np.ndarray) -> pl.DataFrame:
    """The line of each event, from its values."""
    order = np.argsort(events, kind="stable")
    kinds, sizes = np.unique(events, return_counts=True)
    starts = csr_offsets(sizes).tolist()
    parts = [
        values[order[start : start + size]].select(_expression(MESSAGES[event]).alias("line"))
        for event, start, size in zip(kinds.tolist(), starts, sizes.tolist(), strict=False)
    ]
    return pl.concat(parts)[np.argsort(order)]


def _expression(message: str) -> pl.Expr:
    """The columns and literals that make a line."""
    parts: list[pl.Expr] = []
    for literal, name, _, _ in Formatter().parse("{stamp} {pid} " + message):
        parts += [pl.lit(literal)] * bool(literal) + ([pl.col(name)] if name else [])
    return pl.concat_str(parts)
