r"""Train ZeroLog on labelled source systems, judge an unlabelled target, write verdicts.

Examples:
  python -m experiments.zerolog --target=sim_vms --source=sim_blocks,sim_ras
  python -m experiments.zerolog --target=shop=shop.log --session='order=(\w+)'

A run that was killed goes on when the same command is given again.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues

from experiments import tables
from experiments.flags import build, define, run
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Terminal
from glx.runs.run import run as run_once
from glx.runs.settings import PRESETS


def declare(method: str = "zerolog", presets: Mapping[str, Any] = PRESETS) -> FlagValues:
    """The flags of a run; those of the dataclass that the presets are of."""
    own = FlagValues()
    define(own, type(presets["small"]), presets)
    flags.DEFINE_enum(
        "preset",
        "small",
        list(presets),
        "Training: small for minutes, full to report.",
        flag_values=own,
    )
    flags.DEFINE_string(
        "run_dir", None, f"Folder to write (default runs/{method}-TARGET-SEED).", flag_values=own
    )
    flags.DEFINE_boolean("overwrite", False, "Replace a finished run.", flag_values=own)
    return own


def work(values: FlagValues, method: str = "zerolog", presets: Mapping[str, Any] = PRESETS) -> None:
    """One run, as the flags have it."""
    config = build(values, presets[values.preset])
    name = Path(config.target.partition("=")[0]).name.split(".")[0]
    run_dir = Path(values.run_dir or f"runs/{method}-{name}-{config.model.seed}").expanduser()
    keep_compilations(config.data)
    figures = run_once(config, run_dir, overwrite=values.overwrite, progress=Terminal())
    tables.print_run(figures, run_dir)


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
