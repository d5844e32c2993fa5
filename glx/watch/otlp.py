"""Verdicts as log records of OpenTelemetry, in OTLP's JSON.

In: rows of verdicts. Out: for each a line that holds one `LogsData`, as the collector's receiver
`otlpjsonfile` reads it; and from such lines which lines of the log they are about.
"""

import json

import msgspec
import numpy as np
import polars as pl
from msgspec import Struct

import glx
from glx.parse.log import Log

BEGINS = b'{"resourceLogs"'  # each line, and none of the other form
NORMAL, WARNING = 9, 13  # severity numbers: INFO, WARN
KEY, LAST_LINE = "glx.key", "glx.last_line"


def otlp_lines(found: pl.DataFrame, log: Log, system: str | None, now: int) -> pl.Series:
    """The rows of `glx.verdicts.rows` (and their `detail`) as OTLP's JSON (str).

    All sequences are there, as in the other form: what follows knows of each line that it was
    judged, and filters by severity.

    Args:
      system: the name of the target; None where it is not known.
      now: nanoseconds since 1970.
    """
    flagged, cause = pl.col("anomalous").fill_null(False), pl.col("cause").struct
    abstained = pl.col("anomalous").is_null()
    text = pl.coalesce(
        "reason",
        cause.field("text"),
        pl.when(abstained).then(pl.lit("no verdict")),
        pl.when(flagged).then(pl.lit("anomalous")),
        pl.lit("usual"),
    )
    attributes = [
        _attribute("anomaly.score", "doubleValue", pl.col("score").cast(pl.Float64).round(6)),
        _attribute("anomaly.is_anomaly", "boolValue", pl.col("anomalous")),
        _attribute("log.template", "stringValue", _heaviest("text")),
        _attribute("log.file.path", "stringValue", pl.col("file")),
        _attribute("glx.last_file", "stringValue", pl.col("last_file")),
        _attribute(KEY, "stringValue", pl.col("key")),
        _attribute("glx.first_line", "intValue", pl.col("first_line").cast(pl.String)),
        _attribute(LAST_LINE, "intValue", pl.col("last_line").cast(pl.String)),
        _attribute("glx.cause", "stringValue", cause.field("text")),
        _attribute("glx.cause.id", "stringValue", cause.field("id")),
        _attribute("glx.cause.lacks", "boolValue", cause.field("lacks")),
        _attribute("glx.route", "stringValue", pl.col("route")),
        _attribute("glx.detail", "stringValue", pl.col("detail")),
    ]
    nanoseconds = pl.col("time").dt.epoch("ms").cast(pl.String) + pl.lit("000000")
    record = [
        (pl.lit('"timeUnixNano":"') + nanoseconds + pl.lit('",')).fill_null(""),
        pl.lit(f'"observedTimeUnixNano":"{now}",'),
        pl.when(flagged)
        .then(pl.lit(f'"severityNumber":{WARNING},"severityText":"WARN",'))
        .otherwise(pl.lit(f'"severityNumber":{NORMAL},"severityText":"INFO",')),
        pl.lit('"body":') + _json("stringValue", text),
        pl.lit(',"attributes":['),
        pl.concat_str(attributes).str.strip_prefix(","),
        pl.lit("]}]}]}]}"),
    ]
    start = [pl.lit(_beginning(system)), *record]
    return _placed(found, log).select(pl.concat_str(start)).to_series()


def _beginning(system: str | None) -> str:
    """What each line begins with."""
    name = {"key": "service.name", "value": {"stringValue": system}}
    resource = {"attributes": [name] if system is not None else []}
    scope = {"name": "glx", "version": glx.__version__}
    data = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope}]}]}
    compact = json.dumps(data, separators=(",", ":"))
    return compact.removesuffix("}]}]}") + ',"logRecords":[{'


def _attribute(name: str, kind: str, value: pl.Expr) -> pl.Expr:
    """An attribute after a comma; nothing where it is null."""
    written = pl.lit(f',{{"key":"{name}","value":') + _json(kind, value) + pl.lit("}")
    return pl.when(value.is_not_null()).then(written).otherwise(pl.lit(""))


def _json(kind: str, value: pl.Expr) -> pl.Expr:
    return pl.struct(value.alias(kind)).struct.json_encode()


def _heaviest(name: str) -> pl.Expr:
    """A field of the event that weighed most."""
    return pl.col("evidence").list.first().struct.field(name)


def _placed(found: pl.DataFrame, log: Log) -> pl.DataFrame:
    """Rows whose lines are those of their own files; `last_file` where that is another one."""
    names = [str(file).encode("utf-8", "backslashreplace").decode() for file in log.files]
    named = pl.Series(names, dtype=pl.String)
    file, first = log.places(found["first_line"].to_numpy())
    last_file, last = log.places(found["last_line"].to_numpy())
    if "detail" not in found.columns:
        found = found.with_columns(detail=pl.lit(None, pl.String))
    over = pl.Series(file != last_file)
    return found.with_columns(
        file=named[file],
        last_file=pl.select(pl.when(over).then(named[last_file])).to_series(),
        first_line=pl.Series(first.astype(np.int64)),
        last_line=pl.Series(last.astype(np.int64)),
    )


class _Value(Struct):
    intValue: int | None = None
    stringValue: str | None = None


class _Attribute(Struct):
    key: str
    value: _Value


class _Record(Struct):
    attributes: list[_Attribute]


class _Scope(Struct):
    logRecords: list[_Record]


class _Resource(Struct):
    scopeLogs: list[_Scope]


class _Data(Struct):
    resourceLogs: list[_Resource]


def last_lines(raw: bytes) -> list[tuple[int, str | None]]:
    """Of whole lines of OTLP the last line of the log that each is about, and its key.

    Raises:
      MsgspecError: they are none.
    """
    found = []
    for line in msgspec.json.Decoder(_Data, strict=False).decode_lines(raw):
        for record in line.resourceLogs[0].scopeLogs[0].logRecords:
            own = {one.key: one.value for one in record.attributes}
            last_line = own.get(LAST_LINE, _Value()).intValue
            if last_line is None:
                raise msgspec.ValidationError(f"a record without {LAST_LINE}")
            found.append((last_line, own.get(KEY, _Value()).stringValue))
    return found
