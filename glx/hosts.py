"""What several processes of one run agree on, on several hosts or on one.

In: what each of them has or does. Out: what all go on with. What depends on more than the command
line (a folder, a cache, a server) the first process decides for all. `glx.joining` makes them see
each other.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import jax
import msgspec
import numpy as np
from jax._src.distributed import global_state
from jax.experimental.multihost_utils import broadcast_one_to_all

from glx.errors import InputError, OutsideError, Paused

LEAVING = 15  # seconds that processes wait for each other at the end
TOKEN = ".shared"  # a file by which the others know the folder of the first
PIECE = 1 << 26  # bytes that are sent at a time
ENDED = "glx/ended"  # how the first process ended: its exit code and sentence
TOLD = (InputError, OutsideError, Paused)  # what processes tell each other; other errors end all
T = TypeVar("T")

_numbers = count()  # of what is agreed on, in the same order in every process


def several() -> bool:
    """Whether this run has several processes; looks for no device."""
    return global_state.num_processes > 1


def first() -> bool:
    """Whether this process is the one that writes, asks and speaks."""
    return global_state.process_id == 0


def of_first(function: Callable[[], T]) -> T:
    """What `function` gives, or raises, in the first process, which alone calls it.

    Args:
      function: its value is of None, numbers, texts, bytes, and lists and dicts of those.
    """
    if not several():
        return function()
    key = f"glx/agreed/{next(_numbers)}"
    if not first():
        return _unless_told(*get(key))
    try:
        value = function()
    except TOLD as e:
        put(key, _told(e))
        raise
    put(key, [None, value])
    return value


def of_all(work: Callable[[], T]) -> T:
    """What `work` gives in each process; an error that is told (`TOLD`), of the first process that
    has one, is raised in all."""
    if not several():
        return work()
    number, process, failed, done = next(_numbers), global_state.process_id, [None, ""], []
    try:
        done.append(work())
    except TOLD as e:
        failed = _told(e)
        failed[1] = str(e) if first() else f"process {process}: {e}"
    put(f"glx/checked/{number}/{process}", failed)

    def raised() -> None:
        for n in range(global_state.num_processes):
            _unless_told(*get(f"glx/checked/{number}/{n}"))

    of_first(raised)
    return done[0]


def _told(error: Exception) -> list:
    """An error as processes tell it each other."""
    return [next(n for n, kind in enumerate(TOLD) if isinstance(error, kind)), str(error)]


def _unless_told(kind: int | None, value: Any) -> Any:
    """The value; raises the error that was told in place of one."""
    if kind is not None:
        raise TOLD[kind](value)
    return value


def all_say(what: str) -> bool:
    """Whether each process comes here within seconds and says the same; else they have parted."""
    if not several():
        return True
    key = f"glx/said/{next(_numbers)}/{what!a}"
    put(f"{key}/{global_state.process_id}", True)
    return all(get(f"{key}/{n}", LEAVING) for n in range(global_state.num_processes))


def alike(verb: str, what: str) -> None:
    """Raise InputError, in all processes, where one has something else than the first.

    Args:
      verb: what a process does with it, as `sees`.
      what: it, in words that may be shown.
    """

    def check(theirs: str) -> None:
        if what != theirs:
            raise InputError(f"{verb} {what}, and process 0 {verb} {theirs}; make them alike")

    theirs = of_first(lambda: what)
    of_all(lambda: check(theirs))


def array_of_first(array: np.ndarray) -> np.ndarray:
    """What the first process gives, in all; the others give any array of that shape and dtype."""
    if not several():
        return array
    found, rows = np.empty_like(array), max(1, PIECE // max(array[:1].nbytes, 1))
    for at in range(0, len(array), rows):
        found[at : at + rows] = broadcast_one_to_all(array[at : at + rows], first())
    return found


@contextmanager
def folder_of_first(
    make: Callable[[], AbstractContextManager[Path]], settings: Any
) -> Iterator[Path]:
    """The folder that the first process makes for all of them.

    Args:
      settings: of the run, which all must have alike.

    Raises:
      InputError: it cannot be made, not all see it, or have the same settings.
    """
    if not several():
        with make() as own:
            yield own.absolute()
        return
    with ExitStack() as stack:

        def made() -> list[str]:
            folder, token = stack.enter_context(make()).absolute(), secrets.token_hex()
            (folder / TOKEN).write_text(token)
            return [str(folder), repr(settings), token]

        folder, theirs, token = of_first(made)

        def check() -> None:
            if theirs != repr(settings):
                raise InputError("was given other settings than process 0; repeat its command")
            if _text(Path(folder, TOKEN)) != token:
                raise InputError(
                    f"{folder}: is not the folder that process 0 made; give a --run_dir on a file "
                    "system that all hosts share"
                )

        of_all(check)
        if first():
            Path(folder, TOKEN).unlink(missing_ok=True)
        yield Path(folder)


def _text(path: Path) -> str | None:
    """What a file holds; None where it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return None


def put(key: str, value: Any) -> None:
    assert global_state.client is not None
    global_state.client.key_value_set_bytes(key, msgspec.msgpack.encode(value))


def get(key: str, seconds: float = float("inf")) -> Any:
    """What another process put there; None where it does not in so many seconds.

    Where the first process ends meanwhile, this one ends with its exit code.
    """
    assert global_state.client is not None
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        # In short turns, between which this process can be interrupted.
        turn = max(1, round(1000 * min(1, ends - time.monotonic())))
        try:
            found = global_state.client.blocking_key_value_get_bytes(key, turn)
            return msgspec.msgpack.decode(found)
        except jax.errors.JaxRuntimeError as e:
            if "DEADLINE_EXCEEDED" not in str(e):
                raise
        if key != ENDED and (outcome := get(ENDED, 0.01)):
            raise SystemExit(outcome[0])
    return None
