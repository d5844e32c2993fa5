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

from glx.cli import zerolog
from glx.runs.settings import GENERAL_PRESETS

declare = partial(zerolog.declare, "generallog", GENERAL_PRESETS)
work = partial(zerolog.work, method="generallog", presets=GENERAL_PRESETS)
