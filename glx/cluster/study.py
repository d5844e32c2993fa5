"""The cells of a study as tasks of Ray. In: groups of cells. Out: how each ended, as they come."""

import os
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from glx.cluster.connect import connected
from glx.errors import OutsideError
from glx.runs.study import GIGABYTES, Cell, Outcome

Begin = Callable[[], Callable[[Cell], Outcome]]
TRIES = 3  # of a task whose node was lost; a half-done cell goes on


def spread(
    address: str, say: Callable[[str], None]
) -> Callable[[Iterable[Iterable[Cell]], Begin, int], Generator[Outcome]]:
    """What does groups of cells on a cluster, as `glx.runs.workers.side_by_side` does on one
    machine; each task takes a core and `GIGABYTES` of memory, as many at once as there is room for.
    """

    def work(groups: Iterable[Iterable[Cell]], begin: Begin, parallel: int) -> Generator[Outcome]:
        with connected(address, say) as ray:
            room = {"num_cpus": 1, "memory": GIGABYTES << 30, "max_retries": TRIES}
            task = ray.remote(**room)(_do)
            waiting = [task.remote(os.getcwd(), begin, [*group]) for group in groups]
            while waiting:
                (done,), waiting = ray.wait(waiting, num_returns=1)
                try:
                    yield from ray.get(done)
                except ray.exceptions.RayTaskError:
                    raise
                except ray.exceptions.RayError as e:
                    raise OutsideError(
                        f"--ray={address}: a worker was lost {TRIES + 1} times, perhaps for want "
                        "of memory; the same command goes on"
                    ) from e

    return work


def _do(folder: str, begin: Begin, cells: list[Cell]) -> list[Any]:
    """Do cells one after another, with the paths of the command."""
    if not Path(folder).is_dir():
        raise OutsideError(
            f"{folder}: a node of the cluster does not see this folder; repeat the command from "
            "one on a file system that all nodes share"
        )
    os.chdir(folder)
    do = begin()
    return [do(cell) for cell in cells]
