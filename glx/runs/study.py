"""A study: many runs, each in a folder of its own, done once and side by side where there is room.

In: cells, a folder. Out: `study.json`, finished run folders below `cells/`. A study that was killed
goes on where it stopped: finished cells are left alone, a half-done one resumes.
"""

import json
import os
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from glx.errors import InputError, OutsideError
from glx.files import write_whole
from glx.runs.compilation import keep_compilations
from glx.runs.folder import is_finished
from glx.runs.run import may_differ, run
from glx.runs.settings import AnyRun, RunConfig
from glx.runs.shared import Shared

GIGABYTES = 4  # of memory that a cell on the largest of the real systems may take


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
      name: of the folder of all cells of this method, as `generallog`.
      method: what reports call it, as `GeneralLog`.
      config: all settings; `source` holds one system each.
    """

    name: str
    method: str
    config: AnyRun

    @property
    def folder(self) -> str:
        """Where it is done, below the study's folder."""
        target, *sources = (
            given.partition("=")[0] for given in (self.config.target, *self.config.source)
        )
        return f"cells/{self.name}/{target}-from-{'+'.join(sources)}/{self.config.model.seed}"


@dataclass(frozen=True)
class Study:
    """Cells and what a report says of them together.

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
    """How a cell ended: `f1` (None without labels or figures), or the `error` that ended it.

    `kind` is `done`, `input` (InputError), `outside` (OutsideError) or `bug`.
    """

    cell: Cell
    kind: str
    f1: float | None = None
    error: str = ""


def conduct(
    study: Study,
    folder: Path,
    parallel: int = 1,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> None:
    """Do every cell that is not done yet.

    Args:
      parallel: processes; those of one target, sources and seed go to one, which fits what they
        share once.
      report: called with each outcome as it comes.

    Raises:
      InputError: a finished cell has other settings, or cells failed over theirs, once the others
        are done.
      OutsideError: something outside gave up; what is done is kept.
      RuntimeError: a bug in a cell, once the others are done.
    """
    left = unfinished(study, folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "study.json", json.dumps(describe(study), indent=1) + "\n")
    groups = [list(group) for _, group in groupby(left, key=_shared_work)]
    failed = []
    work = _in_processes if min(parallel, len(groups)) > 1 else _here
    for outcome in work(groups, folder, min(parallel, len(groups))):
        report(outcome)
        if outcome.kind == "outside":
            raise OutsideError(outcome.error)
        if outcome.kind != "done":
            failed.append(outcome)
    if failed:
        first = next((o for o in failed if o.kind == "bug"), failed[0])
        text = f"{len(failed)} of {len(left)} cells failed; {first.cell.folder}: {first.error}"
        raise RuntimeError(text) if first.kind == "bug" else InputError(text)


def unfinished(study: Study, folder: Path) -> list[Cell]:
    """The cells that are not done yet.

    Raises:
      InputError: a finished one has other settings.
    """
    return [
        cell
        for cell in study.cells
        if not is_finished(folder / cell.folder, asdict(cell.config), may_differ(cell.config))
    ]


def describe(study: Study) -> dict:
    """What `study.json` holds."""
    cells = [
        {
            "run": cell.folder,
            "method": cell.method,
            "target": cell.config.target.partition("=")[0],
            "source": [given.partition("=")[0] for given in cell.config.source],
            "seed": cell.config.model.seed,
            "few_labels": cell.config.target_labels if isinstance(cell.config, RunConfig) else None,
        }
        for cell in study.cells
    ]
    names = ("name", "command", "preset", "protocol", "reference")
    return {name: getattr(study, name) for name in names} | {"cells": cells}


def room() -> int:
    """How many cells fit side by side: by cores and memory; one where there is an accelerator."""
    import jax  # looks for devices

    if jax.default_backend() != "cpu":
        return 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(os.cpu_count() or 1, memory // (GIGABYTES * 10**9)))


def _shared_work(cell: Cell) -> tuple:
    """Cells with the same value have a target, sources and a fitted ZeroLog in common."""
    return cell.config.target, cell.config.source, cell.config.model.seed


def _do(cell: Cell, folder: Path, shared: Shared) -> Outcome:
    try:
        figures = run(cell.config, folder / cell.folder, shared=shared)
    except InputError as e:
        return Outcome(cell, "input", error=str(e))
    except OutsideError as e:
        return Outcome(cell, "outside", error=str(e))
    except Exception:  # the others go on; it is raised at the end
        return Outcome(cell, "bug", error=traceback.format_exc())
    return Outcome(cell, "done", figures.get("f1"))


def _here(groups: list[list[Cell]], folder: Path, parallel: int):
    """Outcomes of cells done in this process."""
    shared = Shared()
    for group in groups:
        for cell in group:
            keep_compilations(cell.config.data)
            yield _do(cell, folder, shared)


def _in_processes(groups: list[list[Cell]], folder: Path, parallel: int):
    """Outcomes of cells done in `parallel` processes."""
    context, pending = get_context("spawn"), iter(groups)  # a fork would share threads of JAX
    workers: list[tuple[Connection, Any]] = []
    for _ in range(parallel):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs, folder), daemon=True)
        worker.start()
        theirs.close()
        workers.append((ours, worker))
    busy = [ours for ours, _ in workers]
    try:
        while busy:
            for ours in [c for c in wait(busy) if isinstance(c, Connection)]:
                outcome = _receive(ours)
                if outcome is not None:
                    yield outcome
                elif (group := next(pending, None)) is not None:
                    ours.send(group)
                else:
                    busy.remove(ours)
    finally:
        for _, worker in workers:
            worker.terminate()
            worker.join()


def _receive(ours: Connection) -> Outcome | None:
    try:
        return ours.recv()
    except (EOFError, ConnectionResetError) as e:
        raise OutsideError(
            "a process of the study was killed, perhaps for want of memory; the same command goes "
            "on, with --parallel=1 if need be"
        ) from e


def _work(theirs: Connection, folder: Path) -> None:
    """One process: says None when it is idle, then gets a group of cells and sends outcomes."""
    shared = Shared()
    try:
        while True:
            theirs.send(None)
            for cell in theirs.recv():
                keep_compilations(cell.config.data)
                theirs.send(_do(cell, folder, shared))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        return  # the study was stopped; what was begun resumes
