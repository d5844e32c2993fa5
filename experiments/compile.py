r"""Compile glx's programs for accelerators that are not here, and say what they take there.

Examples:
  launch/compile.sh                                    # makes the environments with the compilers
  launch/compile.sh --for=h100,v5e,v6e,v5p --devices=1,4,8 --out=compiled.json
  launch/compile.sh --for=v5e --devices=1 --what=train
  launch/compile.sh --against=experiments/compiled/committed.json

The real compilers run: memory and traffic are those of the program that the device would run. Times
are arithmetic and no measurement: bytes by the memory's bandwidth, FLOP by the peak, which no
program reaches; launches say how many kernels or instructions wait for each other.
"""

import sys
from collections.abc import Collection
from itertools import product
from pathlib import Path

import msgspec
from absl.flags import FlagValues

from experiments.compiled.compiling import Compiled, compile_elsewhere
from experiments.compiled.programs import OTHER_SIZES, PROGRAMS
from experiments.compiled.targets import TARGETS
from glx.cli.flags import add, run
from glx.errors import InputError
from glx.files import output, write_whole
from glx.terminal import Screen

COMMITTED = Path(__file__).parent / "compiled" / "committed.json"
GROWN = 1.1  # times the committed memory or traffic
SLACK = 10**6  # bytes that are no matter
HEADINGS = (
    *("for", "program", "compiled in", "temporary", "moved", "FLOP", "by memory", "by peak"),
    *("turns", "launches", "collectives"),
)


def declare() -> FlagValues:
    """The flags."""
    own, known = FlagValues(), PROGRAMS | OTHER_SIZES
    add(own, "list", "for", ["h100", "v5e"], f"Accelerators, of {', '.join(TARGETS)}.")
    add(own, "list", "devices", ["1", "4"], "How many of each, of 1, 4, 8.")
    add(own, "list", "what", list(PROGRAMS), f"Programs, of {', '.join(known)}.")
    add(own, "string", "out", None, "File to write, JSON; a table in Markdown beside it.")
    add(
        own,
        "string",
        "against",
        None,
        f"A committed file as --out writes it: exit 1 where a program needs {GROWN:.0%} of its "
        "temporary memory or traffic there, or has another collective, float64 or a callback.",
    )
    return own


def work(values: FlagValues) -> None:
    """Compile what the flags ask for."""
    targets = chosen("for", values["for"].value or [], TARGETS)
    counts = [int(n) for n in chosen("devices", values.devices, ("1", "4", "8"))]
    programs = chosen("what", values.what, PROGRAMS | OTHER_SIZES)
    out = output("out", values.out) if values.out else None
    committed = read(Path(values.against)) if values.against else None
    console, rows = Screen(stderr=True), list[Compiled]()
    with console.status("") as status:
        for target, n, program in product(targets, counts, programs):
            status.update(f"{program} for {n} x {target}")
            rows.append(compile_elsewhere(target, n, program))
            console.print(f"{program} for {n} x {target}: {rows[-1].seconds:.0f} s")
            if out:
                write_whole(out, msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n")
    print(markdown(rows), end="")
    if out:
        write_whole(out.with_suffix(".md"), markdown(rows))
    if said := grown(rows, committed):
        print(*said, sep="\n", file=sys.stderr)
        raise SystemExit(1)


def chosen(flag: str, asked: list[str], known: Collection[str]) -> list[str]:
    """What is asked for, once each.

    Raises:
      InputError: nothing is, or what is not known.
    """
    if not asked or (unknown := set(asked) - set(known)):
        named = unknown.pop() if asked else ""
        raise InputError(f"--{flag}={named}: choose of {', '.join(known)}")
    return list(dict.fromkeys(asked))


def read(path: Path) -> list[Compiled]:
    """The rows of a file that --out wrote.

    Raises:
      InputError: it is no such file.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Compiled])
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"--against={path}: not of this program ({error})") from error


def grown(rows: list[Compiled], committed: list[Compiled] | None) -> list[str]:
    """A sentence for each thing that is worse than what is committed; None: no comparison."""
    if committed is None:
        return []
    before, said = {row.key: row for row in committed}, []
    for row in rows:
        name = f"{row.program} for {row.devices} x {row.target}"
        if row.float64 or row.callbacks:
            said.append(f"{name}: {row.float64} arrays of float64, {row.callbacks} callbacks")
        if row.key not in before:
            said.append(f"{name}: nothing is committed; write it anew with --out")
            continue
        old = before[row.key]
        for what in ("temporary", "moved"):
            now, then = getattr(row, what), getattr(old, what)
            if now > GROWN * then + SLACK:
                said.append(f"{name}: {what} {now / 1e6:,.1f} MB, was {then / 1e6:,.1f}")
        for kind, n in sorted(row.collectives.items()):
            if n > (was := old.collectives.get(kind, 0)):
                said.append(f"{name}: {n} {kind}, was {was}")
    return said


def cells(row: Compiled) -> list[str]:
    """A line of the table."""
    target = TARGETS[row.target]
    collectives = ", ".join(f"{n} {kind}" for kind, n in sorted(row.collectives.items()))
    return [
        f"{row.devices} x {row.target}",
        row.program,
        f"{row.seconds:.0f} s",
        f"{row.temporary / 1e6:,.0f} MB",
        f"{row.moved / 1e6:,.0f} MB",
        f"{row.flop / 1e9:,.1f} G",
        f"{row.moved / target.bandwidth * 1e3:.2f} ms",
        f"{row.flop / target.peak * 1e3:.2f} ms",
        f"{row.turns}",
        f"{row.launches:,}",
        collectives or "-",
    ]


def markdown(rows: list[Compiled]) -> str:
    """The table in Markdown."""
    numbers = range(2, len(HEADINGS) - 1)
    ruler = "|".join(" --: " if n in numbers else " --- " for n in range(len(HEADINGS)))
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{ruler}|"]
    lines += [f"| {' | '.join(cells(row))} |" for row in rows]
    return "\n".join([*lines, "", "Of each device; ms are arithmetic, not measured."]) + "\n"


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
