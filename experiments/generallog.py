r"""Train GeneralLog: ZeroLog for what the sources know, an expert for what is the target's own.

Examples:
  python -m experiments.generallog --target=sim_vms --source=sim_blocks,sim_ras
  python -m experiments.generallog --target=shop=shop.log --session='order=(\w+)' \
    --expert=vllm --llm_url=http://127.0.0.1:8000/v1

The default expert, `retrieval`, needs no language model; `launch/serve_vllm.sh MODEL` serves one.
A run that was killed goes on when the same command is given again, and asks nothing twice.
"""

import sys

from absl.flags import FlagValues

from experiments.flags import run
from experiments.zerolog import declare as declare_run
from experiments.zerolog import work as work_on
from glx.runs.settings import GENERAL_PRESETS


def declare() -> FlagValues:
    """The flags."""
    return declare_run("generallog", GENERAL_PRESETS)


def work(values: FlagValues) -> None:
    """One run, as the flags have it."""
    work_on(values, "generallog", GENERAL_PRESETS)


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
