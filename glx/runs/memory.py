"""How much memory this process took. Out: 10^6 bytes."""

import resource
from contextlib import suppress
from pathlib import Path


def forget_peak() -> None:
    """Let the peak begin anew from what is resident now, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Peak resident memory of this process in 10^6 bytes, since it began or `forget_peak`.

    A run starts no other processes that matter; what it shares with earlier ones is counted.

    From `/proc` where there is one: what `getrusage` tells, of a process as of its children, is
    inherited from the process that started it.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
