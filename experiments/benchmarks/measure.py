"""Measuring side by side: ours, its peers and the machine's ceiling, in turn, in one run.

In: a `Case`. Out: a `Row` for each peer. Everything that is timed lives in a process of its own,
which is asked for one repeat at a time: so the rounds alternate, a machine that drifts does so for
all, threads of one library do not wait on the cores of another, and a peak of memory is one's own.
"""

import importlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from glx.errors import InputError


class Prepared(NamedTuple):
    """Something to time, made ready.

    Attributes:
      run: one repeat; its results are there when it returns.
      amount: units of work in a repeat, of a peer or ours in the unit of the case, of a ceiling
        operations or bytes.
    """

    run: Callable[[], Any]
    amount: float


@dataclass(frozen=True)
class Call:
    """A function that returns `Prepared`, as `module:function`, and its arguments (JSON values)."""

    function: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> Prepared:
        """Call it, in this process."""
        module, _, name = self.function.partition(":")
        return getattr(importlib.import_module(module), name)(**self.arguments)


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    Attributes:
      what: the benchmark.
      case: the workload, in words.
      unit: of the values, a rate: more is better.
      ours: what is measured.
      peers: name -> the same by others.
      ceiling: what the machine can do at most, in operations or bytes.
      per_unit: operations or bytes that one unit takes.
      repeats: fewer where one takes minutes; None: as many as were asked for.
      warm_up: the first repeat of each is not counted (it compiles).
    """

    what: str
    case: str
    unit: str
    ours: Call
    peers: dict[str, Call] = field(default_factory=dict)
    ceiling: Call | None = None
    per_unit: float = 1.0
    repeats: int | None = None
    warm_up: bool = True


@dataclass(frozen=True)
class Row:
    """A line of the table; values are medians over the rounds, in `unit`.

    Attributes:
      what, case, unit: as in `Case`.
      ours, spread: the value and its range.
      seconds: of one repeat of ours.
      compile_seconds: what the first repeat took longer than the others (where something is
        compiled, mostly that); None where it counted.
      peer, peer_value, peer_spread: None where there is no peer.
      ratio: ours over the peer's.
      ceiling: the most that the machine could do; None where nothing bounds it that is measured.
      of_ceiling: ours over the ceiling.
      peak_memory_mb: of ours, 10^6 bytes, from its first repeat on.
    """

    what: str
    case: str
    ours: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None
    ceiling: float | None
    of_ceiling: float | None
    peak_memory_mb: float
    spread: tuple[float, float]
    peer_spread: tuple[float, float] | None
    seconds: float
    compile_seconds: float | None


class Subject:
    """A process that repeats what it was given, when asked (`experiments.benchmarks.worker`).

    Raises:
      InputError: what it was given fails.
    """

    def __init__(self, process: subprocess.Popen, call: Call, warm_up: bool):
        self.process, self.call = process, call
        self.amount = self._read()["amount"]
        self.seconds: list[float] = []
        self.peak = 0.0
        self.first = self._once() if warm_up else None

    def repeat(self) -> None:
        """One counted repeat."""
        self.seconds.append(self._once())

    @property
    def rates(self) -> list[float]:
        """Units a second, in each repeat."""
        return [self.amount / seconds for seconds in self.seconds]

    def _once(self) -> float:
        assert self.process.stdin is not None
        print("again", file=self.process.stdin, flush=True)
        answer = self._read()
        self.peak = answer["peak"]
        return answer["seconds"]

    def _read(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise InputError(
                f"{self.call.function}: could not be measured, see above; launch/benchmark.sh makes"
                " an environment that has the peers"
            )
        return json.loads(line)


@contextmanager
def subject(call: Call, warm_up: bool) -> Iterator[Subject]:
    """A process that measures `call`; it ends with the context."""
    command = [sys.executable, "-m", "experiments.benchmarks.worker"]
    command += [call.function, json.dumps(call.arguments)]
    pipe = subprocess.PIPE
    # Subjects live side by side: none may take a GPU's memory for itself.
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        try:
            yield Subject(process, call, warm_up)
        except BaseException:
            process.kill()  # it may be in the middle of a long repeat
            raise


def measure(
    case: Case, repeats: int, report: Callable[[str], None] = lambda line: None
) -> list[Row]:
    """Run a case: a round is one repeat of ours, of every peer and of the ceiling.

    Args:
      report: called before each round with a line that tells which it is.
    """
    rounds = case.repeats or repeats
    with ExitStack() as stack:
        calls = [case.ours, *case.peers.values()] + ([case.ceiling] if case.ceiling else [])
        subjects = [stack.enter_context(subject(call, case.warm_up)) for call in calls]
        for n in range(rounds):
            report(f"{case.what}: {case.case}, round {n + 1} of {rounds}")
            for each in subjects:
                each.repeat()
    ours, others = subjects[0], subjects[1:]
    ceiling = None
    if case.ceiling:
        ceiling = statistics.median(others.pop().rates) / case.per_unit
    value = statistics.median(ours.rates)
    rows = []
    peers: list[tuple[str | None, Subject | None]] = [*zip(case.peers, others, strict=True)]
    for name, peer in peers or [(None, None)]:
        other = None if peer is None else statistics.median(peer.rates)
        seconds = statistics.median(ours.seconds)
        rows.append(
            Row(
                what=case.what,
                case=case.case,
                ours=value,
                unit=case.unit,
                peer=name,
                peer_value=other,
                ratio=None if other is None else value / other,
                ceiling=ceiling,
                of_ceiling=None if ceiling is None else value / ceiling,
                peak_memory_mb=ours.peak,
                spread=(min(ours.rates), max(ours.rates)),
                peer_spread=None if peer is None else (min(peer.rates), max(peer.rates)),
                seconds=seconds,
                compile_seconds=None if ours.first is None else max(ours.first - seconds, 0.0),
            )
        )
    return rows
