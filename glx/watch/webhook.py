"""Alerts on their way to a webhook: sent from a thread, kept in a file until they are taken.

In: `Alert`. Out: requests of HTTP, and `OUT.alerts` beside the verdicts: what was told already and
what waits, so that a restart tells nothing twice and forgets nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition, Event, Thread

import httpx
import msgspec
import tenacity
from msgspec import Struct

from glx.errors import InputError, forbidden
from glx.files import writable, write_whole
from glx.llm.server import LOOPBACK, server_url, tls
from glx.watch.alerts import Alert, body

FLAG = "alert_url"
MOST_TOLD = 10_000  # causes that are known to have been told; the oldest are forgotten
MOST_WAITING = 1_000  # alerts; the oldest are given up
AT_ONCE = 100  # alerts in a request
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds until a request is repeated, up to
TIMEOUT = httpx.Timeout(10.0, connect=5.0)  # seconds
LAST = 5.0  # seconds at the end for what waits still
LATER = (408, 429)  # codes below 500 that ask for the same request again


class Kept(Struct, forbid_unknown_fields=True):
    """What `OUT.alerts` holds.

    Attributes:
      detector: that found the causes; another one tells them anew.
      told: ids of causes, the oldest first, those that wait included.
      waiting: alerts that no server has taken yet.
    """

    detector: str | None = None
    told: list[str] = []
    waiting: list[Alert] = []


class NotTaken(Exception):
    """The server did not answer, or asks for the request again."""


class Webhook:
    """Sends alerts one after another without keeping anybody waiting.

    Args:
      url: of the server, checked.
      kept: of an earlier process.
      path: of the file; None where what waits is lost with the process.
      say: tells what a person should know, from any thread.
    """

    def __init__(self, url: httpx.URL, kept: Kept, path: Path | None, say: Callable[[str], None]):
        self.url, self.kept, self.path, self.say = url, kept, path, say
        self.changed, self.ending, self.closed = Condition(), Event(), False
        self.once: set[str] = set()  # what was said
        self.why = "there was no time left"  # that the last request was not taken

    @property
    def told(self) -> list[str]:
        """The causes that need no alert."""
        return self.kept.told

    def add(self, alerts: list[Alert]) -> None:
        """Have alerts sent; they are on the disk when this returns."""
        if not alerts:
            return
        with self.changed:
            new = {alert.cause for alert in alerts}
            waiting = [one for one in self.kept.waiting if one.cause not in new] + alerts
            if len(waiting) > MOST_WAITING:
                self._say_once(
                    f"--{FLAG}: more than {MOST_WAITING:,} alerts wait; the oldest are given up"
                )
            self.kept.waiting = waiting[-MOST_WAITING:]
            self.kept.told = (self.kept.told + [one.cause for one in alerts])[-MOST_TOLD:]
            self._save()
            self.changed.notify()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send until the block ends, then for some seconds more what waits; say what is left."""
        thread = Thread(target=self._send, name="alerts", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self.changed:
                self.ending.set()
                self.changed.notify()
            thread.join(LAST)
            with self.changed:
                self.closed = True  # what is still on its way changes nothing any more
                left = len(self.kept.waiting)
            if left:
                where = "they are lost, as --out is no file"
                if self.path:
                    where = f"{self.path} keeps them, and the same command sends them"
                self.say(f"alerts that wait for {self.url.host}: {left:,} ({self.why}); {where}")

    def _send(self) -> None:
        """Send what waits, until the end."""
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotTaken),
            wait=tenacity.wait_random_exponential(FIRST_WAIT, LONGEST_WAIT),
            sleep=tenacity.sleep_using_event(self.ending),
            stop=lambda state: self.ending.is_set(),  # after one more request
            reraise=True,
        )
        local = self.url.host in LOOPBACK  # no proxy leads to this machine
        with (
            suppress(NotTaken),
            httpx.Client(timeout=TIMEOUT, verify=tls(), trust_env=not local) as client,
        ):
            while batch := self._next():
                again(self._post, client, batch)
                sent = {alert.cause for alert in batch}
                with self.changed:
                    if not self.closed:
                        still = [one for one in self.kept.waiting if one.cause not in sent]
                        self.kept.waiting = still
                        self._save()

    def _next(self) -> list[Alert]:
        """The alerts to send now, as soon as there are any; none at the end."""
        with self.changed:
            self.changed.wait_for(lambda: self.kept.waiting or self.ending.is_set())
            return self.kept.waiting[:AT_ONCE]

    def _post(self, client: httpx.Client, alerts: list[Alert]) -> None:
        """Send alerts once; what the server refuses for good counts as sent, and is told.

        Raises:
          NotTaken: it may take them later.
        """
        content, headers = body(self.url.path, alerts), {"Content-Type": "application/json"}
        try:
            # What the server says is not read: it may be without end.
            with client.stream("POST", self.url, content=content, headers=headers) as answer:
                code = answer.status_code
        except httpx.HTTPError as e:
            self.why = str(e) or type(e).__name__
            raise NotTaken from e
        if code >= 500 or code in LATER:
            self.why = f"HTTP {code}"
            raise NotTaken
        if code >= 300:
            self._say_once(
                f"--{FLAG}: {self.url.host} refuses alerts with HTTP {code}; they are given up, "
                "check the URL"
            )

    def _save(self) -> None:
        """Write the file. Judging goes on where that fails: the alerts may be sent all the same."""
        if self.path is None:
            return
        try:
            write_whole(self.path, msgspec.json.encode(self.kept).decode())
        except OSError as e:
            self._say_once(f"{self.path}: cannot be written ({e.strerror}); alerts may be lost")

    def _say_once(self, text: str) -> None:
        if text not in self.once and not self.closed:
            self.once.add(text)
            self.say(text)


def webhook_of(
    url: str, out: Path | None, detector: str | None, anew: bool, say: Callable[[str], None]
) -> Webhook:
    """A webhook that goes on where an earlier process stopped.

    Args:
      url: as the user gave it.
      out: the verdicts; None where they are no plain file.
      detector: what tells it from others.
      anew: forget what was told and what waits.

    Raises:
      InputError: the URL can be none, or the file beside the verdicts cannot be used.
    """
    checked = server_url(FLAG, url)
    if out is None:
        return Webhook(checked, Kept(detector), None, say)
    path = beside(out)
    try:
        writable(str(path))
    except ValueError as e:
        raise InputError(f"{path}: {e}") from e
    kept = Kept(detector) if anew else _read(path)
    if kept.detector != detector:
        kept = Kept(detector, waiting=kept.waiting)
    return Webhook(checked, kept, path, say)


def _read(path: Path) -> Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept()
    except PermissionError as e:
        raise InputError(forbidden(e)) from e
    except (OSError, msgspec.MsgspecError) as e:
        raise InputError(
            f"{path}: is no list of alerts ({e}); remove it, and causes are told anew"
        ) from e


def beside(out: Path) -> Path:
    """The file of alerts beside a file of verdicts."""
    return Path(os.fspath(out) + ".alerts")
