"""Who may ask: by a token, or from this machine.

In: requests. Out: the application's answer, or 401 or 403.
"""

import hmac
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from glx.errors import InputError
from glx.serve.answers import refusal, unread

OPEN = "/healthz"
VARIABLE = "GLX_TOKEN"
SHORTEST = 16  # characters of a token


class Guard:
    """An application that only those reach who may.

    Args:
      token: that a client must show; None: whoever calls this machine by a name of its own. (A page
        of the web could have a name of its author's lead here, in the browser of somebody.)
    """

    def __init__(self, app: ASGIApp, token: str | None):
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if scope["path"] == OPEN or (
            self.local(request) if self.token is None else self.shown(request)
        ):
            await self.app(scope, receive, send)
            return
        await unread(request)
        if self.token is None:
            name = request.url.hostname
            answer = refusal(403, f"Host: {name}: no name of this machine; call it localhost")
            if is_own(name or ""):
                answer = refusal(403, "Origin: a page of another site; call from this machine")
        else:
            said = {"WWW-Authenticate": "Bearer"}
            answer = refusal(401, "Authorization: must be `Bearer` and the token", said)
        await answer(scope, receive, send)

    def shown(self, request: Request) -> bool:
        """Whether the token is the right one; takes as long for any other of its length."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), (self.token or "").encode())
        return scheme.lower() == "bearer" and same

    def local(self, request: Request) -> bool:
        """Whether this machine is called by a name of its own, and by no page of another one."""
        origin = request.headers.get("origin")
        try:
            own = origin is None or is_own(urlsplit(origin).hostname or "")
        except ValueError:  # no address
            own = False
        return own and is_own(request.url.hostname or "")


def is_own(name: str) -> bool:
    """Whether a name or an IP address is of this machine alone."""
    return name == "localhost" or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Whether an IP address is of this machine alone; other texts are none."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def token_of(file: Path | None, variable: str | None) -> str | None:
    """The token of a file, else of the environment; None without either.

    Raises:
      InputError: it cannot be read, or is none that a header can hold.
    """
    if file is None and variable is None:
        return None
    where = VARIABLE if file is None else f"--token_file={file}"
    try:
        text = (variable or "") if file is None else file.read_text().strip()
    except (OSError, UnicodeError) as e:
        why = getattr(e, "strerror", None) or "not UTF-8"
        raise InputError(f"{where}: cannot be read ({why}); name a file that holds a token") from e
    if len(text) < SHORTEST or not all("!" <= c <= "~" for c in text):
        raise InputError(
            f"{where}: must hold one line of at least {SHORTEST} letters, digits or signs, such as "
            "`openssl rand -hex 32` prints"
        )
    return text
