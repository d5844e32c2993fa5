"""What a person on call is told of a new cause, as Alertmanager has alerts.

In: flagged rows of verdicts. Out: `Alert`, and the JSON that a webhook takes, or Alertmanager.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from msgspec import Struct

from glx.parse.log import Log
from glx.redact import Mask
from glx.report.causes import NO_EVENT
from glx.terminal import visible
from glx.verdicts import TIME

OF_ALERTMANAGER = "/api/v2/alerts"  # ends the path that takes alerts without a webhook's frame
NEVER = "0001-01-01T00:00:00Z"  # when an alert ended that goes on
SUMMARY, DESCRIPTION = 200, 4_000  # characters


class Alert(Struct, frozen=True, forbid_unknown_fields=True):
    """A cause that was flagged for the first time.

    Attributes:
      cause: its id.
      system: whose log it is of.
      summary: what decided.
      description: where, why, and the lines that weighed most.
      found: when it was found, by the clock of this machine: that of a log may have no zone.
    """

    cause: str
    system: str
    summary: str
    description: str
    found: str

    @property
    def labels(self) -> dict[str, str]:
        """What tells it from other alerts."""
        own = {"cause": self.cause, "system": self.system}
        return {"alertname": "glx", **own, "severity": "warning"}


def new_alerts(
    found: pl.DataFrame,
    known: Collection[str],
    log: Log,
    system: str,
    mask: Mask,
    read: Callable[[pl.DataFrame], Mapping[int, str]] = lambda rows: {},
) -> list[Alert]:
    """An alert for each cause of rows that is not known, of its first sequence.

    Args:
      found: `glx.verdicts.rows`, and `detail` (str) where the table has it.
      known: ids of causes that need none.
      read: gives lines of the log by their rows, for such rows of verdicts; an event whose line it
        does not give is told by its own text.
    """
    cause = pl.col("cause").struct.field("id").fill_null(NO_EVENT["id"]).alias("id")
    flagged = found.filter("anomalous").with_columns(cause)
    firsts = flagged.unique("id", keep="first", maintain_order=True)
    firsts = firsts.filter(~pl.col("id").is_in([*known]))
    lines = read(firsts.drop("id")) if len(firsts) else {}
    rows = firsts.with_columns(pl.col("time").dt.to_string(TIME)).iter_rows(named=True)
    return [_alert(row, lines, log, system, mask) for row in rows]


def _alert(
    row: dict[str, Any], lines: Mapping[int, str], log: Log, system: str, mask: Mask
) -> Alert:
    cause: dict[str, Any] = row["cause"] or NO_EVENT
    title = f'lacks "{cause["text"]}"' if cause["lacks"] else cause["text"]
    told = [f"{_place(row, log)}, score {row['score']:.2f}", row["reason"]]
    events = {event["line"]: event["text"] for event in row["evidence"]}
    told += [f"{_line(n, log)}: {lines.get(n, event)}" for n, event in events.items()]
    description = "\n".join(filter(None, [*told, row.get("detail")]))
    return Alert(
        row["id"],
        system,
        _shown(title, mask, SUMMARY),
        _shown(description, mask, DESCRIPTION),
        datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def _place(row: dict[str, Any], log: Log) -> str:
    """Where a sequence is, in words."""
    file, first = log.places(np.array(row["first_line"]))
    last_file, last = log.places(np.array(row["last_line"]))
    over = f" of {log.files[int(last_file)]}" * bool(last_file != file)
    place = f"{log.files[int(file)]}, lines {int(first)} to {int(last)}{over}"
    key = None if row["key"] is None else f"session {row['key']}"
    return ", ".join(filter(None, [place, key, row["time"]]))


def _line(row: int, log: Log) -> int:
    return int(log.places(np.array(row))[1])


def _shown(text: str, mask: Mask, most: int) -> str:
    """A text as people and programs get it."""
    # What UTF-8 cannot hold, as in some file names, `visible` marks.
    text = visible(mask(text))
    return text if len(text) <= most else f"{text[:most]}…"


def body(path: str, alerts: list[Alert]) -> bytes:
    """The JSON that the server of a URL takes.

    Args:
      path: of that URL.
      alerts: at least one.
    """
    if path.rstrip("/").endswith(OF_ALERTMANAGER):
        return json.dumps([_plain(alert) for alert in alerts]).encode()
    labels = [alert.labels for alert in alerts]
    common = {k: v for k, v in labels[0].items() if all(one[k] == v for one in labels)}
    group = {"alertname": "glx"}
    framed = {
        "version": "4",
        "groupKey": '{}:{alertname="glx"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "glx",
        "groupLabels": group,
        "commonLabels": common,
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": [
            {
                "status": "firing",
                **_plain(alert),
                "endsAt": NEVER,
                "generatorURL": "",
                "fingerprint": _fingerprint(alert.labels),
            }
            for alert in alerts
        ],
    }
    return json.dumps(framed).encode()


def _plain(alert: Alert) -> dict[str, Any]:
    """What both forms have of an alert."""
    annotations = {"summary": alert.summary, "description": alert.description}
    return {"labels": alert.labels, "annotations": annotations, "startsAt": alert.found}


def _fingerprint(labels: dict[str, str]) -> str:
    """The same for the same labels, 16 digits."""
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]
