"""Verdicts as OTLP, read by the official package; and read back by glx."""

import json

import msgspec
import polars as pl
import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from glx.errors import InputError
from glx.parse.log import Log
from glx.redact import redact
from glx.runs.causes import of_path
from glx.terminal import escaped
from glx.verdicts import VERDICT
from glx.watch import otlp

TEXT = 'disk "a" \\ \x1b[31m\u202e is 日本 gone'
FLAGGED = {
    "key": "7", "first_line": 4, "last_line": 1 << 40, "score": 0.9, "anomalous": True,
    "evidence": [{"line": 5, "event": 1, "weight": 1.0, "text": TEXT}], "route": "general",
    "reason": "never seen", "cause": {"id": "11111111", "lacks": False, "text": TEXT},
    "time": 1_714_557_600_123, "detail": "at main.c:7\nat start",
}  # fmt: skip
USUAL = {"first_line": 0, "last_line": 3, "score": 0.1, "anomalous": False, "evidence": []}
SILENT = {"first_line": 0, "last_line": 3, "evidence": []}


def lines(*given: dict, log=None, system="shop") -> list[str]:
    kinds = VERDICT | {"detail": pl.String}
    rows = [dict.fromkeys(kinds) | own for own in given]
    for row in rows:
        row["time"] = row["time"] and pl.Series([row["time"]]).cast(pl.Datetime("ms"))[0]
    found = pl.DataFrame(rows, schema=kinds, orient="row")
    made = otlp.otlp_lines(found, log or Log(["a.log"]), system, 1_800_000_000_000_000_001)
    return [escaped(line) for line in made]


def record(line: str):
    """The record of a line, its resource's attributes and its own."""
    parsed = Parse(line, LogsData())
    Parse(line, ExportLogsServiceRequest())
    ((resource,), (scope,)) = parsed.resource_logs, parsed.resource_logs[0].scope_logs
    assert scope.scope.name == "glx"
    (one,) = scope.log_records
    return one, _plain(resource.resource.attributes), _plain(one.attributes)


def _plain(attributes) -> dict:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def test_what_is_flagged():
    one, resource, own = record(lines(FLAGGED)[0])
    assert resource == {"service.name": "shop"}
    assert one.time_unix_nano == 1_714_557_600_123_000_000
    assert one.observed_time_unix_nano == 1_800_000_000_000_000_001
    assert (one.severity_number, one.severity_text) == (13, "WARN")
    assert one.body.string_value == "never seen"
    assert own == {
        "anomaly.score": 0.9,
        "anomaly.is_anomaly": True,
        "log.template": TEXT,
        "log.file.path": "a.log",
        "glx.key": "7",
        "glx.first_line": 4,
        "glx.last_line": 1 << 40,
        "glx.cause": TEXT,
        "glx.cause.id": "11111111",
        "glx.cause.lacks": False,
        "glx.route": "general",
        "glx.detail": "at main.c:7\nat start",
    }


def test_what_is_usual_and_what_has_no_verdict():
    usual, silent = lines(USUAL, SILENT, system=None)
    one, resource, own = record(usual)
    assert (resource, one.time_unix_nano, one.severity_number) == ({}, 0, 9)
    assert own["anomaly.is_anomaly"] is False
    assert not own.keys() & {"glx.key", "glx.cause", "log.template", "glx.last_file"}
    one, _, own = record(silent)
    assert one.severity_number == 9
    assert not own.keys() & {"anomaly.score", "anomaly.is_anomaly"}


def test_names_are_camel_case_and_long_numbers_texts():
    data = json.loads(lines(FLAGGED)[0])
    one = data["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert one["timeUnixNano"] == "1714557600123000000"
    values = {entry["key"]: entry["value"] for entry in one["attributes"]}
    assert values["glx.last_line"] == {"intValue": str(1 << 40)}
    assert values["glx.cause.lacks"] == {"boolValue": False}


def test_lines_are_those_of_their_own_files():
    log = Log(["a.log", "b\udcff.log"], starts=[0, 5])
    over, inside = lines(FLAGGED | {"last_line": 7}, USUAL | {"first_line": 6}, log=log)
    own = record(over)[2]
    assert (own["log.file.path"], own["glx.first_line"]) == ("a.log", 4)
    assert (own["glx.last_file"], own["glx.last_line"]) == ("b\\udcff.log", 2)
    assert record(inside)[2]["log.file.path"] == "b\\udcff.log"


def test_each_line_says_what_it_is_about():
    raw = "\n".join(lines(FLAGGED, USUAL)).encode() + b"\n"
    assert raw.startswith(otlp.BEGINS)
    assert otlp.last_lines(raw) == [(1 << 40, "7"), (3, None)]


@pytest.mark.parametrize("old", ["glx.last_line", "resourceLogs", "intValue"])
def test_other_lines_are_no_verdicts(old):
    raw = lines(USUAL)[0].replace(old, "x").encode() + b"\n"
    with pytest.raises(msgspec.MsgspecError):
        otlp.last_lines(raw)


def test_causes_are_not_read_from_it(tmp_path):
    path = tmp_path / "found.otlp"
    path.write_text(lines(FLAGGED)[0] + "\n")
    with pytest.raises(InputError, match="--verdicts=jsonl"):
        of_path(path, redact)
