"""The process that serves: its address, and its end.

In: host, port, an application. Out: answers, until the process is asked to end; what waits then is
still answered.
"""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from glx.errors import InputError, OutsideError
from glx.interrupts import ENDS
from glx.serve.guard import is_loopback

LONGEST = 600  # seconds that answers are waited for at the end


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; who calls before the service is ready waits.

    Raises:
      InputError: there is no such host here.
      OutsideError: another process has the port.
    """
    where = f"--host={host} --port={port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Without its protocol asyncio would leave Nagle's algorithm on: 40 ms for each answer.
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as e:
        raise InputError(f"--host={host}: no such host; name an address of this machine") from e
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(128)
    except OSError as e:
        opened.close()
        if e.errno == errno.EADDRINUSE:
            raise OutsideError(
                f"--port={port}: another process has it; end that, or name another port"
            ) from e
        why = os.strerror(e.errno or 0)
        raise InputError(f"{where}: cannot be used ({why}); name another one") from e
    return opened


def is_local(opened: socket.socket) -> bool:
    """Whether only this machine reaches a socket."""
    return is_loopback(opened.getsockname()[0])


def url_of(opened: socket.socket) -> str:
    """Where a socket is reached."""
    host, port = opened.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Server(uvicorn.Server):
    """Serves until the first request to end, then answers what waits; a second one interrupts."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take requests to end, but for those that the starter of the process has ignored."""
        before = {one: signal.getsignal(one) for one in ENDS}

        def restore() -> None:
            for one, handler in before.items():
                signal.signal(one, handler)

        def asked(number: int, frame: FrameType | None) -> None:
            self.should_exit = True
            restore()

        for one, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(one, asked)
        try:
            yield
        finally:
            restore()


def serve(app: ASGIApp, opened: socket.socket) -> None:
    """Answer until asked to end.

    Raises:
      KeyboardInterrupt: asked twice.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,  # faults are told once, by the application
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=LONGEST,
    )
    asyncio.run(Server(config).serve([opened]))
