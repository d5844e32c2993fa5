"""The service: verdicts on lines that are posted, and what was flagged by cause.

In: a `Judge`, bounds. Out: an ASGI application. One thread judges, one log after another; who waits
for it is counted, and who is too many is sent away.
"""

import asyncio
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from glx.errors import InputError, OutsideError
from glx.parse.read import ReadCounts
from glx.report import remarks
from glx.report.cause_texts import for_model, for_people, whole
from glx.report.causes_page import page
from glx.report.models import Causes
from glx.serve.answers import HEADERS, as_json, failed, refused, unread
from glx.serve.body import received, unpacked
from glx.serve.guard import Guard
from glx.serve.judge import Judge, Judged
from glx.serve.kept import Kept
from glx.terminal import tell, visible
from glx.watch.metrics import CONTENT_TYPE, Metrics

SWITCH = {"false": False, "true": True}
FORMATS = ("json", "text", "agent")
SHOWN = 20  # causes as text
TOKENS = 2000  # of a language model
AGAIN = 30  # seconds after which a client may ask again where a server is away


@dataclass(frozen=True)
class Bounds:
    """What the service takes at most.

    Attributes:
      body: bytes of a body, as it was sent and unpacked.
      queue: bodies that wait or are judged; those that still come are bounded by what all of them
        hold: as much as so many of the largest.
    """

    body: int = 16 << 20
    queue: int = 16


class Service:
    """The application, and its thread that judges.

    Args:
      judge: of each log.
      metrics: of all logs.
      said: the file of what people say of causes.
      title: what is judged, on the page.
      token: that a client must show; None: none, but it must be on this machine.
    """

    def __init__(
        self,
        judge: Judge,
        metrics: Metrics,
        said: Path,
        title: str,
        bounds: Bounds,
        token: str | None,
    ):
        self.judge, self.said, self.title, self.bounds = judge, said, title, bounds
        self.remarks, self.why = remarks.read(said), ""  # that could be read last; why not since
        self.kept, self.worker = Kept(), ThreadPoolExecutor(1, "judge")
        self.waiting, self.took = 0, 1.0  # bodies; seconds that the last one was judged for
        self.held = 0  # bytes of bodies, those that still come included
        self.metrics, self.counts, self.new_templates = metrics, ReadCounts(), 0
        about, mine = "Requests to judge lines, by the status of the answer.", metrics.registry
        self.requests = Counter("glx_requests", about, ["code"], registry=mine)
        about = "Bodies that wait or are judged."
        Gauge("glx_waiting", about, registry=mine).set_function(lambda: self.waiting)
        self.app = Starlette(
            routes=[
                Route("/", self.page),
                Route("/detect", self.detect, methods=["POST"]),
                Route("/causes", self.causes),
                Route("/causes/{id}", self.cause),
                Route("/metrics", self.measured),
                Route("/healthz", healthy),
            ],
            middleware=[Middleware(Guard, token=token)],
            exception_handlers={HTTPException: refused, Exception: failed},
        )

    async def detect(self, request: Request) -> Response:
        """The verdicts on the lines of the body, or why there are none; both are counted."""
        code = 500
        try:
            text = await self.verdicts(request)
            code = 200
        except HTTPException as e:
            code = e.status_code
            raise
        finally:
            self.requests.labels(code).inc()
        return Response(text, media_type="application/x-ndjson", headers=HEADERS)

    async def verdicts(self, request: Request) -> str:
        """The verdicts on the lines of the body, once it is its turn."""
        anomalous, file = _among(request, "anomalous", SWITCH), request.query_params.get("file")
        if self.waiting >= self.bounds.queue:
            await unread(request)
            raise self.too_many()
        own = 0

        def hold(size: int) -> bool:
            nonlocal own
            fits = self.held + size <= self.bounds.queue * self.bounds.body
            change = size if fits else -own  # else the others would find no room either
            own, self.held = own + change, self.held + change
            return fits

        try:
            raw = await received(request, self.bounds.body, hold)
            # A body that comes slowly takes nobody's turn.
            if raw is None or self.waiting >= self.bounds.queue:
                raise self.too_many()
            self.waiting += 1
            try:
                packed = "gzip" in request.headers.get("content-encoding", "").lower()
                given = raw, packed, file or None, anomalous
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self.worker, self.work, *given)
            finally:
                self.waiting -= 1
        except ClientDisconnect as e:
            raise HTTPException(400, "the body did not come whole") from e
        finally:
            self.held -= own

    def too_many(self) -> HTTPException:
        """What is said where others wait already."""
        wait = str(max(math.ceil(self.took * self.waiting), 1))
        return HTTPException(503, "too many requests wait; ask again", {"Retry-After": wait})

    def work(self, raw: bytes, packed: bool, file: str | None, anomalous: bool) -> str:
        """Judge one body, in the thread for that."""
        began = monotonic()
        try:
            judged = self.judge(unpacked(raw, self.bounds.body, packed), file, anomalous)
        except InputError as e:
            raise HTTPException(400, str(e)) from e
        except OutsideError as e:
            tell(f"error: {e}", sys.stderr)
            raise HTTPException(503, str(e), {"Retry-After": str(AGAIN)}) from e
        finally:
            self.took = monotonic() - began
        self.kept.add(judged)
        self.count(judged)
        return judged.text

    def count(self, judged: Judged) -> None:
        """Add a log to the metrics."""
        muted = {id_ for id_, remark in self.said_now().items() if remark.muted}
        for rows, costs in judged.found:
            self.metrics.judged(rows, costs, muted)
        self.counts.add(judged.counts)
        self.new_templates += judged.new_templates
        self.metrics.read(self.counts, self.new_templates)

    def measured(self, request: Request) -> Response:
        """The metrics as Prometheus reads them."""
        headers = HEADERS | {"Content-Type": CONTENT_TYPE}
        return Response(self.metrics.text(), headers=headers)

    def causes(self, request: Request) -> Response:
        """All causes; what was not asked for in another form is JSON."""
        form = _among(request, "format", {name: name for name in FORMATS})
        found = self.remarked()
        if form == "text":
            return text(for_people(found, _number(request, "limit", SHOWN), "&limit=N"))
        if form == "agent":
            tokens = max(_number(request, "tokens", TOKENS), 200)
            return text(for_model(found, tokens, "GET /causes/ID?format=text"))
        return as_json(msgspec.json.encode(found))

    def cause(self, request: Request) -> Response:
        """One cause."""
        form = _among(request, "format", {name: name for name in FORMATS})
        id_ = request.path_params["id"]
        for cause in self.remarked().causes:
            if cause.id == id_:
                encoded = msgspec.json.encode(cause)
                return as_json(encoded) if form == "json" else text(whole(cause))
        raise HTTPException(404, f"{id_}: no such cause; GET /causes shows the ids")

    def page(self, request: Request) -> Response:
        """The causes as a page."""
        lead = (
            "Causes of the newest of what was posted to this service; load the page again for more."
        )
        return HTMLResponse(page(self.remarked(), self.title, lead), headers=HEADERS)

    def remarked(self) -> Causes:
        """The causes with what people said of them until now."""
        return remarks.remarked(self.kept.causes(), self.said_now())

    def said_now(self) -> remarks.Remarks:
        """What people said of causes; while the file cannot be read, what it held before."""
        try:
            self.remarks, self.why = remarks.read(self.said), ""
        except (InputError, OSError) as e:
            if str(e) != self.why:
                self.why = str(e)
                tell(f"{e}; until then the remarks hold that were there before", sys.stderr)
        return self.remarks


def healthy(request: Request) -> Response:
    """That the service answers; open to all."""
    return as_json(b'{"status":"ok"}')


def text(said: str) -> Response:
    """A text that is safe to look at on a terminal."""
    return PlainTextResponse(visible(said) + "\n", headers=HEADERS)


def _among(request: Request, name: str, known: dict[str, Any]) -> Any:
    """A query parameter; the first that is known where it is not given."""
    given = request.query_params.get(name)
    if given is not None and given not in known:
        raise HTTPException(400, f"{name}={given}: must be one of {', '.join(known)}")
    return next(iter(known.values())) if given is None else known[given]


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdigit() and int(given[:9]) > 0):
        raise HTTPException(400, f"{name}={given}: must be a whole number from 1 up")
    return int(given[:9])
