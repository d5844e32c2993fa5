"""How a simulated system is described: tables of events, workloads, faults and values."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from glx.data.simulate.grammar import Edit, Node


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
