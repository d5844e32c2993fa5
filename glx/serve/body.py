"""The body of a request as the bytes of a log, within bounds.

In: a request, or bytes that may be packed. Out: bytes. What is refused raises `HTTPException`.
"""

import asyncio
import io
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request

from glx.errors import InputError
from glx.parse.packed import GZIP, ZSTD
from glx.parse.read import reading
from glx.parse.sources import Remote, pieces

ARRIVAL = 60.0  # seconds in which a body is to come
TIMES = 4  # the bound, of a body that is too large, are still taken: else the answer may be lost
PIECE = 1 << 20  # bytes unpacked at a time
NAME = "body"  # in messages


async def received(request: Request, most: int, hold: Callable[[int], bool]) -> bytes | None:
    """The body as it was sent; None where it could not be held.

    Args:
      hold: whether so many bytes more may be kept; if not, none of those before are.

    Raises:
      HTTPException: 408, 413 or 415.
      ClientDisconnect: the client went away.
    """
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise HTTPException(415, f"Content-Encoding: {packing}: send the lines plain or as gzip")
    held, size, room = bytearray(), 0, True
    try:
        async with asyncio.timeout(ARRIVAL):
            async for piece in request.stream():
                size += len(piece)
                room = room and (size > most or hold(len(piece)))
                if not room:
                    held.clear()
                elif size <= most:
                    held += piece
                elif size > TIMES * most:
                    break
    except TimeoutError as e:
        if size <= most:
            raise HTTPException(408, f"the body did not come within {ARRIVAL:g} seconds") from e
    if size > most:
        raise too_large(most)
    return bytes(held) if room else None


def unpacked(raw: bytes, most: int, packed: bool) -> bytes:
    """The lines of a body, unpacked where it is gzip.

    Args:
      packed: the sender says that it is.

    Raises:
      HTTPException: 400 or 413.
    """
    if packed and raw and not raw.startswith(GZIP):
        raise HTTPException(400, "Content-Encoding: gzip: the body is not gzip")
    if not raw.startswith(GZIP):
        return _once(raw)
    out = bytearray()
    try:
        with reading(NAME):
            for piece in pieces(remote(raw), PIECE):
                out += piece
                if len(out) > most:
                    raise too_large(most)
    except InputError as e:
        raise HTTPException(400, str(e)) from e
    return _once(bytes(out))


def _once(text: bytes) -> bytes:
    """The same, of which nothing is packed still: the reader of logs would unpack without bound."""
    if text.startswith(GZIP) or ZSTD.match(text):
        raise HTTPException(
            400, f"{NAME}: packed with Zstandard, or more than once; send it plain or as gzip"
        )
    return text


def remote(raw: bytes) -> Remote:
    """Bytes as the file of a log."""
    return Remote(NAME, lambda: io.BytesIO(raw))


def too_large(most: int) -> HTTPException:
    """What is said of a body over the bound."""
    return HTTPException(
        413, f"the body is larger than {most:,} bytes, unpacked; send fewer lines at a time"
    )
