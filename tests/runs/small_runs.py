"""A data folder with a few lines of each system, and runs on it that train for four steps."""

import json
from pathlib import Path

import numpy as np
import zstandard

from glx.data.load import DataConfig
from glx.runs.settings import RunConfig
from glx.zerolog.detector import ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig

TINY = ZeroLogConfig(
    train=TrainConfig(
        model=ModelConfig(hidden=4), steps=4, episodes=2, batch=4, max_events=12, log_every=2,
        second_order=False,
        checkpoint_every=1,
    )
)  # fmt: skip


def write_zst(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.compress(text.encode()))


def write_data(root: Path) -> Path:
    """A small `hdfs` (200 rows), `bgl` (2,000 lines, raw too) and `openstack` (60 sessions)."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        label = int(rng.random() < 0.1)
        rows.append(f"{label},{' '.join(map(str, rng.integers(1, 4, 6)))}{' 4' * label}")
    write_zst(root / "hdfs/hdfs_block_sequences.csv.zst", "\n".join(["label,sequence", *rows]))
    (root / "hdfs/hdfs_templates.csv").write_text(
        "EventId,EventTemplate\nE1,[*]Receiving block[*]\nE2,[*]Received block[*]\n"
        "E3,[*]Deleting block[*]\nE4,[*]Exception in receiveBlock[*]\n"
    )
    alerts = [int(rng.random() < 0.02) for _ in range(2000)]
    lines = [f"{9 if alert else rng.integers(1, 4)},{alert}" for alert in alerts]
    write_zst(root / "bgl/bgl_events_50to80.csv.zst", "\n".join(["event_id,label", *lines]))
    (root / "bgl/bgl_templates.csv").write_text(
        "event_id,lines,id_source,template\n1,1,aligned,cache parity error corrected\n"
        "2,1,aligned,generating core <*>\n3,1,aligned,ciod: started\n9,1,aligned,kernel panic\n"
    )
    plain = [
        f"{'KERNDTLB' if alert else '-'} {1117838570 + 5 * n} 2005.06.03 R02 2005-06-03-15.42 R02 "
        f"RAS KERNEL {'FATAL data TLB error' if alert else f'INFO ce sym {n % 3} corrected'}"
        for n, alert in enumerate(alerts)
    ]
    write_zst(root / "bgl/BGL_first100k.log.zst", "\n".join(plain))
    sessions = [f"Test_{n}_r1" for n in range(60)]
    table = ["session_id\tservice\tline"]
    for n, session in enumerate(sessions):
        for k in range(5):
            level = "ERROR" if n % 6 == k == 0 else "INFO"
            at = f"2018-06-26 03:{n:02d}:{k:02d}.937 1867"
            table.append(
                f"{session}\tapi\t{at} {level} nova.api [req-1 - -] step {k % (2 + n % 3)}"
            )
    write_zst(root / "openstack/openstack_faultinj_nova_odd.tsv.zst", "\n".join(table))
    rows = [f"{session},{int(n % 6 == 0)}" for n, session in enumerate(sessions)]
    (root / "openstack/openstack_faultinj_nova_odd_labels.csv").write_text(
        "\n".join(["session_id,label_failure", *rows]) + "\n"
    )
    return root


def config(target: str, source: str, folder: Path, cache: Path, **data) -> RunConfig:
    settings = DataConfig(data_dir=str(folder), cache_dir=str(cache), sim_lines=5000, **data)
    return RunConfig(target=target, source=(source,), data=settings, model=TINY)


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]
