"""Fields of JSON objects and columns of tables: what those of text, time and level are called.

In: fields, each with its values in the first lines. Out: which of them are text, time and level.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from glx.errors import InputError
from glx.parse.levels import standard_levels
from glx.parse.times import format_of

Columns = Mapping[str, Sequence[str]]  # field -> its values; empty ones are left out

# The earlier is taken first. Names are compared in lower case without spaces, `-`, `_` and `[UTC]`.
TEXT_NAMES = (
    *("log.record.template", "@mt", "record.message", "message", "msg", "@message"),
    *("shortmessage", "textpayload", "log", "text", "event", "eventmessage", "renderedmessage"),
    *("@m", "messagetemplate", "body", "_raw", "raw", "rawmessage", "content", "line", "logline"),
    *("logmessage", "description", "detail", "details"),
)
TIME_NAMES = (
    *("timestamp", "@timestamp", "datetime", "time", "ts", "date", "asctime", "created", "t.$date"),
    *("@t", "_time", "timeunixnano", "timecreated", "timegenerated", "dateandtime", "eventtime"),
    *("starttime", "_realtimetimestamp", "instant.epochsecond", "timemillis", "timestampms"),
    *("startutc", "timelocal", "timeiso8601", "receivetimestamp", "ingestiontime", "logtime"),
    *("utctime", "createdat", "timestamp.seconds"),
)
LEVEL_NAMES = (
    *("log.level", "leveldisplayname", "severitytext", "level", "severity", "levelname"),
    *("loglevel", "lvl", "@l", "entrytype", "priority", "s", "severitynumber", "severitylevel"),
    *("levelno", "level.name", "status"),
)


def known_fields(
    columns: Columns,
) -> tuple[str | None, tuple[str, ...], str | None, str | None]:
    """The fields of text, time and level by name and values, and the format of the times."""
    text = next((name for name in _named(TEXT_NAMES, columns) if _is_text(columns[name])), None)
    others = {name: values for name, values in columns.items() if name != text}
    level = next((n for n in _named(LEVEL_NAMES, others) if is_level(n, others[n])), None)
    times, format = _times(_named(TIME_NAMES, others), others)
    return text, times, level, format


def _named(known: Sequence[str], columns: Iterable[str]) -> list[str]:
    """The fields of these names, then those within objects whose last parts are one of them."""
    whole: dict[str, str] = {}
    parts: dict[str, str] = {}
    for name in columns:
        whole.setdefault(plain(name), name)
        inner = plain(name).split(".")
        for n in (1, 2):
            if len(inner) > n and not ABOUT_ERRORS.intersection(inner):
                parts.setdefault(".".join(inner[-n:]), name)
    return [found[name] for found in (whole, parts) for name in known if name in found]


ABOUT_ERRORS = {"error", "err", "exception", "thrown", "cause", "request", "req", "res", "response"}


def plain(name: str) -> str:
    """A name as it is compared."""
    return re.sub(r"(?<!^)[\s_-]|\[\w+\]$", "", name.strip().lower())


def known_text(row: Mapping[str, str]) -> str | None:
    """The text of one object by what it is usually called."""
    columns = {name: [value] for name, value in row.items()}
    return next((name for name in _named(TEXT_NAMES, columns) if _is_text(columns[name])), None)


def known_level(row: Mapping[str, str]) -> str | None:
    """The level of one object by what it is usually called."""
    return next((name for name in _named(LEVEL_NAMES, row) if is_level(name, [row[name]])), None)


def _is_text(values: Sequence[str]) -> bool:
    return 2 * sum(any(c.isalpha() for c in value) for value in values) > len(values)


def is_level(name: str, values: Sequence[str]) -> bool:
    """Whether over half of the values are levels; `status` and `s` need words or letters."""
    if plain(name) in ("s", "status") and any(value[:1].isdigit() for value in values):
        return False
    levels = standard_levels(pl.Series(values, dtype=pl.String), name)
    return 2 * int(levels.is_not_null().sum()) > len(values)


def _times(names: list[str], columns: Columns) -> tuple[tuple[str, ...], str | None]:
    """The first of the fields whose values are times, and their format."""
    lower = {name.lower(): name for name in names}
    if "date" in lower and "time" in lower:
        pair = (lower["date"], lower["time"])
        joined = [" ".join(both) for both in zip(*(columns[name] for name in pair), strict=False)]
        if format := format_of(joined):
            return pair, format
    for name in names:
        if format := format_of(list(columns[name])):
            return (name,), format
    others = [name for name in columns if name not in names]
    by_value = ((name, format_of(list(columns[name]))) for name in others)
    for name, format in by_value:
        if format and format != "epoch":
            return (name,), format
    return tuple(names[:1]), None


@dataclass(frozen=True)
class Given:
    """Fields that the user named; None: by what they are called."""

    text: str | None = None
    time: str | None = None
    level: str | None = None

    @property
    def flags(self) -> dict[str, str]:
        """The flags that were given, with their names."""
        named = {"--text_field": self.text, "--time_field": self.time, "--level_field": self.level}
        return {flag: name for flag, name in named.items() if name is not None}


NOTHING_GIVEN = Given()


def given_fields(
    columns: Columns, given: Given
) -> tuple[str | None, tuple[str, ...], str | None, str | None]:
    """`known_fields`, but for those that the user named.

    Raises:
      InputError: no line has a field that was given; the message names those that are there.
    """
    for flag, name in given.flags.items():
        if name not in columns:
            raise no_field(f"{flag}={name}", columns)
    taken = {given.text, given.time, given.level}
    text, times, level, format = known_fields(
        {name: values for name, values in columns.items() if name not in taken}
    )
    if given.time is not None:
        times, format = (given.time,), format_of(list(columns[given.time]))
    return given.text or text, times, given.level or level, format


def no_field(given: str, there: Iterable[str]) -> InputError:
    """The error for a field that the user named and no line has."""
    among = ", ".join([*there][:40]) or "none"
    return InputError(f"{given}: no line has this field; name one of {among}")


def no_text(what: str, names: Sequence[str]) -> InputError:
    """The error for lines without a text."""
    among = ", ".join(map(repr, names)) or "none"
    return InputError(
        f"line 1: no {what} of text among {among}; name it by --text_field or call it message"
    )
