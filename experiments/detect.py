r"""Judge more logs of a system with a fitted detector: one JSON object per sequence.

Examples:
  python -m experiments.detect --detector=runs/quickstart/checkpoint --logs=new.log --out=found.jsonl
  zcat new.log.gz | python -m experiments.detect --detector=DIR --logs=- --out=found.jsonl
"""

from pathlib import Path

from absl import flags

from experiments.flags import FLAGS, run
from glx.errors import InputError
from glx.logs.load import DataConfig
from glx.runs import detect
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Terminal

flags.DEFINE_string("detector", None, "The `checkpoint` folder of a finished run.")
flags.DEFINE_string("logs", None, "File of raw lines or event numbers (plain, .gz, .zst), - stdin.")
flags.DEFINE_string("out", None, "File to write, one JSON object per sequence; - for stdout.")
flags.DEFINE_enum(
    "format", None, ["auto", "lines", "jsonl", "csv"], "Layout, where it is not the fitted one."
)
flags.DEFINE_string("session", None, "Session rule, where it is not the one of the fitted logs.")
flags.DEFINE_integer("window", None, "Lines in a window, where it is not that of the fitted logs.")
flags.DEFINE_float("idle", 3600.0, "Seconds of log time after whose silence a session has ended.")


def main() -> None:
    for name in ("detector", "logs", "out"):
        if not FLAGS[name].value:
            raise InputError(f"--{name}: missing; see --help")
    keep_compilations(DataConfig())
    detect.detect(
        Path(FLAGS.detector),
        FLAGS.logs,
        FLAGS.out,
        format=FLAGS.format,
        session=FLAGS.session,
        window=FLAGS.window,
        idle=FLAGS.idle,
        progress=Terminal(),
    )


if __name__ == "__main__":
    run(main, __doc__)
