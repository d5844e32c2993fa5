"""A cluster of Ray: the one at an address, or one that is started on this machine.

In: what `--ray` says. Out: Ray, connected, and silent but for what goes wrong. The extra `ray` is
needed here alone.
"""

import ipaddress
import logging
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from glx.errors import InputError, OutsideError

AUTO = "auto"
STORE = 1 << 30  # bytes of Ray's object store where it is started here
PATIENCE = 5.0  # seconds for a connection to an address
NAME = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # between the dots of a host
PLACE = re.compile(rf"(\[(?P<six>[^\]]+)\]|(?P<host>{NAME}(\.{NAME})*\.?)):(?P<port>[0-9]{{1,5}})")
ABOUT = (
    "Work on a cluster of Ray: its address as HOST:6379, or auto for the one that this machine "
    "belongs to, else one that is started here."
)


def check(address: str) -> None:
    """Raise InputError where the package is missing, or an address is none."""
    try:
        import ray.data  # noqa: F401
    except ImportError as e:
        raise InputError(
            f"--ray={address}: Ray cannot be loaded ({e}); install glx with the extra ray: "
            "pip install 'glx[ray]'"
        ) from e
    if address != AUTO:
        _place(address)


@contextmanager
def connected(address: str, say: Callable[[str], None]) -> Iterator[ModuleType]:
    """The package `ray`, connected until the block ends.

    Raises:
      InputError: the package is missing, or the address is none.
      OutsideError: no Ray is there, or one of another version.
    """
    check(address)
    import ray.data
    import ray.util.annotations

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    # It starts its processes while threads of JAX are there, which they never use; of pools of
    # actors it has no other argument for restarts than one that it means to drop.
    warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
    warnings.filterwarnings("ignore", category=ray.util.annotations.RayDeprecationWarning)
    how = {"log_to_driver": False, "logging_level": logging.ERROR}
    found = _own() if address == AUTO else address
    try:
        if found is not None:
            # Nobody may listen there, which Ray would find out in minutes.
            socket.create_connection(_place(found), PATIENCE).close()
            ray.init(address=found, **how)
        else:
            local = {"address": "local", "object_store_memory": STORE}
            ray.init(include_dashboard=False, **local, **how)
    except (ConnectionError, RuntimeError, OSError, ray.exceptions.RayError) as e:
        where = "" if found in (None, address) else f"{found}: "  # as RAY_ADDRESS or Ray has it
        why = " ".join(str(getattr(e, "message", e)).split())
        raise OutsideError(
            f"--ray={address}: cannot be joined ({where}{why}); start Ray of this version there, "
            "as by `ray start --head`, have the same RAY_AUTH_TOKEN here if it has one, and repeat "
            "the command; `ray stop` here makes auto forget a cluster that is no more"
        ) from e
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        context.shuffle_strategy = "shuffle_v2"  # tasks alone: what a lost node held is made again
        nodes = [node for node in ray.nodes() if node["Alive"]]
        cores = int(ray.cluster_resources().get("CPU", 0))
        say(f"Ray: {len(nodes)} node{'s' * (len(nodes) > 1)}, {cores} cores")
        if not cores:
            raise OutsideError(f"--ray={address}: the cluster has no core; add a node to it")
        yield ray
    finally:
        ray.shutdown()


def _own() -> str | None:
    """The address of the cluster that this machine belongs to, alive or not; None: of none.

    Ray itself would start another cluster where it is known, but down.
    """
    from ray._private.services import get_ray_address_from_environment

    try:
        found = get_ray_address_from_environment(AUTO, None)
    except ConnectionError:
        return None
    return None if found == "local" else found


def _place(address: str) -> tuple[str, int]:
    """The host and port of an address, an IPv6 one without its brackets."""
    found = PLACE.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 1 << 16 or not _is_host(found):
        raise InputError(
            f"--ray={address}: no address; give auto, or HOST:PORT as head:6379 or [::1]:6379"
        )
    return found["six"] or found["host"], int(found["port"])


def _is_host(found: re.Match[str]) -> bool:
    if found["six"] is None:
        return len(found["host"]) < 254
    try:
        ipaddress.IPv6Address(found["six"])
    except ValueError:
        return False
    return True
