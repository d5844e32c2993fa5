"""The pictures of a study. In: `Results`. Out: SVG that a page takes as it is."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from glx.evaluate.intervals import Interval
from glx.report import svg
from glx.report.compare import Compared, trivial_scores
from glx.report.page import as_words
from glx.report.results import DAGGER, Results
from glx.report.svg import WIDTH, Dot, Scale

LETTER = 8.2  # room for one in the names of a dot chart, user units; on phones they are larger
NARROW = 7.2  # in a plot, where names must not push each other away
HIGH, LOW = 38, 300  # upper and lower end of the plot of cost


class Picture(NamedTuple):
    """A picture under its heading."""

    heading: str
    image: Markup | None


def ranking(study: Results, found: dict[str, Compared]) -> list[Picture]:
    """Methods and trivial detectors by F1: the mean over targets first, then each target.

    Args:
      found: what `compare.scores` says of the methods.
    """
    pictures = []
    if len(study.targets) > 1:
        rows = [
            *(_dot(m, c.whole, colour(study, m)) for m, c in found.items() if c.whole),
            *(_dot(as_words(n), c.whole) for n, c in trivial_scores(study).items() if c.whole),
        ]
        pictures.append(Picture("Mean over targets", _ranked("all targets", rows)))
    for target in study.targets:
        known = (_at(study, method, compared, target) for method, compared in found.items())
        rows = [row for row in known if row is not None]
        rows += [
            Dot(as_words(name), trivial.metrics.f1, *trivial.metrics.f1_interval)
            for name, trivial in study.trivial(target).items()
        ]
        pictures.append(Picture(target, _ranked(target, rows)))
    return [picture for picture in pictures if picture.image]


def forest(study: Results, found: dict[str, Compared]) -> list[Picture]:
    """Differences of variants to the reference, over all targets and on each.

    Args:
      found: what `compare.differences` says of the variants.
    """
    known = [i for c in found.values() for i in (c.whole, *c.each.values()) if i is not None]
    if not known:
        return []
    reach = max(0.05, *(abs(end) for i in known for end in (i.low, i.high)))
    ends = {"low": -math.ceil(20 * reach) / 20, "high": math.ceil(20 * reach) / 20}
    pictures = []
    parts = (
        {"Mean over targets": {m: c.whole for m, c in found.items()}} if study.targets[1:] else {}
    )
    parts |= {target: {m: c.each.get(target) for m, c in found.items()} for target in study.targets}
    for heading, intervals in parts.items():
        rows = [_dot(method, i, colour(study, method)) for method, i in intervals.items()]
        if any(row.value is not None for row in rows):
            title = f"Difference of F1 to {study.reference}: {heading}"
            label = f"F1 minus that of {study.reference}"
            image = svg.dots(title, rows, label, **ends, zero=True, left=_room(found))
            pictures.append(Picture(heading, image))
    return pictures


def cost(study: Results, found: dict[str, Compared], metric: str, label: str) -> Markup | None:
    """F1 over a cost on a log axis, both averaged over targets; None where hardly any costs it.

    Args:
      found: what `compare.scores` says of the methods.
      metric: its name in `metrics.json`.
      label: of the axis.
    """
    points = []
    for method, compared in found.items():
        costs = [seeds.mean(metric) for seeds in study.leave_one_out[method].values()]
        known = [value for value in costs if value]
        if compared.whole and len(known) == len(study.targets):
            points.append((sum(known) / len(known), compared.whole.mean, method))
    if len(points) < 2:
        return None
    low, high = min(p[0] for p in points) / 2, max(p[0] for p in points) * 2
    bottom = max(0.0, math.floor(10 * min(p[1] for p in points) - 0.5) / 10)
    top = min(1.0, math.ceil(10 * max(p[1] for p in points) + 0.5) / 10)
    x, y = Scale(low, high, 44, WIDTH - 14, math.log10), Scale(bottom, top, LOW, HIGH)
    marks = [
        svg.axis_y(y, svg.ticks(bottom, top), 44, "F1, mean over targets", WIDTH - 14),
        svg.axis_x(x, _log_ticks(low, high), LOW, label, HIGH),
    ]
    places = [(x(spent), y(f1)) for spent, f1, _ in points]
    labels = _labels(places, [name for *_, name in points])
    for (at, up), (left, base, _) in zip(places, labels, strict=True):
        if abs(base - up) > 6:  # moved away: a thread to its dot
            marks.append(svg.rule(at, up, left, base - 4, "axis"))
    for place, (left, base, anchor), (spent, f1, name) in zip(places, labels, points, strict=True):
        hint = f"{name}: F1 {f1:.3f}, {spent:,.1f} {label}"
        marks.append(svg.dot(*place, colour(study, name), hint))
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


def _at(study: Results, method: str, compared: Compared, target: str) -> Dot | None:
    """A method on a target, from its metrics where its blocks are not known."""
    if target in compared.each:
        return _dot(method, compared.each[target], colour(study, method))
    seeds = study.leave_one_out[method].get(target)
    return Dot(method, seeds.mean("f1"), css=colour(study, method)) if seeds else None


def _ranked(what: str, rows: list[Dot]) -> Markup | None:
    left = _room(row.name for row in rows)
    title = f"F1 on {what}, best first"
    return svg.dots(title, svg.best_first(rows), "F1", left=left) if rows else None


def _room(names: Iterable[str]) -> float:
    """Left of a dot chart, for the longest name or the most that leaves a chart."""
    return min(LETTER * max(map(len, names), default=0) + 16, 0.48 * WIDTH)


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
