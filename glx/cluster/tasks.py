"""Groups of items as tasks of Ray, wherever it has a core. In: groups. Out: results, as they come.

A task does one group, item by item, and keeps what items have in common, as a process of
`glx.runs.workers` does. It works in the folder of the one that sent it, which every node must see.
"""

import os
import re
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from glx.errors import InputError, OutsideError

Item = TypeVar("Item")
Result = TypeVar("Result")
ROUNDS = 3  # times that a group is begun in which nothing more was done


def on_nodes(
    ray: Any,
    groups: Iterable[Iterable[Item]],
    begin: Callable[[], Callable[[Item], Result]],
    memory: int,
) -> Generator[Result]:
    """The results of all items; closing the generator ends the tasks.

    What a lost node had not given back is done again elsewhere, so an item may be done twice.

    Args:
      ray: the package, connected.
      begin: called once for each group; gives what does an item there. Picklable.
      memory: bytes that a task needs; where no node has as much, all that the largest one has.

    Raises:
      OutsideError: a group is lost time and again, or a node lacks the folder or this package.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    about = {"num_cpus": 1, "memory": reserved(nodes, memory)}
    how = {**about, "max_retries": 0, "scheduling_strategy": "SPREAD"}
    task = ray.remote(_do).options(num_returns="streaming", **how)
    waiting = [(n, deque(group)) for n, group in enumerate(groups)]
    lost = Counter[int]()
    running: list[tuple[Any, int, deque[Item]]] = []
    try:
        while waiting or running:
            running += [
                (task.remote(begin, os.getcwd(), [*items]), n, items) for n, items in waiting
            ]
            waiting.clear()
            (ready,), _ = ray.wait([stream for stream, _, _ in running], num_returns=1)
            at = next(k for k, (stream, _, _) in enumerate(running) if stream is ready)
            stream, n, items = running[at]
            try:
                result = ray.get(next(stream))
            except StopIteration:
                del running[at]
                continue
            except ray.exceptions.RayTaskError as e:
                raise _told(e) from e
            except ray.exceptions.RayError as e:
                del running[at]
                lost[n] += 1
                if lost[n] == ROUNDS:
                    raise OutsideError(
                        f"--ray: a task was lost {ROUNDS} times, perhaps for want of memory "
                        f"({_first(e)}); what is done is kept, and the same command goes on"
                    ) from e
                waiting.append((n, items))
                continue
            items.popleft()
            lost[n] = 0
            yield result
    finally:
        for stream, _, _ in running:
            ray.cancel(stream, force=True)


def reserved(nodes: Iterable[Mapping[str, float]], memory: int) -> int:
    """Bytes that a task asks Ray for: `memory` where any of the nodes (their resources) that has a
    core has as much, else all that the largest has.
    """
    there = [int(one.get("memory", 0)) for one in nodes if one.get("CPU", 0) >= 1]
    return min(memory, max(there, default=0))


def _do(begin: Callable[[], Callable], folder: str, items: list[Any]) -> Iterator[Any]:
    try:
        os.chdir(folder)
    except OSError as e:
        raise OutsideError(
            f"{folder}: node {os.uname().nodename} of the cluster cannot enter it ({e.strerror}); "
            "start the command in a folder that every node sees"
        ) from e
    work = begin()
    for item in items:  # Ray sends to the generator, which no other iterator takes
        yield work(item)


def _told(error: Any) -> Exception:
    """What ended a task, as it is to be told here."""
    cause = error.cause
    if isinstance(cause, InputError | OutsideError):
        return cause
    if missing := re.search(r"No module named \S+", str(cause)):
        return OutsideError(
            f"--ray: a node lacks what is needed ({missing[0]}); install glx[ray] of this version "
            "on every node, and repeat the command"
        )
    return error


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
