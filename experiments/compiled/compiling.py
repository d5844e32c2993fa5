"""Compile one program for devices that are not here, in a process of its own.

    python -m experiments.compiled.compiling TARGET DEVICES PROGRAM

Out: a line of JSON, a `Compiled`. Whatever else is printed goes to standard error.
"""

import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import msgspec

from experiments.compiled.program import count
from experiments.compiled.programs import OTHER_SIZES, PROGRAMS
from experiments.compiled.targets import TARGETS
from glx import devices
from glx.errors import OutsideError


class Compiled(msgspec.Struct, frozen=True):
    """What a program takes, of each of `devices`.

    Attributes:
      seconds: to compile it, on this machine.
      temporary: bytes of memory beside arguments and results.
      moved: bytes to and from memory, as `program.count` counts them.
      flop: of matrix products.
      turns: of all loops, one after another.
      launches: of instructions, of which each waits for the one before.
      loops, collectives, float64, callbacks: as in `program.Counts`.
    """

    target: str
    devices: int
    program: str
    seconds: float
    temporary: int
    moved: int
    flop: int
    loops: int
    turns: int
    launches: int
    collectives: dict[str, int]
    float64: int
    callbacks: int

    @property
    def key(self) -> tuple[str, int, str]:
        """What it is the measure of."""
        return self.target, self.devices, self.program


def compile_elsewhere(target: str, n: int, program: str) -> Compiled:
    """`compile_program` in the environment of the target's compiler.

    Raises:
      OutsideError: that environment is not there, or its compiler fails.
    """
    of = TARGETS[target]
    python = Path(of.environment) / "bin" / "python"
    if not python.exists():
        raise OutsideError(f"{python} is not there; launch/compile.sh makes it")
    command = [str(python), "-m", __name__, target, str(n), program]
    done = subprocess.run(command, env=of.process(), capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise OutsideError(f"{program} does not compile for {n} x {target}: {' '.join(last)}")
    return msgspec.json.decode(done.stdout, type=Compiled)


def compile_program(target: str, n: int, program: str) -> Compiled:
    """Compile it, in this process."""
    jax.devices()  # the CPU's, before the topology is asked for
    with devices.compiling_for(TARGETS[target].platform):
        function, given = (PROGRAMS | OTHER_SIZES)[program](TARGETS[target].mesh(n))
        traced = function.trace(*given)
        began = time.perf_counter()
        compiled = traced.lower().compile()
    seconds = time.perf_counter() - began
    counts = count(compiled.as_text())
    return Compiled(
        target=target,
        devices=n,
        program=program,
        seconds=round(seconds, 1),
        temporary=int(compiled.memory_analysis().temp_size_in_bytes),
        moved=int(counts.moved + again(traced.jaxpr.jaxpr, TARGETS[target].platform) / n),
        flop=int(flop(traced.jaxpr.jaxpr)) // n,
        loops=counts.loops,
        turns=counts.turns,
        launches=counts.launches,
        collectives=dict(counts.collectives),
        float64=counts.float64,
        callbacks=counts.callbacks,
    )


def flop(jaxpr: Any) -> float:
    """FLOP of the matrix products of a traced program, on all devices, each turn of loops counted.

    They are counted before the compiler rewrites them, and so the same for every target.
    """
    return _total(jaxpr, _flop)


def again(jaxpr: Any, platform: str) -> float:
    """Bytes that the kernels of a traced program move beside each operand and result once.

    Their text is not in that of the compiled program, which tells operands and results alone. A
    kernel of a TPU copies a block whenever it needs another one than before; one of a GPU reads and
    writes memory wherever its text does (caches are not considered).
    """
    return _total(jaxpr, partial(_again, platform))


def _total(jaxpr: Any, of: Callable[[Any], float]) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        total += of(equation)
        times = equation.params.get("length", 1)
        if equation.primitive.name == "shard_map":
            times = equation.params["mesh"].size
        elif equation.primitive.name == "pallas_call":
            times = math.prod(equation.params["grid_mapping"].grid)
        total += times * sum(_total(inner, of) for inner in _inner(equation.params))
    return total


def _flop(equation: Any) -> float:
    if equation.primitive.name != "dot_general":
        return 0
    (summed, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2 * equation.outvars[0].aval.size * math.prod(left[n] for n in summed)


def _again(platform: str, equation: Any) -> float:
    name = equation.primitive.name
    if platform != "tpu" and name in ("get", "swap"):  # of a kernel
        return _bytes(equation.outvars[0].aval)
    if name != "pallas_call":
        return 0
    once = sum(_bytes(x.aval) for x in (*equation.invars, *equation.outvars))
    if platform != "tpu":
        return -once
    grid, copied = equation.params["grid_mapping"], 0.0
    for mapping in grid.block_mappings:
        index, at = mapping.index_map_jaxpr, None
        for turn in itertools.product(*map(range, grid.grid)):
            now = tuple(map(int, jax.core.eval_jaxpr(index.jaxpr, index.consts, *turn)))
            copied += (now != at) * _bytes(mapping.block_aval)
            at = now
    return copied - once


def _bytes(aval: Any) -> float:
    return math.prod(aval.shape) * aval.dtype.itemsize


def _inner(params: Mapping[str, Any]) -> list[Any]:
    """Jaxprs that an equation runs, without those that only its derivative does."""
    return [
        getattr(value, "jaxpr", value)
        for name, value in params.items()
        if hasattr(getattr(value, "jaxpr", value), "eqns") and name != "cond_jaxpr"
    ]


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # compilers print there
    target_name, number, program_name = sys.argv[1:]
    row = compile_program(target_name, int(number), program_name)
    out.write(msgspec.json.encode(row).decode() + "\n")
    out.close()
