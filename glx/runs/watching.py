"""What `glx detect` tells other programs while it judges: metrics and alerts.

In: whom to tell, then verdicts as they come. Out: answers to Prometheus, a file, requests.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from glx.errors import InputError
from glx.files import identity, inside, is_stream, output
from glx.parse.log import Log
from glx.parse.read import ReadCounts
from glx.parse.sources import STDIN
from glx.redact import Mask
from glx.report import models, remarks
from glx.runs.json_lines import with_detail
from glx.runs.judged_lines import lines_of
from glx.watch.alerts import new_alerts
from glx.watch.metrics import Metrics
from glx.watch.webhook import webhook_of

HERE = "127.0.0.1"
# Verdicts, what the expert spent on them, their log, new templates so far.
Tell = Callable[[pl.DataFrame, Mapping[str, Any], Log, int], None]


@dataclass(frozen=True)
class Watch:
    """Whom to tell; nobody unless it is said.

    Attributes:
      metrics_port, metrics_host: where Prometheus asks; port 0 is any that is free.
      metrics_file: for the textfile collector of node_exporter.
      alert_url: a webhook, or Alertmanager itself.
    """

    metrics_port: int | None = None
    metrics_host: str = HERE
    metrics_file: str | None = None
    alert_url: str | None = None


NOBODY = Watch()


@contextmanager
def watching(
    watch: Watch,
    folder: Path,
    detector: str | None,
    log: Log,
    out: Path,
    counts: ReadCounts,
    mask: Mask,
    say: Callable[[str], None],
    *,
    overwrite: bool = False,
) -> Iterator[Tell]:
    """What tells of verdicts until the block ends.

    Args:
      folder: of the detector.
      detector: what tells it from others.
      out: the verdicts, `-` for standard output.
      counts: of what is read.
      mask: as in `glx.runs.detect.detect`.
      overwrite: tell again what was told.

    Raises:
      InputError: one of them cannot be told, or the remarks cannot be read.
    """
    if watch == NOBODY:
        yield lambda *_: None
        return
    path = None
    if watch.metrics_file is not None:
        path = _metrics_file(watch.metrics_file, folder, log, out)
    said = remarks.Followed(remarks.path_of(folder), say)
    metrics = Metrics((detector or "")[:12])
    metrics.read(counts, 0)
    with ExitStack() as opened:
        if watch.metrics_port is not None:
            host = watch.metrics_host
            port = opened.enter_context(metrics.serve(watch.metrics_port, host))
            say(f"metrics: http://{f'[{host}]' if ':' in host else host}:{port}/metrics")
        if path is not None:
            opened.enter_context(metrics.kept(path, say))
        webhook = None
        if watch.alert_url is not None:
            place = None if out == STDIN or is_stream(out) else out
            webhook = webhook_of(watch.alert_url, place, detector, overwrite, say)
            opened.enter_context(webhook.sending())
        system = system_of(folder) or _name(folder)

        def tell(
            found: pl.DataFrame, costs: Mapping[str, Any], log: Log, new_templates: int
        ) -> None:
            muted = said.muted()
            metrics.judged(found, costs, muted)
            metrics.read(counts, new_templates)
            if webhook:
                known = muted.union(webhook.told)
                found = with_detail(found, log, mask)
                read = partial(lines_of, log=log)
                webhook.add(new_alerts(found, known, log, system, mask, read))

        yield tell


def system_of(folder: Path) -> str | None:
    """The name of the system that a detector was fitted on; None where no run tells it."""
    try:
        config = models.read(folder.resolve().parent, models.Config)
    except (InputError, OSError):  # of `glx.fit`, or copied out of its run
        return None
    return str(config.settings.get("target", "")).partition("=")[0] or None


def _name(folder: Path) -> str:
    """What people may know a detector by: its folder, or that of the run it lies in."""
    whole = folder.resolve()
    return whole.parent.name if whole.name == "checkpoint" else whole.name


def _metrics_file(given: str, folder: Path, log: Log, out: Path) -> Path:
    path = output("metrics_file", given)
    if inside(path, folder):
        raise InputError(f"--metrics_file={given}: lies in the folder of --detector; name another")
    others = [*map(str, log.files), *(f"{out}{end}" for end in ("", ".alerts", ".position"))]
    if identity(path) in map(identity, others):
        raise InputError(f"--metrics_file={given}: is of --out or --logs; name another file")
    return path
