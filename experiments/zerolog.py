r"""Train ZeroLog on labelled source systems, judge an unlabelled target, write verdicts.

Example:
  python -m experiments.zerolog --target=sim_vms --source=sim_blocks,sim_ras
  python -m experiments.zerolog --target=shop=shop.log --session='order=(\w+)'

A run that was killed goes on when the same command is given again.
"""

from pathlib import Path

from absl import flags

from experiments import tables
from experiments.flags import FLAGS, build, define, run
from glx.runs import zerolog
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Terminal
from glx.runs.zerolog import PRESETS

define(zerolog.RunConfig, PRESETS)
flags.DEFINE_enum("preset", "small", list(PRESETS), "Training: small for minutes, full to report.")
flags.DEFINE_string("run_dir", None, "Folder to write (default runs/zerolog-TARGET-SEED).")
flags.DEFINE_boolean("overwrite", False, "Replace a finished or interrupted run.")


def main() -> None:
    config = build(PRESETS[FLAGS.preset])
    name = Path(config.target.partition("=")[0]).name.split(".")[0]
    run_dir = Path(FLAGS.run_dir or f"runs/zerolog-{name}-{config.model.seed}")
    keep_compilations(config.data)
    progress = Terminal()
    figures = zerolog.run(config, run_dir, overwrite=FLAGS.overwrite, progress=progress)
    tables.print_run(figures, run_dir)


if __name__ == "__main__":
    run(main, __doc__)
