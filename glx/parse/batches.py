"""Lines of JSON that hold many records: OTLP, AWS CloudTrail, CloudWatch.

In: an object. Out: an object for each of its records.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl

from glx.parse.levels import SEVERITY_NUMBERS

BATCH = r'"(?:resourceLogs|Records|logEvents)"\s*:\s*\[\s*\{'
BATCHES = (b'"resourceLogs"', b'"Records"', b'"logEvents"')
LISTS = ("Records", "logEvents")


def records_of(value: dict) -> Iterator[dict]:
    """The records of an object; itself, if it is no batch."""
    if isinstance(value.get("resourceLogs"), list):
        for resource in value["resourceLogs"]:
            about = _attributes(resource.get("resource", {}).get("attributes"))
            for scope in resource.get("scopeLogs", []):
                for record in scope.get("logRecords", []):
                    yield about | _otlp_record(record)
        return
    held = next((value[name] for name in LISTS if isinstance(value.get(name), list)), None)
    if held and all(isinstance(record, dict) for record in held):
        yield from held
    else:
        yield value


def _otlp_record(record: dict) -> dict:
    """A record of OTLP, its attributes beside its fields; its level in words.

    https://opentelemetry.io/docs/specs/otel/logs/data-model/
    """
    number = str(record.get("severityNumber", "")).removeprefix("SEVERITY_NUMBER_")
    text = SEVERITY_NUMBERS.get(number) or record.get("severityText") or number
    time = str(record.get("timeUnixNano", "0"))
    found = _attributes(record.get("attributes")) | {
        "timeUnixNano": time if time != "0" else record.get("observedTimeUnixNano"),
        "severityText": text or None,
        "body": _any_value(record.get("body") or {}),
    }
    names = ("traceId", "spanId", "eventName", "severityNumber")
    return found | {name: record[name] for name in names if record.get(name)}


def _attributes(pairs: list[dict] | None) -> dict[str, Any]:
    return {pair["key"]: _any_value(pair.get("value") or {}) for pair in pairs or []}


def _any_value(value: dict[str, Any]) -> Any:
    """The value of OTLP's `AnyValue`."""
    kind: str
    inner: Any
    kind, inner = next(iter(value.items()), ("", None))
    if kind == "kvlistValue":
        return _attributes(inner.get("values"))
    if kind == "arrayValue":
        return [_any_value(one) for one in inner.get("values", [])]
    return inner


def split_batches(lines: pl.Series) -> tuple[pl.Series, np.ndarray | None]:
    """Lines with a line for each record of a batch, and the line that each was in.

    None where no line is a batch.
    """
    batch = lines.str.contains(BATCH).fill_null(False).to_numpy()
    if not batch.any():
        return lines, None
    texts: list[str] = []
    rows: list[int] = []
    for row, (line, many) in enumerate(zip(lines.to_list(), batch.tolist(), strict=True)):
        records = _records_in(line) if many else [line]
        texts += records
        rows += [row] * len(records)
    return pl.Series(texts, dtype=pl.String), np.array(rows, dtype=np.int64)


def _records_in(line: str) -> list[str]:
    """The records of a line, a line each; the line as it is, where it is broken."""
    try:
        return [json.dumps(one, ensure_ascii=False) for one in records_of(json.loads(line))] or [""]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return [line]


def all_records(objects: Iterable[dict]) -> Iterator[dict]:
    """The records of all objects; of one that is broken, itself."""
    for value in objects:
        yield from map(json.loads, _records_in(json.dumps(value)))
