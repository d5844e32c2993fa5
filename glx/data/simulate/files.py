"""Writes a simulated log and its ground truth to a folder.

In: a `Simulation` or the `SimConfig` of one. Out: three files, each there whole or not at all.
"""

import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from glx.data.simulate.simulation import Planted, SimConfig, Simulation, simulate


@dataclass(frozen=True)
class Written:
    """Where `write` put the log, the labels and the planted faults."""

    log: Path
    labels: Path
    faults: Path


def write(simulation: Simulation | SimConfig, folder: str | os.PathLike[str]) -> Written:
    """Writes `NAME.log`, `NAME.labels.csv` and `NAME.faults.csv`; equal configs, equal bytes.

    The labels have the columns `key,label` where there are sessions, else `line,label`, with lines
    counted from 0; the faults have the attributes of `Planted` as columns.
    """
    if isinstance(simulation, SimConfig):
        simulation = simulate(simulation)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labels = simulation.labels
    if isinstance(labels, dict):
        label_rows = ["key,label", *(f"{key},{label}" for key, label in labels.items())]
    else:
        label_rows = ["line,label", *(f"{line},{label}" for line, label in enumerate(labels))]
    columns = ",".join(field.name for field in fields(Planted))
    fault_rows = [columns, *(",".join(map(str, astuple(fault))) for fault in simulation.faults)]
    return Written(
        _replace(folder / f"{simulation.system}.log", simulation.lines),
        _replace(folder / f"{simulation.system}.labels.csv", label_rows),
        _replace(folder / f"{simulation.system}.faults.csv", fault_rows),
    )


def _replace(path: Path, lines: Iterable[str]) -> Path:
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
    partial.replace(path)
    return path
