"""The bytes of a path as they come: a file, an archive, standard input, a pipe, a file that grows.

In: a path. Out: `pieces(path, size)`, unpacked bytes. Of a log that is still being written a piece
is what came within a pause, and an empty piece says that for now nothing more has come.
"""

import os
import select
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import zstandard

STDIN = Path("-")
READ = 1 << 20  # bytes taken from a live log at a time
# Bytes unpacked at a time: gzip makes at most a thousand of one, Zstandard many more.
PACKED_GZIP, PACKED_ZSTD = 1 << 15, 1 << 12
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Live:
    """The path of a log that is still being written; a path to all that does not read it.

    Attributes:
      path: a pipe, a socket, a terminal or `-` for standard input; with `follow` a file.
      pause: seconds after which what came so far is given.
      follow: when the file ends wait for more, also from the next file of that name (rotation) or
        from its start (truncation); it need not be there yet.
    """

    path: str
    pause: float = 0.5
    follow: bool = False

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path


LogPath = Path | str | Live


def pieces(path: LogPath, size: int) -> Iterator[bytes]:
    """Unpacked bytes (gzip and Zstandard by content), about `size` at a time.

    Raises:
      OSError, EOFError, zlib.error, zstandard.ZstdError: the path cannot be read, or the archive is
        cut short or damaged.
    """
    raw = iter(_raw(path, size))
    first = b""
    for piece in raw:
        first += piece
        if len(first) >= len(ZSTD):
            break
    unpacked: Iterable[bytes] = chain([first], raw)
    if first.startswith(ZSTD):
        unpacked = _unpack_zstd(unpacked)
    elif first.startswith(GZIP):
        unpacked = _unpack_gzip(unpacked)
    yield from _gathered(unpacked, size, path.pause if isinstance(path, Live) else None)


def _raw(path: LogPath, size: int) -> Iterator[bytes]:
    if isinstance(path, Live) and path.follow:
        yield from _followed(path)
        return
    stdin = Path(path) == STDIN
    with nullcontext(sys.stdin.buffer) if stdin else Path(path).open("rb") as file:
        if isinstance(path, Live):
            yield from _arriving(file.fileno(), path.pause)
        else:
            yield from iter(lambda: file.read(size), b"")


def _arriving(descriptor: int, pause: float) -> Iterator[bytes]:
    while True:
        if not select.select([descriptor], [], [], pause)[0]:
            yield b""
        elif data := os.read(descriptor, READ):
            yield data
        else:
            return


def _followed(live: Live) -> Iterator[bytes]:
    """A file and those that take its place, as `tail -F`; a last line that was not ended is."""
    while True:
        try:
            file = open(live.path, "rb", buffering=0)  # noqa: SIM115
        except FileNotFoundError:
            yield b""
            time.sleep(live.pause)
            continue
        with file:
            ended, replaced = True, False
            while True:
                while data := file.read(READ):
                    yield data
                    ended = data.endswith(b"\n")
                if replaced:
                    break
                yield b""
                time.sleep(live.pause)
                now, here = _status(live.path), os.fstat(file.fileno())
                # What was written between the last read and the rotation is read before the end.
                replaced = now is not None and not os.path.samestat(now, here)
                if here.st_size < file.tell():
                    file.seek(0)
                    if not ended:
                        yield b"\n"
            if not ended:
                yield b"\n"


def _status(path: str) -> os.stat_result | None:
    """None while there is no file, between the two steps of a rotation."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


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
    unpack, frame = zstandard.ZstdDecompressor(), None
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
