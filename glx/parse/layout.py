"""How the lines of a file are laid out, and what its fields of text, time and level are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMATS = ("auto", "lines", "jsonl", "csv")

MAX_RECORD = 1000  # lines
WIDEST = 10_000  # characters of a line that are inspected to detect a layout


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are laid out.

    Attributes:
      format: `lines`, `jsonl` (a JSON object a line) or `csv` (a table with a header line).
      header: regular expression (Rust syntax) over a line, or over the text of a table, with named
        groups among `time`, `level`, `text`. What no group holds is dropped. None: no header. It is
        matched with every run of digits as one digit, in the line as in the pattern, so two parts
        that match digits must have something between them.
      text, time, level: columns of a table or fields of JSON objects, whose names reach into
        objects with dots (`log.level`); the times are joined with a space. No text (`""`): an event
        is what its fields say.
      given: of text, time and level, those that the user named.
      outcomes: fields that tell how an event ended, of the names in the first lines.
      varied: fields whose names say so, but whose values are too many.
      fields: fields of few values, which are the event where there is no text.
      time_format: as Polars has it (`%Y-%m-%d %H:%M:%S%.f`), or `epoch` (seconds, or milli-, micro-
        or nanoseconds by size). Without a year, times count from 1972 and go up a year whenever
        they fall back by over six months, so that they keep their order.
      separator: between the columns of a table.
      quote: fields of a table may be quoted.
      session: a column, or a regular expression over the raw line (the text, in a table): the
        first match, its group 1 if it has one. None: no sessions.
      wrap: what is around each line, outermost first, by the names of `glx/parse/unwrap.py`.
      also: layouts of the lines that this one does not fit, the first that fits reads the line;
        `wrap`, `session`, `max_record` and their own `also` play no part.
      max_record: lines of a record, the first included; what belongs to it beyond is counted only.
    """

    format: str = "lines"
    header: str | None = None
    text: str = "text"
    time: tuple[str, ...] = ()
    level: str | None = None
    time_format: str | None = None
    separator: str = ","
    quote: bool = True
    session: str | None = None
    given: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    wrap: tuple[str, ...] = ()
    also: tuple["Layout", ...] = ()
    max_record: int = MAX_RECORD

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> "Layout":
        """The layout whose `dataclasses.asdict` was saved as JSON."""
        lists = {name: tuple(value) for name, value in saved.items() if isinstance(value, list)}
        also = tuple(cls.of(layout) for layout in saved.get("also", ()))
        return cls(**{**saved, **lists, "also": also})
