"""What `glx study` and `glx ablate` share: their flags, the commands of cells, the report."""

import os
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from absl.flags import FlagValues

from glx import config as settings
from glx import devices, files, hosts
from glx.cli import processes
from glx.cli.flags import add, command, define
from glx.cli.generallog import config_of
from glx.cluster.connect import ABOUT
from glx.cluster.study import spread
from glx.errors import InputError
from glx.report import study as report
from glx.runs.settings import (
    GENERAL_PRESETS,
    METHOD_PRESETS,
    PRESETS,
    GeneralLogRun,
    MethodRun,
    RunConfig,
)
from glx.runs.study import (
    GIGABYTES,
    Cell,
    Outcome,
    Study,
    check_folder,
    run_cells,
    study_folder,
    unfinished,
)
from glx.terminal import tell

OF_A_CELL = ("target", "source", "target_labels", "seed", "write_questions")  # the study sets them
SYSTEMS = (
    "Systems, each the target of those of other families that have labels (default: all of --panel;"
    " without one hdfs,bgl,openstack with a data folder, else the simulated ones)."
)


# The entry point of each kind of run, and its presets.
ENTRIES: dict[type, tuple[str, Mapping[str, Any]]] = {
    RunConfig: ("zerolog", PRESETS),
    GeneralLogRun: ("generallog", GENERAL_PRESETS),
    MethodRun: ("method", METHOD_PRESETS),
}


def declare(name: str) -> FlagValues:
    """The flags of all cells, and those of the study."""
    own = FlagValues()
    add(own, "list", "systems", None, SYSTEMS)
    add(own, "integer", "seeds", 3, "Seeds of each cell, from 0.", lower_bound=1, upper_bound=1000)
    add(own, "string", "study_dir", f"runs/{name}", "Folder to write.")
    about = "Cells side by side (default: what cores and memory have room for)."
    add(own, "integer", "parallel", None, about, lower_bound=1, upper_bound=1000)
    add(own, "string", "ray", None, ABOUT)
    about = "Only print the commands of the cells that are left, one a line."
    add(own, "boolean", "dry_run", False, about)
    about = "Training: small for minutes, full to report."
    add(own, "enum", "preset", "small", list(GENERAL_PRESETS), about)
    define(own, GeneralLogRun, GENERAL_PRESETS)
    for flag in OF_A_CELL:
        delattr(own, flag)
    processes.declare(own)
    return own


def base(values: FlagValues) -> GeneralLogRun:
    """The settings that all cells start from."""
    config = config_of(values)
    folder = config.data.data_dir or os.environ.get("GLX_DATA") or None
    return settings.change(config, ("data", "data_dir"), folder)


def carry_out(
    values: FlagValues,
    name: str,
    config: GeneralLogRun,
    cells: list[Cell],
    reference: str | None = None,
) -> None:
    """Do the cells and write the report, or only print them."""
    study = Study(
        name=name,
        command=shlex.join(["glx", name, *given(values)]),
        preset=values.preset,
        protocol=config.data.protocol,
        cells=cells,
        reference=reference,
    )
    folder = files.folder(values.study_dir, "--study_dir")
    if values.ray is not None and values.parallel is not None:
        raise InputError("--parallel: the cluster says how many; leave it out, or leave out --ray")
    processes.check_alone(values, "ray", "parallel", "dry_run")
    if values.dry_run:
        check_folder(study, folder)
        for cell in unfinished(study, folder):
            tell(shlex.join(cell_command(cell, folder, values.preset)))
        return
    begin, planned = partial(study_folder, study, folder), [cell.folder for cell in cells]
    with processes.joined(values), hosts.folder_of_first(begin, planned) as place:
        _do_and_report(values, study, folder if hosts.first() else place)


def _do_and_report(values: FlagValues, study: Study, folder: Path) -> None:
    try:
        progress = processes.progress()
        left = hosts.of_first(lambda: len(unfinished(study, folder)))
        with progress.cells(left, len(study.cells)) as show:
            parallel = values.parallel or devices.processes_at_once(GIGABYTES)
            there = None if values.ray is None else spread(values.ray, progress.say)
            run_cells(study, folder, parallel, lambda outcome: show(sentence(outcome)), there)
    finally:  # of the finished cells, whatever went wrong
        if hosts.first() and (folder / "study.json").is_file():
            tell(f"Report: {report.write(folder)}")


def sentence(outcome: Outcome) -> str:
    """How a cell ended."""
    config = outcome.cell.config
    transfer = " <- ".join(filter(None, [config.target_name, ", ".join(config.source)]))
    end = f"F1 {outcome.f1:.3f}" if outcome.f1 is not None else f"{outcome.kind} {outcome.error}"
    return f"{outcome.cell.method}, {transfer}, seed {config.model.seed}: {end}".rstrip()


def given(values: FlagValues) -> list[str]:
    """The flags of the command line but those that say where processes meet."""
    names = [n for n in values if values[n].name == n and n not in processes.FLAGS]
    present = [values[n] for n in names if values[n].present]
    return [text for flag in present for text in flag.serialize().split("\n")]


def cell_command(cell: Cell, folder: Path, preset: str) -> list[str]:
    """The command that does this cell alone."""
    module, presets = ENTRIES[type(cell.config)]
    run_dir = f"--run_dir={folder / cell.folder}"
    given = command(cell.config, presets[preset if preset in presets else "small"])
    chosen = [f"--preset={preset}"] if preset in presets and preset != "small" else []
    return [sys.executable, "-m", "glx", module, *chosen, *given, run_dir]
