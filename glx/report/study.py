"""The page of a study: what won, from which source, at what cost, how sure, and how to repeat it.

In: a study folder (docs/formats.md). Out: `study.html` in it, one file that needs no network.
"""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from glx.evaluate.audit import UNSOUND
from glx.evaluate.intervals import Interval
from glx.report import page as pages
from glx.report import svg, tables
from glx.report.page import as_words
from glx.report.results import DAGGER, Compared, Results, read_study
from glx.report.svg import WIDTH, Dot, Scale
from glx.report.table import to_latex, to_markdown

PAGE = "study.html"
LETTER = 8.2  # room for one in the names of a dot chart, user units; on phones they are larger
NARROW = 7.2  # in a plot, where names must not push each other away
HIGH, LOW = 38, 300  # upper and lower end of the plot of cost
Tile = tuple[str, str, str]  # a headline: what it is, a number, whose it is and how sure
Picture = tuple[str, Markup]  # under its heading


def write(folder: Path) -> Path:
    """Write the page of a study folder, whole or not at all; returns its path.

    Raises InputError as `page`.
    """
    return pages.write(folder / PAGE, page(folder))


def page(folder: Path) -> str:
    """The page of a study folder as HTML.

    Raises:
      InputError: the folder holds no study.
    """
    study = read_study(folder)
    every = tables.of_study(study)
    protocols = {cell.metrics.protocol for cell in study.finished if cell.metrics}
    return pages.render(
        "study.html",
        "study.js",
        study=study,
        title=title(study),
        headline=headline(study),
        left_out=study.left_out({method: c.each for method, c in study.scores.items()}),
        warnings=[
            *(f"Protocol {p!r}: {UNSOUND[p]}." for p in sorted(protocols & set(UNSOUND))),
            *study.other_split,
        ],
        seeds=sorted({cell.seed for cell in study.cells}),
        missing=[cell for cell in study.cells if not cell.metrics],
        maps=[table for table in every if table.key.startswith("pairs-")],
        ranking=ranking(study),
        forest=forest(study) if study.reference else [],
        costs=[
            (image, label)
            for metric, label in (("wall_seconds", "seconds"), ("llm_tokens_in", "LLM tokens"))
            if (image := cost(study, metric, label)) is not None
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
    return f"{what} on {', '.join(study.every_target)}"


def headline(study: Results) -> list[Tile]:
    """What came out, over all targets; nothing of what is not finished on each.

    While cells are missing a number of methods is marked as one so far.
    """
    far = "" if len(study.finished) == len(study.cells) else ", so far"
    whole = {method: c.whole for method, c in study.scores.items() if c.whole}
    if study.reference:
        if study.reference not in whole:
            return []
        tiles = [_tile(f"reference, F1{far}", study.reference, whole[study.reference])]
        changes = {method: c.whole for method, c in study.differences.items() if c.whole}
        if changes:
            method, worst = next(iter(changes.items()))
            tiles.append(_tile(f"most harmful change{far}", method, worst, "+.3f"))
            worse = sum(interval.high < 0 for interval in changes.values())
            better = sum(interval.low > 0 for interval in changes.values())
            rest = f"of {len(changes)} changes, with an interval beside zero"
            tiles.append((f"clear effects{far}", f"{worse} worse, {better} better", rest))
        return tiles
    best = {
        f"best method without labels, F1{far}": [m for m in whole.items() if DAGGER not in m[0]],
        "best trivial detector": [
            (as_words(name), c.whole) for name, c in study.trivial_scores.items() if c.whole
        ],
        f"best with a few labels{far}": [m for m in whole.items() if DAGGER in m[0]],
    }
    return [_tile(label, *ranked[0]) for label, ranked in best.items() if ranked]


def _tile(label: str, method: str, interval: Interval, form: str = ".3f") -> Tile:
    mean, low, high = (tables.minus(format(value, form)) for value in interval)
    return label, mean, f"{method}, {low} to {high}"


def ranking(study: Results) -> list[Picture]:
    """Methods and trivial detectors by F1: the mean over targets first, then each target."""
    pictures = []
    if len(study.targets) > 1:
        rows = [
            *(_dot(m, c.whole, colour(study, m)) for m, c in study.scores.items() if c.whole),
            *(_dot(as_words(n), c.whole) for n, c in study.trivial_scores.items() if c.whole),
        ]
        pictures.append(("Mean over targets", "all targets", rows))
    for target in study.targets:
        known = (_at(study, method, own, target) for method, own in study.scores.items())
        rows = [row for row in known if row is not None]
        rows += [
            Dot(as_words(name), trivial.metrics.f1, *trivial.metrics.f1_interval)
            for name, trivial in study.trivial(target).items()
        ]
        pictures.append((target, target, rows))
    return [
        (
            heading,
            svg.dots(f"F1 on {what}, best first", svg.best_first(rows), "F1", left=_room(rows)),
        )
        for heading, what, rows in pictures
        if rows
    ]


def forest(study: Results) -> list[Picture]:
    """Differences of variants to the reference, over all targets and on each."""
    compared = study.differences
    known = [i for c in compared.values() for i in (c.whole, *c.each.values()) if i is not None]
    if not known:
        return []
    reach = max(0.05, *(abs(end) for i in known for end in (i.low, i.high)))
    ends = {"low": -math.ceil(20 * reach) / 20, "high": math.ceil(20 * reach) / 20}
    pictures = []
    parts = {t: {m: c.each.get(t) for m, c in compared.items()} for t in study.targets}
    whole = {"Mean over targets": {m: c.whole for m, c in compared.items()}}
    for heading, intervals in ((whole if len(parts) > 1 else {}) | parts).items():
        rows = [_dot(method, i, colour(study, method)) for method, i in intervals.items()]
        if any(row.value is not None for row in rows):
            title = f"Difference of F1 to {study.reference}: {heading}"
            label = f"F1 minus that of {study.reference}"
            image = svg.dots(title, rows, label, **ends, zero=True, left=_room(rows))
            pictures.append((heading, image))
    return pictures


def cost(study: Results, metric: str, label: str) -> Markup | None:
    """F1 over a cost on a log axis, both averaged over targets; None where hardly any costs it.

    Args:
      metric: its name in `metrics.json`.
      label: of the axis.
    """
    points = []
    for method, own in study.scores.items():
        seeds = study.leave_one_out[method]
        costs = [seeds[target].mean(metric) for target in study.targets if target in seeds]
        known = [value for value in costs if value]
        if own.whole and len(known) == len(study.targets):
            points.append((sum(known) / len(known), own.whole.mean, method))
    if len(points) < 2:
        return None
    spent, f1, _ = zip(*points, strict=True)
    low, high = min(spent) / 2, max(spent) * 2
    bottom = max(0.0, math.floor(10 * min(f1) - 0.5) / 10)
    top = min(1.0, math.ceil(10 * max(f1) + 0.5) / 10)
    x, y = Scale(low, high, 44, WIDTH - 14, math.log10), Scale(bottom, top, LOW, HIGH)
    marks = [
        svg.axis_y(y, svg.ticks(bottom, top), 44, "F1, mean over targets", WIDTH - 14),
        svg.axis_x(x, _log_ticks(low, high), LOW, label, HIGH),
    ]
    places = [(x(cost), y(score)) for cost, score, _ in points]
    labels = _labels(places, [name for *_, name in points])
    for (at, up), (left, base, _) in zip(places, labels, strict=True):
        if abs(base - up) > 6:  # moved away: a thread to its dot
            marks.append(svg.rule(at, up, left, base - 4, "axis"))
    for place, (left, base, anchor), point in zip(places, labels, points, strict=True):
        cost, score, name = point
        marks.append(
            svg.dot(*place, colour(study, name), f"{name}: F1 {score:.3f}, {cost:,.1f} {label}")
        )
        marks.append(svg.tag("text", name, x=left, y=base, class_="name place", text_anchor=anchor))
    return svg.picture(f"F1 over {label}", LOW + 44, *marks)


def colour(study: Results, method: str) -> str:
    """The CSS class of a method: had labels, ours (in an ablation the reference), other."""
    if DAGGER in method:
        return "hollow"
    ours = {cell.method for cell in study.cells if cell.ours}
    return "accent" if method in ({study.reference} if study.reference else ours) else "truth"


def _dot(name: str, interval: Interval | None, css: str = "soft") -> Dot:
    mean, low, high = interval or (None, None, None)
    return Dot(name, mean, low, high, css)


def _at(study: Results, method: str, own: Compared, target: str) -> Dot | None:
    """A method on a target, from its metrics where its blocks are not known."""
    if target in own.each:
        return _dot(method, own.each[target], colour(study, method))
    seeds = study.leave_one_out[method].get(target)
    return Dot(method, seeds.mean("f1"), css=colour(study, method)) if seeds else None


def _room(rows: Sequence[Dot]) -> float:
    """Left of a dot chart, for the longest name or the most that leaves a chart."""
    return min(LETTER * max(len(row.name) for row in rows) + 16, 0.48 * WIDTH)


def _log_ticks(low: float, high: float) -> list[svg.Tick]:
    """Powers of ten; between few of them also twice and five times each."""
    powers = svg.log_ticks(low, high)
    if len(powers) > 3:
        return powers
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [m * 10.0**k for k in exponents for m in (1, 2, 5)]
    return [(value, svg.short(value)) for value in values if low <= value <= high]


def _labels(
    places: Sequence[tuple[float, float]], names: Sequence[str]
) -> list[tuple[float, float, str | None]]:
    """Where names stand beside their dots (x, y, anchor), touching nothing if there is room.

    Of the places right and left of the dot, then ever further above and below, the first free one;
    dots at the right choose first, as they have room on one side only.
    """
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in places]
    out: list[tuple[float, float, str | None]] = [(0.0, 0.0, None)] * len(places)
    for k in sorted(range(len(places)), key=lambda k: -places[k][0]):
        (x, y), wide = places[k], NARROW * len(names[k])
        boxes = [
            (left, y + shift - 6.5, left + wide, y + shift + 7.5)
            for shift in (0, -13, 13, -26, 26, -39, 39, -52, 52)
            for left in (x + 10, x - 10 - wide)
            if 0 <= left <= WIDTH - wide and HIGH - 8 < y + shift < LOW
        ] or [(x + 10, y - 6.5, x + 10 + wide, y + 7.5)]
        free = [box for box in boxes if not any(_touch(box, other) for other in taken)]
        left, top, right, _ = box = (free or boxes)[0]
        taken.append(box)
        out[k] = (left, top + 11, None) if left > x else (right, top + 11, "end")
    return out


def _touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
