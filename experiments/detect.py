r"""Judge more logs of a system with a fitted detector: one JSON object per sequence.

Examples:
  python -m experiments.detect --detector=runs/first/checkpoint --logs=new.log --out=found.jsonl
  zcat new.log.gz | python -m experiments.detect --detector=DIR --logs=- --out=found.jsonl
"""

import os
import sys
from pathlib import Path

from absl import flags
from absl.flags import FlagValues

from experiments.flags import build, define, run
from glx.data.load import DataConfig
from glx.errors import InputError
from glx.generallog.experts import ExpertConfig
from glx.runs import detect
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Terminal

FORMATS = ["auto", "lines", "jsonl", "csv"]


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()

    def text(name: str, doc: str) -> None:
        flags.DEFINE_string(name, None, doc, flag_values=own)

    text("detector", "The `checkpoint` folder of a finished run.")
    text("logs", "File of raw lines or event numbers (plain, .gz, .zst); - for standard input.")
    text("out", "File to write, one JSON object per sequence; - for standard output.")
    flags.DEFINE_enum(
        "format", None, FORMATS, "Layout, where it is not the fitted one.", flag_values=own
    )
    text("session", "Session rule, where it is not the one of the fitted logs.")
    flags.DEFINE_integer(
        "window", None, "Lines in a window, where not as in the fitted logs.", flag_values=own
    )
    flags.DEFINE_float(
        "idle", 3600.0, "Seconds of log time after whose silence a session ends.", flag_values=own
    )
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


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
