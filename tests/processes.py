"""What a process started, and whether it is gone (Linux)."""

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
