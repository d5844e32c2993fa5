r"""Train ZeroLog on labelled source systems, judge an unlabelled target, write verdicts.

Examples:
  glx zerolog --target=sim_vms --source=sim_blocks,sim_ras
  glx zerolog --target=shop=shop.log --session='order=(\w+)'

A run that was killed goes on when the same command is given again. `--distributed` makes it one run
of several processes, each started with the same command (docs/hosts.md).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl.flags import FlagValues
from msgspec.json import encode
from msgspec.json import format as indented

from glx import devices, files, hosts
from glx.cli import processes, tables
from glx.cli.flags import add, build, define
from glx.runs.compilation import keep_compilations
from glx.runs.run import run as run_once
from glx.runs.settings import PRESETS, RunConfig
from glx.runs.trackers import TRACKERS
from glx.runs.trackers import check as check_trackers
from glx.terminal import escaped, tell


def declare(method: str = "zerolog", presets: Mapping[str, Any] = PRESETS) -> FlagValues:
    """The flags of a run; those of the dataclass that the presets are of."""
    own = FlagValues()
    define(own, type(presets["small"]), presets)
    about = "Training: small for minutes, full to report."
    add(own, "enum", "preset", "small", list(presets), about)
    add(own, "string", "run_dir", None, f"Folder to write (default runs/{method}-TARGET-SEED).")
    add(own, "boolean", "overwrite", False, "Replace a finished run.")
    add(own, "boolean", "json", False, "Print metrics.json at the end in place of tables.")
    about = (
        "Keep the run there too, as its variables say (MLFLOW_TRACKING_URI, WANDB_MODE and such)."
    )
    add(own, "multi_enum", "tracker", [], list(TRACKERS), about)
    about = (
        "The kernel of docs/accelerators.md, by which a TPU trains (default GLX_KERNEL, else auto)."
    )
    add(own, "enum", "kernel", None, ["auto", "off"], about)
    processes.declare(own)
    return own


def work(values: FlagValues, method: str = "zerolog", presets: Mapping[str, Any] = PRESETS) -> None:
    """One run, as the flags have it."""
    carry_out(values, method, build(values, presets[values.preset]))


def carry_out(values: FlagValues, method: str, config: RunConfig) -> None:
    """One run with these settings, where the flags want it."""
    name = Path(config.target_name).name.split(".")[0]
    run_dir = files.folder(
        values.run_dir or f"runs/{method}-{name}-{config.model.seed}", "--run_dir"
    )
    check_trackers(values.tracker)
    if values.kernel:
        os.environ[devices.KERNEL] = values.kernel
    keep_compilations(config.data)
    with processes.joined(values):
        metrics = run_once(
            config,
            run_dir,
            overwrite=values.overwrite,
            trackers=list(dict.fromkeys(values.tracker)),
            progress=processes.progress(),
        )
        if hosts.first() and values.json:
            tell(escaped(indented(encode(metrics), indent=1).decode()))
        elif hosts.first():
            tables.print_run(metrics, run_dir)
