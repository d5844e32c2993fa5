"""What was flagged, by cause."""

from datetime import datetime

import polars as pl
import pytest

from glx.redact import mask_of
from glx.report.causes import BINS, COLUMNS, causes, since, with_lines

FULL, LACKS = (
    {"id": "11111111", "lacks": False, "text": "disk <*> full"},
    {"id": "22222222", "lacks": True, "text": "order closed"},
)


def verdict(n: int, cause=None, score=0.9, **other) -> dict:
    row = {
        "file": "a.log", "key": f"s{n}", "first_line": 10 * n, "last_line": 10 * n + 9,
        "score": score if cause else 0.1, "anomalous": cause is not None, "reason": None,
        "cause": cause, "time": datetime(2024, 1, 1, n),
        "evidence": [{"line": 10 * n + 4, "event": 4, "weight": 1.0, "text": "disk <*> full"}],
    }  # fmt: skip
    return row | other


def found_in(*rows: dict):
    return causes(pl.DataFrame(rows, schema=COLUMNS))


def test_flagged_sequences_of_one_cause_are_one():
    first = verdict(1, FULL, score=0.8)
    found = found_in(verdict(0), first, verdict(2, LACKS), verdict(3, FULL, score=0.95), verdict(4))
    assert (found.sequences, found.flagged, found.found, found.in_time) == (5, 3, 2, True)
    full, lacks = found.causes
    assert (full.id, full.count, full.score, full.sessions) == ("11111111", 2, 0.95, ["s3", "s1"])
    assert (full.first_time, full.last_time) == (
        "2024-01-01T01:00:00.000",
        "2024-01-01T03:00:00.000",
    )
    assert full.trend == [0] * 5 + [1] + [0] * 9 + [1] + [0] * 4
    assert (full.example.key, full.example.first_line, full.example.evidence) == ("s3", 30, [34])
    assert (lacks.lacks, lacks.text, lacks.count) == (True, "order closed", 1)


def test_without_times_a_trend_is_in_the_order_of_the_log():
    rows = [verdict(n, FULL if n == 19 else None, time=None) for n in range(20)]
    found = found_in(*rows)
    assert (found.in_time, found.causes[0].first_time) == (False, None)
    assert found.causes[0].trend == [0] * (BINS - 1) + [1]


def test_of_nothing_flagged_there_is_no_cause():
    for rows in ([], [verdict(0)]):
        found = found_in(*rows)
        assert (found.sequences, found.flagged, found.causes) == (len(rows), 0, [])


def test_what_was_flagged_without_an_event_is_a_cause_too():
    found = found_in(verdict(0, anomalous=True, score=0.7, evidence=[]))
    assert [(cause.id, cause.count) for cause in found.causes] == [("none", 1)]


def test_the_line_that_decided_comes_first():
    evidence = [
        {"line": n, "event": n, "weight": 0.5, "text": text}
        for n, text in ((3, "retry"), (7, "disk <*> full"))
    ]
    assert found_in(verdict(0, FULL, evidence=evidence)).causes[0].example.evidence == [7, 3]


def test_new_causes_come_first():
    before = found_in(verdict(0, FULL))
    found = since(found_in(verdict(0, FULL, score=0.99), verdict(1, LACKS)), before)
    assert [(cause.id, cause.new) for cause in found.causes] == [
        ("22222222", True),
        ("11111111", False),
    ]
    assert {cause.new for cause in since(found, None).causes} == {True, False}


def lines_of(found, texts: dict[int, str], masks: bool = True) -> list[tuple[int, str, bool]]:
    def read(file, wanted):
        assert file == "a.log"
        return {n: texts[n] for n in wanted if n in texts}

    with_lines(found.causes, read, mask_of(masks))
    return [(line.line, line.text, line.own) for line in found.causes[0].example.lines]


def test_an_example_has_its_lines_and_those_around_the_one_that_decided():
    texts = {n: f"text {n}" for n in range(100)}
    assert lines_of(found_in(verdict(1, FULL)), texts) == [
        (n, f"text {n}", n in (10, 14, 19)) for n in (10, 12, 13, 14, 15, 16, 19)
    ]
    lacks = lines_of(found_in(verdict(1, LACKS)), texts)
    assert [n for n, *_ in lacks] == [10, 14, 17, 18, 19, 20, 21]
    assert lines_of(found_in(verdict(1, FULL)), {}) == []  # the file is gone


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ({13: "password:", 14: "  sesame", 15: "ok"}, ["password:", "  [masked password]", "ok"]),
        ({13: "x", 14: "token=abcDEF123456", 15: "y"}, ["x", "token=[masked secret]", "y"]),
    ],
)
def test_lines_are_masked_together(texts, shown):
    assert [text for _, text, _ in lines_of(found_in(verdict(1, FULL)), texts)] == shown
    plain = lines_of(found_in(verdict(1, FULL)), texts, masks=False)
    assert [text for _, text, _ in plain] == [*texts.values()]


def test_a_key_over_several_lines_is_one():
    texts = {
        13: "-----BEGIN RSA PRIVATE KEY-----",
        14: "MIIEowIBAAKCAQEAxyz",
        15: "-----END RSA PRIVATE KEY-----",
    }
    [(line, text, _)] = lines_of(found_in(verdict(1, FULL)), texts)
    assert (line, "MIIE" in text) == (13, False)
