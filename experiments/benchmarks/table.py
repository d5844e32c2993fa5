"""Rows as people and programs read them: on the terminal, in Markdown, in JSON, as a plot.

In: rows of `measure.py`. Out: text and files.
"""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
from rich.table import Table

from experiments.benchmarks.measure import Row
from glx.files import whole, write_whole

HEADINGS = ("what", "workload", "ours", "peer", "ratio", "ceiling", "of it", "MB", "first + s")
PACKAGES = (
    *("jax", "jaxlib", "numpy", "polars", "drain3", "scikit-learn", "faiss-cpu", "faiss-gpu-cu12"),
    *("torch", "sentence-transformers"),
)


def machine() -> str:
    """One sentence: processor, device, memory, versions, date."""
    cpu = platform.processor() or platform.machine()
    memory = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((x.split(": ")[1] for x in lines if x.startswith("model name")), cpu)
        kib = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f"{kib / 2**20:.0f} GiB, "
    device = jax.devices()[0]
    devices = "" if device.platform == "cpu" else f"{len(jax.devices())} x {device.device_kind}, "
    found = ", ".join(f"{name} {v}" for name in PACKAGES if (v := _version(name)))
    python = platform.python_version()
    date = datetime.now(UTC).date()
    return f"{cpu}, {os.cpu_count()} cores, {memory}{devices}Python {python}, {found}; {date}"


def terminal(rows: Sequence[Row]) -> Table:
    """The table for a terminal."""
    table = Table(title=machine(), title_justify="left", title_style="dim")
    for n, name in enumerate(HEADINGS):
        table.add_column(
            name, justify="right" if n > 3 else "left", no_wrap=n == 0 or n > 3, overflow="fold"
        )
    for row in rows:
        table.add_row(*_cells(row))
    return table


def markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown, with the machine above it."""
    ruler = "|".join(" --: " if n > 3 else " --- " for n in range(len(HEADINGS)))
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{ruler}|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return f"{machine()}.\n\n" + "\n".join(lines) + "\n"


def write_json(rows: Sequence[Row], path: Path) -> None:
    """A list of objects, one a row."""
    write_whole(path, json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def plot(rows: Sequence[Row], path: Path) -> None:
    """Seconds over size for the rows of `growth`, on log axes, beside a straight proportion."""
    from matplotlib.figure import Figure  # only the environment of the peers has it

    figure = Figure(figsize=(7, 3.4), layout="constrained")
    groups = dict(growth(rows))
    for at, (name, points) in enumerate(groups.items()):
        axes = figure.add_subplot(1, len(groups), at + 1)
        sizes, seconds = zip(*points, strict=True)
        axes.loglog(sizes, seconds, "o-", label="measured")
        axes.loglog(sizes, [seconds[0] * n / sizes[0] for n in sizes], "k:", label="proportional")
        axes.minorticks_off()
        axes.set_xticks(sizes, [f"{n / 1000:,.0f} k" for n in sizes])
        axes.set_yticks(seconds, [f"{s:.1f}" for s in seconds])
        axes.set(title=name, xlabel="size", ylabel="seconds")
        axes.legend()
    with whole(path, "wb") as file:
        figure.savefig(file, format="png", dpi=110)


def growth(rows: Sequence[Row]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """By the first word of the workload: sizes (units of work in a repeat) and seconds."""
    grown = [row for row in rows if row.what == "growth"]
    for name in dict.fromkeys(row.case.split()[0] for row in grown):
        mine = [row for row in grown if row.case.split()[0] == name]
        yield name, sorted((row.ours * row.seconds, row.seconds) for row in mine)


def _cells(row: Row) -> list[str]:
    low, high = (short(value) for value in row.spread)
    peer = "" if row.peer is None else f"{row.peer} {short(row.peer_value or 0)}"
    if row.peer_spread is not None:
        peer += " ({} to {})".format(*map(short, row.peer_spread))
    return [
        row.what,
        row.case,
        f"{short(row.ours)} {row.unit} ({low} to {high})",
        peer,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        "" if row.ceiling is None else short(row.ceiling),
        "" if row.of_ceiling is None else f"{row.of_ceiling:.2f}",
        f"{row.peak_memory_mb:,.0f}",
        "" if row.compile_seconds is None else f"{row.compile_seconds:.1f}",
    ]


def short(value: float) -> str:
    """Three digits, with commas: `12,300`, `4.56`."""
    digits = f"{value:.3g}"
    return f"{float(digits):,.0f}" if value >= 100 else digits


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
