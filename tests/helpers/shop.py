"""A shop's log and its neighbour's, as they should be, and how to look at what a run leaves."""

from pathlib import Path

KEYS = "--session=(?:order|job)=([0-9]+)"
RUN_DIR = Path("out", "run")
LINES = 114  # of the neighbour's log


def lines(word: str, n: int) -> list[str]:
    """A shop's log of `n` sessions; every tenth has its card refused."""
    out = []
    for i in range(n):
        start = f"2024-05-01 10:{i // 60:02}:{i % 60:02} INFO {word}={i}"
        out += [f"{start} created by user {i % 7}", f"{start} paid {i} cents"]
        out += [f"{start} sent to depot {i % 3}"] if i % 4 else []
        out += [f"{start} card was refused"] if i % 10 == 3 else []
    return out


LOG = "\n".join(lines("order", 60)).encode() + b"\n"


def write_labels(rows, header="key,label") -> None:
    Path("jobs.csv").write_text("\n".join([header, *rows]) + "\n")


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if "cache" not in path.parts
    }
