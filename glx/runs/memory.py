"""Peak memory of this process. Out: 10^6 bytes."""

import resource
from contextlib import suppress
from pathlib import Path


def forget_peak() -> None:
    """Measure the peak from now on, where the system can do that (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Peak resident memory of this process in 10^6 bytes, since it started or `forget_peak`.

    A run starts no other processes that matter. From `/proc` where there is one, since the peak of
    `getrusage` is inherited from the parent process.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
