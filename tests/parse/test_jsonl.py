"""JSON lines: fields with dots, forms that are read without a flag, outcomes, batches."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from raw_files import write

from glx.errors import InputError
from glx.parse.events import collect
from glx.parse.header import detect_layout, layout_of
from glx.parse.jsonl import check_given, key_paths
from glx.parse.layout import Layout
from glx.parse.names import Given
from glx.parse.outcomes import headline, is_outcome, varied
from glx.parse.read import ReadCounts
from glx.parse.records import records

AT = 1714550400.0  # 2024-05-01T08:00:00Z
ISO = "2024-05-01T08:00:00Z"
TRACE = "shop.pay.Refused: cut\n\tat a.B.c(B.java:3)\nCaused by: a.Reset: gone\n\t... 3 more"
FORMS = {  # a line, and its time, level and text
    "ecs": (
        {
            "@timestamp": ISO, "log": {"level": "error"}, "message": "not paid",
            "error": {"type": "Refused", "message": "limit", "stack_trace": TRACE},
        },
        (AT, "ERROR", "ERROR not paid error.type=Refused error.message=limit"),
    ),
    "ecs, with dots": (
        {"@timestamp": ISO, "log.level": "WARN", "message": "slow", "error.message": "late"},
        (AT, "WARN", "WARN slow error.message=late"),
    ),
    "pino": (
        {"level": 50, "time": 1714550400000, "msg": "asked", "err": {"type": "E", "stack": "E: x"}},
        (AT, "ERROR", "ERROR asked err.type=E"),
    ),
    "bunyan": ({"level": 30, "time": ISO, "msg": "asked", "v": 0}, (AT, "INFO", "asked")),
    "tracing": (
        {"timestamp": ISO, "level": "INFO", "fields": {"message": "went on", "err": "EPIPE"}},
        (AT, "INFO", "went on fields.err=EPIPE"),
    ),
    "log4j": (
        {
            "instant": {"epochSecond": 1714550400, "nanoOfSecond": 1}, "level": "ERROR",
            "loggerFqcn": "x", "message": "no", "thrown": {"name": "Lost", "message": "line"},
        },
        (AT, "ERROR", "ERROR no thrown.name=Lost thrown.message=line"),
    ),
    "logback": (
        {"@timestamp": ISO, "message": "no", "level": "ERROR", "stack_trace": TRACE},
        (AT, "ERROR", "ERROR no stack_trace=shop.pay.Refused: cut Caused by: a.Reset: gone"),
    ),
    "zap": (
        {"level": "error", "ts": 1714550400.0, "msg": "lost", "error": "EOF"},
        (AT, "ERROR", "ERROR lost error=EOF"),
    ),
    "gelf": (
        {"version": "1.1", "short_message": "full", "timestamp": 1714550400.0, "level": 3},
        (AT, "ERROR", "ERROR full"),
    ),
    "gcp": (
        {"severity": "ALERT", "timestamp": ISO, "jsonPayload": {"message": "no quota"}},
        (AT, "FATAL", "FATAL no quota"),
    ),
    "mongodb": (
        {
            "t": {"$date": "2024-05-01T08:00:00.000+00:00"}, "s": "E", "c": "REPL", "id": 21800,
            "msg": "State", "attr": {"from": "A", "to": "B", "error": {"codeName": "Gone"}},
        },
        (AT, "ERROR", "ERROR State attr.from=A attr.to=B attr.error.codeName=Gone"),
    ),
    "journal": (
        {"__REALTIME_TIMESTAMP": "1714550400000000", "PRIORITY": "2", "MESSAGE": [104, 105]},
        (AT, "FATAL", "FATAL hi"),
    ),
    "serilog": (
        {"@t": ISO, "@mt": "Order {Id} lost", "@l": "Error", "@x": "Gone: x\n   at Y", "Id": 5},
        (AT, "ERROR", "ERROR Order {Id} lost @x=Gone: x"),
    ),
    "proxy": (
        {"start_time": ISO, "method": "GET", "path": "/a/7", "response_code": 503, "duration": 9},
        (AT, "ERROR", "ERROR method=GET path=<*> response_code=503"),
    ),
    "proxy whose message is empty": (
        {"level": "info", "msg": "", "time": ISO, "RequestMethod": "GET", "DownstreamStatus": 502},
        (AT, "ERROR", "ERROR RequestMethod=GET DownstreamStatus=502"),
    ),
    "metrics": ({"ts": 1714550400, "cpu": 0.5, "disk": 17}, (AT, None, "cpu=<*> disk=<*>")),
}  # fmt: skip


def read(path, layout=None, **named):
    """Events, texts and counts."""
    counts = ReadCounts()
    layout = layout or layout_of(path)
    frame, texts = collect(records(path, replace(layout, **named), counts))
    return frame, [texts[i] for i in frame["text"]], counts


def lines_of(*objects) -> str:
    return "".join(json.dumps(o) + "\n" for o in objects)


@pytest.mark.parametrize("form", FORMS)
def test_known_forms(form, tmp_path):
    value, (time, level, text) = FORMS[form]
    frame, texts, counts = read(write(tmp_path, lines_of(value)))
    assert (frame["time"][0], frame["level"][0], texts) == (time, level, [text])
    assert counts.broken_json == 0


def test_dots_reach_into_objects_however_they_are_written(tmp_path):
    path = write(
        tmp_path,
        lines_of(
            {"msg": "a", "trace": {"id": "x"}},
            {"msg": "b", "trace.id": "y"},
            {"msg": "c", "trace": "no object"},
        ),
    )
    assert read(path, session="trace.id")[0]["key"].to_list() == ["x", "y", None]
    assert key_paths("a.b.c") == [("a.b.c",), ("a", "b", "c"), ("a", "b.c"), ("a.b", "c")]


def test_outcomes_that_no_line_had_before(tmp_path):
    done = {"time": ISO, "level": "info", "msg": "done", "res": {"statusCode": 200}, "ms": 7}
    layout = layout_of(write(tmp_path, lines_of(*[done] * 9)))
    assert layout.outcomes == ("res.statusCode",)
    later = [
        done | {"res": {"statusCode": 502}},
        done | {"err": "EPIPE"},
        done | {"reason": None},
        done | {"error": {"code": 14, "name": "Unavailable", "retries": 3}},
        done | {"exception": 'Traceback (most recent call last):\n  File "a"\nKeyError: 7'},
    ]
    assert read(write(tmp_path, lines_of(*later)), layout)[1] == [
        "done res.statusCode=502",
        "done res.statusCode=200 err=EPIPE",
        "done res.statusCode=200",
        "done res.statusCode=200 error.code=14 error.name=Unavailable",
        "done res.statusCode=200 exception=KeyError: <*>",
    ]


def test_fields_of_many_values_are_no_outcomes(tmp_path):
    rows = [{"msg": "a", "code": n, "state": "up" if n % 2 else "down"} for n in range(40)]
    layout = layout_of(write(tmp_path, lines_of(*rows)))
    assert (layout.outcomes, layout.varied) == (("state",), ("code",))
    assert read(write(tmp_path, lines_of({"msg": "a", "code": 41, "err": "x"})), layout)[1] == [
        "a err=x"
    ]
    assert varied([f"refused by 10.0.0.{n}" for n in range(99)]) is False


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("status", True), ("OriginStatus", True), ("exit_code", True), ("errmsg", True),
        ("error.type", True), ("thrown.localizedMessage", True), ("attr.to", True),
        ("response_flags", True), ("EXIT_STATUS", True), ("Event ID", True),
        ("token", False), ("photo", False), ("duration", False), ("message", False),
        ("fields.message", False), ("url", False), ("logger_name", False),
    ],
)  # fmt: skip
def test_which_fields_are_outcomes(name, outcome):
    assert is_outcome(name) is outcome


def test_lines_that_are_no_objects(tmp_path):
    up = {"time": ISO, "level": "info", "msg": "up", "id": "s1"}
    trace = 'Traceback (most recent call last):\n  File "a.py", line 3\nValueError: 3\n'
    content = lines_of(up) + trace + '{"msg": "cut\n' + lines_of(up, up)
    frame, texts, counts = read(write(tmp_path, content), session="id")
    assert frame["line"].to_list() == [0, 1, 3, 4, 5, 6]
    assert texts[2:4] == ["ValueError: <*>", '{"msg": "cut']
    assert frame["key"].to_list() == ["s1", "s1", "s1", None, "s1", "s1"]
    assert counts.detail == 1


@pytest.mark.parametrize(
    "line",
    [
        r'{"level": "error", "msg": "cut \uD83D"}',
        r'{"log": "ERROR cut \ud83d\n", "stream": "stdout", "time": "2024-05-01T10:00:00.5Z"}',
        r'{"log": "{\"level\": \"error\", \"msg\": \"cut \\ud83d\"}\n", "stream": "stdout", '
        r'"time": "2024-05-01T10:00:00.5Z"}',
        r'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": 17, '
        r'"body": {"stringValue": "cut \udc00"}}]}]}]}',
    ],
)
def test_half_a_character_is_replaced(line, tmp_path):
    path = write(tmp_path, "\n".join([line] * 3))
    frame, texts = collect(records(path, layout_of(path), ReadCounts()))
    assert [texts[n] for n in frame["text"].to_physical()] == ["ERROR cut \ufffd"] * 3


def test_texts_of_several_lines(tmp_path):
    assert headline(TRACE) == "shop.pay.Refused: cut Caused by: a.Reset: gone"
    path = write(tmp_path, lines_of({"msg": "failed\nKeyError: 3\n  at x"}))
    assert read(path)[1] == ["failed KeyError: <*>"]


def test_a_list_over_several_lines(tmp_path):
    content = '[\n{"msg": "a", "level": "error"},\n{"msg": "b", "level": "info"}\n]\n'
    frame, texts, _ = read(write(tmp_path, content))
    assert (texts, frame["line"].to_list()) == (["ERROR a", "b"], [1, 2])


def otlp(*log_records) -> dict:
    about = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scope = [{"scope": {"name": "x"}, "logRecords": log_records}]
    return {"resourceLogs": [{"resource": about, "scopeLogs": scope}]}


def test_otlp_has_many_records_a_line(tmp_path):
    plain = {
        "timeUnixNano": "1714550400000000000", "severityNumber": 9, "traceId": "t1",
        "body": {"stringValue": "order 5 placed"},
    }  # fmt: skip
    status = {"key": "http.status_code", "value": {"intValue": "503"}}
    pairs = [{"key": "message", "value": {"stringValue": "refused"}}]
    body = {"kvlistValue": {"values": [*pairs, {"key": "reason", "value": {"stringValue": "x"}}]}}
    bad = plain | {"severityNumber": 17, "body": body, "traceId": "t2", "attributes": [status]}
    path = write(tmp_path, lines_of(otlp(plain, plain), otlp(bad)))
    frame, texts, counts = read(path, session="traceId")
    assert texts == ["order <*> placed"] * 2 + ["ERROR refused http.status_code=503 body.reason=x"]
    assert frame["line"].to_list() == [0, 0, 1]
    assert frame["key"].to_list() == ["t1", "t1", "t2"]
    assert frame["time"].to_list() == [AT] * 3
    assert counts.lines == 2
    assert set(read(path, session="service.name")[0]["key"]) == {"shop"}


def test_a_template_of_the_collector_is_the_text(tmp_path):
    template = {"key": "log.record.template", "value": {"stringValue": "user <*> of <*> left"}}
    record = {"body": {"stringValue": "user Ann of Rome left"}, "attributes": [template]}
    assert read(write(tmp_path, lines_of(otlp(record))))[1] == ["user <*> of <*> left"]


def test_records_of_cloudtrail(tmp_path):
    event = {"eventTime": ISO, "eventSource": "s3", "eventName": "GetObject", "requestID": "a"}
    denied = event | {"errorCode": "AccessDenied"}
    frame, texts, _ = read(write(tmp_path, lines_of({"Records": [event, denied]})))
    assert texts[0].endswith("eventName=GetObject")
    assert texts[1].endswith("eventName=GetObject errorCode=AccessDenied")
    assert frame["line"].to_list() == [0, 0]


ODD = [json.dumps({"when": ISO, "what": f"item {n} done", "sev": "error"}) for n in range(3)]


def test_fields_that_the_user_names(tmp_path):
    layout = detect_layout(ODD, given=Given("what", "when", "sev"))
    frame, texts, _ = read(write(tmp_path, "\n".join(ODD)), layout)
    assert texts == ["ERROR item <*> done"] * 3
    assert frame["time"].to_list() == [AT] * 3
    check_given(write(tmp_path, ODD[0]), layout)
    with pytest.raises(InputError, match=r"a\.log: the field what .* name one of when, sev"):
        check_given(write(tmp_path, '{"when": 1, "sev": "x"}'), layout)


@pytest.mark.parametrize(
    ("lines", "given", "message"),
    [
        (ODD, Given(text="wat"), "--text_field=wat: no line has this field; .* when, what, sev"),
        (ODD, Given(time="at"), "--time_field=at: no line"),
        (["a,message", "1,b"], Given(level="l"), "--level_field=l: no line .* a, message"),
        (["plain text"], Given(level="l"), "--level_field=l: lines of text have no fields"),
    ],
)
def test_a_field_that_no_line_has(lines, given, message):
    with pytest.raises(InputError, match=message):
        detect_layout(lines, given=given)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a":[', "]}"),
        ('{"kvlistValue":{"values":[{"key":"k","value":', "}]}}"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        '{"msg":"disk full","a":%s}',
        '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":%s}]}]}]}',
        '{"log":%s,"stream":"stdout","time":"2024-05-01T10:00:00Z"}',
        "%s",
    ],
)
def test_a_line_that_is_nested_too_deeply_is_a_text(around, before, after, tmp_path):
    for depth in (900, 20_000):
        deep = around.replace("%s", before * depth + "1" + after * depth)
        path = tmp_path / "a.jsonl"
        path.write_text(f'{{"msg":"disk full","n":1}}\n{deep}\n{{"msg":"disk fine"}}\n')
        for layout in (layout_of(path), Layout()):
            frame, _ = collect(records(path, layout, ReadCounts()))
            assert {0, 2} <= {*frame["line"].to_list()}
        path.write_text(f"{deep}\n" * 3)
        with suppress(InputError):  # where no line has a field; what is tried is that it ends
            collect(records(path, layout_of(path), ReadCounts()))
