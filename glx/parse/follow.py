"""A log that is followed by its path, as `tail -F`: the files that have that path in turn.

In: a path. Out: `Part`s, one file each, in the order in which they were written: what rotation
renamed, copied or packed is found again by how it begins, also by a later process.
"""

import errno
import hashlib
import os
import re
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import zstandard
from msgspec import Struct

from glx.errors import InputError
from glx.parse.packed import opened

READ = 1 << 20  # bytes taken at a time
HEAD = 1024  # bytes that tell a file from others: the first lines have times
# What rotation adds to the name of a log: `app.log.1 app.log-20240501`, a date also before the end
# of the name, `app.2024-05-01.log`. (`app-2.log` is as likely the log of another process.)
ADDED = re.compile(r"[._-](\d[\d._TZ:-]*)")
COUNTED = re.compile(r"\d{1,4}")  # counts up as a file gets older; what is longer is a date


class Mark(Struct, frozen=True):
    """What tells a file again after it was renamed, copied or packed.

    Attributes:
      device, inode: of the system; a copy has others.
      length: bytes of its beginning that `head` (SHA-256, hexadecimal) is of, `HEAD` at most.
      size: bytes that it has at least.
    """

    device: int
    inode: int
    length: int
    head: str
    size: int


class Part:
    """One of the files that have the path of a followed log in turn; read once, to its end.

    The end of a `growing` one is when another file has taken its path, or it was truncated. One is
    `cut` where it was packed and ends before its archive does.
    """

    def __init__(self, path: str, pause: float, growing: bool, first: bool):
        self.path, self.pause, self.growing, self.first = path, pause, growing, first
        self.file: BinaryIO | None = None
        self.cut = False
        self._mark: Mark | None = None
        if not growing:
            self._open()

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def _open(self) -> None:
        if not os.path.isdir(self.path) and not stat.S_ISREG(os.stat(self.path).st_mode):
            raise OSError(errno.EINVAL, "no plain file", self.path)  # a pipe would be waited for
        self.file = open(self.path, "rb", buffering=0)  # noqa: SIM115
        self._mark = mark_of(self.path, self.file)

    def mark(self) -> Mark | None:
        """What tells the file again, by now; None while it is not there."""
        if self.file is None or self._mark is None:
            return None
        if self._mark.length < HEAD and not self.file.closed:
            now = mark_of(self.path, self.file)
            if now.size >= self.file.tell():  # not truncated
                self._mark = now
        return self._mark

    def chunks(self) -> Iterator[bytes]:
        """Bytes as they are in the file; an empty piece says that for now nothing more has come."""
        while self.file is None:
            try:
                self._open()
            except OSError as e:
                if self.first and not isinstance(e, FileNotFoundError):
                    raise
                yield b""  # amid a rotation, or what is no file has its path for now
                time.sleep(self.pause)
        with self.file as file:
            replaced = not self.growing
            while True:
                while data := file.read(READ):
                    yield data
                mark = self.mark()
                if replaced or mark is None:
                    return
                yield b""
                time.sleep(self.pause)
                now = status(self.path)
                # What was written between the last read and the rotation is read before the end.
                replaced = now is not None and not os.path.samestat(now, os.fstat(file.fileno()))
                if os.fstat(file.fileno()).st_size < file.tell() or not begins(file, mark):
                    break
            yield from _rest_of_copy(mark, self.path, file.tell())


def parts(path: str, pause: float, start: Mark | None = None) -> Iterator[Part]:
    """The files that have a path in turn, without end; each is to be read to its end in turn.

    Args:
      pause: seconds between looks at a file that grows.
      start: the file to begin with; None: the one that has the path now.
    """
    found, first = (since(start, path) if start else []), start is None
    while True:
        for one in found or [path]:
            try:
                part = Part(one, pause, one == path, first)
            except FileNotFoundError:  # an older one that is deleted by now
                continue
            except OSError as e:
                raise InputError(f"{one}: cannot be read ({e.strerror}); check the path") from e
            yield part
            first, mark = False, part.mark()
            break
        found = since(mark, path)[1:] if mark else []


def since(mark: Mark, path: str) -> list[str]:
    """The files of a followed path from the marked one on, old to new; empty: that one is gone."""
    among = written(path)
    at = [n for n, one in enumerate(among) if _is(mark, one)]
    same = [n for n in at if _node(os.stat(among[n])) == (mark.device, mark.inode)]
    return among[(same or at)[-1] :] if at else []


def written(path: str) -> list[str]:
    """The files that by their names had a path before, old to new, and the one that has it."""
    folder, name = os.path.split(path)
    found, now = list[tuple[tuple, str, tuple[int, int]]](), status(path)
    with suppress(OSError):  # a folder that may not be listed
        for entry in os.scandir(folder or "."):
            age = _age(_unpacked(entry.name), name)
            with suppress(OSError):  # gone by now, or a loop of links
                if age and entry.is_file() and not (now and os.path.samestat(entry.stat(), now)):
                    found.append((age, os.path.join(folder, entry.name), _node(entry.stat())))
    plain = {one for _, one, _ in found if not _packed(one)}  # there until it is packed whole
    once = {node: (age, one) for age, one, node in sorted(found)}  # a link is another name of it
    names = [one for _, one in sorted(once.values()) if one in plain or _unpacked(one) not in plain]
    return names + [path] * os.path.isfile(path)


def _age(name: str, now: str) -> tuple | None:
    """What sorts a name that rotation made of another from old to new; None if it did not."""
    stem, end = os.path.splitext(now)
    appended = name.startswith(now)
    if not appended and not (end and name.startswith(stem) and name.endswith(end)):
        return None
    added = ADDED.fullmatch(name[len(now) :] if appended else name[len(stem) : -len(end)])
    if not added or (COUNTED.fullmatch(added[1]) and not appended):
        return None
    return (1, -int(added[1]), "") if COUNTED.fullmatch(added[1]) else (0, 0, added[1])


def mark_of(path: str, file: BinaryIO) -> Mark:
    """What tells an open file again."""
    about = os.fstat(file.fileno())
    head = _head(path, HEAD) if _packed(path) else os.pread(file.fileno(), HEAD, 0)
    return Mark(about.st_dev, about.st_ino, len(head), _hash(head), about.st_size)


def _is(mark: Mark, path: str) -> bool:
    """Whether a file is the marked one, a copy of it, or it packed."""
    try:
        about = os.stat(path)
        if not mark.length:
            return _node(about) == (mark.device, mark.inode)
        whole = _packed(path) or about.st_size >= mark.size
        return whole and _hash(_head(path, mark.length)) == mark.head
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):  # gone, or not packed whole
        return False


def _node(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def begins(file: BinaryIO, mark: Mark) -> bool:
    return _hash(os.pread(file.fileno(), mark.length, 0)) == mark.head


def _rest_of_copy(mark: Mark, path: str, read: int) -> Iterator[bytes]:
    """What a file that was truncated held beyond the bytes read, where a copy of it was made."""
    for one in since(mark, path)[:1]:
        if one != path:
            with opened(one) as copy:
                copy.seek(read)
                while data := copy.read(READ):
                    yield data


def _unpacked(path: str) -> str:
    return re.sub(r"\.(gz|zst)$", "", path)


def _packed(path: str) -> bool:
    return _unpacked(path) != path


def _head(path: str, length: int) -> bytes:
    """The first bytes; of an archive that is cut short those that are there."""
    head = b""
    with suppress(EOFError), opened(path) as file:
        while len(head) < length and (data := file.read(1)):
            head += data
    return head


def _hash(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()


def status(path: str) -> os.stat_result | None:
    """None while there is no file that can be seen, as between the two steps of a rotation."""
    try:
        return os.stat(path)
    except OSError:
        return None
