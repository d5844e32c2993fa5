"""Work side by side in processes of their own. In: groups of items. Out: results, as they come.

A process does one group after the other, item by item, and keeps what items have in common. It ends
when the one that started it does, however that ended: nobody else may find it at work in a folder.
"""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

from glx.errors import OutsideError
from glx.interrupts import ENDS

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    groups: Iterable[Iterable[Item]], begin: Callable[[], Callable[[Item], Result]], parallel: int
) -> Generator[Result]:
    """The results of all items; closing the generator ends the processes.

    Args:
      begin: called once in each process; gives what does an item there. Picklable.
      parallel: processes.

    Raises:
      OutsideError: a process was killed.
    """
    context, pending = get_context("spawn"), iter(groups)  # a fork would share threads of JAX
    others = set(active_children())
    # A pool of one process each, so that a group stays in one; all draw groups from `pending`.
    lanes = [
        (ProcessPoolExecutor(1, context, _begin, (begin,)), chain.from_iterable(pending))
        for _ in range(parallel)
    ]
    running: dict[Future[Result], tuple[ProcessPoolExecutor, Iterator[Item]]] = {}

    def send(pool: ProcessPoolExecutor, items: Iterator[Item]) -> None:
        for item in items:
            running[pool.submit(_do, item)] = pool, items
            return

    try:
        for lane in lanes:
            send(*lane)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                send(*running.pop(future))
                yield future.result()
    except BrokenProcessPool as e:
        raise OutsideError(
            "a process was killed, perhaps for want of memory; the same command goes on, with "
            "--parallel=1 if need be"
        ) from e
    finally:
        for process in set(active_children()) - others:
            process.kill()
        for pool, _ in lanes:
            pool.shutdown(cancel_futures=True)


_work: Callable[[Any], Any]  # in a process of `side_by_side`: what does an item


def _begin(begin: Callable[[], Callable]) -> None:
    global _work
    for one in ENDS:
        signal.signal(one, signal.SIG_IGN)  # the parent gets it too, and ends this process
    Thread(target=_end_with_parent, daemon=True).start()
    _work = begin()


def _do(item: Any) -> Any:
    return _work(item)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
