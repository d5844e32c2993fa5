r"""Train GeneralLog: ZeroLog for what the sources know, an expert for what is the target's own.

Examples:
  glx generallog --target=sim_vms --source=sim_blocks,sim_ras
  glx generallog --target=shop=shop.log --session='order=(\w+)' \
    --expert=vllm --llm_url=http://127.0.0.1:8000/v1
  glx generallog --target=shop=shop.log --knowledge=~/src/shop --knowledge=runbook.md

The default expert, `retrieval`, needs no language model; `launch/serve_vllm.sh MODEL` serves one.
A run that was killed goes on when the same command is given again, and asks nothing twice.
"""

from functools import partial

from absl.flags import FlagValues

from glx.cli import zerolog
from glx.cli.flags import build, given
from glx.generallog.experts import ExpertConfig, check_read
from glx.runs.settings import GENERAL_PRESETS, GeneralLogRun

declare = partial(zerolog.declare, "generallog", GENERAL_PRESETS)


def config_of(values: FlagValues) -> GeneralLogRun:
    """The settings that the flags make.

    Raises:
      InputError: one is out of its bounds, or given for an expert that does not read it.
    """
    config = build(values, GENERAL_PRESETS[values.preset])
    check_read(config.model.expert, given(values, ExpertConfig))
    return config


def work(values: FlagValues) -> None:
    """One run, as the flags have it."""
    zerolog.carry_out(values, "generallog", config_of(values))
