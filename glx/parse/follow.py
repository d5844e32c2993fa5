"""A log that is followed by its path, as `tail -F`: the files that have that path in turn.

In: a path. Out: `Part`s, one file each, in the order in which they were written: what rotation
renamed, copied or packed is found again by how it begins, also by a later process.
"""

import gzip
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, BinaryIO

import zstandard
from msgspec import Struct

READ = 1 << 20  # bytes taken at a time
HEAD = 1024  # bytes that tell a file from others: the first lines have times
# What rotation puts into the name of a log, `app.log.1 app.log-20240501 app.2024-05-01.log`.
NUMBERS = re.compile(r"[._-]\d[\d._TZ-]*(?=[._-]|$)")


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

    The end of a `growing` one is when another file has taken its path, or it was truncated.
    """

    def __init__(self, path: str, pause: float, growing: bool, first: bool):
        self.path, self.pause, self.growing, self.first = path, pause, growing, first
        self.file: BinaryIO | None = None
        self._mark: Mark | None = None
        if not growing:
            self._open()

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def _open(self) -> None:
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
            except FileNotFoundError:
                yield b""
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
                now = _status(self.path)
                # What was written between the last read and the rotation is read before the end.
                replaced = now is not None and not os.path.samestat(now, os.fstat(file.fileno()))
                if os.fstat(file.fileno()).st_size < file.tell() or not _begins(file, mark):
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
            with suppress(FileNotFoundError):  # an older one that is deleted by now
                part = Part(one, pause, one == path, first)
                yield part
                first, mark = False, part.mark()
                break
        found = since(mark, path)[1:] if mark else []


def since(mark: Mark, path: str) -> list[str]:
    """The files of a followed path from the marked one on, old to new; empty: that one is gone."""
    among = written(path)
    at = [n for n, one in enumerate(among) if _is(mark, one)]
    return among[at[-1] :] if at else []


def written(path: str) -> list[str]:
    """The files that have, or by their names had, a path, in the order of their last writing."""
    folder, name = os.path.split(path)
    found = []
    with suppress(FileNotFoundError):
        for entry in os.scandir(folder or "."):
            if _had(entry.name, name) and entry.is_file():
                with suppress(FileNotFoundError):
                    found.append((entry.stat().st_mtime_ns, os.path.join(folder, entry.name)))
    plain = {one for _, one in found if not _packed(one)}  # there until it is packed whole
    names = [one for _, one in sorted(found) if one in plain or _unpacked(one) not in plain]
    return names + [path] * os.path.isfile(path)


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
            return (about.st_dev, about.st_ino) == (mark.device, mark.inode)
        whole = _packed(path) or about.st_size >= mark.size
        return whole and _hash(_head(path, mark.length)) == mark.head
    except (OSError, EOFError, zstandard.ZstdError):  # deleted by now, or still being packed
        return False


def _begins(file: BinaryIO, mark: Mark) -> bool:
    return _hash(os.pread(file.fileno(), mark.length, 0)) == mark.head


def _rest_of_copy(mark: Mark, path: str, read: int) -> Iterator[bytes]:
    """What a file that was truncated held beyond the bytes read, where a copy of it was made."""
    for one in since(mark, path)[:1]:
        if one != path:
            with _opened(one) as copy:
                copy.seek(read)
                while data := copy.read(READ):
                    yield data


def _had(name: str, now: str) -> bool:
    """Whether a file with one name may have had the other before it was rotated."""
    name = _unpacked(name)
    return any(name[: m.start()] + name[m.end() :] == now for m in NUMBERS.finditer(name))


def _unpacked(path: str) -> str:
    return re.sub(r"\.(gz|zst)$", "", path)


def _packed(path: str) -> bool:
    return _unpacked(path) != path


def _opened(path: str) -> IO[bytes] | gzip.GzipFile:
    """The bytes of a file, unpacked."""
    if path.endswith(".gz"):
        return gzip.open(path)
    if path.endswith(".zst"):
        return zstandard.open(path)
    return open(path, "rb")


def _head(path: str, length: int) -> bytes:
    with _opened(path) as file:
        return file.read(length)


def _hash(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()


def _status(path: str) -> os.stat_result | None:
    """None while there is no file, between the two steps of a rotation."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
