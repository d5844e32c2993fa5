"""What all benchmarks are asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """How much is measured, and of what.

    Attributes:
      data_dir: folder of docs/data.md; None: benchmarks that need real logs are simulated or left
        out, as their `cases` say.
      quick: small workloads, for a guard that runs in minutes.
      folder: for what a benchmark writes; there while it runs.
    """

    data_dir: Path | None
    quick: bool
    folder: Path
