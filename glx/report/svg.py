"""Pictures as inline SVG: scales, ticks, axes and a few marks, each a small pure function.

In: numbers. Out: `Markup`, coloured by the CSS classes of `base.html` (`.accent`, `.hot`, `.truth`,
`.soft`, `.hollow`), so that a picture follows the reader's light or dark.

A picture is `WIDTH` user units wide, whatever the screen; text is given in the same units.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

WIDTH = 520  # user units
LINE = 26  # height of one row of a dot chart
MARGIN = 12  # right of an axis at least
HALF = 5.2  # half a letter of a tick, on phones
STEPS = (1, 2, 5, 10)  # of ticks, times a power of ten
# Of ticks in time, seconds: 1 s to 30 s, minutes, hours, days, weeks.
SPANS = (
    *(1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800, 1_209_600, 2_419_200, 7_257_600, 31_536_000),
)
Tick = tuple[float, str]


@dataclass(frozen=True)
class Scale:
    """Values to user units, through `shape` (`math.log10` for a log axis).

    Attributes:
      low, high: the ends of the values; equal ends are spread apart.
      start, end: where they fall.
      shape: a rising function of a value.
    """

    low: float
    high: float
    start: float
    end: float
    shape: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        low, high = self.shape(self.low), self.shape(self.high)
        share = (self.shape(value) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, n: int = 5) -> list[Tick]:
    """About `n` round values from `low` to `high`, with their texts."""
    if not high > low:
        return [(low, short(low))]
    rough = (high - low) / max(n, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * s for s in STEPS if power * s >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(k * step, f"{k * step:,.{digits}f}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[Tick]:
    """Powers of ten from `low` to `high` (> 0)."""
    span = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    return [(10.0**k, short(10.0**k)) for k in span]


def time_ticks(low: float, high: float, n: int = 5) -> list[Tick]:
    """About `n` round times (UTC) between two, in unix seconds; the date where it is new."""
    step = next((s for s in SPANS if s * n >= high - low), SPANS[-1])
    first = math.ceil(low / step) * step
    times = [first + k * step for k in range(int(max(high - first, 0) // step) + 1)]
    style = "%H:%M:%S" if step < 60 else "%H:%M"
    out, before = [], ""
    for at in times:
        moment = datetime.fromtimestamp(at, UTC)
        day = f"{moment.day} {moment:%b}" if step < 31_536_000 else f"{moment:%Y}"
        clock = moment.strftime(style) if step < 86_400 else ""
        out.append((float(at), " ".join(filter(None, [day if day != before else "", clock]))))
        before = day
    return out


def short(value: float) -> str:
    """A number in few letters: `12k`, `0.05`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def tag(name: str, *inside: object, title: str = "", **attributes: object) -> Markup:
    """An element; `class_` and `stroke_width` are `class` and `stroke-width`, None is left out.

    `title` shows on hovering.
    """
    parts = [
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
        if value is not None
    ]
    hint = (tag("title", title),) if title else ()
    content = Markup("").join(escape(item) for item in (*hint, *inside))
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), Markup("").join(parts), content)


def picture(title: str, height: float, *marks: Markup, width: float = WIDTH) -> Markup:
    """The whole picture; `title` says in words what it shows, for those who cannot see it."""
    return tag(
        "svg",
        *marks,
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        role="img",
        aria_label=title,
    )


def axis_x(scale: Scale, at: Iterable[Tick], y: float, label: str = "", top: float = 0) -> Markup:
    """Ticks below `y` with faint lines up to `top`, and the label under them."""
    marks = [rule(scale.start, y, scale.end, y, "axis")]
    for value, text in at:
        x = scale(value)
        marks.append(rule(x, top, x, y, "grid"))
        inside = scale.end + MARGIN - HALF * len(text)  # the last one ends with the picture
        marks.append(words(min(x, inside), y + 17, text, anchor="middle"))
    marks.append(words((scale.start + scale.end) / 2, y + 37, label, anchor="middle"))
    return tag("g", *marks)


def axis_y(scale: Scale, at: Iterable[Tick], x: float, label: str = "", right: float = 0) -> Markup:
    """Ticks left of `x` with faint lines to `right`; the label lies above, to be read upright."""
    marks = []
    for value, text in at:
        y = scale(value)
        marks.append(rule(x, y, right or x, y, "grid"))
        marks.append(words(x - 7, y + 4, text, anchor="end"))
    marks.append(words(0, scale.end - 22, label))
    return tag("g", *marks)


def words(x: float, y: float, text: str, css: str = "label", anchor: str | None = None) -> Markup:
    """Text at a place; `anchor` is `middle` or `end`."""
    return tag("text", text, x=x, y=y, class_=css, text_anchor=anchor) if text else Markup("")


def line(points: Sequence[tuple[float, float]], css: str) -> Markup:
    """A line through points, in user units."""
    path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return tag("polyline", points=path, class_=f"line {css}")


def rule(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=css)


def bars(
    x: Scale,
    y: Scale,
    edges: Sequence[float],
    heights: Sequence[float],
    css: str,
    titles: Sequence[str],
) -> Markup:
    """A histogram: bars between `edges` (one more than `heights`), standing on `y.low`.

    `titles`, as many as bars, show on hovering.
    """
    out = []
    for left, right, height, title in zip(edges[:-1], edges[1:], heights, titles, strict=True):
        if height <= y.low:
            continue
        a, b, top = x(left), x(right), y(height)
        gap = min(0.5, (b - a) / 8)
        size = {"width": max(b - a - 2 * gap, 0.5), "height": max(abs(y.start - top), 0.5)}
        low = min(top, y.start)  # the lower number lies higher; bars may hang as well as stand
        out.append(tag("rect", title=title, x=a + gap, y=low, **size))
    return tag("g", *out, class_=css)


def dot(x: float, y: float, css: str, title: str = "") -> Markup:
    """A round mark; `hollow` in `css` leaves it open."""
    return tag("circle", title=title, cx=x, cy=y, r=5, class_=css)


@dataclass(frozen=True)
class Dot:
    """A row of a dot chart: `value` with the interval from `low` to `high`, either may be None."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    css: str = "soft"
    note: str = ""


def best_first(rows: Iterable[Dot]) -> list[Dot]:
    """Rows by their values, those without one last."""
    return sorted(rows, key=lambda row: -1.0 if row.value is None else row.value, reverse=True)


def dots(
    title: str,
    rows: Sequence[Dot],
    label: str,
    *,
    low: float = 0,
    high: float = 1,
    zero: bool = False,
    left: float = 172,
    width: float = WIDTH,
) -> Markup:
    """Names at the left, a dot and its interval at the right of each.

    Args:
      label: of the axis.
      low, high: its ends.
      zero: a line at 0, for differences.
      left: room for the names, in user units; longer ones are cut.
      width: of the picture; the narrower, the larger its text on the page.
    """
    x = Scale(low, high, left, width - 14)
    bottom = 8 + LINE * len(rows)
    marks = [axis_x(x, ticks(low, high), bottom, label, top=4)]
    if zero:
        marks.append(rule(x(0), 4, x(0), bottom, "axis"))
    letters = int((left - 12) / 6.8)
    for k, row in enumerate(rows):
        y = 8 + LINE * (k + 0.5)
        name = row.name if len(row.name) <= letters else row.name[: letters - 1] + "…"
        parts = [words(left - 12, y + 4.5, name, f"name {row.css}", "end")]
        if row.value is None:
            parts.append(words(left + 4, y + 4.5, "not defined"))
        else:
            spread = ""
            if row.low is not None and row.high is not None:
                parts.append(rule(x(row.low), y, x(row.high), y, f"whisker {row.css}"))
                spread = f" ({row.low:.3f} to {row.high:.3f})"
            parts.append(dot(x(row.value), y, row.css))
            hint = f"{row.name}: {row.value:.3f}{spread}{'; ' if row.note else ''}{row.note}"
            parts.append(tag("title", hint))
        marks.append(tag("g", *parts))
    return picture(title, bottom + (44 if label else 26), *marks, width=width)


def _number(value: object) -> object:
    """Coordinates to a tenth, which is finer than a pixel."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
