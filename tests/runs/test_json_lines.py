"""Verdicts as lines of JSON: every line number is that of its own file, details are masked."""

import json

import polars as pl
import pytest

from glx.parse.log import Log
from glx.redact import mask_of
from glx.runs.json_lines import json_of, with_detail
from glx.verdicts import VERDICT


def verdict(key, first, last, *lines):
    evidence = [{"line": n, "event": 0, "weight": 0.5, "text": "disk <*>"} for n in lines]
    row = {"key": key, "first_line": first, "last_line": last, "score": 0.25, "anomalous": False}
    return {name: None for name in VERDICT} | row | {"evidence": evidence}


def test_lines_are_those_of_the_file():
    found = pl.DataFrame(
        [
            verdict("a", 0, 9, 4),
            verdict("b", 12, 19, 15, 13),
            verdict("over", 8, 21, 9, 20),
            verdict("c", 20, 20, 20),
        ],
        schema=VERDICT,
    )
    log = Log(["1.log", "é.log", "3.log"], starts=[0, 10, 20])
    rows = [json.loads(line) for line in json_of(found, log)]
    places = [
        (row["file"], row["first_line"], row.get("last_file"), row["last_line"]) for row in rows
    ]
    assert places == [
        ("1.log", 0, None, 9),
        ("é.log", 2, None, 9),
        ("1.log", 8, "3.log", 1),
        ("3.log", 0, None, 0),
    ]
    lines = [[(entry.get("file"), entry["line"]) for entry in row["evidence"]] for row in rows]
    assert lines == [[(None, 4)], [(None, 5), (None, 3)], [(None, 9), ("3.log", 0)], [(None, 0)]]
    assert list(rows[2])[:4] == ["file", "last_file", "key", "first_line"]
    assert rows[2]["score"] == 0.25
    one = json_of(found, Log(["1.log"], starts=[0]))
    assert json.loads(one[1])["first_line"] == 12


@pytest.mark.parametrize(
    ("text", "detail", "shown"),
    [
        ("asked for a password:", "  sesame\n  at Login:7", "  [masked password]\n  at Login:7"),
        ("asked for a password:", "sesame\nat Login.java:7", "[masked password]\nat Login.java:7"),
        ("two\nlines, token:", "    abcxyz", "    [masked secret]"),
        ("crashed", "at Login.java:7", "at Login.java:7"),
        ("-----BEGIN RSA PRIVATE KEY-----", "MIIEow\n-----END RSA PRIVATE KEY-----\nleft", "left"),
    ],
)
def test_the_line_above_a_detail_may_name_its_secret(text, detail, shown):
    found = pl.DataFrame({"anomalous": [True], "evidence": [[{"line": 3, "text": text}]]})
    log = Log(["a.log"], details={3: detail})
    assert with_detail(found, log, mask_of(True))["detail"].to_list() == [shown]
    assert with_detail(found, log, mask_of(False))["detail"].to_list() == [detail]
