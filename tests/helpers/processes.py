"""What a process started, and whether it is gone (Linux); work for processes to do."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """All processes that `pid` started, and that those started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [d for child in map(int, children) for d in [child, *descendants(child)]]


def gone(pid: int) -> bool:
    """Whether it ended; one that its parent has not taken note of yet did."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def squares() -> Callable[[int], tuple[int, int]]:
    """Work that tells the process it was done in; a negative number ends that, 0 takes a minute."""

    def work(n: int) -> tuple[int, int]:
        if n < 0:
            os._exit(9)
        if n == 0:
            time.sleep(60)
        return n * n, os.getpid()

    return work
