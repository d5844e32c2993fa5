"""The bytes of a path as they come: a file, an archive, standard input, a pipe, a file that grows.

In: a path. Out: `pieces(path, size)`, unpacked bytes. Of a log that is still being written a piece
is what came within a pause, and an empty piece says that for now nothing more has come.
"""

import os
import select
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from glx.errors import InputError
from glx.parse.follow import READ, Mark, Part, parts
from glx.parse.packed import GZIP, ZSTD, zstd_decompressor

STDIN = Path("-")
# Bytes unpacked at a time: gzip makes at most a thousand of one, Zstandard many more.
PACKED_GZIP, PACKED_ZSTD = 1 << 15, 1 << 12


@dataclass(frozen=True)
class Live:
    """The path of a log that is still being written; a path to all that does not read it.

    Attributes:
      path: a pipe, a socket, a terminal or `-` for standard input; with `follow` a file.
      pause: seconds after which what came so far is given.
      follow: when the file ends wait for more, also from the next file of that name (rotation) or
        from its start (truncation); it need not be there yet.
      start: the file to begin with, by another name now, where an earlier process followed it.
      first_line: how many lines that process had counted before it.
    """

    path: str
    pause: float = 0.5
    follow: bool = False
    start: Mark | None = None
    first_line: int = 0

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class Remote:
    """A file of another file system than that of the machine; a path to all that does not read it.

    Attributes:
      url: that names it.
      open: gives its bytes as they are stored.
    """

    url: str
    open: Callable[[], IO[bytes]]

    def __fspath__(self) -> str:
        return self.url

    def __str__(self) -> str:
        return self.url


LogPath = Path | str | Live | Part | Remote


def parts_of(path: LogPath) -> Iterator[LogPath]:
    """The files behind a path: itself, or without end those that a followed one leads to."""
    if isinstance(path, Live) and path.follow:
        yield from parts(path.path, path.pause, path.start)
    else:
        yield path


def pieces(path: LogPath, size: int) -> Iterator[bytes]:
    """Unpacked bytes (gzip and Zstandard by content), about `size` at a time.

    Raises:
      OSError, EOFError, zlib.error, zstandard.ZstdError: the path cannot be read, or the archive is
        cut short (a `Part` is then marked as `cut`, and ends) or damaged.
    """
    raw = iter(_raw(path, size))
    first, piece = b"", None
    for piece in raw:
        first += piece
        if len(first) >= 4 or (first and not piece):
            break
        if not first:
            yield piece
    unpacked: Iterable[bytes] = chain([first], [b""] * (piece == b""), raw)
    if ZSTD.match(first):
        unpacked = _unpack_zstd(unpacked)
    elif first.startswith(GZIP):
        unpacked = _unpack_gzip(unpacked)
    if isinstance(path, Part):
        unpacked = _until_cut(unpacked, path)
    yield from _gathered(unpacked, size, path.pause if isinstance(path, Live | Part) else None)


def _until_cut(unpacked: Iterable[bytes], part: Part) -> Iterator[bytes]:
    """What is there: of a log that is followed it may be all that is left of the lines."""
    try:
        yield from unpacked
    except EOFError:
        part.cut = True


def standard_input() -> IO[bytes]:
    """Its bytes; InputError where it is closed."""
    if sys.stdin is None:
        raise InputError("standard input: it is closed; name a file")
    return sys.stdin.buffer


def _raw(path: LogPath, size: int) -> Iterator[bytes]:
    if isinstance(path, Part):
        yield from path.chunks()
        return
    if isinstance(path, Remote):
        with path.open() as file:
            yield from iter(lambda: file.read(size), b"")
        return
    stdin = Path(path) == STDIN
    with nullcontext(standard_input()) if stdin else Path(path).open("rb") as file:
        if not stdin and _never_ends(file.fileno()):
            raise InputError(f"{path}: a device that never ends; name a file")
        if isinstance(path, Live):
            yield from _arriving(file.fileno(), path.pause)
        else:
            yield from iter(lambda: file.read(size), b"")


def _never_ends(descriptor: int) -> bool:
    """Whether it is of a device such as `/dev/zero`: neither a terminal nor what is empty."""
    about = os.fstat(descriptor)
    empty = os.path.samestat(about, os.stat(os.devnull))
    return stat.S_ISCHR(about.st_mode) and not empty and not os.isatty(descriptor)


def _arriving(descriptor: int, pause: float) -> Iterator[bytes]:
    while True:
        if not select.select([descriptor], [], [], pause)[0]:
            yield b""
        elif data := os.read(descriptor, READ):
            yield data
        else:
            return


def _gathered(found: Iterable[bytes], size: int, pause: float | None) -> Iterator[bytes]:
    """Joined to pieces of `size`, or with a pause to what came within it, then an empty piece."""
    held: list[bytes] = []
    total, since = 0, time.monotonic()
    for piece in found:
        held.append(piece)
        total += len(piece)
        paused = pause is not None and (not piece or time.monotonic() - since >= pause)
        if total >= size or paused:
            if total:
                yield b"".join(held)
            if paused:
                yield b""
            held, total, since = [], 0, time.monotonic()
    if total:
        yield b"".join(held)


def _unpack_gzip(packed: Iterable[bytes]) -> Iterator[bytes]:
    """All members, each up to its checksum; zeros between them are padding."""
    member = None
    for data in _little(packed, PACKED_GZIP):
        if not data:
            yield b""
        while data := data if member else data.lstrip(b"\0"):
            member = member or zlib.decompressobj(zlib.MAX_WBITS | 16)
            if out := member.decompress(data):
                yield out
            data, member = member.unused_data, None if member.eof else member
    if member:
        raise EOFError


def _unpack_zstd(packed: Iterable[bytes]) -> Iterator[bytes]:
    """All frames; the package's stream reader would accept a truncated frame."""
    unpack, frame = zstd_decompressor(), None
    for data in _little(packed, PACKED_ZSTD):
        if not data:
            yield b""
        while data:
            frame = frame or unpack.decompressobj()
            if out := frame.decompress(data):
                yield out
            data, frame = frame.unused_data, None if frame.eof else frame
    if frame:
        raise EOFError


def _little(packed: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The same, at most so many bytes at a time; an empty piece stays one."""
    for piece in packed:
        yield from (piece[at : at + most] for at in range(0, max(len(piece), 1), most))
