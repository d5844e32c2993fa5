"""Raw lines to event ids: ours, and Drain3 with masks of its own, which does a sample of them.

HDFS is rendered from its real sequences, BGL is its first 100,000 real lines over and over, and
the hostile log is made of requests in which names vary, so that 84 % of its masked texts differ.
Lines of Kubernetes and a log half of which is stack traces are timed without a peer, because Drain3
takes off no container's prefix and joins no lines.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks import hdfs_text
from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx.data.systems import BGL_HEADER, BLOCK_ID, HDFS_HEADER, NOVA_HEADER
from glx.parse.events import parse
from glx.parse.layout import Layout
from glx.parse.miner import Miner
from glx.parse.read import ReadCounts, open_text
from glx.parse.records import records
from glx.sequences import Sequences, Templates, csr_offsets

HERE = "experiments.benchmarks.parse"
LAYOUTS = {
    "hdfs": Layout(header=HDFS_HEADER, time_format="%y%m%d %H%M%S"),
    "hdfs_keys": Layout(header=HDFS_HEADER, time_format="%y%m%d %H%M%S", session=BLOCK_ID),
    "bgl": Layout(header=BGL_HEADER, time_format="epoch"),
    "hostile": Layout(header=NOVA_HEADER, time_format="%Y-%m-%d %H:%M:%S%.f"),
    "json": Layout(
        "jsonl",
        text="fields.message",
        time=("timestamp",),
        level="level",
        time_format="%Y-%m-%dT%H:%M:%S%.fZ",
        session="span.request",
        outcomes=("res.statusCode",),
    ),
    "cri": Layout(
        header=r"^(?P<level>[IWEF])(?P<time>\d{4} [\d:.]+)\s+\d+ [^\]\s]+\] ?(?P<text>.*)$",
        time_format="%m%d %H:%M:%S%.f",
        wrap=("cri",),
    ),
    "traces": Layout(
        header=r"^(?P<time>\d+-\d\d-\d\d [\d:,]+)\s+(?P<level>[A-Z]+)\s+(?P<text>.*)$",
        time_format="%Y-%m-%d %H:%M:%S,%3f",
    ),
}
WORDS_BEFORE = {"hdfs": 5, "hdfs_keys": 5, "bgl": 9, "hostile": 5}  # the message: what Drain3 gets
SIMULATED = ([5, 22, 5, 5, 11, 9, 11, 9, 26, 26, 11, 9, 26, 23, 23, 23, 21, 21, 21], [22, 5, 26, 2])
STEPS = (  # the messages of an order, as JSON
    "checkout started",
    "cart loaded with {} items",
    "stock reserved in warehouse {}",
    "payment captured, {} cents",
    "request completed",
)
REQUESTS = (  # a name at each %s, so that texts differ; under each the same with numbers alone
    '10.11.10.%d "GET /%s/servers/%s HTTP/1.1" status: 200 len: %d time: 0.%d',
    '10.11.10.%d "POST /%s/os-events HTTP/1.1" status: 404 len: %d time: 0.%d for %s',
    "Attempting claim of flavor %s by tenant %s: memory %d MB, disk %d GB, vcpus %d",
    "Request of user %s for image %s took %d ms, %d bytes sent, %d retries",
    "Volume %s attached to host %s at slot %d after %d attempts, queue %d",
    "Quota of project %s exceeded by %s: %d of %d used, %d asked",
)
DISTINCT = 0.84  # of the hostile lines have names of their own


def cases(settings: Settings) -> Iterator[Case]:
    """HDFS at two lengths and with session keys, BGL, the hostile log, JSON, containers, traces."""
    million = 300_000 if settings.quick else 1_000_000
    sample = 20_000 if settings.quick else 100_000
    folder, data_dir = settings.folder, settings.data_dir
    short, long, bgl, hostile = (
        folder / f"{name}.log" for name in ("hdfs_short", "hdfs_long", "bgl", "hostile")
    )
    hdfs = "lines of HDFS" if data_dir else "lines like those of HDFS"
    write_hdfs(short, data_dir, million)
    yield _case("hdfs", f"{million:,} {hdfs}", short, sample)
    yield _case("hdfs_keys", f"{million:,} {hdfs}, with session keys", short, sample)
    write_hostile(hostile, 40_000 if settings.quick else 200_000)
    yield _case("hostile", "hostile: 84 % distinct texts", hostile, sample)
    for name, write, about in (
        ("json", write_json, "objects of JSON, nested, with session keys"),
        ("cri", write_cri, "lines of Kubernetes around klog, one in nine in two parts"),
        ("traces", write_traces, "lines, half of them stack traces"),
    ):
        path = folder / f"{name}.log"
        write(path, million)
        yield replace(_case(name, f"{million:,} {about}", path, sample), peers={})
    if data_dir is not None:
        times = 2 if settings.quick else 10
        write_bgl(bgl, data_dir, times)
        yield _case("bgl", f"the first 100,000 lines of BGL, {times} times over", bgl, sample)
    if not settings.quick:
        write_hdfs(long, data_dir, 10 * million)
        yield _case("hdfs", f"{10 * million:,} {hdfs}", long, sample)


def _case(layout: str, case: str, path: Path, sample: int) -> Case:
    what = {"path": str(path), "layout": layout}
    bytes_of_line = path.stat().st_size / _count(str(path))
    return Case(
        what="parse",
        case=case,
        unit="lines/s",
        ours=Call(f"{HERE}:ours", what),
        peers={"Drain3 with masks": Call(f"{HERE}:drain3", what | {"lines": sample})},
        ceiling=Call("experiments.benchmarks.ceilings:memory_copy"),
        per_unit=2 * bytes_of_line,  # read and written once
    )


def ours(path: str, layout: str) -> Prepared:
    """Every line to an id, with its time, from a miner that knows no template yet."""
    return Prepared(lambda: parsed(Path(path), layout), _count(path))


def parsed(path: Path, layout: str) -> Miner:
    """The miner, after all lines."""
    miner = Miner(Templates([], np.zeros(0, np.int64)))
    for _ in parse(records(path, LAYOUTS[layout], ReadCounts()), miner):
        pass
    return miner


def drain3(path: str, layout: str, lines: int) -> Prepared:
    """The messages of the first lines to templates, without times."""
    before = WORDS_BEFORE[layout]

    def run() -> Any:
        miner = peer_miner(hexadecimal=layout == "bgl")
        with open_text(path) as file:
            for line in islice(file, lines):
                words = line.decode("utf-8", "replace").rstrip("\n").split(" ", before)
                miner.add_log_message(words[-1])
        return miner

    return Prepared(run, min(lines, _count(path)))


def peer_miner(hexadecimal: bool = False) -> Any:
    """A `TemplateMiner` of Drain3 by settings like ours, with masks that do what ours do here."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.drain_sim_th = 0.4
    config.masking_instructions = [
        MaskingInstruction(BLOCK_ID, "BLOCK"),
        MaskingInstruction(r"/?(?:\d+\.){3}\d+(?::\d+)?", "IP"),
        *([MaskingInstruction(r"0x[0-9a-f]+", "HEX")] if hexadecimal else []),
        MaskingInstruction(r"(?:/[\w.-]+)*/[\w.-]*\d[\w./-]*", "PATH"),
        MaskingInstruction(r"-?\d+(?:\.\d+)?", "NUM"),
    ]
    return TemplateMiner(config=config)


def _count(path: str) -> int:
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def write_hdfs(path: Path, data_dir: Path | None, lines: int) -> None:
    """Lines of the real sequences in permuted order, over again from the start where they end."""
    if data_dir is not None:
        hdfs_text.write(path, data_dir, lines)
        return
    copies = lines // sum(map(len, SIMULATED)) + 1
    ids = np.concatenate([np.array(events, np.int32) for events in SIMULATED] * copies)
    at = np.arange(copies * len(SIMULATED))
    rows = Sequences(ids, csr_offsets(np.array([*map(len, SIMULATED)] * copies)), at, at)
    with path.open("w") as file:
        for frame in hdfs_text.rendered(rows, np.arange(ids.max() + 1), lines):
            file.writelines(f"{line}\n" for line in frame["line"])


def write_bgl(path: Path, data_dir: Path, times: int) -> None:
    """The real lines, `times` over."""
    with open_text(data_dir / "bgl/BGL_first100k.log.zst") as real:
        path.write_bytes(real.read() * times)


def write_hostile(path: Path, lines: int, seed: int = 0) -> None:
    """Requests of OpenStack; most lines have names of their own, the others share a few."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(ord("a"), ord("z") + 1, (lines, 2, 8)).astype(np.uint8)
    letters[rng.random(lines) >= DISTINCT] = ord("x")
    names = letters.reshape(-1, 16).view("S8").astype(str).tolist()
    numbers = rng.integers(1, 5000, (lines, 4)).tolist()
    kinds = rng.integers(len(REQUESTS), size=lines).tolist()
    with path.open("w") as file:
        for n, (kind, words, values) in enumerate(zip(kinds, names, numbers, strict=True)):
            second, milli = divmod(n, 50)
            filled = REQUESTS[kind].replace("%s", "{}").format(*words).replace("%d", "{}")
            message = filled.format(*values)
            clock = f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
            file.write(
                f"2017-05-16 {clock}.{20 * milli:03} {values[0]} INFO nova.server {message}\n"
            )


def write_json(path: Path, lines: int, seed: int = 0) -> None:
    """Orders as a service with structured logs writes them; the last step has a status."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 1 << 62, lines).tolist()
    numbers = rng.integers(1, 9000, lines).tolist()
    with path.open("w") as file:
        for n, (id_, number) in enumerate(zip(ids, numbers, strict=True)):
            second, step = n // 100, n % len(STEPS)
            clock = f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
            last = step == len(STEPS) - 1
            status = 500 if last and number > 8950 else 200
            row: dict[str, object] = {
                "timestamp": f"2024-05-01T{clock}.{n % 100:02}0Z",
                "level": "ERROR" if status == 500 else "INFO",
                "fields": {"message": STEPS[step].format(number)},
                "target": "shop::checkout",
                "span": {"request": f"{id_:016x}", "name": "checkout"},
            }
            if last:
                row |= {"res": {"statusCode": status}, "durationMs": number}
            file.write(json.dumps(row) + "\n")


def write_cri(path: Path, lines: int) -> None:
    """What Kubernetes writes for a container that logs by klog; one in nine is in two parts."""
    texts = (
        "Reconciled endpoint slice for service default/svc-{}",
        "GET https://10.3.0.1:443/apis/apps/v1/deployments 200 OK in {} milliseconds",
        "Deleted object v1/Pod default/pod-{}",
    )
    with path.open("w") as file:
        for n in range(lines):
            clock = (
                f"{n // 360_000 % 24:02}:{n // 6000 % 60:02}:{n // 100 % 60:02}.{n % 100:02}0000"
            )
            text = f"I0501 {clock}       1 sync.go:{n % 7}] {texts[n % 3].format(n * 7919 % 9973)}"
            stream = f"2024-05-01T{clock}123Z stderr"
            if n % 10 < 8:
                file.write(f"{stream} F {text}\n")
            elif n % 10 == 8:
                file.write(f"{stream} P {text}\n")
            else:
                file.write(f"{stream} F , done\n")


def write_traces(path: Path, lines: int) -> None:
    """Requests of which one in 20 fails, with an exception and 20 stack frames."""
    n = 0
    with path.open("w") as file:
        while n < lines:
            clock = f"{n // 360_000 % 24:02}:{n // 6000 % 60:02}:{n // 100 % 60:02},{n % 100:02}0"
            if n % 21:
                file.write(f"2024-05-01 {clock} INFO order {n} stored in {n * 7919 % 997} ms\n")
                n += 1
                continue
            frames = (
                f"\tat shop.web{n % 40}.Step{k}.run(Step{k}.java:{n % 400})" for k in range(20)
            )
            cause = "Caused by: java.net.ConnectException: refused"
            first = f"2024-05-01 {clock} ERROR order {n} failed"
            trace = [first, "shop.PoolError: none of 5 free", *frames, cause]
            file.write("\n".join(trace[: lines - n]) + "\n")
            n += len(trace)
