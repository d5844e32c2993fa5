"""The verdicts on a followed log: a file that goes on where it stopped, and its position.

In: the output of `glx detect --follow`, and what has been judged. Out: the same file, or a new one
of its name where it was rotated; `glx.runs.position` tells how far the log was judged with it.
"""

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from glx.errors import InputError, OutsideError, is_disk_full
from glx.files import NO_LOCKS
from glx.parse.follow import Mark, begins, mark_of, since, status
from glx.parse.log import Log
from glx.parse.packed import opened
from glx.parse.sources import Live
from glx.runs.position import ANEW, Begun, Position, Verdict, beside, load, rejoined, save
from glx.watch import otlp

MOST_PLACES = 1000


class Output:
    """The verdicts on a followed log: a file that goes on where it stopped, and its position.

    Where the file was renamed or removed, as by rotation, a new one of its name goes on.
    """

    def __init__(self, out: Path, file: BinaryIO, position: Position, reached: int, say: Callable):
        self.out, self.file, self.position, self.say = out, file, position, say
        # Places of the output, and the last line that a verdict before each of them is about.
        self.places = deque([(position.output, -1), (_size(file), reached)])

    def write(self, text: str, log: Log, last_line: int) -> None:
        """Append verdicts, and keep how far the log was judged with them.

        Args:
          last_line: the highest that they are about.

        Raises:
          InputError: another program cut the output short.
          OutsideError: no file of its name can be written any more.
        """
        self._renew()
        self.file.write(text.encode())
        self.file.flush()
        position = self.position
        self.places.append((_size(self.file), max(last_line, self.places[-1][1])))
        if len(self.places) > MOST_PLACES:  # while a session does not end; half of them serve, too
            self.places = deque([*list(self.places)[:-1:2], self.places[-1]])
        while len(self.places) > 1 and self.places[1][1] < log.judged:
            self.places.popleft()
        begun = [Begun(mark, line) for part, line in log.parts if (mark := part.mark())]
        later = [n for n, one in enumerate(begun) if one.first_line <= log.judged]
        position.files = begun[later[-1] :] if later else begun or position.files
        position.judged, position.output = log.judged, self.places[0][0]
        position.ended = {key: n for key, n in position.ended.items() if n >= log.judged}
        position.mark = mark_of("", self.file)
        save(self.out, position)

    def _renew(self) -> None:
        """A new file, where the one that was written so far is no longer there as it was."""
        start, end, now = self.position.output, self.places[-1][0], status(str(self.out))
        whole = _size(self.file) >= end
        if whole and now and os.path.samestat(now, os.fstat(self.file.fileno())):
            return
        raw = b""
        if whole:  # it was renamed or removed
            self.file.seek(start)
            raw = self.file.read(end - start)
        elif start < end:
            raw = _moved(self.out, self.position)[: end - start]
        self.file.close()
        try:
            self.file = _open(self.out)
        except (OSError, InputError) as e:
            if isinstance(e, OSError) and is_disk_full(e):
                raise
            raise OutsideError(
                f"--out={self.out}: was renamed or removed, and no other file can be written in "
                f"its place ({e}); repeat the command once one can"
            ) from e
        self.position.begin(self.file, _verdicts(self.out, raw))
        self.places = deque([(self.position.output, -1)])
        save(self.out, self.position)
        self.say(f"{self.out}: was renamed, removed or cut short; the verdicts go on in a new file")


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
    live, there = log.files[0], os.path.exists(out)
    assert isinstance(live, Live)
    try:
        file = _open(out)
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(f"--out={out}: cannot be written ({e.strerror}); name another file") from e
    kept, known = None, None
    try:
        known = None if overwrite else load(out, settings)
        if known is None:
            if _size(file) and not overwrite:
                raise InputError(
                    f"--out={out}: is there without {beside(out).name}, which tells how far the "
                    f"log was judged; move it away, or {ANEW}"
                )
            file.truncate(0)
            there = False
            position = Position(settings, [Begun(mark, 0)] if (mark := _mark(live.path)) else [])
            position.begin(file, [])
            kept = Output(out, file, position, -1, say)
            save(out, position)
        else:
            found = _found(out, file, known)
            found += [Verdict(n, key) for key, n in known.ended.items()]
            log = rejoined(log, live, known, found, say)
            kept = Output(out, file, known, max((one.last_line for one in found), default=-1), say)
        yield kept, log
    except InputError:
        if not there and not (kept.places[-1][0] if kept else _size(file)):
            Path(os.path.realpath(out)).unlink(missing_ok=True)
            if kept and known is None:
                beside(out).unlink(missing_ok=True)
        raise
    finally:
        (kept.file if kept else file).close()


def _open(out: Path) -> BinaryIO:
    """An output to read and to append to, which no other process writes."""
    file = out.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        if e.errno in NO_LOCKS:
            return file
        file.close()
        raise InputError(
            f"--out={out}: another process writes it; wait for its end, or name another file"
        ) from e
    return file


def _found(out: Path, file: BinaryIO, position: Position) -> list[Verdict]:
    """The verdicts that reach the first line that is not judged, or beyond it."""
    mark = position.mark
    if mark is None or _is(file, mark):
        return _after(out, position.output)
    if mark.length or since(mark, str(out)):
        position.begin(file, _verdicts(out, _moved(out, position)))
        save(out, position)
    return []


def _is(file: BinaryIO, mark: Mark) -> bool:
    about = os.fstat(file.fileno())
    same = (about.st_dev, about.st_ino) == (mark.device, mark.inode)
    return begins(file, mark) if mark.length else same


def _moved(out: Path, position: Position) -> bytes:
    """The verdicts after the place of an output that has another name by now."""
    for one in since(position.mark, str(out))[:1] if position.mark else []:
        with opened(one) as file:
            file.seek(position.output)
            return file.read()
    raise InputError(
        f"{out}: is not what was written, and no file beside it that a rotation named is; restore "
        f"it, or {ANEW}"
    )


def _after(out: Path, start: int) -> list[Verdict]:
    """The verdicts after a place of the output; a last line that is not whole is taken back."""
    with out.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size < start:
            raise InputError(f"{out}: is shorter than it was; restore it, or {ANEW}")
        file.seek(start)
        raw = file.read()
        file.truncate(start + raw.rfind(b"\n") + 1)
    return _verdicts(out, raw)


def _verdicts(out: Path, raw: bytes) -> list[Verdict]:
    """Those of whole lines."""
    lines = raw[: raw.rfind(b"\n") + 1]
    try:
        if lines.startswith(otlp.BEGINS):
            return [Verdict(*one) for one in otlp.last_lines(lines)]
        return msgspec.json.Decoder(Verdict).decode_lines(lines)
    except msgspec.MsgspecError as e:
        raise InputError(f"{out}: holds what is no verdict ({e}); {ANEW}") from e


def _mark(path: str) -> Mark | None:
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        return mark_of(path, file)
    return None


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
