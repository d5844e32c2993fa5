"""Causes as texts: for people, and for a language model that may read so many tokens.

In: `Causes`. Out: lines without colours or boxes, the same on a terminal, in a file, in a chat.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from glx.parse.times import YEARLESS
from glx.report.anomalies import cut
from glx.report.models import Cause, Causes

LEVELS = "▁▂▃▄▅▆▇█"
CHARACTERS = 4  # of a token, about
LINE = 200  # characters of a cause in one line
FOR_WHOLE, FOR_BRIEF = 0.5, 0.8  # of the room that is left, for one cause
DATED = f"{datetime.fromtimestamp(YEARLESS, UTC):%Y-%m-%d}"  # earlier dates have no year


def headline(found: Causes) -> str:
    """How much was flagged, for how many causes."""
    text = f"{found.flagged:,} of {found.sequences:,} sequences flagged"
    if not found.flagged:
        return f"{text}."
    parts = [f"{found.found:,} cause{'s' * (found.found != 1)}"]
    for name in ("new", "muted"):
        if n := sum(getattr(cause, name) is True for cause in found.causes):
            parts.append(f"{n:,} of them {name}")
    return f"{text}, for {', '.join(parts)}."


def short(cause: Cause) -> str:
    """A cause in one line: its id, how often, what."""
    marks = "new: " * bool(cause.new) + "muted: " * cause.muted
    return f"{cause.id:8} {cause.count:>6,} x  {marks}{title(cause)}"


def title(cause: Cause) -> str:
    """What decided, in words."""
    return f'lacks "{cause.text}"' if cause.lacks else cause.text


def whole(cause: Cause) -> str:
    """A cause with its times, trend, sessions, reason and lines."""
    below = [f"trend {spark(cause.trend)}", *about(cause), *_lines(cause)]
    return "\n".join([short(cause), *(f"    {line}" for line in below)])


def brief(cause: Cause) -> str:
    """A cause in a few lines: its times, its reason and the first of its own lines."""
    below = [*_when(cause), *filter(None, [_reason(cause)]), *_lines(cause, decided_alone=True)]
    return "\n".join([short(cause), *(f"    {line}" for line in below)])


def for_people(found: Causes, limit: int, more: str = "--limit=N") -> str:
    """All that is known of up to `limit` causes.

    Args:
      more: how more of them are asked for.
    """
    parts = [headline(found), *map(whole, found.causes[:limit])]
    if found.found > limit:
        parts.append(f"{found.found - limit:,} more causes; {more} shows them.")
    return "\n\n".join(parts)


def for_model(found: Causes, tokens: int, more: str) -> str:
    """As many causes as fit, each as whole as fits, for a language model.

    Args:
      tokens: at most, of some `CHARACTERS` characters each.
      more: how one cause is asked for.
    """
    room = tokens * CHARACTERS
    parts = [headline(found), f"Lines marked > are of the sequence. More of one: {more}"]
    room -= sum(len(part) + 2 for part in parts) + len(_left(found.found))
    taken = 0
    for cause in found.causes:
        # A part of the room is left to those that follow, of which a line is better than nothing.
        line = cut(short(cause), LINE)
        forms = {whole(cause): FOR_WHOLE, brief(cause): FOR_BRIEF, line: 1.0}
        fits = [text for text, part in forms.items() if len(text) + 2 <= part * room]
        if not fits:
            break
        parts.append(fits[0])
        room -= len(fits[0]) + 2
        taken += 1
    return "\n\n".join([*parts, *([_left(found.found - taken)] if taken < found.found else [])])


def _left(n: int) -> str:
    return f"{n:,} more causes are left out."


def about(cause: Cause) -> Iterator[str]:
    """When, in which sessions, why, and where one of them is."""
    example = cause.example
    if cause.note:
        yield f"note: {' '.join(cause.note.split())}"
    yield from _when(cause)
    if cause.sessions:
        left = cause.count - len(cause.sessions)
        yield f"sessions {', '.join(cause.sessions)}{f' and {left:,} more' * (left > 0)}"
    if reason := _reason(cause):
        yield reason
    if example.near:
        yield f"nearest known event: {example.near}"
    where = f"{example.file}: " if example.file else ""
    yield f"for example {where}lines {example.first_line:,} to {example.last_line:,}"


def _when(cause: Cause) -> Iterator[str]:
    if cause.first_time and cause.last_time:
        first, last = shown_time(cause.first_time), shown_time(cause.last_time)
        yield f"{first}{f' to {last}' * (last != first)}"


def _lines(cause: Cause, decided_alone: bool = False) -> Iterator[str]:
    """Lines of the example, or of them the one that decided."""
    before, lines = None, cause.example.lines
    if decided_alone:
        decided = cause.example.last_line if cause.lacks else next(iter(cause.example.evidence), -1)
        lines = [line for line in lines if line.line == decided]
    for line in lines:
        if before is not None and line.line > before + 1:
            yield "..."
        yield f"{'>' if line.own else ' '} {line.line}  {line.text}"
        before = line.line


def _reason(cause: Cause) -> str:
    """The reason of the example, without what the title says already."""
    reason = cause.example.reason or ""
    for said in (title(cause), f'"{cause.text}"'):
        reason = reason.removeprefix(said)
    return reason.lstrip(",; ")


def spark(trend: list[int]) -> str:
    """A trend in characters: a dot for none, else a bar."""
    top = max(max(trend), 1)
    return "".join(LEVELS[(n * len(LEVELS) - 1) // top] if n else "." for n in trend)


def shown_time(text: str) -> str:
    """A time of JSON to the second, without a year where the log has none."""
    date, _, clock = text.partition("T")
    return f"{date[5:] if date < DATED else date} {clock[:8]}"
