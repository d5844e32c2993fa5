"""Settings of studies that take seconds."""

from pathlib import Path

from glx.cli import cells, study
from glx.runs.settings import GeneralLogRun

SYSTEMS = ("sim_vms", "sim_ras", "sim_blocks")
TINY = (
    *("--sim_lines=4000", "--steps=2", "--episodes=2", "--batch=4", "--hidden=4"),
    "--nosecond_order",  # half of the compilation
)


def tiny(cache: Path, *flags: str) -> GeneralLogRun:
    values = study.declare()
    values(["study", *TINY, f"--cache_dir={cache}", *flags])
    return cells.base(values)
