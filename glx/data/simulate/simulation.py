"""Draws a whole log from a system's tables: episodes start, interleave, drift, and some are faulty.

In: a `SimConfig`. Out: a `Simulation`, raw lines with the label of every session or line and the
ground truth of every planted fault; or the files of one.
"""

import heapq
import math
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from random import Random

import numpy as np

from glx.config import check, setting
from glx.data.simulate import blocks, ras, vms
from glx.data.simulate.grammar import Step, unroll, weighted
from glx.data.simulate.system import Fault, SimSystem, Workload
from glx.files import write_whole

SYSTEMS: dict[str, SimSystem] = {s.name: s for s in (blocks.SYSTEM, vms.SYSTEM, ras.SYSTEM)}


@dataclass(frozen=True)
class SimConfig:
    """What to simulate; where there are sessions, a log is up to about one session longer."""

    system: str = setting("sim_blocks", "the system to simulate.", among=(*SYSTEMS,))
    lines: int = setting(40_000, "length of the log.", low=1)
    seed: int = setting(0, "of everything random.", low=0)
    anomaly_share: float = setting(
        0.04, "anomalous share of the sessions (`sim_ras`: of the lines).", low=0, high=0.5
    )


@dataclass(frozen=True)
class Planted:
    """One planted fault.

    Attributes:
      key: its session, or the empty string in a system without sessions.
      first_line, last_line: of its whole session or burst, counted from 0, both inclusive; lines
        of other episodes may lie between.
      fault: the name of the fault in the system's table.
      scope: `shared` (the other simulated systems have this fault too) or `proprietary`.
    """

    key: str
    first_line: int
    last_line: int
    fault: str
    scope: str


@dataclass(frozen=True)
class Simulation:
    """A simulated log with its ground truth.

    Attributes:
      system: its name.
      lines: raw log lines, without line ends.
      labels: 0 or 1 for every session key, in order of first line; without sessions
        `<uint8>[lines]`, one for every line.
      faults: what was planted, in order of first line.
    """

    system: str
    lines: list[str]
    labels: dict[str, int] | np.ndarray
    faults: list[Planted]


@dataclass
class _Episode:
    """A session, or a piece of the stream, under way."""

    key: str
    fault: Fault | None
    first_line: int = -1
    last_line: int = -1


def simulate(config: SimConfig) -> Simulation:
    """The log of `config`; equal settings give equal logs.

    Raises:
      InputError: an unknown system, or a number out of its range.
    """
    check(config)
    system = SYSTEMS[config.system]
    shared = set.intersection(*({fault.name for fault in s.faults} for s in SYSTEMS.values()))
    rng = Random(config.seed)
    values = _Values(system, rng)
    lines: list[str] = []
    anomalous = bytearray()
    episodes: list[_Episode] = []  # sessions, or planted bursts alone
    for (time, name), episode in _interleaved(system, config, rng):
        if system.session is None and len(lines) == config.lines:
            break
        if episode.first_line < 0:
            episode.first_line = len(lines)
            if system.session or episode.fault:
                episodes.append(episode)
        episode.last_line = len(lines)
        anomalous.append(episode.fault is not None)
        event, values["key"] = system.events[name], episode.key
        header = system.header(system.start + time, event.level, event.component, rng)
        lines.append(header + event.text.format_map(values))
    faults = [
        Planted(
            key=episode.key if system.session else "",
            first_line=episode.first_line,
            last_line=episode.last_line,
            fault=episode.fault.name,
            scope="shared" if episode.fault.name in shared else "proprietary",
        )
        for episode in episodes
        if episode.fault
    ]
    if system.session:
        labels = {episode.key: int(episode.fault is not None) for episode in episodes}
        return Simulation(system.name, lines, labels, faults)
    return Simulation(system.name, lines, np.frombuffer(anomalous, dtype=np.uint8), faults)


def write(config: SimConfig, folder: str | os.PathLike[str]) -> Simulation:
    """Simulates and writes `NAME.log`, `NAME.labels.csv`, `NAME.faults.csv`, each whole or not.

    The labels have the columns `key,label` where there are sessions, else `line,label`, with lines
    counted from 0; the faults have the attributes of `Planted` as columns.
    """
    simulation = simulate(config)
    labels = simulation.labels
    by, rows = ("key", labels.items()) if isinstance(labels, dict) else ("line", enumerate(labels))
    planted = [[field.name for field in fields(Planted)], *map(astuple, simulation.faults)]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for suffix, lines in (
        ("log", simulation.lines),
        ("labels.csv", [f"{by},label", *(f"{unit},{label}" for unit, label in rows)]),
        ("faults.csv", [",".join(map(str, row)) for row in planted]),
    ):
        text = "".join(f"{line}\n" for line in lines)
        write_whole(Path(folder) / f"{config.system}.{suffix}", text)
    return simulation


def _interleaved(
    system: SimSystem, config: SimConfig, rng: Random
) -> Iterator[tuple[Step, _Episode]]:
    """All steps of all episodes in order of time; at least `config.lines` of them."""
    waiting: list[tuple[float, int, str, _Episode]] = []
    halves = _cycle(system.faults, rng), _cycle(system.faults, rng)
    now, planned, units, planted = 0.0, 0, 0, 0

    def passed(now: float) -> Iterator[tuple[Step, _Episode]]:
        while waiting and waiting[0][0] <= now:
            time, _, event, episode = heapq.heappop(waiting)
            yield (time, event), episode

    while planned < config.lines:
        share = planned / config.lines
        now -= math.log(1.0 - rng.random()) / system.arrivals
        # a fault that is due comes at random: small logs stay near their share
        owed = config.anomaly_share * units >= planted + 1
        hit = owed and rng.random() < max(0.1, 2 * config.anomaly_share)
        fault = next(halves[share >= 0.5]) if hit else None
        steps = _steps(system, fault, now, share, rng)
        size = 1 if system.session else len(steps)
        planned, units, planted = planned + len(steps), units + size, planted + size * hit
        episode = _Episode(system.key(rng), fault)
        for number, (time, event) in enumerate(steps, start=planned):
            heapq.heappush(waiting, (time, number, event, episode))
        yield from passed(now)
    yield from passed(math.inf)


def _cycle(faults: tuple[Fault, ...], rng: Random) -> Iterator[Fault]:
    """Every fault once in a random order, then again in another, and so on."""
    while True:
        yield from sorted(faults, key=lambda _: rng.random())


def _steps(
    system: SimSystem, fault: Fault | None, now: float, share: float, rng: Random
) -> list[Step]:
    """The steps of one episode that starts at `now`, `share` of the log being planned."""
    if fault and not system.session:
        return unroll(fault.burst, now, fault.pace, share, rng)
    hit = [w for w in system.workloads if not fault or w.name in fault.workloads]
    workload: Workload = weighted(
        [(w.weight + share * (w.end_weight - w.weight), w) for w in hit], rng
    )
    steps = unroll(workload.node, now, workload.pace, share, rng)
    if fault:
        for edit in fault.edits:
            steps = edit(steps, fault.pace, rng)
    return steps


class _Values(dict[str, str]):
    """What stands for each `{name}` of a text: the `key` as set, the others drawn anew."""

    def __init__(self, system: SimSystem, rng: Random):
        self.draws, self.rng = system.values, rng

    def __missing__(self, name: str) -> str:
        return self.draws[name](self.rng)
