"""How far a followed log was judged, kept beside its verdicts, so that each line is judged once.

In: the output of `glx detect --follow`, and what has been judged. Out: `OUT.position`, from which
the same command goes on after any end of the process. It may be older than the output: what was
written since is read from there.
"""

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta, Struct

from glx.errors import InputError, is_disk_full
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
      output: bytes of the output after which all verdicts are that reach `judged` or beyond.
    """

    settings: dict[str, Any]
    files: list[Begun] = []
    judged: Annotated[int, Meta(ge=0)] = 0
    output: Annotated[int, Meta(ge=0)] = 0


class Verdict(Struct):
    """Of a line of the output, what tells which lines it is about."""

    last_line: int
    key: str | None = None


class Output:
    """The verdicts on a followed log: a file that goes on where it stopped, and its position."""

    def __init__(self, file: IO[str], path: Path, position: Position, reached: int):
        self.file, self.path, self.position = file, path, position
        # Places of the output, and the last line that a verdict before each of them is about.
        self.places = deque([(position.output, -1), (os.path.getsize(file.name), reached)])

    def write(self, text: str, log: Log, last_line: int) -> None:
        """Append verdicts, and keep how far the log was judged with them.

        Args:
          last_line: the highest that they are about.
        """
        self.file.write(text)
        self.file.flush()
        size = os.path.getsize(self.file.name)
        self.places.append((size, max(last_line, self.places[-1][1])))
        while len(self.places) > 1 and self.places[1][1] < log.judged:
            self.places.popleft()
        begun = [Begun(mark, line) for part, line in log.parts if (mark := part.mark())]
        later = [n for n, one in enumerate(begun) if one.first_line <= log.judged]
        self.position.files = begun[later[-1] :] if later else begun or self.position.files
        self.position.judged, self.position.output = log.judged, self.places[0][0]
        _save(self.path, self.position)


@contextmanager
def output_of(
    out: Path, log: Log, settings: dict[str, Any], overwrite: bool, say: Callable[[str], None]
) -> Iterator[tuple[Output, Log]]:
    """The output of a followed log, and the log from where it is to be read.

    Args:
      settings: that the verdicts depend on, by the names of flags.
      overwrite: begin anew, whatever is there.

    Raises:
      InputError: another process writes it, it was begun with other settings, or what is there is
        not what was written.
    """
    path = out.with_name(out.name + ".position")
    try:
        file = out.open("a", encoding="utf-8")
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(f"--out={out}: cannot be written ({e.strerror}); name another file") from e
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise InputError(
                f"--out={out}: another process writes it; wait for its end, or name another file"
            ) from e
        live = log.files[0]
        assert isinstance(live, Live)
        position = None if overwrite else _load(path, settings)
        if position is None:
            file.truncate(0)
            files = [Begun(mark, 0)] if (mark := _mark(live.path)) else []
            position = Position(settings, files)
            _save(path, position)
            try:
                yield Output(file, path, position, -1), log
            except InputError:
                if not os.path.getsize(out):
                    out.unlink()
                    path.unlink()
                raise
            return
        verdicts = _after(out, position.output)
        reached = max((one.last_line for one in verdicts), default=-1)
        yield Output(file, path, position, reached), _rejoined(log, live, position, verdicts, say)


def _rejoined(
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


def _load(path: Path, settings: dict[str, Any]) -> Position | None:
    try:
        position = msgspec.json.decode(path.read_bytes(), type=Position)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as e:
        raise InputError(f"{path}: is no position of a log ({e}); {ANEW}") from e
    for name, value in settings.items():
        if (old := position.settings.get(name)) != value:
            raise InputError(
                f"{path}: begun with {name}={old!r}, now it is {value!r}; repeat the earlier "
                f"settings to go on, or {ANEW}"
            )
    return position


def _after(out: Path, start: int) -> list[Verdict]:
    """The verdicts after a place of the output; a last line that is not whole is taken back."""
    with out.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size < start:
            raise InputError(f"{out}: is shorter than it was; restore it, or {ANEW}")
        file.seek(start)
        raw = file.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        file.truncate(start + len(whole))
    try:
        return msgspec.json.Decoder(Verdict).decode_lines(whole)
    except msgspec.MsgspecError as e:
        raise InputError(f"{out}: holds what is no verdict ({e}); {ANEW}") from e


def _mark(path: str) -> Mark | None:
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        return mark_of(path, file)
    return None


def _save(path: Path, position: Position) -> None:
    write_whole(path, msgspec.json.encode(position).decode())
