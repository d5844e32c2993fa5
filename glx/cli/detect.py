r"""Judge more logs of a system with a fitted detector: one JSON object per sequence.

Examples:
  glx detect --detector=runs/first/checkpoint --logs=new.log --out=found.jsonl
  glx detect --detector=DIR --logs='/var/log/shop.log*' --out=found.jsonl
  tail -F shop.log | glx detect --detector=DIR --logs=- --out=- --idle=30s
  glx detect --detector=DIR --logs=shop.log --out=today.jsonl --summary --since=yesterday.jsonl
  glx detect --detector=DIR --logs=shop.log --follow --out=-
  glx detect --detector=DIR --logs=shop.log --follow --out=found.jsonl --metrics_port=9464 \
    --alert_url=http://127.0.0.1:9093/api/v2/alerts

Several files (a folder, a quoted glob, --logs given again) are one log, in the order of time. What
is read from a pipe or by --follow is judged while it is written, until it ends or Ctrl-C.
"""

import os
from collections.abc import Sequence
from typing import Any

from absl.flags import FlagValues

from glx import hosts
from glx.cli import processes
from glx.cli.flags import add, define, given
from glx.cluster import detect as cluster
from glx.cluster.connect import ABOUT
from glx.cluster.worker import PARQUET
from glx.data.load import REDACT, DataConfig
from glx.errors import InputError
from glx.files import given_path, is_stream
from glx.generallog.experts import ExpertConfig
from glx.parse.layout import FORMATS
from glx.parse.names import Given
from glx.parse.sources import STDIN
from glx.redact import Mask, mask_of
from glx.report import remarks
from glx.report.cause_texts import for_people
from glx.report.causes import since
from glx.runs import detect
from glx.runs.causes import of_path
from glx.runs.compilation import keep_compilations
from glx.runs.detect import JSONL, OTLP
from glx.runs.detectors import folder_of
from glx.runs.watching import HERE, NOBODY, Watch
from glx.terminal import tell

SHOWN = 10  # causes of --summary

WATCH = ("metrics_port", "metrics_host", "metrics_file", "alert_url")
# Flags that --ray does not read.
ALONE = ("latency", "follow", "overwrite", "summary", "since", *WATCH)


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "string", "detector", None, "A finished run, or the `checkpoint` folder in it.")
    about = (
        "File of raw lines or event numbers (plain, .gz, .zst), a folder or a quoted glob of such, "
        "repeated for several; - for standard input."
    )
    add(own, "multi_string", "logs", [], "")
    own["logs"].help = about  # absl's has more words
    about = "File to write, one JSON object per sequence; - for standard output."
    add(own, "string", "out", None, about)
    add(own, "enum", "format", None, [*FORMATS], "Layout, where it is not the fitted one.")
    add(own, "string", "session", None, "Session rule, where it is not the one of the fitted logs.")
    for name in ("text", "time", "level"):
        about = f"Field or column of the {name}, where it is not that of the fitted logs."
        add(own, "string", f"{name}_field", None, about)
    about = "Lines in a window, or a span of time as 5m, where not as in the fitted logs."
    add(own, "string", "window", None, about)
    about = "Seconds of log time, or a span as 5m, after whose silence a session ends."
    add(own, "string", "idle", "3600", about)
    about = "Seconds after which at the latest a sequence of a live log that is full is judged."
    add(own, "string", "latency", "2s", about)
    add(own, "boolean", "redact", True, REDACT)
    about = "Read on at the end of the file as it grows, also once it was rotated or truncated."
    add(own, "boolean", "follow", False, about)
    about = "Begin anew where --follow would go on after what is in --out."
    add(own, "boolean", "overwrite", False, about)
    add(own, "boolean", "summary", False, "Print the causes at the end, as `glx causes` does.")
    about = "Of --summary: an earlier run, or file of verdicts; causes that it has not are marked."
    add(own, "string", "since", None, about)
    add(own, "string", "ray", None, ABOUT)
    about = (
        "What --out gets: JSON lines, or otlp for an OpenTelemetry collector; of --ray a folder "
        "with a file for each of --logs, jsonl or parquet."
    )
    add(own, "enum", "verdicts", JSONL, [JSONL, OTLP, PARQUET], about)
    about = "Answer Prometheus at this port, /metrics, while logs are judged; 0 for any free one."
    add(own, "integer", "metrics_port", None, about, lower_bound=0, upper_bound=65535)
    about = "Address of --metrics_port; 0.0.0.0 is open to other machines, without any password."
    add(own, "string", "metrics_host", HERE, about)
    about = "File of the metrics, written every few seconds: for node_exporter, DIR/glx.prom."
    add(own, "string", "metrics_file", None, about)
    about = (
        "Webhook that is sent each new cause once, as Alertmanager sends alerts; a URL that ends "
        "in /api/v2/alerts is Alertmanager itself. Muted causes are not sent; see `glx mute`."
    )
    add(own, "string", "alert_url", None, about)
    define(own, ExpertConfig)
    processes.declare(own)
    return own


def work(values: FlagValues) -> None:
    """Judge one log, as the flags have it."""
    for name in ("detector", "logs", "out"):
        if not values[name].value:
            raise InputError(f"--{name}: missing; see --help")
    processes.check_alone(values, "ray", "follow")
    if values.ray is not None:
        _on_cluster(values)
        return
    if values.verdicts == PARQUET:
        raise InputError(f"--verdicts={PARQUET}: is of --ray; choose {JSONL} or {OTLP}")
    if values["metrics_host"].present and values.metrics_port is None:
        raise InputError("--metrics_host: is of --metrics_port; give that, too")
    summary, mask = values.summary or values.since is not None, mask_of(values.redact)
    if summary and (values.follow or values.out == str(STDIN) or is_stream(given_path(values.out))):
        given_so = "--follow" if values.follow else f"--out={values.out}"
        raise InputError(
            f"{given_so}: leaves nothing for --summary to read at the end; give --out=FILE, and "
            "look at what is there with `glx causes FILE`"
        )
    if summary and values.verdicts == OTLP:
        raise InputError(
            f"--verdicts={OTLP}: has no evidence for --summary to show; leave out one of them"
        )
    keep_compilations(DataConfig())
    with processes.joined(values):
        if hosts.first():
            _detect(values, summary, mask)
        else:
            _judge(values, os.devnull)


def _detect(values: FlagValues, summary: bool, mask: Mask) -> None:
    """Judge the log, write and show what was found."""
    before = None if values.since is None else of_path(given_path(values.since), mask)
    said = remarks.read(remarks.path_of(folder_of(values.detector))) if summary else {}
    watch = values.metrics_port, values.metrics_host, values.metrics_file, values.alert_url
    known = [cause.text for cause in before.causes if not cause.lacks] if before else []
    _judge(values, values.out, Watch(*watch), known)
    if summary:
        found = since(of_path(given_path(values.out), mask), before)
        tell(for_people(remarks.remarked(found, said), SHOWN))


def _judge(values: FlagValues, out: str, watch: Watch = NOBODY, known: Sequence[str] = ()) -> None:
    detect.detect(
        folder_of(values.detector),
        values.logs,
        out,
        latency=values.latency,
        follow=values.follow,
        overwrite=values.overwrite,
        kind=values.verdicts,
        watch=watch,
        known=known,
        **_settings(values),
    )


def _settings(values: FlagValues) -> dict[str, Any]:
    """What one process and a cluster are told alike."""
    return {
        "format": values.format,
        "session": values.session,
        "window": values.window,
        "given": Given(values.text_field, values.time_field, values.level_field),
        "idle": values.idle,
        "mask": mask_of(values.redact),
        "expert": given(values, ExpertConfig),
        "progress": processes.progress(),
    }


def _on_cluster(values: FlagValues) -> None:
    """Judge logs that are more than one machine holds."""
    for name in ALONE:
        if values[name].present:
            raise InputError(f"--{name}: --ray does not read it; leave out one of them")
    if values.verdicts == OTLP:
        raise InputError(f"--verdicts={OTLP}: --ray writes {JSONL} or {PARQUET}; choose of these")
    keep_compilations(DataConfig())
    what = folder_of(values.detector), values.logs, values.out, values.ray
    cluster.detect(*what, kind=values.verdicts, **_settings(values))
