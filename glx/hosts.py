"""One run by several processes, on several hosts or on one: who they are, and what they agree on.

In: where they meet. Out: processes that see each other's devices and run the same program. What
depends on more than the command line (a folder, a cache, a server) the first process decides for
all. A process that ends before the others, however it ends, ends them.
"""

import ctypes
import os
import secrets
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import jax
import msgspec
import numpy as np
from jax._src.clusters import ClusterEnv
from jax._src.distributed import global_state
from jax.experimental.multihost_utils import broadcast_one_to_all

from glx import __version__
from glx.errors import InputError, OutsideError, Paused, is_disk_full
from glx.interrupts import CODE, SAID
from glx.terminal import apart, visible

JOINING = 60  # seconds that processes wait for each other at the beginning
LEAVING = 15  # and at the end
HEARTBEAT = 20  # seconds without a sign of life after which a process counts as lost
LOST = (
    "another process of this run was lost, or another run began at its port; work so far is kept, "
    "the same command goes on"
)
PEER_LOST = ("closed by peer", "reset by peer", "Broken pipe", "UNAVAILABLE")  # in JAX's errors
FATAL = b"JAX distributed service detected fatal errors"  # what JAX writes before it aborts
TOKEN = ".shared"  # a file by which the others know the folder of the first
PIECE = 1 << 26  # bytes that are sent at a time
ENDED = "glx/ended"  # how the first process ended: its exit code and sentence
T = TypeVar("T")

_numbers = count()  # of what is agreed on, in the same order in every process


class Cluster(NamedTuple):
    """Where the processes of a run meet; all None where the cluster tells (TPU, SLURM, Open MPI).

    Attributes:
      coordinator: HOST:PORT of the first process.
      process_id: of this process, from 0.
      num_processes: of the run.
    """

    coordinator: str | None = None
    process_id: int | None = None
    num_processes: int | None = None

    def check(self) -> None:
        """Raise InputError for what can be no place."""
        missing = [f"--{name}" for name, value in self._asdict().items() if value is None]
        if missing and len(missing) < len(self):
            raise InputError(
                f"{', '.join(missing)}: missing; give --coordinator, --process_id and "
                "--num_processes, or none of them where the cluster tells"
            )
        if self.coordinator is None or self.process_id is None or self.num_processes is None:
            return
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise InputError(f"--coordinator={self.coordinator}: must be HOST:PORT")
        if not 0 <= self.process_id < self.num_processes:
            raise InputError(
                f"--process_id={self.process_id}: must be at least 0 and below --num_processes, "
                f"which is {self.num_processes}"
            )


def several() -> bool:
    """Whether this run has several processes; looks for no device."""
    return global_state.num_processes > 1


def first() -> bool:
    """Whether this process is the one that writes, asks and speaks."""
    return global_state.process_id == 0


@contextmanager
def joined(cluster: Cluster) -> Iterator[None]:
    """The processes of a run see each other until the block ends; before it none uses a device.

    What goes wrong alike in all is said by the first alone; the others end with its exit code.

    Raises:
      InputError: there is no such cluster.
      OutsideError: a process was lost, or where they would meet something else listens.
    """
    cluster.check()
    where = "--distributed" if cluster.coordinator is None else f"--coordinator={cluster[0]}"
    late = f"{where}: the processes of this run did not all meet there within {JOINING} s"
    late += "; start all of them, each with the same place"
    with _aborting(3, late) as (outcome, end):
        _join(cluster, where)
        outcome[:] = 3, LOST
        try:
            _check_machines()
            yield
            outcome[:] = 0, ""
        except (InputError, OutsideError) as e:
            outcome[:] = 2 if isinstance(e, InputError) else 3, str(e)
            if first():
                raise
            if _get(ENDED, LEAVING) == outcome:
                raise SystemExit(outcome[0]) from e
            end(outcome[0], f"error: process {global_state.process_id}: {e}\n")
        except Paused:
            outcome[:] = 0, ""
            if first():
                raise
        except SystemExit as e:
            outcome[:] = int(e.code or 0), ""
            raise
        except KeyboardInterrupt:
            end(CODE, f"{SAID}\n")
        except Exception as e:
            if isinstance(e, PermissionError) or is_disk_full(e):
                outcome[:] = 2 if isinstance(e, PermissionError) else 3, str(e)
                raise
            if any(words in str(e) for words in PEER_LOST):
                end(3, f"error: {LOST}\n")
            time.sleep(HEARTBEAT + LEAVING)  # where a process was lost, JAX ends this one meanwhile
            end(1, traceback.format_exc())
        finally:
            with suppress(Exception):
                if first():
                    _put(ENDED, outcome)
                jax.distributed.shutdown()


def _check_port(cluster: Cluster, where: str) -> None:
    """Raise OutsideError where process 0 cannot listen: JAX would crash without a word."""
    place, process_id = cluster.coordinator, cluster.process_id
    if place is None:
        place, _, process_id, _ = ClusterEnv.auto_detect_unset_distributed_params(
            os.environ.get("JAX_COORDINATOR_ADDRESS"), None, None, [], None, JOINING
        )
    if place is None or process_id != 0:
        return
    port = int(place.rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        socket.create_server(("", port), family=family, dualstack_ipv6=both).close()
    except OSError as e:
        raise OutsideError(
            f"{where}: process 0 cannot listen on port {port} ({e.strerror}); choose one that is "
            f"free{'' if cluster.coordinator else ', by JAX_COORDINATOR_PORT in each process'}"
        ) from e


def _check_machines() -> None:
    """Raise InputError, in all processes, where their programs or devices are not alike."""
    alike("runs", f"glx {__version__} with JAX {jax.__version__}")
    alike("sees", f"{jax.local_device_count()} devices ({jax.local_devices()[0].device_kind})")


@contextmanager
def _no_proxies() -> Iterator[None]:
    """None in the environment: JAX would look for the other processes behind them."""
    proxies = {name: value for name, value in os.environ.items() if "_proxy" in name.lower()}
    for name in proxies:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(proxies)


@_no_proxies()
def _join(cluster: Cluster, where: str) -> None:
    try:
        _check_port(cluster, where)
        jax.distributed.initialize(
            *(cluster.coordinator, cluster.num_processes, cluster.process_id),
            cluster_detection_method=None if cluster.coordinator is None else "deactivate",
            initialization_timeout=JOINING,
            heartbeat_timeout_seconds=HEARTBEAT,
            shutdown_timeout_seconds=LEAVING,
        )
        jax.devices()  # which waits for those of the others, and they for ours
    except ValueError as e:
        raise InputError(
            f"{where}: no TPU pod, SLURM or Open MPI is found here ({e}); give "
            "--coordinator=HOST:PORT, --process_id=N and --num_processes=N"
        ) from e
    except OutsideError:
        raise
    except Exception as e:
        raise OutsideError(
            f"{where}: the processes cannot meet there ({e}); choose a port that is free"
        ) from e


@contextmanager
def _aborting(code: int, sentence: str) -> Iterator[tuple[list, Callable[[int, str], NoReturn]]]:
    """Where JAX would abort this process with pages of text, it ends with what is in the list.

    JAX tells in no other way that a process was lost, whatever the main thread waits for. What
    libraries write to the terminal is kept back. The function ends this process at once: its others
    need not be waited for.
    """
    outcome: list = [code, sentence]
    with apart() as (kept, error):

        def end(code: int, text: str) -> NoReturn:
            os.write(error, visible(text).encode())
            os._exit(code)

        def aborted(number: int) -> None:
            written = os.pread(kept, os.fstat(kept).st_size, 0)
            if FATAL in written:
                end(outcome[0], f"error: {outcome[1]}\n" if outcome[1] else "")
            os.write(error, written)  # a bug of a library: the process aborts

        handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(aborted)
        libc = ctypes.CDLL(None)
        libc.signal.restype = ctypes.c_void_p
        before = libc.signal(signal.SIGABRT, handler)
        try:
            yield outcome, end
        finally:
            libc.signal(signal.SIGABRT, ctypes.c_void_p(before))


def of_first(function: Callable[[], T]) -> T:
    """What `function` gives, or raises, in the first process, which alone calls it.

    Args:
      function: its value is of None, numbers, texts, bytes, and lists and dicts of those.
    """
    if not several():
        return function()
    key = f"glx/agreed/{next(_numbers)}"
    if not first():
        code, value = _get(key)
        if code:
            raise (InputError if code == 2 else OutsideError)(value)
        return value
    try:
        value = function()
    except (InputError, OutsideError) as e:
        _put(key, [2 if isinstance(e, InputError) else 3, str(e)])
        raise
    _put(key, [0, value])
    return value


def of_all(work: Callable[[], T]) -> T:
    """What `work` gives in each process; the first InputError or OutsideError is raised in all."""
    if not several():
        return work()
    number, failed, done = next(_numbers), [0, ""], []
    try:
        done.append(work())
    except (InputError, OutsideError) as e:
        failed = [2 if isinstance(e, InputError) else 3, f"process {global_state.process_id}: {e}"]
    _put(f"glx/checked/{number}/{global_state.process_id}", failed)

    def raised() -> None:
        for process in range(global_state.num_processes):
            code, sentence = _get(f"glx/checked/{number}/{process}")
            if code:
                raise (InputError if code == 2 else OutsideError)(sentence)

    of_first(raised)
    return done[0]


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


def leave_to_first() -> None:
    """What follows needs one process: the others wait here for the end of the first, and end."""
    if not first():
        raise SystemExit(_get(ENDED)[0])


def _put(key: str, value: Any) -> None:
    assert global_state.client is not None
    global_state.client.key_value_set_bytes(key, msgspec.msgpack.encode(value))


def _get(key: str, seconds: float = float("inf")) -> Any:
    """What another process put there; None where it does not in so many seconds."""
    assert global_state.client is not None
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:  # in short turns, between which this process can be interrupted
            found = global_state.client.blocking_key_value_get_bytes(key, 1000)
            return msgspec.msgpack.decode(found)
        except jax.errors.JaxRuntimeError as e:
            if "DEADLINE_EXCEEDED" not in str(e):
                raise
    return None
