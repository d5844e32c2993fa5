"""JSON objects, one a line: which fields are text, time and level, and how they are read."""

import json
from collections import Counter

import polars as pl

from glx.parse.digits import Block, join_lines, split_lines
from glx.parse.fields import COLUMN, Fields, joined, session_of
from glx.parse.layout import Layout, known_columns, no_text
from glx.parse.read import ReadCounts
from glx.parse.times import format_of


def json_object(line: str) -> dict | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def json_layout(objects: list[dict]) -> Layout:
    names = [name for name, _ in Counter(n for o in objects for n in o).most_common()]
    text, times, level = known_columns(names)
    if text is None:
        raise no_text("JSON field", names)
    values = [" ".join(str(o.get(t, "")) for t in times) for o in objects]
    return Layout("jsonl", None, text, times, level, format_of(values))


def read_json(raw: bytes, counts: ReadCounts, layout: Layout) -> Fields:
    """A JSON object a line; any other line is a text."""
    lines = split_lines(raw)

    def field(name: str) -> pl.Series:
        return lines.str.json_path_match(f"$[{name!r}]")

    text, session = field(layout.text), layout.session
    counts.broken_json = int((text.is_null() & (lines.str.strip_chars() != "")).sum())
    named = session is not None and COLUMN.fullmatch(session)
    return Fields(
        Block.of(join_lines(text.zip_with(text.is_not_null(), lines))),
        key=field(session) if session and named else session_of(lines, session),
        time=joined([field(name) for name in layout.time]),
        level=field(layout.level) if layout.level else None,
        fits=(text.is_not_null() | lines.str.starts_with("{")).to_numpy(),
    )
