"""Logs that are tables: names of any spelling, exports of Windows and of log services."""

import pytest
from raw_files import write

from glx.errors import InputError
from glx.parse.events import collect
from glx.parse.header import layout_of
from glx.parse.names import Given
from glx.parse.read import ReadCounts
from glx.parse.records import records
from glx.parse.table_log import rows_of

AT = 1714550400.0  # 2024-05-01T08:00:00Z
TABLES = {  # a table, and time, level and text of its last row
    "CloudWatch": (
        "timestamp,message\n1714550400000,2024-05-01T08:00:00Z ERROR no disk 7\n",
        (AT, "ERROR", "ERROR no disk <*>"),
    ),
    "CloudWatch Insights": (
        "@timestamp,@message\n2024-05-01 08:00:00.000,went on\n", (AT, None, "went on"),
    ),
    "CloudWatch with JSON": (
        "@timestamp,@message\n2024-05-01 08:00:00.000,START 7\n2024-05-01 08:00:00.000,"
        '"{""level"":""error"",""msg"":""no disk"",""status"":507,""id"":""a1b2c3d4e5""}"\n',
        (AT, "ERROR", "ERROR no disk status=507"),
    ),
    "lines of containers": (
        "Timestamp,Log\n"
        + 9 * '2024-05-01T08:00:00Z,"{""log"":""16:00:00.1 INFO t.c.A#1 up\\n""}"\n'
        + '2024-05-01T08:00:00Z,"{""log"":""16:00:00.1 ERROR t.c.A#7 no disk\\n""}"\n',
        (AT, "ERROR", "ERROR no disk"),
    ),
    "Event Viewer": (
        "Level,Date and Time,Source,Event ID,Task Category\n"
        "Information,5/1/2024 8:00:00 AM,SCM,7036,None,The Spooler is running.\n"
        'Error,5/1/2024 8:00:00 AM,SCM,7031,None,"The Spooler stopped.\nMore of it"\n',
        (AT, "ERROR", "ERROR The Spooler stopped. EventID=7031"),
    ),
    "Export-Csv with #TYPE": (
        "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\n"
        '"Message","Id","Level","TimeCreated","ProviderName","LevelDisplayName"\n'
        '"No logon.\r\n\r\nSubject:\r\n\tID: x","4625","4","5/1/2024 8:00:00 AM","S","Error"\n',
        (AT, "ERROR", "ERROR No logon. Id=4625"),
    ),
    "Export-Csv": (
        '"TimeCreated","Id","LevelDisplayName","Message"\n'
        '"5/1/2024 8:00:00 AM","7","Information","up"\n',
        (AT, "INFO", "up Id=7"),
    ),
    "Export-Csv without the names of levels": (
        '"TimeCreated","Id","Level","Message"\n"5/1/2024 8:00:00 AM","7","3","slow"\n',
        (AT, "WARN", "WARN slow Id=7"),
    ),
    "Get-EventLog": (
        '"EventID","EntryType","Message","TimeGenerated"\n'
        '"7031","Warning","died","5/1/2024 8:00:00 AM"\n',
        (AT, "WARN", "WARN died EventID=7031"),
    ),
    "Splunk": ("_time,_raw\n2024-05-01T08:00:00.000+0000,up and on\n", (AT, None, "up and on")),
    "Datadog": ("Date,Host,Service,Message\n2024-05-01T08:00:00Z,h,s,up\n", (AT, None, "up")),
    "Azure": (
        "TimeGenerated [UTC],SeverityLevel,Message\n2024-05-01T08:00:00Z,3,failed\n",
        (AT, "ERROR", "ERROR failed"),
    ),
    "Grafana": ("Time\tLine\n2024-05-01 08:00:00\tup\n", (AT, None, "up")),
    "semicolons and a mark": (
        "\ufeffDate;Log Level;Log Message\n2024-05-01 08:00:00;Error;no\n",
        (AT, "ERROR", "ERROR no"),
    ),
    "outcomes": (
        "time,message,exit code,took\n2024-05-01 08:00:00,ended,137,33\n",
        (AT, None, "ended exitcode=137"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_tables_as_they_are_exported(table, tmp_path):
    content, expected = TABLES[table]
    path = write(tmp_path, content)
    frame, texts = collect(records(path, layout_of(path), ReadCounts()))
    assert (frame["time"][-1], frame["level"][-1], texts[frame["text"][-1]]) == expected


@pytest.mark.parametrize(
    "lines",
    ["started, all is well\nstopped, message 7\n", "a=1, message=2\nb=2, message=3\n"],
)
def test_lines_with_commas_are_no_table(lines, tmp_path):
    assert layout_of(write(tmp_path, lines)).format == "lines"


def test_rows_of_several_lines():
    assert rows_of(['a,"b', "", 'c",d', "e"]) == ['a,"b\n\nc",d', "e"]


@pytest.mark.parametrize("format", ["auto", "csv"])
def test_colours_are_no_part_of_a_name(format, tmp_path):
    rows = "2024-05-01 10:00:00,\x1b[31minfo\x1b[0m,came 7\n" * 9
    path = write(tmp_path, f"time,\x1b[1mlevel\x1b[0m,message\x1b[31m\n{rows}")
    layout = layout_of(path, format)
    frame, texts = collect(records(path, layout, ReadCounts()))
    assert (texts, frame["level"].to_list()) == (["came <*>"], ["INFO"] * 9)


def test_a_table_whose_text_is_named_as_something_else(tmp_path):
    path = write(tmp_path, "time,level,message\n2024-05-01 10:00:00,info,came\n")
    with pytest.raises(InputError, match=r"no column of text among 'time', 'level', 'message'"):
        layout_of(path, given=Given(time="message"))
