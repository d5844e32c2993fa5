"""A study: many runs, each in a folder of its own, done once and side by side where there is room.

In: cells, a folder. Out: `study.json`, finished run folders below `cells/`. A study that was killed
goes on where it stopped: finished cells are left alone, a half-done one resumes.
"""

import hashlib
import os
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from glx import hosts
from glx.errors import InputError, OutsideError, Paused
from glx.files import LOCK, locked
from glx.report.models import Measured, Metrics, Plan, PlannedCell, read, write
from glx.runs.compilation import keep_compilations
from glx.runs.folder import is_finished
from glx.runs.run import run
from glx.runs.settings import RunConfig
from glx.runs.shared import Shared
from glx.runs.workers import side_by_side

FAILURES: dict[str, type[Exception]] = {  # the worst first
    "bug": RuntimeError,
    "outside": OutsideError,
    "input": InputError,
    "paused": Paused,
}
LONGEST = 100  # characters of the names of sources in that of a folder, which has a limit
GIGABYTES = 4  # of memory that a cell on the largest of the real systems may take


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
      name: of the folder of all cells of this method, as `generallog`.
      method: what reports call it, as `GeneralLog`.
      config: all settings; `source` holds one system each.
      ours: a method of this project.
    """

    name: str
    method: str
    config: RunConfig
    ours: bool = True

    @property
    def planned(self) -> PlannedCell:
        """What `study.json` holds of it; `run` is its folder, below the study's."""
        target = self.config.target_name
        sources = [given.partition("=")[0] for given in self.config.source]
        given = "+".join(sources)
        if len(given) > LONGEST:
            given = f"{len(sources)}-sources-{hashlib.sha256(given.encode()).hexdigest()[:8]}"
        transfer = "-from-".join(filter(None, [target, given]))
        return PlannedCell(
            run=f"cells/{self.name}/{transfer}/{self.config.model.seed}",
            method=self.method,
            target=target,
            source=tuple(sources),
            seed=self.config.model.seed,
            ours=self.ours,
            few_labels=self.config.target_labels,
        )

    @property
    def folder(self) -> str:
        """Where it is done, below the study's folder."""
        return self.planned.run


@dataclass(frozen=True)
class Study:
    """Cells, and what they have in common.

    Attributes:
      name: of the study.
      command: that repeats it.
      preset: of the training.
      protocol: of all cells.
      cells: in the order in which they are done; those of one target, sources and seed together.
      reference: the method that the others are compared with, in an ablation.
    """

    name: str
    command: str
    preset: str
    protocol: str
    cells: list[Cell]
    reference: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: `f1` (None without labels), or the `error` that ended it.

    `kind` is `done` or one of `FAILURES`.
    """

    cell: Cell
    kind: str
    f1: float | None = None
    error: str = ""


Spread = Callable[[Iterable[list[Cell]], Callable, int], Generator[Outcome]]


def run_cells(
    study: Study,
    folder: Path,
    parallel: int = 1,
    report: Callable[[Outcome], None] = lambda outcome: None,
    spread: Spread | None = None,
) -> None:
    """Do every cell that is not done yet.

    Several processes (`glx.hosts`) do each cell together, in the same order.

    Args:
      parallel: processes; those of one target, sources and seed go to one, which fits what they
        share once.
      report: called with each outcome as it comes.
      spread: does the groups elsewhere, in place of processes of this machine.

    Raises:
      InputError: a finished cell has other settings, or cells failed over theirs, once the others
        are done.
      OutsideError: something outside gave up; what is done is kept.
      Paused: cells wait for answers, and the others are done.
      RuntimeError: a bug in a cell, once the others are done.
    """
    begun = hosts.of_first(partial(_begun, study, folder))
    left = [cell for cell in study.cells if cell.folder in begun]
    groups = [list(group) for _, group in groupby(left, key=_shared_work)]
    failed = []
    parallel = 1 if hosts.several() else min(parallel, len(groups))
    if groups and (spread is not None or parallel > 1):
        outcomes = (spread or side_by_side)(groups, partial(_begin, folder), parallel)
    else:
        do = _begin(folder)
        outcomes = (do(cell) for cell in left)
    with closing(outcomes):
        for outcome in outcomes:
            report(outcome)
            if outcome.kind == "outside":
                raise OutsideError(outcome.error)
            if outcome.kind != "done":
                failed.append(outcome)
    if failed:
        first = min(failed, key=lambda o: tuple(FAILURES).index(o.kind))
        how = f"{len(failed)} of {len(left)} cells {'wait' if first.kind == 'paused' else 'failed'}"
        raise FAILURES[first.kind](f"{how}; {first.cell.folder}: {first.error}")


def _begun(study: Study, folder: Path) -> list[str]:
    """Write `study.json`; the folders of the cells that are left."""
    check_folder(study, folder)
    left = [cell.folder for cell in unfinished(study, folder)]
    folder.mkdir(parents=True, exist_ok=True)
    planned = tuple(cell.planned for cell in study.cells)
    given = study.name, study.command, study.preset, study.protocol, study.reference
    write(folder, Plan(*given, planned))
    return left


@contextmanager
def study_folder(study: Study, folder: Path) -> Iterator[Path]:
    """The folder for this process alone; its cells may be done by others, one by each.

    Raises:
      InputError: it is no folder for the study, or another process is at work in it.
    """
    check_folder(study, folder)
    with locked(folder, "--study_dir"):
        yield folder


def unfinished(study: Study, folder: Path) -> list[Cell]:
    """The cells that are not done yet.

    Raises:
      InputError: a finished one has other settings.
    """
    return [
        cell
        for cell in study.cells
        if not is_finished(folder / cell.folder, cell.config.recorded, cell.config.may_differ)
    ]


def check_folder(study: Study, folder: Path) -> None:
    """Raise InputError where the folder is no study's, or one's whose work would be forgotten."""
    if not (folder / "study.json").is_file():
        # Cells may have been done one by one, by the commands of `--dry_run`.
        cells_alone = folder.is_dir() and {*os.listdir(folder)} <= {LOCK, hosts.TOKEN, "cells"}
        if os.path.exists(folder) and not cells_alone:
            raise InputError(f"{folder}: is there already and is no study; choose another folder")
        return
    planned = {cell.folder for cell in study.cells}
    earlier = {cell.run for cell in read(folder, Plan).cells}
    lost = sorted(run for run in earlier - planned if (folder / run).is_dir())
    if lost:
        raise InputError(
            f"{folder}: holds a study with {len(lost)} finished cells that this one does not have, "
            f"as {lost[0]}; choose another --study_dir"
        )


def _shared_work(cell: Cell) -> tuple:
    """Cells with the same value have a target, sources and a fitted ZeroLog in common."""
    return cell.config.target, cell.config.source, cell.config.model.seed


def _begin(folder: Path) -> Callable[[Cell], Outcome]:
    """What does a cell, in a process that keeps what cells share."""
    return partial(_do, folder, Shared())


def _do(folder: Path, shared: Shared, cell: Cell) -> Outcome:
    keep_compilations(cell.config.data)
    place, config = folder / cell.folder, cell.config
    try:
        there = partial(is_finished, place, config.recorded, config.may_differ)
        if hosts.of_first(there):  # its outcome was lost
            metrics = read(place, Metrics)
        else:
            metrics = run(config, place, shared=shared)
    except (InputError, OutsideError, Paused) as e:
        if not hosts.all_say(f"{cell.folder}: {e}"):
            raise
        kind = next(kind for kind, error in FAILURES.items() if isinstance(e, error))
        return Outcome(cell, kind, error=str(e))
    except Exception:  # the other cells go on; it is raised at the end
        if hosts.several():  # of one process: the others wait for it
            raise
        return Outcome(cell, "bug", error=traceback.format_exc())
    return Outcome(cell, "done", metrics.f1 if isinstance(metrics, Measured) else None)
