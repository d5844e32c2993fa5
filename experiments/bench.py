r"""Measure glx beside its peers and beside what the machine can do, in one run.

Examples:
  launch/benchmark.sh --data_dir=DIR --out=bench.json       # makes the environment with the peers
  launch/benchmark.sh --what=route,embed --repeats=9
  launch/benchmark.sh --quick --against=experiments/benchmarks/quick.json
  launch/benchmark.sh --what=train --profile                # where the time of ours goes
  python -m experiments.bench --what=group --data_dir=DIR   # are lines grouped as they should be

Every subject has a process of its own; rounds alternate between ours, the peers and the ceiling (a
large matrix product, or a copy of memory), and medians are told. Writes a table, --out, and beside
it bench.md and, with growth, growth.png. What was measured is written as it comes. The whole takes
half an hour on two cores, with 3 rounds; llm starts a model server on the CPU
(launch/serve_vllm.sh; 2 GB once), ray makes an environment with Ray (2 GB once).
"""

import sys
import tempfile
import time
from pathlib import Path

from absl.flags import FlagValues

from experiments.benchmarks import (
    cluster,
    e2e,
    embed,
    group,
    growth,
    guard,
    llm,
    million,
    parse,
    route,
    score,
    serve,
    table,
    train,
)
from experiments.benchmarks.measure import Row, measure
from experiments.benchmarks.profile import profile
from experiments.benchmarks.settings import Settings
from glx.cli.flags import add, run
from glx.errors import InputError
from glx.files import given_path, output, write_whole
from glx.terminal import Screen

BENCHMARKS = {
    "parse": parse.cases,
    "embed": embed.cases,
    "train": train.cases,
    "score": score.cases,
    "route": route.cases,
    "llm": llm.cases,
    "e2e": e2e.cases,
    "growth": growth.cases,
    "million": million.cases,
    "ray": cluster.cases,
    "serve": serve.cases,
}
GROUP = "group"  # is no matter of time: measured once, in a table of its own


WAITS = (0, 30, 120, 300)  # seconds before each try of a case: noise comes, and goes in minutes


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "list", "what", [*BENCHMARKS, GROUP], "Benchmarks.")
    add(own, "string", "out", "bench.json", "File to write.")
    add(own, "string", "data_dir", None, "Folder of docs/data.md.")
    add(own, "integer", "repeats", 5, "Rounds of each.", lower_bound=1, upper_bound=1000)
    add(own, "boolean", "quick", False, "Small workloads, for a guard.")
    add(
        own,
        "boolean",
        "profile",
        False,
        "Print where the time of ours goes, in place of measuring; writes nothing.",
    )
    add(
        own,
        "string",
        "against",
        None,
        f"A committed file as --out writes it: exit 1 where a ratio to a peer is under"
        f" {guard.WORST} times its ratio there, {len(WAITS)} times in a row.",
    )
    add(
        own,
        "string",
        "work_dir",
        None,
        "Folder for the logs that are made (3 GB; default the system's).",
    )
    return own


def work(values: FlagValues) -> None:
    """Measure what the flags ask for."""
    names = [*BENCHMARKS, GROUP]
    unknown = set(values.what) - set(names)
    if unknown:
        raise InputError(f"--what={unknown.pop()}: unknown; choose of {', '.join(names)}")
    data_dir = values.data_dir and given_path(values.data_dir)
    if data_dir and not data_dir.is_dir():
        raise InputError(f"--data_dir={data_dir}: no such folder; docs/data.md says what is in it")
    out = Path(values.out)
    if not values.profile:
        out = output("out", values.out)
        if out.suffix == ".md":
            raise InputError(f"--out={out}: the tables go there; name a .json file")
        output("out", str(out.with_suffix(".md")))
    if values.work_dir and not given_path(values.work_dir).is_dir():
        raise InputError(f"--work_dir={values.work_dir}: no such folder; make it first")
    if values.profile and values.against:
        raise InputError("--profile measures no ratios: leave out --against")
    committed = guard.read_ratios(Path(values.against)) if values.against else None
    console, rows = Screen(stderr=True), list[Row]()
    if data_dir is None:
        console.print(
            "without --data_dir: no e2e, group or BGL, growth of the router alone, simulated HDFS"
        )
    with tempfile.TemporaryDirectory(dir=values.work_dir) as folder:
        settings = Settings(data_dir, values.quick, Path(folder))
        for name in (name for name in values.what if name != GROUP):
            with console.status(f"{name}: getting ready") as status:
                for case in BENCHMARKS[name](settings):
                    if values.profile:
                        status.update(f"{name}: {case.case}, watched")
                        print(f"## {name}: {case.case}\n\n{profile(case.ours)}\n", flush=True)
                        continue
                    for wait in WAITS:
                        time.sleep(wait)
                        found = measure(case, values.repeats, status.update)
                        if not guard.fallen(found, committed):
                            break
                    rows += found
                    table.write_json(rows, out)
        grouped = ""
        if values.what == [GROUP] or (GROUP in values.what and data_dir and not values.profile):
            grouped = group.markdown(group.measure(data_dir, settings.folder))
    if values.profile:
        return
    if rows:
        Screen().print(table.terminal(rows))
    print(grouped, end="")
    tables = [table.markdown(rows)] * bool(rows) + [grouped] * bool(grouped)
    write_whole(out.with_suffix(".md"), "\n".join(tables))
    if any(row.what == "growth" for row in rows):
        table.plot(rows, out.with_name("growth.png"))
    if said := guard.fallen(rows, committed) + guard.lost(rows, committed, values.what):
        print(*said, sep="\n", file=sys.stderr)
        raise SystemExit(1)


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
