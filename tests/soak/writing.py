"""A service that writes its log, as services do: bursts, rotation, copies, a clock that jumps."""

import gzip
import os
import random
import shutil
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

STEPS = ("received from shop", "paid by card", "sent to depot", "closed")
RATE = 2000  # lines a second, on average
WORDS = ("valve", "pump", "lamp", "motor", "fan", "belt", "lever", "wheel", "spring", "gauge")


class Service(threading.Thread):
    """Writes until it is `stopping`; its log is rotated from when it is `rotating` on.

    Attributes:
      key: the session of each line, by the number of the line.
      at: seconds (monotonic) at which it was written.
      rotations: how often each way of rotation was used.
    """

    def __init__(self, path: Path, seed: int = 0):
        super().__init__(daemon=True)
        self.path, self.random = path, random.Random(seed)
        self.key: list[int] = []
        self.at: list[float] = []
        self.rotations = {"rename": 0, "copy": 0, "pack": 0}
        self.rotating, self.stopping = threading.Event(), threading.Event()
        self.orders: list[list[int]] = []
        self.clock = 1_714_557_600.0

    def lines(self, n: int) -> str:
        out = []
        for _ in range(n):
            if (len(self.orders) < 200 and self.random.random() < 0.3) or not self.orders:
                self.orders.append([len(self.key), 0])
            order = self.random.choice(self.orders)
            text = f"INFO order={order[0]} {STEPS[order[1]]}"
            if self.random.random() < 0.0005:  # a text that nobody saw before
                names = " ".join(self.random.sample(WORDS, 3))
                text = f"ERROR order={order[0]} {names} broken"
            order[1] += 1
            if order[1] == len(STEPS):
                self.orders.remove(order)
            when = datetime.fromtimestamp(self.clock, UTC)
            out.append(f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03} {text}\n")
            self.key.append(order[0])
        self.at += [time.monotonic()] * n
        return "".join(out)

    def rotate(self) -> None:
        kind = self.random.choice(list(self.rotations))
        self.rotations[kind] += 1
        for n in range(8, 0, -1):
            for end in ("", ".gz"):
                if os.path.exists(old := f"{self.path}.{n}{end}"):
                    os.replace(old, f"{self.path}.{n + 1}{end}")
        first = Path(f"{self.path}.1")
        if kind == "rename":
            self.path.rename(first)
        else:
            shutil.copy2(self.path, first)
            os.truncate(self.path, 0)
        if kind == "pack":
            packed = Path(f"{first}.new")
            packed.write_bytes(gzip.compress(first.read_bytes(), 1))
            shutil.copystat(first, packed)
            packed.rename(f"{first}.gz")
            first.unlink()

    def run(self) -> None:
        began, due, rotation = time.monotonic(), 0, None
        while not self.stopping.is_set():
            if rotation is None and self.rotating.is_set():
                rotation = time.monotonic() + 15
            if rotation is not None and time.monotonic() > rotation:
                self.rotate()
                rotation = time.monotonic() + self.random.uniform(10, 30)
            burst = self.random.choice([0, 1, 1, 1, 2])
            due += int(RATE * 0.1 * burst)
            with self.path.open("a") as file:
                file.write(self.lines(max(due - len(self.key), 0)))
            self.clock += 0.1
            if self.random.random() < 0.005:
                self.clock += self.random.choice([-7200, -5, 30, 3600])  # set by hand, or by NTP
            time.sleep(max(began + (due + 1) / RATE - time.monotonic(), 0.05))
        self.clock += 86400  # so that every session has ended
        with self.path.open("a") as file:
            file.write(self.lines(1))
