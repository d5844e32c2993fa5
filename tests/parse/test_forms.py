"""The forms of logs that are read without a flag: each has a row in docs/formats.md and here."""

import html
import json
import re
from pathlib import Path

import polars as pl
import pytest
from raw_files import write

from glx.data.inspect import inspect
from glx.parse.header import layout_of
from glx.parse.mask import mask
from glx.parse.read import ReadCounts
from glx.parse.records import records

DOCS = Path(__file__).parents[2] / "docs/formats.md"
MAY = 1714557600.0  # 2024-05-01T10:00:00Z
LEAP_MAY = 73562400.0  # the same without a year: of 1972
OTLP = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "timeUnixNano": "1714557600500000000",
                            "severityNumber": 17,
                            "body": {"stringValue": "disk full"},
                        }
                    ]
                }
            ]
        }
    ]
}

# A log of each form; of its first event the time, the level and some of its text.
FORMS = {
    "ISO 8601": ("2024-05-01T10:00:00.5Z ERROR disk full", MAY + 0.5, "ERROR", "disk full"),
    "Python, log4j, logback": (
        "2024-05-01 10:00:00,500 WARN [main] app: disk full", MAY + 0.5, "WARN", "disk full",
    ),
    "level in brackets": ("[error] 2024-05-01 10:00:00 disk full", MAY, "ERROR", "disk full"),
    "epoch": ("1714557600.5 WARN disk full", MAY + 0.5, "WARN", "disk full"),
    "logfmt": (
        'time="2024-05-01T10:00:00Z" level=error msg="disk full"', MAY, "ERROR", "disk full",
    ),
    "syslog": ("May  1 10:00:00 web1 app[71]: disk full", LEAP_MAY, None, "disk full"),
    "syslog with priority": (
        "<131>May  1 10:00:00 web1 app[71]: disk full", LEAP_MAY, "ERROR", "disk full",
    ),
    "syslog, RFC 5424": (
        "<165>1 2024-05-01T10:00:00.5Z web1 app 71 ID47 - disk full",
        MAY + 0.5, "INFO", "disk full",
    ),
    "klog, glog": (
        "E0501 10:00:00.500000      71 disk.go:12] disk full", LEAP_MAY + 0.5, "ERROR", "disk full",
    ),
    "Android": (
        "05-01 10:00:00.500   71  2395 E Disk: disk full", LEAP_MAY + 0.5, "ERROR", "disk full",
    ),
    "access log": (
        '10.0.0.1 - - [01/May/2024:10:00:00 +0000] "GET / HTTP/1.1" 503 2', MAY, "ERROR", '"GET /',
    ),
    "Apache errors": (
        "[Wed May 01 10:00:00 2024] [error] disk full", MAY, "ERROR", "disk full",
    ),
    "nginx errors": (
        "2024/05/01 10:00:00 [error] 71#71: *5 disk full", MAY, "ERROR", "disk full",
    ),
    "WebSphere": (
        "[21/5/24 06:00:00:500 EDT] 00000047 Disk          E   disk full",
        MAY + 20 * 86400 + 0.5, "ERROR", "disk full",
    ),
    "PostgreSQL": (
        "2024-05-01 10:00:00.500 UTC [71] ERROR:  disk full", MAY + 0.5, "ERROR", "disk full",
    ),
    "12-hour clock": ("5/1/2024 10:00:00 AM ERROR disk full", MAY, "ERROR", "disk full"),
    "clock alone": ("10:00:00.500 [main] ERROR disk full", 63108000.5, "ERROR", "disk full"),
    "java.util.logging": (
        "May 01, 2024 10:00:00 AM com.acme.Disk put\nSEVERE: disk full",
        MAY, None, "com.acme.Disk put",
    ),
    "Python without a format": ("ERROR:app.disk:disk full", None, "ERROR", "disk full"),
    ".NET console": ("fail: App.Disk[7]\n      disk full", None, "ERROR", "App.Disk"),
    "Redis": ("71:M 01 May 2024 10:00:00.500 # disk full", MAY + 0.5, "WARN", "disk full"),
    "Cisco": (
        "May  1 10:00:00 10.0.0.1 71: %DISK-3-FULL: disk full", LEAP_MAY, "ERROR", "FULL: disk",
    ),
    "Linux kernel": ("[   10.500000] disk full", 10.5, None, "disk full"),
    "Linux audit": (
        "type=DISK msg=audit(1714557600.500:71): disk full", MAY + 0.5, None, "type=DISK msg=audit",
    ),
    "a file's name before": (
        "app.log.1 2024-05-01 10:00:00.500 71 ERROR disk full", MAY + 0.5, "ERROR", "disk full",
    ),
    "ANSI colours": (
        "\x1b[2m2024-05-01T10:00:00Z\x1b[0m \x1b[31mERROR\x1b[0m disk full",
        MAY, "ERROR", "disk full",
    ),
    "Docker json-file": (
        r'{"log":"ERROR disk full\n","stream":"stdout","time":"2024-05-01T10:00:00.5Z"}',
        MAY + 0.5, "ERROR", "disk full",
    ),
    "Kubernetes CRI": (
        "2024-05-01T10:00:00.500000000Z stderr P ERROR disk\n"
        "2024-05-01T10:00:00.600000000Z stderr F  full",
        MAY + 0.5, "ERROR", "disk full",
    ),
    "docker compose": (
        "web-1  | 2024-05-01 10:00:00 ERROR disk full", MAY, "ERROR", "disk full",
    ),
    "stack traces": (
        "2024-05-01 10:00:00 ERROR disk full\njava.io.IOException: no\n\tat Disk.put(Disk.java:1)",
        MAY, "ERROR", "disk full",
    ),
    "JSON lines": (
        '{"time": "2024-05-01T10:00:00Z", "level": "error", "msg": "disk full"}',
        MAY, "ERROR", "disk full",
    ),
    "Elastic Common Schema": (
        '{"@timestamp": "2024-05-01T10:00:00Z", "log": {"level": "ERROR"}, "message": "disk full"}',
        MAY, "ERROR", "disk full",
    ),
    "pino, bunyan": (
        '{"level": 50, "time": 1714557600500, "pid": 71, "msg": "disk full"}',
        MAY + 0.5, "ERROR", "disk full",
    ),
    "tracing (Rust)": (
        '{"timestamp":"2024-05-01T10:00:00Z","level":"ERROR","fields":{"message":"disk full"}}',
        MAY, "ERROR", "disk full",
    ),
    "log4j, JSON": (
        '{"instant": {"epochSecond": 1714557600, "nanoOfSecond": 0}, "level": "ERROR", '
        '"message": "disk full"}',
        MAY, "ERROR", "disk full",
    ),
    "MongoDB": (
        '{"t": {"$date": "2024-05-01T10:00:00.500+00:00"}, "s": "E", "c": "REPL", '
        '"msg": "disk full", "attr": {"error": {"code": 112}}}',
        MAY + 0.5, "ERROR", "disk full",
    ),
    "journald": (
        '{"__REALTIME_TIMESTAMP": "1714557600500000", "PRIORITY": "3", "MESSAGE": "disk full"}',
        MAY + 0.5, "ERROR", "disk full",
    ),
    "OTLP": (json.dumps(OTLP), MAY + 0.5, "ERROR", "disk full"),
    "JSON without a text": (
        '{"ts": 1714557600.5, "method": "GET", "status": 503, "ms": 71}',
        MAY + 0.5, "ERROR", "method=GET status=",
    ),
    "table": (
        "date;time;level;message\n2024-05-01;10:00:00;ERROR;disk full", MAY, "ERROR", "disk full",
    ),
    "CloudWatch": (
        "@timestamp,@message\n2024-05-01 10:00:00.500,ERROR disk full",
        MAY + 0.5, "ERROR", "disk full",
    ),
    "Windows Event Viewer": (
        "Level,Date and Time,Source,Event ID,Task Category\n"
        "Error,5/1/2024 10:00:00 AM,disk,7,None,disk full",
        MAY, "ERROR", "disk full",
    ),
    "Windows Export-Csv": (
        '#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\n'
        '"Message","Id","Level","TimeCreated","LevelDisplayName"\n'
        '"disk full","7","2","5/1/2024 10:00:00 AM","Error"',
        MAY, "ERROR", "disk full",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_what_is_read_of_a_form(form, tmp_path):
    log, time, level, text = FORMS[form]
    path = write(tmp_path, log + "\n")
    layout = layout_of(path)
    frame = next(records(path, layout, ReadCounts(), threads=1))
    assert frame["time"][0] == pytest.approx(time, abs=1e-6)
    assert frame["level"][0] == level
    assert mask(pl.Series([text]))[0] in frame["text"][0]
    assert any(text in example.text for example in inspect(path, layout).examples)


def test_every_row_of_the_docs_is_tested_and_every_form_has_its_row():
    table = DOCS.read_text(encoding="utf-8").partition("| form | a line |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.*?) \| <code>(.*?)</code>", table, re.MULTILINE)
    documented = {form: html.unescape(line).replace("<br>", "\n") for form, line in rows}
    assert documented == {
        form: log.replace("\x1b", "\\x1b").replace("\t", " ") for form, (log, *_) in FORMS.items()
    }
