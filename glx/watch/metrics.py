"""What a detector does on a log, as metrics that Prometheus reads.

In: verdicts as they are given. Out: text for HTTP, or a file as the textfile collector of
node_exporter reads it. Nothing here stands in the global registry of `prometheus_client`.
"""

import errno
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import polars as pl
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

import glx
from glx.errors import InputError, OutsideError
from glx.files import whole
from glx.parse.read import ReadCounts
from glx.report.causes import NO_EVENT

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4  # of `Metrics.text`
MOST_CAUSES = 1_000  # that are counted by themselves: each is a time series that somebody stores
EVERY = 5.0  # seconds between two writes of a file
OTHER = "other"  # the cause that all further ones are counted under
COUNTED = {
    "lines": "Lines read, the empty ones included.",
    "sequences": "Sequences judged.",
    "new_templates": "Templates that the detector had not seen when it was fitted.",
    "abstentions": "Sequences without a verdict, as the expert had no answer.",
    "expert_calls": "Requests that reached the model of the expert.",
}


class Metrics(Collector):
    """Counters of one process; like all of Prometheus they begin at 0 with each start.

    All methods may be called from any thread.

    Args:
      detector: what tells the detector from others.
      clock: seconds since 1970.
    """

    def __init__(self, detector: str, clock: Callable[[], float] = time.time):
        self.detector, self.clock = detector, clock
        self.started = self.newest = clock()
        self.counts: Counter[str] = Counter()
        self.flagged: Counter[tuple[str, bool]] = Counter()
        self.causes: set[str] = set()
        self.reading = ReadCounts()
        self.lock = Lock()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def judged(
        self, found: pl.DataFrame, costs: Mapping[str, Any], muted: Collection[str] = ()
    ) -> None:
        """Count verdicts.

        Args:
          found: rows of `glx.verdicts.rows`.
          costs: the metrics of the expert, for these alone.
          muted: ids of causes that people muted.
        """
        flagged = found.filter("anomalous")
        ids = flagged["cause"].struct.field("id").fill_null(NO_EVENT["id"])
        abstained = found["score"].is_null() | found["score"].is_nan()
        with self.lock:
            for id_, n in ids.value_counts(sort=True).iter_rows():
                if len(self.causes) < MOST_CAUSES:
                    self.causes.add(id_)
                self.flagged[id_ if id_ in self.causes else OTHER, id_ in muted] += n
            self.counts["sequences"] += len(found)
            self.counts["abstentions"] += int(abstained.sum())
            self.counts["expert_calls"] += int(costs.get("llm_calls", 0))
            self.newest = self.clock()

    def read(self, counts: ReadCounts, new_templates: int) -> None:
        """Tell how much has been read since the start.

        Args:
          counts: of one log; of several they are added up before. They may go on counting.
          new_templates: that are in no log the detector was fitted on.
        """
        with self.lock:
            self.reading = counts
            self.counts["new_templates"] = max(new_templates, self.counts["new_templates"])
            self._count_lines()

    def _count_lines(self) -> None:
        self.counts["lines"] = max(self.reading.lines, self.counts["lines"])

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now, for the registry."""
        with self.lock:
            self._count_lines()
            counts, flagged = self.counts.copy(), sorted(self.flagged.items())
            newest = self.newest
        for name, about in COUNTED.items():
            yield CounterMetricFamily(f"glx_{name}", about, value=counts[name])
        about = f"Sequences flagged, by cause; causes after the first {MOST_CAUSES:,}: {OTHER}."
        by_cause = CounterMetricFamily("glx_flagged", about, labels=["cause", "muted"])
        for (id_, muted), n in flagged:
            by_cause.add_metric([id_, str(muted).lower()], n)
        yield by_cause
        about = (
            "Seconds since the newest verdict, or since the start; they grow while the log is "
            "silent, too."
        )
        yield GaugeMetricFamily("glx_lag_seconds", about, max(self.clock() - newest, 0.0))
        about = "When this process began, in seconds since 1970."
        yield GaugeMetricFamily("glx_started_seconds", about, self.started)
        info = GaugeMetricFamily("glx_info", "1, with what judges.", labels=["version", "detector"])
        info.add_metric([glx.__version__, self.detector], 1)
        yield info

    def text(self) -> bytes:
        """Prometheus' text format, of the type `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def write(self, path: Path) -> None:
        """Write the text to a file, whole or not at all.

        Raises:
          OSError: it cannot be written.
        """
        with whole(path, "wb") as file:
            file.write(self.text())

    @contextmanager
    def kept(self, path: Path, say: Callable[[str], None]) -> Iterator[None]:
        """Write the file every few seconds until the block ends, and then.

        Args:
          say: is told once where it cannot be written any more.
        """
        ended, failed, wrong, there = Event(), False, False, path.exists()

        def write() -> None:
            nonlocal failed
            try:
                self.write(path)
            except OSError as e:
                if not failed:
                    say(f"--metrics_file={path}: cannot be written ({e.strerror})")
                failed = True

        def work() -> None:
            while not ended.wait(EVERY):
                write()

        thread = Thread(target=work, name="metrics", daemon=True)
        thread.start()
        try:
            yield
        except InputError:  # which leaves nothing behind
            wrong = True
            raise
        finally:
            ended.set()
            thread.join()
            if not wrong:
                write()
            elif not there:
                path.unlink(missing_ok=True)

    @contextmanager
    def serve(self, port: int, host: str = "127.0.0.1") -> Iterator[int]:
        """Answer HTTP from threads of its own until the block ends; gives the port.

        Args:
          port: 0 for any that is free.

        Raises:
          InputError: nothing can listen there.
          OutsideError: another process does.
        """
        try:
            server, thread = start_http_server(port, host, self.registry)
        except (OSError, ValueError) as e:  # a name that is no host
            if getattr(e, "errno", None) == errno.EADDRINUSE:
                raise OutsideError(
                    f"--metrics_port={port}: another process has it; end that, give another port, "
                    "or 0 for any that is free"
                ) from e
            why = getattr(e, "strerror", None) or e
            raise InputError(
                f"--metrics_port={port}: nothing can listen there on {host} ({why}); give another "
                "port, or 0 for any that is free"
            ) from e
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
