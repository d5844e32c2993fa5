"""What was read of a log, as a table on the terminal. In: an `Inspection`. Out: a Rich table."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from shlex import quote

from rich.table import Table
from rich.text import Text

from glx.data.inspect import Inspection, share
from glx.data.sessions import Sessions
from glx.parse.layout import Layout
from glx.parse.times import YEARLESS, has_year
from glx.redact import Mask
from glx.terminal import visible

WIDEST = 200  # characters of a line of the log that are shown
LETTERS = {  # of a time format, as people write it
    "%Y": "YYYY", "%y": "YY", "%m": "MM", "%d": "DD", "%e": "D", "%b": "Mon", "%a": "Day",
    "%H": "hh", "%I": "hh", "%M": "mm", "%S": "ss", "%p": "AM/PM", "%.f": ".fff", "%3f": "fff",
    "%#z": "+hh", "%z": "+hhmm", "%Z": "zone",
}  # fmt: skip

AROUND = {  # a wrapping, as people call it
    "docker": "Docker json-file", "cri": "Kubernetes CRI", "compose": "docker compose",
    "kubectl": "kubectl's prefix", "stamp": "docker's time", "grep": "grep's file name",
    "file": "a file name", "json-log": "a shipper's JSON",
}  # fmt: skip
UNITS = {13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}  # of times of so many digits
NO_TIME = "none: no date and clock, or seconds since 1970, near the start of half of the lines"
NO_LEVEL = "none: no word such as INFO or ERROR at one place near the start of half of the lines"


def table(one: Inspection, short: bool = False) -> Table:
    """Two columns, what and how; a warning in yellow.

    Args:
      short: one example and no list of templates.
    """
    lines = f"{one.lines:,} line{'s' * (one.lines != 1)}"
    amount = lines if one.whole else f"the first {lines}"
    out = _grid(one.file, "".join(f", {about}" for about in (*one.stored, amount)))
    for name, text in _rows(one, short):
        _add(out, name, text)
    for warning in one.warnings:
        out.add_row(Text("warning", "yellow"), Text(visible(warning), "yellow"))
    return out


def masked(one: Inspection, mask: Mask) -> Inspection:
    """What was read, its texts as they are shown."""
    return replace(
        one,
        templates=[(n, mask(text)) for n, text in one.templates],
        examples=[
            replace(e, raw=mask(e.raw), text=mask(e.text), template=mask(e.template))
            for e in one.examples
        ],
    )


def _grid(file: str, about: str = "") -> Table:
    name = "standard input" if file == "-" else file
    out = Table.grid(padding=(0, 2))
    out.add_column(min_width=8, no_wrap=True)
    out.add_column(overflow="fold")
    out.add_row(Text("file", "dim"), Text.assemble((visible(name), "bold"), about))
    return out


def _add(out: Table, name: str, text: str | Text) -> None:
    marked = text if isinstance(text, Text) else Text(visible(text))
    marked.highlight_regex(r"<\*>", "cyan")
    out.add_row(Text(name, "dim"), marked)


def _rows(one: Inspection, short: bool) -> Iterator[tuple[str, str | Text]]:
    coloured = any("\x1b[" in example.raw for example in one.examples)
    yield "format", "colours around " * coloured + _format(one.layout)
    yield from _time(one)
    levels = (f"{name} {n:,}" for name, n in list(one.levels.items())[:8])
    yield "level", ", ".join(levels) or NO_LEVEL
    yield from _sessions(one)
    if shares := ", ".join(_shares(one)):
        yield "lines", shares
    for example in one.examples[:1] if short else one.examples:
        if not short:
            yield "", ""
        yield f"line {example.line}", _shown(example.raw)
        yield "text", "all of it" if example.text == example.raw else _shown(example.text)
        yield "template", _shown(example.template)
    if not short:
        yield "", ""
        yield "count", f"template: the most frequent of {one.n_templates:,}"
        for n, template in one.templates:
            yield f"{n:>8,}", _shown(template)


def expected(name: str, layout: Layout, window: int | str | None, texts: Sequence[str]) -> Table:
    """What a detector expects of a log that cannot be looked at before it is read.

    Args:
      texts: its templates, the most frequent first.
    """
    out = _grid(name)
    windows = f"windows of {window}{' lines' * isinstance(window, int)}"
    for title, text in (
        ("expected", _format(layout)),
        ("time", _form(layout) or "none"),
        ("session", layout.session or windows),
        ("template", _shown(texts[0]) if texts else "none"),
    ):
        _add(out, title, text)
    return out


def _format(layout: Layout) -> str:
    around = "".join(f"{AROUND.get(name, name)} around " for name in layout.wrap)
    if layout.format == "lines":
        if layout.header is None and not layout.also:
            return f"{around}lines of no form that is known: all of a line is text"
        parts = re.findall(r"\(\?P<(\w+)>", layout.header or "(?P<text>")
        also = f", and {len(layout.also)} other forms" if layout.also else ""
        return f"{around}lines of {', '.join(parts)}{also}"
    what = "JSON" if layout.format == "jsonl" else "a table"
    named = {
        "time": " + ".join(layout.time),
        "level": layout.level,
        "text": layout.text or ", ".join(layout.fields),
        "outcome": ", ".join(layout.outcomes),
    }
    fields = ", ".join(f"{name} in {field}" for name, field in named.items() if field)
    return f"{around}{what}: {fields}"


def _time(one: Inspection) -> Iterator[tuple[str, str]]:
    if one.times is None:
        yield "time", NO_TIME if one.layout.format == "lines" else "none"
        return
    year = has_year(one.layout.time_format or "") or one.times[0] >= YEARLESS
    form = _form(one.layout) or "what is around the lines"
    written = next((example.time for example in one.examples if example.time), None)
    if form == "epoch":
        form = f"{UNITS.get(len(written or ''), 'seconds')} since 1970"
    yield "time", f"{_shown(written)}   ({form})" if written else form
    first, last = (
        datetime.fromtimestamp(at, UTC).strftime(f"{'%Y-' * year}%m-%d %H:%M:%S")
        for at in one.times
    )
    yield "", f"{first} to {last}, in {share(one.timed)} of the lines"


def _form(layout: Layout) -> str:
    """The form of times, as people write it."""
    form = layout.time_format or ""
    for code, letters in LETTERS.items():
        form = form.replace(code, letters)
    return form


def _sessions(one: Inspection) -> Iterator[tuple[str, str | Text]]:
    if one.sessions is None:
        likely = "; what looks like a session id:" if one.proposed else ""
        window = f"{one.window} lines" if isinstance(one.window, int) else one.window
        yield "session", f"no rule, so windows of {window}{likely}"
    else:
        yield (
            "session",
            Text.assemble((visible(one.sessions.rule), "bold"), f"   {_grouped(one.sessions)}"),
        )
    for proposed in one.proposed:
        flag = visible(f"--session={quote(proposed.rule)}")
        yield "", Text.assemble((flag, "bold"), f"   {_grouped(proposed)}")


def _grouped(sessions: Sessions) -> str:
    if not sessions.number:
        return "fits no line"
    return (
        f"{sessions.number:,} session{'s' * (sessions.number > 1)} of {sessions.lines:g} lines, "
        f"{share(sessions.share)} of the lines"
    )


def _shares(one: Inspection) -> Iterator[str]:
    if one.layout.header is not None or one.layout.format != "lines":
        yield f"{share(one.fits)} fit this format"
    if one.joined:
        yield f"{share(one.joined)} belong to the line above"
    if one.known is not None:
        yield f"{share(one.known)} known to the detector"
    if one.sessions is not None:
        yield f"{share(1 - one.sessions.share)} without session"
    for name in ("empty", "invalid_utf8", "nul", "overlong"):
        if n := getattr(one.counts, name):
            yield f"{n:,} {name.replace('_', ' ')}"


def _shown(text: str) -> str:
    """Text of a log without anything that a terminal obeys, and not too long."""
    text = visible(text.replace("\t", " ").replace("\n", "\u240a"))
    return text if len(text) <= WIDEST else text[:WIDEST] + " ..."
