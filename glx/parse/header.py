"""How the lines of a file are laid out: given, or detected from its first lines.

In: lines. Out: a `Layout`: where time, level and text stand. Times become seconds since the epoch.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from glx.errors import InputError
from glx.parse.joins import beginnings
from glx.parse.jsonl import json_layout, json_object
from glx.parse.layout import FORMATS, Layout
from glx.parse.line_header import line_layout, stamps_of
from glx.parse.names import NOTHING_GIVEN, Given
from glx.parse.read import head
from glx.parse.sources import LogPath
from glx.parse.table_log import table_layout
from glx.parse.unwrap import without_colours, wrapping

FEW = 3  # lines by which a further layout is recognised, and at least 2 % of those seen
MOST_LAYOUTS = 5


def layout_of(path: LogPath, format: str = "auto", given: Given = NOTHING_GIVEN) -> Layout:
    """The detected layout of a log file."""
    lines = head(path)
    try:
        return detect_layout(lines, format, given)
    except InputError as e:
        raise InputError(f"{path}: {e}") from e


def detect_layout(
    lines: Sequence[str], format: str = "auto", given: Given = NOTHING_GIVEN
) -> Layout:
    """The layout of a log, detected from its first lines.

    Args:
      lines: the first lines of the file.
      format: one of `FORMATS`.
      given: fields that the user named.

    Raises:
      InputError: an unknown format, a field that no line has, or a table without a column of text;
        the message names those there are.
    """
    if format not in FORMATS:
        raise InputError(f"--format={format}: unknown; choose one of {', '.join(FORMATS)}")
    if format != "csv":
        wrap, lines = wrapping(lines)
    else:
        wrap, lines = (), without_colours("\n".join(lines).encode()).decode().split("\n")
    filled = [line for line in lines if line.strip()]
    layout = _inner_layout(filled, format, given)
    layout = _with_stricter(_with_others(layout, filled, format, given), filled)
    return replace(layout, wrap=wrap)


def _with_others(first: Layout, lines: list[str], format: str, given: Given) -> Layout:
    """The layout with those of the lines that it does not fit, as in a file of several services.

    Lines are of one layout where they are JSON or have a time of one form in one place. Where no
    layout is that of most lines, several of them are together.
    """
    headed = first.header is not None or first.format != "lines"
    rest = [line for line in lines if not (headed and _fits(first, line))]
    if format in ("jsonl", "csv") or first.format == "csv" or not rest:
        return first
    groups: dict[object, list[str]] = {}
    for line in rest:
        groups.setdefault(_form(line), []).append(line)
    untimed = beginnings(groups.pop(None, []))
    few = max(FEW, len(lines) / 50)
    others: list[Layout] = []
    for group in sorted(groups.values(), key=len)[: -1 - MOST_LAYOUTS : -1]:
        if len(group) >= few and not any(_fits(other, group[0]) for other in others):
            objects = [] if format == "lines" else [o for o in map(json_object, group) if o]
            found = json_layout(objects, given) if objects else line_layout(group)
            if found.format == "jsonl" or (found.header and found.time_format):
                others.append(found)
    if len(untimed) >= few and others:  # a service that writes a level and no time
        levelled = line_layout(untimed)
        if 10 * sum(_fits(levelled, line) for line in untimed) >= 9 * len(untimed):
            others.append(levelled)
    if headed:
        return replace(first, also=tuple(others))
    read = [line for line in rest if any(_fits(other, line) for other in others)]
    if not others or 2 * len(read) < len(beginnings(lines)):
        return first
    return replace(others[0], also=tuple(others[1:]))


def _with_stricter(first: Layout, lines: list[str]) -> Layout:
    """The layout behind that of those lines which it fits without a level, if they have one.

    A level may be lacking in a line, so that the lines of another service fit too, whose times look
    alike and whose levels are elsewhere; its own layout is asked before.
    """
    if first.format != "lines" or "(?P<level>" not in (first.header or ""):
        return first
    fit = [line for line in lines if _fits(first, line)]
    without = [line for line in fit if _level_of(first, line) is None]
    if len(without) < max(FEW, len(lines) / 50):
        return first
    stricter = line_layout(without)
    if "(?P<level>" not in (stricter.header or "") or stricter.time_format is None:
        return first
    own = sum(_level_of(stricter, line) is not None for line in without)
    others = sum(_fits(stricter, line) for line in fit) - sum(_fits(stricter, w) for w in without)
    if 10 * own < 9 * len(without) or 10 * others > len(fit) - len(without):
        return first
    return replace(stricter, also=(replace(first, also=()), *first.also))


def _level_of(layout: Layout, line: str) -> str | None:
    found = re.match(layout.header or "", line)
    return found["level"] if found else None


def _form(line: str) -> object:
    """What lines of one layout have in common, or None."""
    return "JSON" if json_object(line) else min(stamps_of(line), default=None)


def _fits(layout: Layout, line: str) -> bool:
    if layout.format == "jsonl":
        return json_object(line) is not None
    return layout.header is not None and re.match(layout.header, line) is not None


def _inner_layout(filled: list[str], format: str, given: Given) -> Layout:
    """The layout of lines that nothing is around and none of which is blank."""
    objects = [] if format in ("lines", "csv") else [o for o in map(json_object, filled) if o]
    records = [line for line in filled if not line[0].isspace()]
    if format == "jsonl" or (objects and 2 * len(objects) >= len(records)):
        return json_layout(objects, given)
    table = None
    if format != "lines":
        table = table_layout(filled, forced=format == "csv", given=given)
    if table is None and given.flags:
        flag, name = next(iter(given.flags.items()))
        raise InputError(
            f"{flag}={name}: lines of text have no fields; leave it out, or tell by --format "
            "what the file is"
        )
    return table or line_layout(beginnings(filled))
