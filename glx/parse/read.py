"""Files of log lines as blocks of clean UTF-8 lines: plain, gzip, Zstandard or standard input.

In: a path. Out: `blocks(path)`, a few MiB of whole lines each, so that memory is flat in the length
of the file; lines that had to be repaired are counted.
"""

import io
import re
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import zstandard

from glx.errors import InputError
from glx.parse.encodings import as_utf8
from glx.parse.follow import Part
from glx.parse.magic import no_log
from glx.parse.sources import STDIN, LogPath, pieces

BLOCK = 8 << 20  # bytes in a block; larger ones are faster and take more memory
LONGEST = 1 << 20  # bytes of a line that are kept
HEAD = 1 << 16  # bytes inspected to distinguish text from binary data
# Where a log was emptied while its program wrote on, or power was lost: of any length, no text.
HOLE = re.compile(rb"\0\0+")
# An escaped backslash or a character escaped in two halves (group 1), or a half by itself.
HALF = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2})"
    rb"|\\u[dD][89a-fA-F][0-9A-Fa-f]{2}"
)


@dataclass
class ReadCounts:
    """What was read and what was repaired; each counts lines of the file (rows of a table).

    Attributes:
      lines: all of them, the empty ones included.
      empty: nothing but white space; they keep their number and yield no event.
      invalid_utf8: with bytes that are not UTF-8, replaced by U+FFFD.
      nul: with NUL bytes, which are dropped.
      crlf: that ended in CR LF.
      overlong: longer than 1 MiB, the rest of which was dropped.
      joined: that begin no record by the layout, but are events of the record above them.
      detail: that are no events but detail of the record above them, such as stack frames.
      beyond: that would be events of the record above, but beyond `--max_record`; left out.
      no_header: that the layout's header does not fit, with no record above; all of it is text.
      broken_json: that begin as a JSON object but are none; the whole line is the text.
      no_session: with text but without a session id, though there is a session rule; left out.
    """

    lines: int = 0
    empty: int = 0
    invalid_utf8: int = 0
    nul: int = 0
    crlf: int = 0
    overlong: int = 0
    joined: int = 0
    detail: int = 0
    beyond: int = 0
    no_header: int = 0
    broken_json: int = 0
    no_session: int = 0

    def add(self, other: "ReadCounts") -> None:
        """Add the counts of another part of the file."""
        for name, count in asdict(other).items():
            setattr(self, name, getattr(self, name) + count)


def open_text(path: LogPath) -> BinaryIO:
    """The bytes of a text file, unpacked where it is gzip or Zstandard (by content); `-` is stdin.

    Raises:
      InputError: missing, a directory, unreadable, empty, not text, a tar; later, while reading: a
        damaged or truncated archive.
    """
    return io.BufferedReader(_Chunks(_text_chunks(path, LONGEST)), LONGEST)


def head(path: LogPath, lines: int = 200) -> list[str]:
    """The first lines, for `detect_layout`; not for standard input, which is read only once."""
    with open_text(path) as file:
        text = without_lone_surrogates(file.read(BLOCK)).decode("utf-8", "replace")
    return text.replace("\0", "").replace("\r\n", "\n").split("\n")[:lines]


def blocks(path: LogPath, size: int = BLOCK, quoted: bool = False) -> Generator[bytes, None, None]:
    """Whole lines, about `size` bytes of them at a time; every line but the last ends in LF.

    A line that is longer than a block yields its first bytes only (`clean` cuts and counts it).
    Of a live log a block is what came within a pause; an empty one says that nothing more has.

    Args:
      quoted: a line break between double quotes ends no line (a table of quoted fields).
    """
    rest = b""
    for chunk in _text_chunks(path, size):
        if not chunk:
            yield chunk
            continue
        end = chunk.rfind(b"\n") + 1
        if quoted:
            rest, chunk = b"", rest + chunk
            outside = _end_outside_quotes(chunk, chunk.rfind(b"\n") + 1)
            # An unclosed quote must not hold back the whole file: then lines are taken as they are.
            end = chunk.rfind(b"\n") + 1 if len(chunk) > LONGEST and not outside else outside
        if end:
            yield b"".join((rest, memoryview(chunk)[:end]))
            rest = chunk[end : end + LONGEST + 1]
        else:
            rest = (rest + chunk)[: LONGEST + 1]
    if rest:
        yield rest


def clean(raw: bytes, counts: ReadCounts, quoted: bool = False) -> bytes:
    """A block without NUL, CR LF, invalid UTF-8 and overlong lines; `counts` is added to."""
    raw = _cut_overlong(raw, counts, b'"' if quoted else b"")
    if b"\r" in raw:
        counts.crlf += raw.count(b"\r\n")
        raw = raw.replace(b"\r\n", b"\n")
    if b"\0" in raw:
        counts.nul += sum(b"\0" in line for line in raw.split(b"\n"))
        raw = raw.replace(b"\0", b"")
    raw = without_lone_surrogates(raw)
    if not _is_utf8(raw):
        counts.invalid_utf8 += sum(not _is_utf8(line) for line in raw.split(b"\n"))
        raw = raw.decode("utf-8", "replace").encode()
    return raw


def without_lone_surrogates(raw: bytes) -> bytes:
    r"""The text, where an escape of JSON such as `\ud83d` that is half a character is `\ufffd`.

    Programs that cut texts to a length write such halves; Polars would make invalid UTF-8 of them.
    """
    # One byte is looked for ten times as fast as several.
    if b"\\" not in raw or (b"\\ud" not in raw and b"\\uD" not in raw):
        return raw
    return HALF.sub(lambda found: found[1] or rb"\ufffd", raw)


def line_count(raw: bytes) -> int:
    """The lines of a block, of which the last may lack its line break."""
    breaks = np.count_nonzero(np.frombuffer(raw, np.uint8) == ord("\n"))  # faster than `count`
    return int(breaks) + (not raw.endswith(b"\n") and raw != b"")


def _is_utf8(raw: bytes) -> bool:
    if raw.isascii():  # needs no memory, unlike decoding
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cut_overlong(raw: bytes, counts: ReadCounts, quote: bytes) -> bytes:
    """Lines cut to `LONGEST` bytes. Jumps from line end to line end, so that it is fast."""
    pieces, kept, at = [], 0, 0
    while at + LONGEST < len(raw):
        end = raw.rfind(b"\n", at, at + LONGEST + 1) + 1
        if not end:
            counts.overlong += 1
            cut = raw[at : at + LONGEST]
            pieces += [raw[kept:at], cut, quote * (cut.count(quote) % 2 if quote else 0)]
            kept = raw.find(b"\n", at + LONGEST)
            if kept < 0:
                kept = len(raw)
            end = kept + 1
        at = end
    return b"".join([*pieces, raw[kept:]]) if pieces else raw


def _end_outside_quotes(raw: bytes, end: int) -> int:
    """The end of the last line of `raw[:end]` that lies outside quotes, or 0."""
    open_ = raw.count(b'"', 0, end) % 2
    while open_ and end:
        before = raw.rfind(b"\n", 0, end - 1) + 1
        open_ ^= raw.count(b'"', before, end) % 2
        end = before
    return end


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, chunks: Generator[bytes, None, None]):
        self._chunks = chunks  # first, for `close`, which is called even where `next` raises
        self._rest = memoryview(next(chunks))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n

    def close(self) -> None:
        self._chunks.close()
        super().close()


def _text_chunks(path: LogPath, size: int) -> Generator[bytes, None, None]:
    """Unpacked bytes in pieces, checked to be text; of a live log some are empty."""
    name = _name(path)
    later = isinstance(path, Part) and not path.first  # the log is one; what comes now is taken
    with reading(path):
        chunks = _without_first_hole(pieces(path, size))
        first = b""
        for chunk in chunks:
            first += chunk
            if len(first) >= HEAD or (first and not chunk):
                break
            if not first:
                yield chunk
        problem = no_log(first, "FILE" if Path(path) == STDIN else str(path))
        if problem and not later:
            raise InputError(f"{name}: {problem}")
        raw = chain([first], [chunk] * (not chunk), chunks) if first else []
        texts = (HOLE.sub(b"\0", text) for text in as_utf8(raw, first))
        first = next(texts, b"")
        if not first and isinstance(path, Part):
            return  # another took its place before a line came
        if not first:
            raise InputError(f"{name}: the file is empty; give a file with at least one line")
        if not later and _not_text(first[:HEAD]):
            raise InputError(
                f"{name}: not a text file (over 30 % of its first bytes are no characters); "
                "give a log of text lines, plain or packed with gzip or zstd"
            )
        yield from chain([first], texts)


def _without_first_hole(found: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces with one or two of the NUL bytes before all others: a character stays whole in
    UTF-16, and the line counts as one with NUL. An empty piece stays one."""
    found, hole = iter(found), 0
    for piece in found:
        text = piece.lstrip(b"\0")
        hole += len(piece) - len(text)
        if text or not piece:
            yield b"\0" * (2 - hole % 2) * bool(hole and text) + text
        if text:
            yield from found
            return
    if hole:
        yield b"\0"


@contextmanager
def reading(path: LogPath) -> Iterator[None]:
    """Raise InputError, which names the file, where it cannot be read or unpacked."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as e:
        raise InputError(f"{_name(path)}: {_problem(e)}") from e


def _name(path: LogPath) -> str:
    return "standard input" if Path(path) == STDIN else str(path)


def _problem(error: Exception) -> str:
    """What is wrong with a file that could not be read, and what to do."""
    match error:
        case FileNotFoundError():
            return "no such file; check the path"
        case IsADirectoryError():
            return "a directory; give one file in it"
        case PermissionError():
            return "not readable for this user; check its permissions"
        case EOFError():
            return "the archive is cut short; get the whole file again"
        case OSError(strerror=str() as reason):
            return f"cannot be read ({reason}); check the path"
    return f"the archive is damaged ({error}); get the file again"


def _not_text(data: bytes) -> bool:
    """Whether over 30 % are NUL, control or undecodable bytes."""
    text = data.decode("utf-8", "surrogateescape")
    bad = sum((c < " " and c not in "\t\n\r\f\x1b") or "\udc80" <= c <= "\udcff" for c in text)
    return bad > 0.3 * len(data)
