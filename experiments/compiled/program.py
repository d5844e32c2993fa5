"""What a compiled program does, counted in its text: bytes, loops, what must not be there.

In: the text of an optimised HLO module. Out: `Counts`. XLA's own analysis counts the body of a loop
once, however often it turns, and has no numbers for NVIDIA GPUs. What is counted here: an
instruction outside of a fusion reads its operands from memory and writes its result there, in each
turn of its loop; of what is sliced, gathered or changed in place only the part; nothing of what the
compiler keeps on the chip (a TPU's VMEM; caches are not considered).
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

BYTES = {
    "pred": 1, "s4": 0.5, "u4": 0.5, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "s32": 4, "u32": 4,
    "s64": 8, "u64": 8, "f16": 2, "bf16": 2, "f32": 4, "f64": 8, "c64": 8, "c128": 16,
}  # fmt: skip
COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "all-to-all",
    "reduce-scatter",
    "collective-permute",
    "collective-broadcast",
)
CALLBACKS = ("callback", "infeed", "outfeed", "send", "recv")
NOTHING = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "conditional",
    "call", "after-all", "opt-barrier", "iota", "partition-id", "replica-id",
}  # fmt: skip
PARTS = {"dynamic-slice", "slice", "gather"}  # read only as much as they put out
CHANGED = {"dynamic-update-slice": 1, "scatter": -1}  # the operand that is put into the first one
ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\](@?)")
COMMENT = re.compile(r"/\*.*?\*/")
LAYOUT = re.compile(r"(?<=\])\{[^{}]*\}")
ON_CHIP = "S("  # a memory space of its own
COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
INSTRUCTION = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*?) ([a-z][a-z0-9\-]*)\((.*)$")
NAME = re.compile(r"%([\w.\-]+)")


@dataclass(frozen=True)
class Instruction:
    """One line of a computation."""

    name: str
    shape: str  # with the element type; of several arrays: in parentheses
    opcode: str
    operands: tuple[str, ...]
    rest: str  # what stands after the operands, or for constants and parameters between brackets
    root: bool

    @cached_property
    def called(self) -> tuple[str, ...]:
        """Computations that it runs, bodies of loops before their conditions."""
        found = re.findall(r"\b(calls|body|condition|to_apply)=%?([\w.\-]+)", self.rest)
        branches = re.search(r"branch_computations=\{([^}]*)\}", self.rest)
        return (*(name for _, name in found), *(NAME.findall(branches[1]) if branches else ()))

    @cached_property
    def target(self) -> str:
        """Of a custom call."""
        found = re.search(r'custom_call_target="([^"]*)"', self.rest)
        return found[1] if found else ""

    @property
    def is_launched(self) -> bool:
        """Whether something is done when it is met."""
        return self.opcode not in NOTHING and not self.opcode.endswith(("-done", "-update"))

    @cached_property
    def size(self) -> float:
        """Bytes of what it puts out."""
        return sum(sizes(self.shape))


@dataclass
class Counts:
    """Of one program, on one device.

    Attributes:
      moved: bytes that are read from memory or written to it.
      loops: in the text.
      turns: of all loops, one after another.
      launches: of instructions outside of fusions, in each turn; kernels, on a GPU.
      collectives: how many of each kind are in the text.
      float64: arrays of that type, whose arithmetic accelerators lack or emulate.
      callbacks: calls to the host.
    """

    moved: float = 0
    loops: int = 0
    turns: int = 0
    launches: int = 0
    collectives: Counter[str] = field(default_factory=Counter)
    float64: int = 0
    callbacks: int = 0


def count(text: str) -> Counts:
    """The counts of an optimised HLO module.

    Raises:
      ValueError: the text has no entry computation.
    """
    module, counts = Module(text), Counts()
    for computation in module.computations.values():
        for one in computation.values():
            counts.float64 += "f64[" in one.shape or "c128[" in one.shape
            kind = one.opcode.removesuffix("-start")
            counts.collectives[kind] += kind in COLLECTIVES
            counts.callbacks += kind in CALLBACKS or "callback" in one.target
            counts.loops += one.opcode == "while"
    counts.collectives = +counts.collectives
    for computation, one, turns in module.run(module.entry, 1):
        counts.moved += turns * module.traffic(computation, one)
        counts.launches += turns * one.is_launched
        if one.opcode == "while":
            counts.turns += turns * module.turns(one)
    return counts


class Module:
    """The computations of a program, by name; each holds its instructions, by name."""

    def __init__(self, text: str):
        self.computations: dict[str, dict[str, Instruction]] = {}
        self.entry = ""
        computation: dict[str, Instruction] = {}
        text = LAYOUT.sub(lambda m: "@" if ON_CHIP in m[0] else "", COMMENT.sub("", text))
        for line in text.splitlines():
            if head := COMPUTATION.match(line):
                computation = self.computations[head[2]] = {}
                self.entry = head[2] if head[1] else self.entry
            elif found := INSTRUCTION.match(line):
                root, name, shape, opcode, rest = found.groups()
                inside, after = _split(rest)
                operands = () if opcode in ("constant", "parameter") else NAME.findall(inside)
                rest = inside if opcode in ("constant", "parameter") else after
                one = Instruction(name, shape, opcode, tuple(operands), rest, bool(root))
                computation[name] = one
        if not self.entry:
            raise ValueError("not the text of a compiled program: it has no entry computation")

    def run(self, name: str, turns: int) -> Iterator[tuple[dict, Instruction, int]]:
        """Each instruction outside of fusions, its computation, and how often it runs."""
        computation = self.computations[name]
        for one in computation.values():
            yield computation, one, turns
            if one.opcode == "while":
                yield from self.run(_attribute(one, "body"), turns * self.turns(one))
            elif one.opcode in ("call", "conditional", "async-start"):
                for called in one.called:
                    yield from self.run(called, turns)

    def turns(self, loop: Instruction) -> int:
        """How often a loop turns: as the compiler says, or the bound that its condition has."""
        if known := re.search(r'"known_trip_count":\{"n":"(\d+)"', loop.rest):
            return int(known[1])
        inside = self.within(self.computations[_attribute(loop, "condition")])
        bounds = [int(o.rest) for o in inside if o.opcode == "constant" and o.rest.isdigit()]
        return max(bounds, default=1)

    def within(self, computation: dict[str, Instruction]) -> Iterator[Instruction]:
        """All instructions of a computation and of the fusions in it."""
        for one in computation.values():
            yield one
            if one.opcode == "fusion":
                yield from self.within(self.computations[one.called[0]])

    def traffic(self, computation: dict[str, Instruction], one: Instruction) -> float:
        """Bytes that an instruction outside of a fusion reads and writes."""
        if not one.is_launched:
            return 0
        read = sum(self.read(computation, one, n) for n in range(len(one.operands)))
        return read + self.written(computation, one)

    def read(self, computation: dict[str, Instruction], one: Instruction, n: int) -> float:
        """Bytes that an instruction reads of its operand `n`."""
        size = computation[one.operands[n]].size
        if n == 0 and one.opcode in PARTS:
            return min(size, one.size)
        if n == 0 and one.opcode in CHANGED:
            # A scatter adds to what is there; else it is overwritten unread.
            return self.written(computation, one) if one.opcode == "scatter" else 0
        if one.opcode != "fusion":
            return size
        inside = self.computations[one.called[0]]
        parameter = next(i for i in inside.values() if i.opcode == "parameter" and i.rest == str(n))
        return min(size, self.used(inside, parameter))

    def used(self, computation: dict[str, Instruction], value: Instruction) -> float:
        """Bytes of a parameter of a fusion that the instructions in it use."""
        total = 0.0
        for user in computation.values():
            for n in (n for n, name in enumerate(user.operands) if name == value.name):
                same = user.opcode == "bitcast" and not user.root
                total += self.used(computation, user) if same else self.read(computation, user, n)
        return total

    def written(self, computation: dict[str, Instruction], one: Instruction) -> float:
        """Bytes that an instruction writes: all that it puts out, or the part that it changes."""
        if one.opcode in CHANGED:
            return computation[one.operands[CHANGED[one.opcode]]].size
        if one.opcode.endswith("-start"):  # puts out what it reads, too
            return 0 if one.shape.count("@") else computation[one.operands[0]].size
        if one.opcode != "fusion":
            return one.size
        inside = self.computations[one.called[0]]
        root = next(i for i in inside.values() if i.root)
        if root.opcode != "tuple":
            return min(one.size, self.put_out(inside, root))
        results = zip(sizes(one.shape), root.operands, strict=True)
        return sum(min(size, self.put_out(inside, inside[name])) for size, name in results)

    def put_out(self, inside: dict[str, Instruction], one: Instruction) -> float:
        """Bytes of a result of a fusion that it changes."""
        while one.opcode == "bitcast":
            one = inside[one.operands[0]]
        return self.written(inside, one)


def sizes(shape: str) -> list[float]:
    """Bytes in memory of each array of a shape; 0 of what is on the chip."""
    return [
        0.0 if on_chip else BYTES.get(kind, 0) * math.prod(_integers(dims))
        for kind, dims, on_chip in ARRAY.findall(shape)
    ]


def _integers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def _split(rest: str) -> tuple[str, str]:
    """What stands before the bracket that ends the operands, and what after it."""
    depth = 1
    for n, letter in enumerate(rest):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return rest[:n], rest[n + 1 :]
    return rest, ""


def _attribute(one: Instruction, name: str) -> str:
    found = re.search(rf"\b{name}=%?([\w.\-]+)", one.rest)
    assert found, f"{one.name} has no {name}"
    return found[1]
