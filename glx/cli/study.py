r"""Every method on every system, in leave-one-out and in pairs, each cell a run folder; one report.

Examples:
  glx study --seeds=1 --steps=50
  glx study --data_dir=DIR --answers=DIR/reader
  glx study --panel=panel.yaml --methods=generallog,answers
  glx study --data_dir=DIR --dry_run | xargs -P 4 -d '\n' -n 1 sh -c

A study that was killed goes on when the same command is given again; launch/slurm.sh makes the
cells an array of jobs. Its page, study.html, has the tables and a link to the report of each cell.
"""

from absl.flags import FlagValues

from glx.cli import cells
from glx.cli.flags import add
from glx.files import given_path
from glx.runs import plan


def declare() -> FlagValues:
    """The flags."""
    own = cells.declare("study")
    add(own, "list", "methods", list(plan.METHODS), "Methods in leave-one-out.")
    about = (
        "Methods in all pairs of systems too, where they differ (default, without a panel: "
        f"{','.join(plan.PAIRED)})."
    )
    add(own, "list", "pairs", None, about)
    about = (
        "Folder with TARGET_events.csv or TARGET_templates.csv, answers for the method answers"
        " (docs/formats.md); targets without are left out."
    )
    add(own, "string", "answers", None, about)
    return own


def work(values: FlagValues) -> None:
    """The study that the flags ask for."""
    base = cells.base(values)
    systems = values.systems or plan.default_systems(base)
    paired = values.pairs
    if paired is None:
        paired = () if base.data.panel else plan.PAIRED
    answers = None if values.answers is None else given_path(values.answers)
    planned = plan.study(base, systems, values.methods, paired, values.seeds, answers)
    cells.carry_out(values, "study", base, planned)
