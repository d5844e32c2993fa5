"""Causes as texts: for people, and for a language model that may read so many tokens.

In: `Causes`. Out: lines without colours or boxes, the same on a terminal, in a file, in a chat.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from glx.parse.times import YEARLESS
from glx.report.models import Cause, Causes

LEVELS = "▁▂▃▄▅▆▇█"
CHARACTERS = 4  # of a token, about
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


def for_people(found: Causes, limit: int) -> str:
    """All that is known of up to `limit` causes."""
    parts = [headline(found), *map(whole, found.causes[:limit])]
    if found.found > limit:
        parts.append(f"{found.found - limit:,} more causes; --limit=N shows them.")
    return "\n\n".join(parts)


def for_model(found: Causes, tokens: int, more: str) -> str:
    """As many causes as fit, each whole, then one in a line, for a language model.

    Args:
      tokens: at most, of some `CHARACTERS` characters each.
      more: the command that shows one cause.
    """
    room = tokens * CHARACTERS
    ask = f"Lines marked > are of the sequence. More of one: {more} --show=ID"
    parts = [headline(found), ask]
    room -= sum(len(part) + 2 for part in parts) + len(_left(found.found))
    taken = 0
    for form in (whole, short):  # what is left of the room goes to single lines
        for cause in found.causes[taken:]:
            text = form(cause)
            if len(text) + 2 > (room if form is short else room * 0.8):
                break
            parts.append(text)
            room -= len(text) + 2
            taken += 1
    return "\n\n".join([*parts, *([_left(found.found - taken)] if taken < found.found else [])])


def _left(n: int) -> str:
    return f"{n:,} more causes are left out."


def about(cause: Cause) -> Iterator[str]:
    """When, in which sessions, why, and where one of them is."""
    example = cause.example
    if cause.note:
        yield f"note: {cause.note}"
    if cause.first_time and cause.last_time:
        first, last = shown_time(cause.first_time), shown_time(cause.last_time)
        yield f"{first}{f' to {last}' * (last != first)}"
    if cause.sessions:
        left = cause.count - len(cause.sessions)
        yield f"sessions {', '.join(cause.sessions)}{f' and {left:,} more' * (left > 0)}"
    if reason := _reason(cause):
        yield reason
    if example.near:
        yield f"nearest known event: {example.near}"
    where = f"{example.file}: " if example.file else ""
    yield f"for example {where}lines {example.first_line:,} to {example.last_line:,}"


def _lines(cause: Cause) -> Iterator[str]:
    before = None
    for line in cause.example.lines:
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
