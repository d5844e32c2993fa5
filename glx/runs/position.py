"""How far a followed log was judged, kept beside its verdicts, so that each line is judged once.

In: what has been judged. Out: `OUT.position`, from which the same command goes on after any end of
the process. It may be older than the output: what was written since is read from there.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import polars as pl
from msgspec import Meta, Struct

from glx.errors import InputError, forbidden
from glx.files import write_whole
from glx.parse.follow import Mark, mark_of, since
from glx.parse.log import Log
from glx.parse.sources import Live

ANEW = "give --overwrite to begin anew"


class Begun(Struct):
    """A file that had the path of the log, and its first line, counted through all of them."""

    mark: Mark
    first_line: int


class Position(Struct, forbid_unknown_fields=True):
    """What `OUT.position` holds.

    Attributes:
      settings: that the verdicts depend on.
      files: from the one that has the line `judged` on, old to new.
      judged: the first line of which an event may be in no verdict.
      output: bytes of the output after which all verdicts of it are that reach `judged` or beyond.
      mark: tells the output again after it was renamed, copied or packed.
      ended: sessions in verdicts of earlier outputs that reach `judged` or beyond; the last line.
    """

    settings: dict[str, Any]
    files: list[Begun] = []
    judged: Annotated[int, Meta(ge=0)] = 0
    output: Annotated[int, Meta(ge=0)] = 0
    mark: Mark | None = None
    ended: dict[str, int] = {}

    def begin(self, file: BinaryIO, earlier: Iterable["Verdict"]) -> None:
        """Go on in another output; what the earlier one told of lines to come is kept here."""
        for one in earlier:
            if one.key is None:
                self.judged = max(self.judged, one.last_line + 1)
            elif one.last_line >= self.judged:
                self.ended[one.key] = max(one.last_line, self.ended.get(one.key, 0))
        self.mark = mark_of("", file)
        self.output = self.mark.size


class Verdict(Struct):
    """Of a line of the output, what tells which lines it is about."""

    last_line: int
    key: str | None = None


def rejoined(
    log: Log, live: Live, position: Position, verdicts: list[Verdict], say: Callable[[str], None]
) -> Log:
    """The log as it is to be read where an earlier process stopped."""
    ended = pl.DataFrame(
        [(one.key, one.last_line) for one in verdicts if one.key is not None],
        schema={"key": pl.String, "last_line": pl.Int64},
        orient="row",
    )
    judged = [position.judged, *(one.last_line + 1 for one in verdicts if one.key is None)]
    reached = [position.judged, *(one.last_line + 1 for one in verdicts)]
    found = next((one for one in position.files if since(one.mark, live.path)), None)
    first = max(reached) if found is None else found.first_line
    if position.files and (found is None or first > max(judged)):
        say(
            f"{live}: the file that had line {max(judged):,} is gone, and with it what was not "
            f"judged before line {first:,}"
        )
    say(f"{live}: goes on from line {max(judged):,}, counted from the first start")
    start = None if found is None else found.mark
    return replace(
        log,
        files=[replace(live, start=start, first_line=first)],
        judged=max(*judged, first),
        ended=ended.group_by("key").max().sort("last_line"),
    )


def load(out: Path, settings: dict[str, Any]) -> Position | None:
    path = beside(out)
    try:
        position = msgspec.json.decode(path.read_bytes(), type=Position)
    except FileNotFoundError:
        return None
    except PermissionError as e:
        raise InputError(forbidden(e)) from e
    except (OSError, msgspec.MsgspecError) as e:
        raise InputError(f"{path}: is no position of a log ({e}); {ANEW}") from e
    for name, value in settings.items():
        if (old := position.settings.get(name)) != value:
            raise InputError(
                f"{path}: begun with {name}={old!r}, now it is {value!r}; repeat the earlier "
                f"settings to go on, or {ANEW}"
            )
    return position


def begun(out: Path) -> list[Begun]:
    """The last files that the log of an output was in; none where it was not followed."""
    if not out.is_file():
        return []
    try:
        return msgspec.json.decode(beside(out).read_bytes(), type=Position).files
    except (OSError, msgspec.MsgspecError):  # what only tells where lines are ends nobody's work
        return []


def beside(out: Path) -> Path:
    return out.with_name(out.name + ".position")


def save(out: Path, position: Position) -> None:
    write_whole(beside(out), msgspec.json.encode(position).decode())
