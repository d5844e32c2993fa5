"""How the lines of a file are laid out: given, or detected from its first lines.

In: lines. Out: a `Layout`: where time, level and text stand. Times become seconds since the epoch.
"""

from collections.abc import Sequence
from dataclasses import replace

from glx.errors import InputError
from glx.parse.joins import beginnings
from glx.parse.jsonl import json_layout, json_object
from glx.parse.layout import FORMATS, Layout
from glx.parse.line_header import line_layout
from glx.parse.names import NOTHING_GIVEN, Given
from glx.parse.read import head
from glx.parse.sources import LogPath
from glx.parse.table_log import table_layout
from glx.parse.unwrap import wrapping


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
    wrap, lines = ((), lines) if format == "csv" else wrapping(lines)
    layout = _inner_layout([line for line in lines if line.strip()], format, given)
    return replace(layout, wrap=wrap)


def _inner_layout(filled: list[str], format: str, given: Given) -> Layout:
    """The layout of lines that nothing is around and none of which is blank."""
    objects = [] if format in ("lines", "csv") else [o for o in map(json_object, filled) if o]
    records = [line for line in filled if not line[0].isspace()]
    if format == "jsonl" or (objects and 2 * len(objects) >= len(records)):
        return json_layout(objects, given)
    table = None
    if format != "lines":
        table = table_layout(filled, forced=format == "csv" or bool(given.flags), given=given)
    return table or line_layout(beginnings(filled))
