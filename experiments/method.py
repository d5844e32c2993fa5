r"""Fit a published method beside ours, judge an unlabelled target, write verdicts.

Examples:
  python -m experiments.method --method=deeplog --target=sim_vms
  python -m experiments.method --method=logtad --target=hdfs --source=bgl,openstack --data_dir=DIR

Only logtad learns from sources too; the others take none.
"""

import sys

from absl.flags import FlagValues

from experiments.flags import run
from experiments.zerolog import declare as declare_run
from experiments.zerolog import work as work_on
from glx.runs.settings import METHOD_PRESETS


def declare() -> FlagValues:
    """The flags."""
    return declare_run("METHOD", METHOD_PRESETS)


def work(values: FlagValues) -> None:
    """One run, as the flags have it."""
    work_on(values, values.method or "deeplog", METHOD_PRESETS)


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
