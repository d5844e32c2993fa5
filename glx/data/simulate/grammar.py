"""How a simulated system is described, and how one of its episodes is drawn.

A system is data: a table of events, workloads as small probabilistic grammars over those events,
and faults as edits of a workload (or, for a stream without sessions, as bursts of their own).
In: such a table and a random generator. Out: a list of timed steps for one episode.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Step: TypeAlias = tuple[float, str]
"""A time in seconds since the start of the log, and the name of an event."""


@dataclass(frozen=True)
class Event:
    """One kind of log line; `{name}` in the text is a value drawn for each line (see `values`)."""

    level: str
    component: str
    text: str


def event_table(table: str, before: str = "") -> dict[str, Event]:
    """Events by name, one a line: name, level, component, text (`before` in front of it).

    Empty lines and those that begin with `#` are skipped.
    """
    lines = (line for line in table.splitlines() if line and not line.startswith("#"))
    rows = (line.split(maxsplit=3) for line in lines)
    return {name: Event(level, part, before + text) for name, level, part, text in rows}


@dataclass(frozen=True)
class Maybe:
    """`node` with probability `p`, and only in the part of the log after `since` (share of it)."""

    p: float
    node: "Node"
    since: float = 0.0


@dataclass(frozen=True)
class Times:
    """`node` again and again, `low` to `high` times, each number equally likely."""

    low: int
    high: int
    node: "Node"


@dataclass(frozen=True)
class Parallel:
    """`low` to `high` copies of `node` that start together and interleave."""

    low: int
    high: int
    node: "Node"


@dataclass(frozen=True)
class OneOf:
    """One of the options, each a weight and a node."""

    options: tuple[tuple[float, "Node"], ...]


Node: TypeAlias = str | tuple["Node", ...] | Maybe | Times | Parallel | OneOf
"""The name of an event, a tuple of nodes one after the other, or one of the classes above."""


@dataclass(frozen=True)
class Insert:
    """Put `node` after a random occurrence of the event `after`; later events are delayed."""

    after: str
    node: Node


@dataclass(frozen=True)
class Cut:
    """Nothing more after a randomly chosen occurrence of the event `after`."""

    after: str


@dataclass(frozen=True)
class Drop:
    """Every occurrence of the event is missing."""

    event: str


@dataclass(frozen=True)
class Swap:
    """The first occurrence of `early` and the last one of `late` change places."""

    early: str
    late: str


Edit: TypeAlias = Insert | Cut | Drop | Swap


@dataclass(frozen=True)
class Workload:
    """A kind of episode.

    Attributes:
      weight, end_weight: relative frequency at the start and at the end of the log (drift).
      pace: mean seconds between two steps.
    """

    name: str
    weight: float
    end_weight: float
    pace: float
    node: Node


@dataclass(frozen=True)
class Fault:
    """A planted fault.

    Attributes:
      workloads, edits: in systems with sessions, names of the workloads it hits, and what it
        changes in one of their episodes, edit after edit.
      burst: in systems without sessions, an episode of its own, every line of which is anomalous.
      pace: mean seconds between the steps that the fault adds.
    """

    name: str
    workloads: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    burst: Node = ()
    pace: float = 1.0


Edits: TypeAlias = tuple[tuple[str, ...], *tuple[Edit, ...]]
"""The workloads that a fault hits, then its edits."""


def edit_faults(table: dict[str, Edits]) -> tuple[Fault, ...]:
    """The faults of a system with sessions, by name."""
    return tuple(Fault(name, hit, tuple(edits)) for name, (hit, *edits) in table.items())


@dataclass(frozen=True)
class SimSystem:
    """A simulated system, as tables.

    Attributes:
      session: regular expression of the session key in a line's text, or None for a plain stream.
      key: draws the key of an episode.
      arrivals: episodes that start per second of log time.
      start: time of the first line, seconds since the epoch.
      header: (seconds since the epoch, level, component, generator) to the header before the text.
      values: how to draw each `{name}` of the events' texts.
    """

    name: str
    session: str | None
    key: Callable[[Random], str]
    arrivals: float
    start: float
    header: Callable[[float, str, str, Random], str]
    values: dict[str, Callable[[Random], str]]
    events: dict[str, Event]
    workloads: tuple[Workload, ...]
    faults: tuple[Fault, ...]


def unroll(node: Node, start: float, pace: float, share: float, rng: Random) -> list[Step]:
    """Draws the steps of `node`, in order of time.

    Args:
      start: time before the first step, seconds since the start of the log.
      pace: mean seconds between two steps (exponentially distributed).
      share: of the log that precedes these steps, in [0, 1].
    """
    steps: list[Step] = []

    def walk(node: Node, time: float) -> float:
        if isinstance(node, str):
            time -= pace * math.log(1.0 - rng.random())
            steps.append((time, node))
        elif isinstance(node, tuple):
            for part in node:
                time = walk(part, time)
        elif isinstance(node, Maybe):
            if share >= node.since and rng.random() < node.p:
                time = walk(node.node, time)
        elif isinstance(node, Times):
            for _ in range(between(node.low, node.high, rng)):
                time = walk(node.node, time)
        elif isinstance(node, Parallel):
            copies = between(node.low, node.high, rng)
            time = max([walk(node.node, time) for _ in range(copies)], default=time)
        else:
            time = walk(weighted(node.options, rng), time)
        return time

    walk(node, start)
    return sorted(steps, key=lambda step: step[0])


def apply(edits: tuple[Edit, ...], steps: list[Step], pace: float, rng: Random) -> list[Step]:
    """The steps of an episode after a fault's edits; ValueError if it lacks an event they name."""
    for edit in edits:
        steps = _edited(edit, steps, pace, rng)
    return steps


def _edited(edit: Edit, steps: list[Step], pace: float, rng: Random) -> list[Step]:
    if isinstance(edit, Drop):
        _where(edit.event, steps)
        return [step for step in steps if step[1] != edit.event]
    if isinstance(edit, Swap):
        early, late = _where(edit.early, steps)[0], _where(edit.late, steps)[-1]
        swapped = steps.copy()
        swapped[early], swapped[late] = (steps[early][0], edit.late), (steps[late][0], edit.early)
        return swapped
    places = _where(edit.after, steps)
    place = places[between(0, len(places) - 1, rng)] + 1
    if isinstance(edit, Cut):
        return steps[:place]
    time = steps[place - 1][0]
    added = unroll(edit.node, time, pace, 1.0, rng)
    delay = added[-1][0] - time if added else 0.0
    return steps[:place] + added + [(t + delay, event) for t, event in steps[place:]]


def _where(event: str, steps: list[Step]) -> list[int]:
    places = [i for i, step in enumerate(steps) if step[1] == event]
    if not places:
        raise ValueError(f"a fault wants to change the event {event!r} of an episode without it")
    return places


def between(low: int, high: int, rng: Random) -> int:
    """An integer in [low, high], each equally likely."""
    return low + int(rng.random() * (high - low + 1))


def weighted(options: Sequence[tuple[float, T]], rng: Random) -> T:
    """One of the options, with probability proportional to its weight."""
    left = rng.random() * sum(weight for weight, _ in options)
    for weight, option in options:
        left -= weight
        if left < 0:
            return option
    return options[-1][1]
