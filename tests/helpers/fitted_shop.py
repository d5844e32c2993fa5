"""A small detector of the shop, fitted on nothing, as a folder; logs for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import shop
from tiny_general import fit, untrained

from glx.data.load import LogParser
from glx.parse.header import layout_of
from glx.parse.miner import Miner
from glx.runs import detectors
from glx.sequences import Templates

PANIC = "kernel panic: disk failure, data of user lost"
TEXTS = [
    "order=<*> created by user <*>",
    "order=<*> paid <*> cents",
    "order=<*> sent to depot <*>",
    "order=<*> card was refused",
]


def save(folder: Path) -> Path:
    """Write a detector below `folder`; the network is as it was before training."""
    (folder / "shop.log").write_bytes(shop.LOG)
    miner = Miner(Templates(TEXTS, np.array([60, 60, 45, 6])))
    layout = replace(layout_of(folder / "shop.log"), session="order=([0-9]+)")
    parser = LogParser(miner, layout, None)
    detectors.save(folder / "detector", fit(untrained()), parser, {})
    return folder / "detector"


def log(first: int, n: int, more: str = "") -> bytes:
    """Orders of the shop, of which every seventh ends in panic."""
    lines = []
    for k in range(first, first + n):
        lines += [line.replace("order=0 ", f"order={k} ") for line in shop.lines("order", 1)]
        if k % 7 == 0:
            lines.append(f"2024-05-01 10:09:00 ERROR order={k} {PANIC} {more}")
    return "\n".join(lines).encode() + b"\n"
