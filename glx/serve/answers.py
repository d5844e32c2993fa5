"""Answers that refuse, one sentence each, in JSON."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from glx.terminal import escaped, trace

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
UNREAD = 5.0  # seconds


def as_json(encoded: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that is safe to look at."""
    safe = escaped(encoded.decode()) + "\n"
    more = HEADERS | dict(headers or {})
    return Response(safe, status, media_type="application/json", headers=more)


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """`{"error": sentence}`; the sentence may quote what a client sent."""
    said = sentence.encode("utf-8", "backslashreplace").decode()
    return as_json(msgspec.json.encode({"error": said}), status, headers)


def refused(request: Request, error: Exception) -> Response:
    """The answer to what was raised."""
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:  # Starlette's own
        sentence = f"{request.method} {request.url.path}: {sentence.lower()}"
    return refusal(error.status_code, sentence, dict(error.headers or {}))


def failed(request: Request, error: Exception) -> Response:
    """The answer where glx has a bug, which is told on standard error; the service goes on."""
    trace(type(error), error, error.__traceback__)
    return refusal(500, f"{type(error).__name__}: a bug of glx, see its log; the service goes on")


async def unread(request: Request) -> None:
    """Take what is still sent of a body that nobody wants: else a client that sends may never see
    the answer. Who asked before sending (`Expect`) has sent nothing."""
    if "expect" in request.headers:
        return
    with suppress(ClientDisconnect, TimeoutError):
        async with asyncio.timeout(UNREAD):
            async for _ in request.stream():
                pass
