"""The pictures of a run. In: its metrics and plots. Out: SVG."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from glx.report import svg
from glx.report.models import BaselineMetrics, Curve, Measured, ScoreBins, SimilarityBins, Timeline
from glx.report.page import explained, number
from glx.report.svg import WIDTH, Dot, Scale

LEFT, RIGHT = 48, WIDTH - 12  # where the axes lie
TOP, PLOT = 44, 236  # upper and lower end of a plot
HINDSIGHT = (  # metrics, their names, what they are
    ("oracle_f1", "best cut in hindsight", "chosen by the labels: no detector's result"),
    ("supervised_ceiling", "supervised forest", "a random forest that was given labels"),
    ("template_ceiling", "by labelled template", "flags templates that labels call anomalous"),
)
Point = tuple[float, float]  # recall, precision
AXES = {"time": "time (UTC)", "line": "line of the log", "row": "row of the file"}


def standing(metrics: Measured) -> Markup:
    """F1 of this run, of the baselines, and of what no detector without labels can claim."""
    baselines = [_dot(explained(name), b, "soft") for name, b in metrics.baselines.items()]
    own = _dot(metrics.method, metrics, "accent")
    rows = [own, *svg.best_first(baselines)] + [
        Dot(name, getattr(metrics, metric), css="hollow", note=why)
        for metric, name, why in HINDSIGHT
    ]
    title = "F1 of this run, of simple detectors and of ceilings"
    return svg.dots(title, rows, "F1", left=232, width=440)


def timeline(plot: Timeline) -> Markup:
    """Flagged sequences over the test part; the true anomalies, where known, hang below them."""
    edges, flagged, true = plot.edges, plot.flagged, plot.anomalous
    middle, label = float(PLOT), AXES[plot.axis]
    if true is not None:  # both on one scale
        middle = TOP + (PLOT - TOP) * max([1, *flagged]) / (max([1, *flagged]) + max([1, *true]))
    x, y = Scale(edges[0], edges[-1], LEFT, RIGHT), Scale(0, max([1, *flagged]), middle, TOP)
    in_time = plot.axis == "time"
    hints = []
    for k, (n, of) in enumerate(zip(flagged, plot.sequences, strict=True)):
        known = "" if true is None else f", {true[k]:,} truly anomalous"
        start = f"from {edges[k]:,.0f}"
        if in_time:
            start = f"{datetime.fromtimestamp(edges[k], UTC):%Y-%m-%d %H:%M:%S}"
        hints.append(f"{start}: {n:,} of {of:,} sequences flagged{known}")
    marks = [
        svg.axis_y(y, _whole(svg.ticks(0, y.high, 4)), LEFT, "sequences", RIGHT),
        svg.bars(x, y, edges, flagged, "hot", hints),
    ]
    if true is not None:
        down = Scale(0, max([1, *true]), middle, PLOT)
        marks += [
            svg.axis_y(down, _whole(svg.ticks(0, down.high, 2))[1:], LEFT, "", RIGHT),
            svg.bars(x, down, edges, true, "truth", hints),
            svg.rule(LEFT, middle, RIGHT, middle, "axis"),
        ]
    at = svg.time_ticks(x.low, x.high) if in_time else svg.ticks(x.low, x.high)
    marks.append(svg.axis_x(x, at, PLOT, label, PLOT))
    title = f"{sum(flagged):,} of {sum(plot.sequences):,} sequences flagged, over the log"
    return svg.picture(title, PLOT + 48, *marks)


def curve(plot: Curve, metrics: Measured) -> Markup:
    """Precision against recall at every cut, with the chosen one and the best in hindsight."""
    x, y = Scale(0, 1, LEFT, RIGHT), Scale(0, 1, PLOT, TOP)
    points, before = [], 0.0
    for recall, precision in zip(plot.recall, plot.precision, strict=True):
        points += [(x(before), y(precision)), (x(recall), y(precision))]  # as AUPRC adds it up
        before = recall
    marks = [
        svg.axis_y(y, svg.ticks(0, 1), LEFT, "precision", RIGHT),
        svg.axis_x(x, svg.ticks(0, 1), PLOT, "recall", TOP),
        svg.rule(LEFT, y(metrics.prevalence), RIGHT, y(metrics.prevalence), "dashed"),
        svg.line(points, "accent"),
    ]
    best = _at(plot, metrics.oracle_threshold)
    if best:
        marks.append(_named(x, y, best, "best cut in hindsight", "hollow"))
    if metrics.recall is not None and metrics.precision is not None:
        here = (metrics.recall, metrics.precision)
        near = best and abs(best[0] - here[0]) < 0.3 and abs(best[1] - here[1]) < 0.15
        marks.append(_named(x, y, here, "chosen cut", "accent", below=bool(near)))
    title = f"Precision against recall; area {number(metrics.auprc)}"
    return svg.picture(title, PLOT + 48, *marks)


def scores(plot: ScoreBins, threshold: float) -> Markup:
    """How many sequences have which score, one panel for each route."""
    routes = plot.routes
    height = PLOT - TOP if len(routes) == 1 else 88
    x = Scale(plot.edges[0], plot.edges[-1], LEFT, RIGHT)
    marks, bottom = [], 0.0
    for k, (route, counts) in enumerate(routes.items()):
        bottom = TOP + height + k * (height + 44.0)
        y = Scale(0, max([1, *counts]), bottom, bottom - height, math.log1p)
        name = "sequences (log scale)" + ("" if route == "all" else f", {route}")
        hints = _hints("score", plot.edges, counts)
        css = "own" if route == "proprietary" else "accent"
        marks.append(svg.axis_y(y, _powers(y.high), LEFT, name, RIGHT))
        marks.append(svg.bars(x, y, plot.edges, counts, css, hints))
    marks.append(svg.axis_x(x, svg.ticks(x.low, x.high), bottom, "score", bottom))
    if x.low <= threshold <= x.high:
        marks += _cut(x(threshold), bottom, f"cut {threshold:.3g}")
    total = sum(map(sum, routes.values()))
    return svg.picture(f"Scores of {total:,} sequences", bottom + 48, *marks)


def similarity(plot: SimilarityBins) -> Markup:
    """How near the least familiar event of each sequence is to the sources, with the cut."""
    edges, counts, tau = plot.edges, plot.count, plot.tau
    x = Scale(edges[0], edges[-1], LEFT, RIGHT)
    y = Scale(0, max([1, *counts]), PLOT, TOP, math.log1p)
    own = [n if b <= tau else 0 for b, n in zip(edges[1:], counts, strict=True)]
    other = [n - m for n, m in zip(counts, own, strict=True)]
    hints = _hints("similarity", edges, counts)
    marks = [
        svg.axis_y(y, _powers(y.high), LEFT, "sequences (log scale)", RIGHT),
        svg.bars(x, y, edges, own, "own", hints),
        svg.bars(x, y, edges, other, "accent", hints),
        svg.axis_x(x, svg.ticks(x.low, x.high), PLOT, "cosine of the least familiar event", PLOT),
        *_cut(x(tau), PLOT, f"tau {tau:.3f}"),
    ]
    return svg.picture(f"Similarity to the sources, cut at {tau:.3f}", PLOT + 48, *marks)


def _dot(name: str, metrics: Measured | BaselineMetrics, css: str) -> Dot:
    return Dot(name, metrics.f1, *metrics.f1_interval, css)


def _named(x: Scale, y: Scale, point: Point, name: str, css: str, below: bool = False) -> Markup:
    """A dot on the curve with its name, on the side where there is room."""
    recall, precision = point
    at, right = x(recall), recall < 0.6
    base = min(max(y(precision) + (20 if below else -10), TOP + 12), PLOT - 6)
    label = svg.words(at + (10 if right else -10), base, name, "mark", None if right else "end")
    hint = f"{name}: precision {precision:.3f}, recall {recall:.3f}"
    return svg.tag("g", svg.dot(at, y(precision), css, hint), label)


def _cut(x: float, bottom: float, name: str) -> list[Markup]:
    """An upright line, and its name above the plot."""
    left = x > WIDTH / 2
    label = svg.words(x - 5 if left else x + 5, TOP - 4, name, "mark", "end" if left else None)
    return [svg.rule(x, TOP, x, bottom, "dashed"), label]


def _at(plot: Curve, threshold: float | None) -> Point | None:
    """The point of the curve that is nearest to a cut."""
    if threshold is None or not plot.threshold:
        return None
    k = min(range(len(plot.threshold)), key=lambda i: abs(plot.threshold[i] - threshold))
    return plot.recall[k], plot.precision[k]


def _hints(name: str, edges: Sequence[float], counts: Sequence[int]) -> list[str]:
    pairs = zip(edges[:-1], edges[1:], counts, strict=True)
    return [f"{name} {a:.2f} to {b:.2f}: {n:,} sequences" for a, b, n in pairs]


def _powers(high: float) -> list[svg.Tick]:
    """Ticks of a count on a log scale that has a 0."""
    return [(0.0, "0"), *(svg.log_ticks(1, high) if high >= 1 else [])]


def _whole(at: list[svg.Tick]) -> list[svg.Tick]:
    """Those ticks of a count that are whole numbers."""
    return [(value, f"{value:,.0f}") for value, _ in at if abs(value - round(value)) < 1e-9]
