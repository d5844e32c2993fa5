r"""Train ZeroLog on labelled source systems, judge an unlabelled target, write verdicts.

Examples:
  python -m experiments.zerolog --target=sim_vms --source=sim_blocks,sim_ras
  python -m experiments.zerolog --target=shop=shop.log --session='order=(\w+)'

A run that was killed goes on when the same command is given again.
"""

import sys
from pathlib import Path

from absl import flags
from absl.flags import FlagValues

from experiments import tables
from experiments.flags import build, define, run
from glx.runs import zerolog
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Terminal
from glx.runs.zerolog import PRESETS


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    define(own, zerolog.RunConfig, PRESETS)
    flags.DEFINE_enum(
        "preset",
        "small",
        list(PRESETS),
        "Training: small for minutes, full to report.",
        flag_values=own,
    )
    flags.DEFINE_string(
        "run_dir", None, "Folder to write (default runs/zerolog-TARGET-SEED).", flag_values=own
    )
    flags.DEFINE_boolean("overwrite", False, "Replace a finished run.", flag_values=own)
    return own


def work(values: FlagValues) -> None:
    """One run, as the flags have it."""
    config = build(values, PRESETS[values.preset])
    name = Path(config.target.partition("=")[0]).name.split(".")[0]
    run_dir = Path(values.run_dir or f"runs/zerolog-{name}-{config.model.seed}").expanduser()
    keep_compilations(config.data)
    figures = zerolog.run(config, run_dir, overwrite=values.overwrite, progress=Terminal())
    tables.print_run(figures, run_dir)


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
