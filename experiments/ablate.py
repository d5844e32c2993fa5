r"""GeneralLog with one component off or replaced at a time, and what each is worth.

Examples:
  python -m experiments.ablate --seeds=1 --steps=50 --taus= --ks=
  python -m experiments.ablate --data_dir=DIR
  python -m experiments.ablate --data_dir=DIR --components=no_reversal,no_meta --systems=hdfs,bgl

Each cell is a run folder of experiments.generallog with one flag changed, which --dry_run prints.
The table gives the difference to the whole with its interval. What needs no other training shares
the fitted model. A study that was killed goes on when the same command is given again.
"""

import sys

from absl import flags
from absl.flags import FlagValues

from experiments import cells
from experiments.flags import run
from glx.errors import InputError
from glx.runs import plan


def declare() -> FlagValues:
    """The flags."""
    own = cells.declare("ablate")
    for name, default, what in (
        ("components", list(plan.COMPONENTS), "What is switched off or replaced."),
        ("taus", [f"{tau:g}" for tau in plan.TAUS], "Values of --tau to sweep."),
        ("ks", [str(k) for k in plan.KS], "Values of --k to sweep."),
    ):
        flags.DEFINE_list(name, default, what, flag_values=own)
    return own


def work(values: FlagValues) -> None:
    """The ablation that the flags ask for."""
    base = cells.base(values)
    systems = values.systems or plan.default_systems(base)
    taus, ks = numbers("taus", values.taus, float), numbers("ks", values.ks, int)
    planned = plan.ablation(base, systems, values.components, taus, ks, values.seeds)
    cells.carry_out(values, "ablate", base, planned, plan.REFERENCE)


def numbers(flag: str, given: list[str], kind: type) -> list:
    """What a flag lists, as numbers."""
    try:
        return [kind(text) for text in given]
    except ValueError as e:
        raise InputError(f"--{flag}={','.join(given)}: must be numbers") from e


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
