r"""Judge more logs of a system with a fitted detector: one JSON object per sequence.

Examples:
  glx detect --detector=runs/first/checkpoint --logs=new.log --out=found.jsonl
  zcat new.log.gz | glx detect --detector=DIR --logs=- --out=found.jsonl
"""

import os
from pathlib import Path

from absl.flags import FlagValues

from glx.cli.flags import add, build, define
from glx.data.load import DataConfig
from glx.errors import InputError
from glx.generallog.experts import ExpertConfig
from glx.parse.layout import FORMATS
from glx.runs import detect
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Terminal


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    for name, about in (
        ("detector", "The `checkpoint` folder of a finished run."),
        ("logs", "File of raw lines or event numbers (plain, .gz, .zst); - for standard input."),
        ("out", "File to write, one JSON object per sequence; - for standard output."),
    ):
        add(own, "string", name, None, about)
    add(own, "enum", "format", None, [*FORMATS], "Layout, where it is not the fitted one.")
    add(own, "string", "session", None, "Session rule, where it is not the one of the fitted logs.")
    about = "Lines in a window, or a span of time as 5m, where not as in the fitted logs."
    add(own, "string", "window", None, about)
    add(own, "float", "idle", 3600.0, "Seconds of log time after whose silence a session ends.")
    define(own, ExpertConfig)
    return own


def work(values: FlagValues) -> None:
    """Judge one file, as the flags have it."""
    for name in ("detector", "logs", "out"):
        if not values[name].value:
            raise InputError(f"--{name}: missing; see --help")
    keep_compilations(DataConfig())
    detect.detect(
        Path(values.detector).expanduser(),
        os.path.expanduser(values.logs),
        os.path.expanduser(values.out),
        format=values.format,
        session=values.session,
        window=values.window,
        idle=values.idle,
        expert=lambda fitted: build(values, fitted),
        progress=Terminal(),
    )
