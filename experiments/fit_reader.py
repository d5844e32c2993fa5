"""Fit the alarm model again: to the primer, and to log statements with their authors' levels.

Examples:
  python -m experiments.fit_reader --out=reader.npz
  python -m experiments.fit_reader --out=reader.npz --sources=~/src/redis,~/src/kafka.tar.gz
  python -m experiments.fit_reader --out=reader.npz --statements=levels.csv.zst --primer=mine.csv

The primer is a CSV of `p,text`: a line as a program logs it, `<*>` for what varies in it, and the
probability that it deserves the attention of whoever runs the system. Statements are a CSV of
`text,level`, and `project` where there are several, or are found in source code; a level counts for
less than a probability. The primer alone takes about five minutes on two cores. The model that
comes with the package is the mean of two, of which the second (16,000 statements, 3 epochs, seed 1)
was fitted `--beside` the first.
"""

import sys

import numpy as np
import polars as pl
from absl.flags import FlagValues

from glx.cli.flags import add, run
from glx.config import MOST
from glx.embed import alarm, distill, severity
from glx.embed.embed import find_model
from glx.errors import InputError
from glx.files import given_path, output
from glx.runs.progress import Terminal
from glx.statements.table import statements


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "string", "out", "reader.npz", "File to write.")
    add(own, "string", "primer", str(alarm.PRIMER), "CSV of p,text to learn from.")
    add(own, "list", "sources", [], "Folders and archives of source code to learn from beside it.")
    add(own, "list", "statements", [], "CSVs of text,level,project to learn from beside it.")
    add(
        own,
        "integer",
        "limit",
        40_000,
        "Statements of all of these that are learned from.",
        upper_bound=MOST,
    )
    add(
        own,
        "integer",
        "epochs",
        4,
        "Times that the primer is seen; the statements are seen once.",
        upper_bound=1000,
    )
    add(own, "string", "beside", None, "Alarm model whose members stay, the new one beside them.")
    add(
        own,
        "integer",
        "seed",
        0,
        "Of initialisation, choice and order.",
        lower_bound=0,
        upper_bound=MOST,
    )
    return own


def work(values: FlagValues) -> None:
    """Read, fit, write."""
    progress = Terminal()
    out = output("out", values.out)
    for name, value in (("limit", values.limit), ("epochs", values.epochs)):
        if value < 1:
            raise InputError(f"--{name}={value}: must be at least 1")
    members = alarm.load(given_path(values.beside))[0] if values.beside else []
    texts, p = alarm.primer(given_path(values.primer))
    progress.say(f"{len(texts):,} statements of the primer")
    tables = [severity.read(given_path(path)) for path in values.statements]
    for path in values.sources:
        table = statements([given_path(path)], say=progress.say)
        tables.append(severity.standard(table.with_columns(project=pl.lit(path)), path))
    more = None
    if tables:
        rng = np.random.default_rng(values.seed)
        more = severity.lessons(pl.concat(tables), values.limit, rng)
        progress.say(f"{len(more.texts):,} statements with levels of {sum(map(len, tables)):,}")
    folder = find_model("minilm")
    model, found = distill.fit(texts, p, folder, values.seed, progress.say, more, values.epochs)
    alarm.save([*members, model], out)
    progress.say(f"AUROC {found['auroc']:.3f} on {found['held_out']} held out; {out} written")


def main(argv: list[str]) -> int:
    """The command line to an exit code."""
    return run(work, declare(), __doc__, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
