"""One call to a server over HTTP, whatever it answers.

In: a session, a path, a body. Out: the JSON of the answer, or an exception: `Trouble` for what may
pass (no server, or one that is loading, time-outs, closed connections, 408, 425, 429, 5xx, no
JSON), `Refused` for a request that the server will never take, `Wrong` for a key, model or path
that it does not.
"""

import json
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx

from glx.llm import wire

KEY_VARIABLE = "GLX_LLM_API_KEY"
LARGEST = 1 << 26  # bytes of an answer; the longest list has some 40 MB
PROMPT_REFUSED = (400, 413, 414, 422, 431)  # statuses that a single prompt may be to blame for
NO_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
MEND = {  # of other statuses below 500
    401: f"set {KEY_VARIABLE} to a key it takes",
    403: f"set {KEY_VARIABLE} to a key it takes",
    404: "mend --llm_url or --llm_model",
}


class Trouble(Exception):
    """An exchange to try again.

    Attributes:
      wait: seconds that the server asks to wait.
      heavy: it may have been too much at once.
      slow: it was not done in time, or had no end.
      mixed: its answers cannot be told apart.
      mend: of a first exchange, what the user must see to; empty where it may pass.
    """

    def __init__(
        self,
        what: str,
        *,
        wait: float = 0.0,
        heavy: bool = False,
        slow: bool = False,
        mixed: bool = False,
        mend: str = "",
    ):
        super().__init__(what)
        self.wait, self.heavy, self.slow, self.mixed, self.mend = wait, heavy, slow, mixed, mend


class Refused(Exception):
    """The server understood, and will not answer this."""


class Wrong(Exception):
    """No server that answers, or not with this key, model or path: what is wrong, what to do."""


class Server(httpx.Client):
    """A session with a server, one call at a time, each of at most `seconds` to its last byte.

    Time-outs of httpx bound each read alone: a server that sends a byte a second would never end.
    """

    def __init__(self, seconds: float, **settings: Any):
        super().__init__(**settings)
        self.seconds = seconds
        self.connection: Any = None  # httpcore's, of the call under way
        self.late = self.ended = False

    def call(self, method: str, path: str, content: str | None) -> tuple[httpx.Response, bytes]:
        """The answer and its body; raises `httpx.RequestError`, and Trouble for one without end."""
        self.late, body = self.ended, bytearray()
        watch = threading.Timer(self.seconds, self.cut)
        watch.daemon = True
        watch.start()
        try:
            more = {"trace": self._trace}
            with self.stream(method, path, content=content, extensions=more) as response:
                for part in response.iter_raw():
                    body += part
                    if len(body) > LARGEST:
                        raise Trouble(f"its answer has more than {LARGEST:,} bytes", slow=True)
            if self.late:  # the end of a body of unknown length looks the same
                raise httpx.ReadTimeout("")
            return response, bytes(body)
        finally:
            watch.cancel()

    def end(self) -> None:
        """End the call that is under way, and let no other begin."""
        self.ended = True
        self.cut()

    def cut(self) -> None:
        """End the call that is under way, in whatever thread."""
        self.late = True
        if self.connection is not None:
            with suppress(OSError, AttributeError):  # closed already
                # The plain one: that of a TLS socket takes from it what its reader needs.
                socket.socket.shutdown(self.connection.get_extra_info("socket"), socket.SHUT_RDWR)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Learn of a new connection (httpx calls it at each step)."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self.connection = info["return_value"]
            if self.late or self.ended:
                self.connection.close()
                raise httpx.ConnectTimeout("")


@cache
def tls() -> ssl.SSLContext:
    """Whom sessions trust; it takes long to make."""
    return httpx.create_ssl_context()


def exchange(server: Server, path: str, body: Any = None) -> Any:
    """The JSON of one call, GET without a body and POST with one.

    Raises:
      Trouble: it may succeed another time.
      Refused: not this request.
      Wrong: not with this key, URL or model.
    """
    try:
        content = None if body is None else json.dumps(body)
        response, answer = server.call("GET" if body is None else "POST", path, content)
    except httpx.RequestError as error:
        raise trouble_of(error, server) from error
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        raise Trouble(f"it answered {status}", wait=retry_after(response), heavy=status == 500)
    if status in PROMPT_REFUSED:
        raise Refused(f"{status} {complaint(answer)}".strip())
    if status >= 300:
        said = complaint(answer) if status >= 400 else response.headers.get("Location", "")
        message = f"{status} {wire.one_line(said)}".strip()
        raise Wrong(f"{response.url} answered {message}: {MEND.get(status, MEND[404])}")
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as error:
        page = answer.lstrip()[:1] == b"<"
        what = "it answers with a web page" if page else "its answer is not JSON"
        mend = "give the URL of an OpenAI-compatible server, up to /v1" if page else ""
        raise Trouble(what, mend=mend) from error


def trouble_of(error: httpx.RequestError, server: Server) -> Trouble:
    """What a failed call means: some failures do not pass by themselves."""
    if server.late or isinstance(error, httpx.ReadTimeout):
        return Trouble(f"it took more than {server.seconds:g} s", slow=True)
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    unknown = any(isinstance(c, socket.gaierror) and c.errno in NO_NAME for c in causes)
    no_tls = any(isinstance(c, ssl.SSLError) for c in causes)
    mend = "mend the host's name" if unknown else "mend its http:// or https://, host or port"
    what = f"{type(error).__name__}: {wire.one_line(str(error))}".rstrip(": ")
    return Trouble(what, mend=mend if unknown or no_tls else "")


def complaint(answer: bytes) -> str:
    """What the server says is wrong, on one short line."""
    try:
        text = json.loads(answer)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = answer[:1000].decode(errors="replace")
    return wire.one_line(str(text))[:200]


def retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait: `Retry-After`, a number or a date; 0 without one."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
