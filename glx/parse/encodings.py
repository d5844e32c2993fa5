"""Other encodings to UTF-8 with LF: UTF-16 with or without a mark, line ends of CR alone.

In: the first bytes of a text file, and all of them in pieces. Out: the pieces as UTF-8.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

BOM = codecs.BOM_UTF8  # some editors put it before UTF-8
MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
HOLE = re.compile(rb"(?:\0\0){2,}")  # see `glx.parse.read`
PEEKED = 4096  # bytes by which an encoding is recognised


def encoding_of(first: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be`, or None for what is read as UTF-8.

    Without a mark it is UTF-16 where four in ten characters are ASCII: one of their bytes is NUL.
    """
    if first[:2] in MARKS:
        return MARKS[first[:2]]
    first = HOLE.sub(b"", first)
    units = min(len(first), PEEKED) // 2
    high, low = (first[side : 2 * units : 2].count(0) for side in (0, 1))
    if max(high, low) < 0.4 * units or min(high, low) > 0.05 * units or not units:
        return None
    return "utf-16-le" if low > high else "utf-16-be"


def as_utf8(pieces: Iterable[bytes], first: bytes) -> Iterator[bytes]:
    """The pieces in UTF-8 without a mark, line breaks as LF where they are CR alone.

    An empty piece, by which a live log says that nothing more has come, stays one.

    Args:
      first: the first bytes.
    """
    if encoding := encoding_of(first):
        pieces = _decoded(pieces, encoding)
        first = first.decode(encoding, "replace").encode()
    elif first.startswith(BOM):
        pieces = _without_mark(pieces)
    if b"\n" not in first and re.search(rb"\r.", first):
        pieces = (piece.replace(b"\r", b"\n") for piece in pieces)
    return iter(pieces)


def _decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder, begun = codecs.getincrementaldecoder(encoding)("replace"), False
    for piece in pieces:
        text = decoder.decode(piece)
        if not begun and text:
            text, begun = text.removeprefix("\ufeff"), True
        if text or not piece:
            yield text.encode("utf-8", "replace")
    if rest := decoder.decode(b"", final=True):
        yield rest.encode()


def _without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    pieces = iter(pieces)
    yield next(pieces).removeprefix(BOM)
    yield from pieces
