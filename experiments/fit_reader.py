"""Fit the alarm model to its statements again: about five minutes on two cores.

Examples:
  python -m experiments.fit_reader --out=reader.npz
  python -m experiments.fit_reader --out=reader.npz --statements=mine.csv

Statements are a CSV of `p,text`: a line as a program logs it, `<*>` for what varies in it, and the
probability that it deserves the attention of whoever runs the system.
"""

import sys
from pathlib import Path

from absl.flags import FlagValues

from glx.cli.flags import add, run
from glx.embed import alarm, distill
from glx.embed.embed import find_model
from glx.errors import InputError
from glx.runs.progress import Terminal


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "string", "out", "reader.npz", "File to write.")
    add(own, "string", "statements", str(alarm.PRIMER), "CSV of p,text to learn from.")
    add(own, "integer", "seed", 0, "Of initialisation and order.")
    return own


def work(values: FlagValues) -> None:
    """Read, fit, write."""
    progress = Terminal()
    out = Path(values.out).expanduser()
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out={out}: no folder {out.parent}; make it first")
    texts, p = alarm.primer(Path(values.statements).expanduser())
    progress.say(f"{len(texts):,} statements")
    model, found = distill.fit(texts, p, find_model("minilm"), values.seed, progress.say)
    alarm.save(model, out)
    progress.say(f"AUROC {found['auroc']:.3f} on {found['held_out']} held out; {out} written")


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
