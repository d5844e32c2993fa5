r"""GeneralLog with one component off or replaced at a time, and what each is worth.

Examples:
  glx ablate --seeds=1 --steps=50 --taus= --ks=
  glx ablate --data_dir=DIR
  glx ablate --data_dir=DIR --components=no_reversal,no_meta --systems=hdfs,bgl
  glx ablate --panel=panel.yaml

Each cell is a run folder of `glx generallog` with one flag changed, which --dry_run prints.
The table gives the difference to the whole with its interval. What needs no other training shares
the fitted model. A study that was killed goes on when the same command is given again.
"""

from absl.flags import FlagValues

from glx.cli import cells
from glx.cli.flags import add
from glx.errors import InputError
from glx.runs import plan


def declare() -> FlagValues:
    """The flags."""
    own = cells.declare("ablate")
    add(own, "list", "components", list(plan.COMPONENTS), "What is switched off or replaced.")
    add(own, "list", "taus", [f"{tau:g}" for tau in plan.TAUS], "Values of --tau to sweep.")
    add(own, "list", "ks", [str(k) for k in plan.KS], "Values of --k to sweep.")
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
