"""JSON objects, one a line: which fields are text, time and level, and how they are read.

A name with dots reaches into objects, whether they are nested or their keys written with dots.
Polars reads the fields of the layout from all lines at once. A line that says more (an object
about an error, a stack trace, an outcome that the first lines did not have), that lacks a text, or
that is broken, is looked at by itself (`read_object`).
"""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import polars as pl

from glx.parse.batches import BATCHES, all_records, split_batches
from glx.parse.digits import Block, join_lines, split_lines
from glx.parse.fields import COLUMN, Fields, joined, session_of
from glx.parse.layout import Layout
from glx.parse.line_header import header_within
from glx.parse.names import (
    NOTHING_GIVEN,
    Given,
    given_fields,
    known_level,
    known_text,
    no_field,
    no_text,
)
from glx.parse.outcomes import (
    DEEP_KEY,
    HTTP_STATUS,
    KEY,
    SERVER_ERROR,
    failed,
    headline,
    headlines,
    is_deep,
    is_key,
    is_outcome,
    outcomes_of,
    telling,
    varied,
    with_outcomes,
)
from glx.parse.read import ReadCounts, head
from glx.parse.sources import LogPath

SMALLEST = 64  # lines that are read by Polars at once, or one by one where that fails
DEEPEST = 8  # objects within objects
NAMED = 12  # fields that are named where nothing else tells what an event is
OBJECT = r"^\s*\{"
LISTED = r"^\s*\[?\s*(\{.*\})\s*[,\]]+\s*$"  # an object of a list over several lines
Row = tuple[str, str | None, str | None, str | None]  # text, time, level, session


def json_object(line: str) -> dict | None:
    """The JSON object of a line, or None: also of what is nested too deeply to be read."""
    line = line.strip().removeprefix("[").rstrip(",]")
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def flat(value: Mapping, prefix: str = "", depth: int = DEEPEST) -> dict[str, str]:
    """The values of an object by their names with dots; null and lists of objects are left out."""
    found: dict[str, str] = {}
    for key, inner in value.items():
        name = prefix + key
        match inner:
            case str():
                found[name] = inner
            case dict():
                if depth:
                    found |= flat(inner, f"{name}.", depth - 1)
            case [int(), *_] if key == "MESSAGE":  # bytes, of the journal
                found[name] = bytes(n & 255 for n in inner).decode("utf-8", "replace")
            case [str(), *_]:
                found[name] = "\n".join(map(str, inner))
            case None | [*_]:
                pass
            case _:
                found[name] = json.dumps(inner)
    return found


def json_layout(objects: Sequence[dict], given: Given = NOTHING_GIVEN) -> Layout:
    """The layout of JSON objects: fields of text, time and level by what they are usually called.

    Args:
      given: fields that the user named.

    Raises:
      InputError: no object has a field that was given, or none has a field at all.
    """
    rows = [{n: v for n, v in flat(o).items() if v} for o in all_records(objects)]
    columns: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    if not columns:
        raise no_text("JSON field", [])
    text, times, level, format = given_fields(columns, given)
    known = {text, level, *times}
    named = [name for name in columns if name not in known and is_outcome(name)]
    many = [name for name in named if varied(columns[name])]
    mute = [row for row in rows if not row.get(text or "") and known_text(row) is None]
    said = {n for row in mute for n in row}.difference(known, named)
    fields = telling({name: values for name, values in columns.items() if name in said})
    outcomes = [name for name in named if name not in many]
    layout = Layout(
        "jsonl", None, text or "", times, level, format,
        given=tuple(given.flags.values()), outcomes=tuple(outcomes), varied=tuple(many),
        fields=tuple(fields),
    )  # fmt: skip
    return layout if level or not text else header_within(layout, columns[text])


def check_given(path: LogPath, layout: Layout) -> None:
    """Raises `InputError` if none of the first lines of a file has a field that the user named."""
    rows = [flat(o) for o in all_records(filter(None, map(json_object, head(path))))]
    there = dict.fromkeys(name for row in rows for name in row)
    for name in layout.given:
        if rows and name not in there:
            raise no_field(f"{path}: the field {name} of the fitted logs", there)


def read_json(raw: bytes, counts: ReadCounts, layout: Layout) -> Fields:
    """The records of JSON objects; a line that is none is a text that does not fit."""
    lines, rows = split_lines(raw), None
    if any(name in raw for name in BATCHES):
        lines, rows = split_batches(lines)
    if lines.head(SMALLEST).str.contains(LISTED).any():
        lines = lines.str.replace(LISTED, "$1").str.replace(r"^\s*[\[\]]\s*$", "")
    session = layout.session
    named = session if session is not None and COLUMN.fullmatch(session) else None
    single = [n for n in (layout.text, layout.level, named) if n]
    outcomes = [name for name in layout.outcomes if not is_deep(name)]
    names = dict.fromkeys([*single, *layout.time, *outcomes, *layout.varied, *layout.fields])
    columns = _columns(lines, [*names])
    n_keys = np.zeros(len(lines), dtype=np.int64)
    for name in filter(is_key, names):
        n_keys += columns[name].is_not_null().to_numpy()
    absent = pl.repeat(None, len(lines), dtype=pl.String, eager=True)

    def taken(names: Sequence[str]) -> dict[str, pl.Series]:
        return {name: columns[name] for name in names}

    text = headlines(columns.get(layout.text, absent))
    empty = text.fill_null("") == ""
    if layout.fields:
        text = with_outcomes(absent, taken(layout.fields), keep=False).zip_with(empty, text)
    there = (text.fill_null("") != "") & (lines.str.count_matches(KEY) == pl.Series(n_keys))
    text = with_outcomes(text, taken(outcomes))
    time = joined([columns[name] for name in layout.time])
    level = columns[layout.level] if layout.level else None
    for name in filter(HTTP_STATUS.search, outcomes):  # of access logs, which have no level of use
        bad = empty & columns[name].str.contains(SERVER_ERROR).fill_null(False)
        if bad.any():
            error = pl.repeat("ERROR", len(bad), eager=True)
            level = error.zip_with(bad, absent if level is None else level)
    key = columns[named] if named else session_of(lines, session)
    others = np.flatnonzero(~there.fill_null(False).to_numpy())
    fits = np.ones(len(lines), dtype=bool)
    if len(others):
        found: list[Row] = []
        for at, line in zip(others.tolist(), lines.gather(others).to_list(), strict=True):
            value = json_object(line)
            fits[at] = value is not None or line.lstrip()[:1] == "{"
            counts.broken_json += value is None and bool(fits[at])
            found.append((line, None, None, None) if value is None else read_object(value, layout))
        texts, times, levels, keys = zip(*found, strict=True)

        def put(column: pl.Series, values: Sequence[str | None]) -> pl.Series:
            return column.scatter(others, pl.Series(values, dtype=pl.String))

        text = put(text, texts)
        if level is not None or any(levels):
            level = put(absent if level is None else level, levels)
        time = None if time is None else put(time, times)
        key = put(key, keys) if named and key is not None else key
    if key is not None and session and not named and key.null_count():  # texts may be in bytes
        key = pl.select(pl.coalesce(key, session_of(text, session))).to_series()
    return Fields(Block.of(join_lines(text)), key, time, level, rows, fits)


def read_object(value: dict, layout: Layout) -> Row:
    """Text, time, level and session of one object; what the layout lacks is known by its name."""
    row = {name: inner for name, inner in flat(value).items() if inner}
    text = layout.text if layout.text in row else known_text(row) or ""
    times = [row[name] for name in layout.time if name in row]
    level = layout.level if layout.level in row else known_level(row)
    known = {text, level, *layout.time, *layout.varied}
    said = {name: row[name] for name in layout.outcomes if name in row}
    said |= {n: v for n, v in row.items() if n not in known and is_outcome(n)}
    start = headline(row.get(text, ""))
    if not start:
        fields = [name for name in layout.fields if name in row]
        names = fields or [] if said else [n for n in row if n not in known][:NAMED]
        start = outcomes_of("", {name: row[name] for name in names}, keep=False)
    key = row.get(layout.session or "")
    time = " ".join(times) if len(times) == len(layout.time) and times else None
    severity = "ERROR" if text == "" and failed(said) else row.get(level or "")
    return outcomes_of(start, said), time, severity, key


def _columns(lines: pl.Series, names: Sequence[str]) -> dict[str, pl.Series]:
    """Fields of the objects (str); all null in a line to be looked at by itself."""
    places: dict[str, list[tuple[str, ...]]] = {}
    tree: dict = {}
    for name in names:
        places[name] = [keys for keys in key_paths(name) if _plant(tree, keys)]
    plain = lines.str.contains(OBJECT) & ~lines.str.contains(DEEP_KEY)
    objects = lines.zip_with(plain, pl.Series([None], dtype=pl.String))
    frame = _decoded(objects, _schema(tree)).to_frame("o")
    found = {}
    for n, name in enumerate(names):
        inner = [_within(pl.col("o"), keys) for keys in places[name]]
        none = pl.lit(None, dtype=pl.String)
        found[name] = frame.select(pl.coalesce([*inner, none]).alias(str(n))).to_series()
    return found


def key_paths(name: str) -> list[tuple[str, ...]]:
    """The keys on the way to a field, nested at all, some or none of its dots."""
    parts = name.split(".")
    dots = range(1, len(parts))
    some = [cut for n in dots[:-1] for cut in combinations(dots, n)] if len(parts) <= 4 else []
    paths = []
    for cut in dict.fromkeys([(), tuple(dots), *some]):
        ends = zip((0, *cut), (*cut, len(parts)), strict=True)
        paths.append(tuple(".".join(parts[start:end]) for start, end in ends))
    return paths


def _plant(tree: dict, keys: tuple[str, ...]) -> bool:
    """Add a field to a tree of keys; False where another field is in its way."""
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if tree is None:
            return False
    if tree.get(keys[-1]) is not None:
        return False
    tree[keys[-1]] = None
    return True


def _schema(tree: dict) -> pl.Struct:
    return pl.Struct(
        {key: pl.String() if inner is None else _schema(inner) for key, inner in tree.items()}
    )


def _within(column: pl.Expr, keys: tuple[str, ...]) -> pl.Expr:
    for key in keys:
        column = column.struct.field(key)
    return column


def _decoded(objects: pl.Series, schema: pl.Struct) -> pl.Series:
    """The fields of each object; of a few lines in a row, one of which is no such object, null."""
    try:
        return objects.str.json_decode(schema)
    except pl.exceptions.ComputeError:
        if len(objects) <= SMALLEST:
            return pl.repeat(None, len(objects), dtype=schema, eager=True)
    half = len(objects) // 2
    return pl.concat([_decoded(objects.head(half), schema), _decoded(objects.slice(half), schema)])
