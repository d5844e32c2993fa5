"""The page of a study: what won, from which source, at what cost, how sure, and how to repeat it.

In: a study folder (docs/formats.md). Out: `study.html` in it, one file that needs no network.
"""

import shlex
from pathlib import Path
from typing import NamedTuple

from glx.evaluate.audit import UNSOUND
from glx.evaluate.intervals import Interval
from glx.report import page as pages
from glx.report import study_pictures as pictures
from glx.report import tables
from glx.report.compare import (
    Compared,
    differences,
    left_out,
    other_split,
    scores,
    trivial_scores,
)
from glx.report.page import as_words
from glx.report.results import DAGGER, Results, read_study
from glx.report.table import to_latex, to_markdown

PAGE = "study.html"


def write(folder: Path) -> Path:
    """Write the page of a study folder, whole or not at all; returns its path.

    Raises:
      InputError: the folder holds no study.
    """
    return pages.write(folder / PAGE, page(folder))


def page(folder: Path) -> str:
    """The page of a study folder as HTML.

    Raises:
      InputError: the folder holds no study.
    """
    study = read_study(folder)
    every, found = tables.of_study(study), scores(study)
    effects = differences(study) if study.reference else {}
    protocols = {cell.metrics.protocol for cell in study.finished if cell.metrics}
    return pages.render(
        "study.html",
        "study.js",
        study=study,
        title=title(study),
        headline=headline(study, found, effects),
        left_out=left_out(study, {method: c.each for method, c in found.items()}),
        warnings=[
            *(f"Protocol {p!r}: {UNSOUND[p]}." for p in sorted(protocols & set(UNSOUND))),
            *other_split(study),
        ],
        seeds=sorted({cell.seed for cell in study.cells}),
        missing=[cell for cell in study.cells if not cell.metrics],
        maps=[table for table in every if table.key.startswith("pairs-")],
        ranking=pictures.ranking(study, found),
        forest=pictures.forest(study, effects),
        costs=[
            (image, label)
            for metric, label in (("wall_seconds", "seconds"), ("llm_tokens_in", "LLM tokens"))
            if (image := pictures.cost(study, found, metric, label)) is not None
        ],
        few=tables.FEW if any(DAGGER in method for method in study.methods) else "",
        rough=tables.ROUGH,
        tables=[(table, to_markdown(table), to_latex(table)) for table in every],
        again=f"glx report {shlex.quote(folder.resolve().name)}",
    )


def title(study: Results) -> str:
    """What was compared with what, and on which targets."""
    n = len(study.methods)
    compared = f"Study: {n} {'method' if n == 1 else 'methods'}"
    what = f"Ablation of {study.reference}" if study.reference else compared
    return f"{what} on {', '.join(study.targets)}"


class Tile(NamedTuple):
    """A headline: what it is, a number, whose it is and how sure."""

    label: str
    number: str
    note: str


def headline(
    study: Results, found: dict[str, Compared], effects: dict[str, Compared]
) -> list[Tile]:
    """What came out, over all targets; nothing of what is not finished on each.

    While cells are missing a number of methods is marked as one so far.
    """
    far = "" if len(study.finished) == len(study.cells) else ", so far"
    whole = {method: c.whole for method, c in found.items() if c.whole}
    if study.reference:
        if study.reference not in whole:
            return []
        tiles = [_tile(f"reference, F1{far}", study.reference, whole[study.reference])]
        changes = {method: c.whole for method, c in effects.items() if c.whole}
        if changes:
            method, worst = next(iter(changes.items()))
            tiles.append(_tile(f"most harmful change{far}", method, worst, "+.3f"))
            worse = sum(interval.high < 0 for interval in changes.values())
            better = sum(interval.low > 0 for interval in changes.values())
            rest = f"of {len(changes)} changes, with an interval beside zero"
            tiles.append(Tile(f"clear effects{far}", f"{worse} worse, {better} better", rest))
        return tiles
    best = {
        f"best method without labels, F1{far}": [m for m in whole.items() if DAGGER not in m[0]],
        "best trivial detector": [
            (as_words(name), c.whole) for name, c in trivial_scores(study).items() if c.whole
        ],
        f"best with a few labels{far}": [m for m in whole.items() if DAGGER in m[0]],
    }
    return [_tile(label, *ranked[0]) for label, ranked in best.items() if ranked]


def _tile(label: str, method: str, interval: Interval, form: str = ".3f") -> Tile:
    mean, low, high = (tables.minus(format(value, form)) for value in interval)
    return Tile(label, mean, f"{method}, {low} to {high}")
