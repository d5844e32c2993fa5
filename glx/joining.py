"""One run by several processes, on several hosts or on one: how they meet, and how they end.

In: where they meet. Out: processes that see each other's devices and run the same program. A
process that ends before the others, however it ends, ends them.
"""

import ctypes
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, NoReturn

import jax
from jax._src.clusters import ClusterEnv
from jax._src.distributed import global_state

from glx import __version__, hosts
from glx.errors import InputError, OutsideError, Paused, is_disk_full
from glx.interrupts import CODE, SAID
from glx.terminal import apart, visible

JOINING = 60  # seconds that processes wait for each other at the beginning
HEARTBEAT = 20  # seconds without a sign of life after which a process counts as lost
LOST = (
    "another process of this run was lost, or another run began at its port; work so far is kept, "
    "the same command goes on"
)
PEER_LOST = ("closed by peer", "reset by peer", "Broken pipe", "UNAVAILABLE")  # in JAX's errors
FATAL = b"JAX distributed service detected fatal errors"  # what JAX writes before it aborts


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
            if not hosts.first():  # which may still be writing
                raise SystemExit(hosts.get(hosts.ENDED)[0])
            outcome[:] = 0, ""
        except (InputError, OutsideError) as e:
            outcome[:] = 2 if isinstance(e, InputError) else 3, str(e)
            if hosts.first():
                raise
            if hosts.get(hosts.ENDED, hosts.LEAVING) == outcome:
                raise SystemExit(outcome[0]) from e
            end(outcome[0], f"error: process {global_state.process_id}: {e}\n")
        except Paused:
            outcome[:] = 0, ""
            if hosts.first():
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
            # Where a process was lost, JAX ends this one meanwhile.
            time.sleep(HEARTBEAT + hosts.LEAVING)
            end(1, traceback.format_exc())
        finally:
            with suppress(Exception):
                if hosts.first():
                    hosts.put(hosts.ENDED, outcome)
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
    hosts.alike("runs", f"glx {__version__} with JAX {jax.__version__}")
    hosts.alike(
        "sees", f"{jax.local_device_count()} devices ({jax.local_devices()[0].device_kind})"
    )


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
            shutdown_timeout_seconds=hosts.LEAVING,
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
