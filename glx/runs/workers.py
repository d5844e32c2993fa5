"""Work side by side in processes of their own. In: groups of work. Out: results, as they come.

A process takes one group after the other, and keeps what groups have in common. It ends when the
one that began it does, however that ended: nobody else may find it at work in a folder.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, TypeVar

from glx.errors import OutsideError

Group = TypeVar("Group")
Result = TypeVar("Result")
Work = Callable[[Group], Iterator[Result]]


def side_by_side(
    groups: Iterable[Group], begin: Callable[[], "Work[Group, Result]"], parallel: int
) -> Iterator[Result]:
    """The results of all groups.

    Args:
      begin: called once in each process; gives what does a group there. Picklable.
      parallel: processes.

    Raises:
      OutsideError: a process was killed.
    """
    context, pending = get_context("spawn"), iter(groups)  # a fork would share threads of JAX
    workers: list[tuple[Connection, Any]] = []
    for _ in range(parallel):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_serve, args=(theirs, begin), daemon=True)
        worker.start()
        theirs.close()
        workers.append((ours, worker))
    busy = [ours for ours, _ in workers]
    try:
        while busy:
            for ours in [c for c in wait(busy) if isinstance(c, Connection)]:
                result = _receive(ours)
                if result is not None:
                    yield result
                elif (group := next(pending, None)) is not None:
                    ours.send(group)
                else:
                    busy.remove(ours)
    finally:
        for _, worker in workers:
            worker.terminate()
            worker.join()


def _receive(ours: Connection) -> Any:
    try:
        return ours.recv()
    except (EOFError, ConnectionResetError) as e:
        raise OutsideError(
            "a process was killed, perhaps for want of memory; the same command goes on, with "
            "--parallel=1 if need be"
        ) from e


def _serve(theirs: Connection, begin: Callable[[], Work]) -> None:
    """One process: says None when it is idle, then gets a group and sends its results."""
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = begin()
        while True:
            theirs.send(None)
            for result in work(theirs.recv()):
                theirs.send(result)
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        return  # it was stopped; what was begun resumes


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
