"""A small fitted detector of the shop; a web server."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    import fitted_shop

    return fitted_shop.save(tmp_path_factory.mktemp("made"))


@dataclass
class Server:
    """A web server on loopback that keeps what it is sent.

    Attributes:
      codes: its answers in turn, the last one for ever; 0 answers nothing.
    """

    url: str = ""
    codes: list[int] = field(default_factory=lambda: [200])
    bodies: list = field(default_factory=list)
    released: Event = field(default_factory=Event)

    @property
    def causes(self) -> list[str]:
        """Of the alerts that were taken."""
        return [alert["labels"]["cause"] for _, body in self.taken for alert in body["alerts"]]

    @property
    def taken(self) -> list:
        return [(code, body) for code, body in self.bodies if 200 <= code < 300]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code = made.codes.pop(0) if len(made.codes) > 1 else made.codes[0]
            made.bodies.append((code, body))
            if not code:
                made.released.wait(60)
                return
            self.send_response(code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            """Silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    made.url = f"http://127.0.0.1:{http.server_port}/hook"
    thread = Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.released.set()
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def waited() -> Callable[[Callable[[], object]], None]:
    """`waited(when)` returns as soon as `when` is true."""
    from time import monotonic, sleep

    def wait(when: Callable[[], object]) -> None:
        ends = monotonic() + 60
        while not when():
            assert monotonic() < ends
            sleep(0.01)

    return wait
