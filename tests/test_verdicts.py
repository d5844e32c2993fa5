"""Verdicts of a few sequences, by hand."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from rows import sequences as rows_of_events

from glx import verdicts
from glx.sequences import ADAPT, GAP, TEST, Distinct, Sequences
from glx.verdicts import Verdicts

nan = np.nan
# The columns and types of `verdicts.parquet`, which other programs rely on.
COLUMNS = {
    "sequence": pl.Int64,
    "key": pl.String,
    "first_line": pl.Int64,
    "last_line": pl.Int64,
    "split": pl.String,
    "score": pl.Float32,
    "anomalous": pl.Boolean,
    "route": pl.String,
    "evidence": pl.List(
        pl.Struct({"line": pl.Int64, "event": pl.Int64, "weight": pl.Float64, "text": pl.String})
    ),
    "reason": pl.String,
    "deciding": pl.Struct(
        {
            "event": pl.Int64,
            "text": pl.String,
            "cosine": pl.Float64,
            "source": pl.String,
            "nearest": pl.String,
        }
    ),
    "cause": pl.Struct(
        {"id": pl.String, "lacks": pl.Boolean, "text": pl.String, "near": pl.String}
    ),
    "time": pl.Datetime("ms"),
}
HOLDS = {"id": "9642efe4", "lacks": False, "text": "stop", "near": "stay (0.50)"}
LACKS = {"id": "4d25775f", "lacks": True, "text": "stop", "near": None}


def near(event: int) -> str:
    return "stay (0.50)"


DECIDED = {"event": 0, "text": "stop", "cosine": 0.5, "source": "jobs", "nearest": "halt"}


def verdicts_of(scores, routes=None) -> Verdicts:
    """As many sequences of one event, each distinct."""
    n = len(scores)
    unique = Distinct(np.zeros(n, np.int32), np.arange(n + 1), np.ones(n, np.int64), np.arange(n))
    at = np.zeros((n, 1), np.int64)
    reasons = np.array([None, *"abc"][:n], object)
    deciding = None if routes is None else pl.Series([DECIDED] * n, dtype=verdicts.DECIDING)
    scores = np.array(scores, np.float32)
    causes, lacks = at[:, 0], np.arange(n) == 1
    return Verdicts(unique, scores, at, at + 1.0, at, reasons, causes, lacks, routes, deciding)


def table(scores, part=(ADAPT, GAP, TEST, TEST, TEST), threshold=0.5, keys=True, routes=None):
    n = len(part)
    sequences = Sequences(
        ids=np.zeros(n, np.int32),
        offsets=np.arange(n + 1),
        first_line=np.arange(n) * 10,
        last_line=np.arange(n) * 10 + 9,
        keys=np.array([f"s{i}" for i in range(n)], dtype=object) if keys else None,
    )
    part = np.array(part, np.int8)
    return verdicts.table(sequences, part, verdicts_of(scores, routes), threshold, ["stop"], near)


def found_at(line: int) -> list[dict]:
    return [{"line": line, "event": 0, "weight": 1.0, "text": "stop"}]


def test_one_row_per_sequence(tmp_path):
    found = table([0.25, 0.5, 0.75])
    assert dict(found.schema) == COLUMNS
    assert found.rows() == [
        (0, "s0", 0, 9, "adapt", *[None] * 8),
        (1, "s1", 10, 19, "gap", *[None] * 8),
        (2, "s2", 20, 29, "test", 0.25, False, None, found_at(20), *[None] * 4),
        # At the threshold: anomalous.
        (3, "s3", 30, 39, "test", 0.5, True, None, found_at(30), "a", None, LACKS, None),
        (4, "s4", 40, 49, "test", 0.75, True, None, found_at(40), "b", None, HOLDS, None),
    ]
    found.write_parquet(tmp_path / "v.parquet")
    assert dict(pl.read_parquet(tmp_path / "v.parquet").schema) == COLUMNS


def test_an_abstention_has_neither_score_nor_decision():
    found = table([0.25, nan, 0.75])
    assert found["score"].to_list()[2:] == [0.25, None, 0.75]
    assert found["anomalous"].to_list()[2:] == [False, None, True]
    assert found["split"][3] == "test"


def test_sequences_without_keys_and_with_routes():
    routes = np.array(["general", "proprietary"])
    found = table([0.0, 1.0], part=(TEST, ADAPT, TEST), keys=False, routes=routes)
    assert dict(found.schema) == COLUMNS
    assert found["key"].to_list() == [None, None, None]
    assert found["route"].to_list() == ["general", None, "proprietary"]
    assert found["deciding"].to_list() == [DECIDED, None, DECIDED]


def test_a_threshold_between_two_float32():
    """A score equal to the threshold counts, although 0.1 is not a float32."""
    assert table([0.1], part=(TEST,), threshold=0.1)["anomalous"].to_list() == [True]


@pytest.mark.parametrize(
    ("offsets", "weights", "at", "top"),
    [
        (
            [0, 4, 5, 5, 6],
            [0.1, 0.7, 0.2, 0.7, 1, 0.5],
            [[1, 3], [4, -1], [-1, -1], [5, -1]],  # of equal weights the earlier
            [[0.7, 0.7], [1, 0], [0, 0], [0.5, 0]],
        ),
        ([0, 0], [], [[-1, -1]], [[0, 0]]),
    ],
)
def test_heaviest_events(offsets, weights, at, top):
    found = verdicts.heaviest(np.array(offsets), np.array(weights, np.float32), top=2)
    assert found[0].tolist() == at
    np.testing.assert_array_equal(found[1], np.array(top, np.float32))


def two_alike_and_one_other(keys=None) -> tuple[Verdicts, Sequences]:
    """Of ids 2 0, 1, 2 0; the first and the last are one distinct sequence."""
    unique = Distinct(
        np.array([1, 2, 0]), np.array([0, 1, 3]), np.array([1, 2]), np.array([1, 0, 1])
    )
    found = Verdicts(
        unique,
        scores=np.array([nan, 0.7512345678], np.float32),
        places=np.array([[0, -1], [1, 0]]),
        weights=np.array([[1, 0], [0.66666, 0.33334]], np.float32),
        ids=np.array([[1, 0], [0, 2]]),
        reasons=np.array(["not \ud800 to say", None]),
        causes=np.array([1, 2]),
        lacks=np.array([False, True]),
        routes=np.array(["general", "proprietary"]),
    )
    ids, lines = np.array([2, 0, 1, 2, 0]), np.array([4, 9, 5, 6, 7])
    first, last = np.array([4, 5, 6]), np.array([9, 5, 7])
    return found, Sequences(ids, np.array([0, 2, 3, 5]), first, last, lines, keys)


def test_evidence_names_lines_and_texts():
    found, sequences = two_alike_and_one_other()
    heavy = [
        {"line": 9, "event": 1, "weight": 0.6667, "text": "fällt aus"},
        {"line": 4, "event": 0, "weight": 0.3333, "text": "stop"},
    ]
    texts = ["fällt aus", "start", "stop"]
    assert verdicts.evidence(found, sequences, texts).to_list() == [
        heavy,
        [{"line": 5, "event": 0, "weight": 1.0, "text": "start"}],
        [e | {"line": n} for e, n in zip(heavy, (7, 6), strict=True)],
    ]
    windows = replace(sequences, lines=None)  # each in one row of the file
    lines = verdicts.evidence(found, windows, texts).explode().struct.field("line")
    assert lines.to_list() == [4, 4, 5, 6, 6]


def test_of_no_sequences_there_are_no_rows():
    empty = verdicts.rows(verdicts_of([]), rows_of_events(), 0.5, ["a"], near)
    assert (dict(empty.schema), len(empty)) == (verdicts.VERDICT, 0)


def test_the_time_of_a_sequence_is_that_of_its_first_event():
    found, sequences = two_alike_and_one_other()
    start = np.array([1.7e9, nan, 1.7e9 + 0.25])
    rows = verdicts.rows(found, replace(sequences, start=start), 0.75, ["a", "b", "c"], near)
    assert rows["time"].dt.epoch("ms").to_list() == [1_700_000_000_000, None, 1_700_000_000_250]
    times = [json.loads(line).get("time") for line in verdicts.json_lines(rows)]
    assert times == ["2023-11-14T22:13:20.000", None, "2023-11-14T22:13:20.250"]


def test_what_no_event_weighs_in_has_no_cause():
    found, sequences = two_alike_and_one_other()
    found = replace(found, causes=np.array([-1, -1]))
    rows = verdicts.rows(found, sequences, 0.75, ["a", "b", "c"], near)
    assert rows["cause"].to_list() == [None] * 3


def test_lines_of_json():
    found, sequences = two_alike_and_one_other(np.array(['a"', "ä\\", "c"], object))
    texts = ["start", 'say "line": 1000000000000000000}', "stop"]
    rows = verdicts.rows(found, sequences, 0.75, texts, near)
    lines = verdicts.json_lines(rows, file="x\udcff.log")
    first, second, third = map(json.loads, lines)
    assert [*first] == [
        "file", "key", "first_line", "last_line", "score", "anomalous", "route", "evidence",
        "cause",
    ]  # fmt: skip
    assert first == {
        "file": "x\udcff.log",  # escaped, as it is no UTF-8
        "key": 'a"',
        "first_line": 4,
        "last_line": 9,
        "score": 0.751235,
        "anomalous": True,
        "route": "proprietary",
        "evidence": [
            {"line": 9, "weight": 0.6667, "text": "start"},
            {"line": 4, "weight": 0.3333, "text": "stop"},
        ],
        "cause": LACKS,
    }
    assert third == first | {"key": "c", "first_line": 6, "last_line": 7} | {
        "evidence": [e | {"line": n} for e, n in zip(first["evidence"], (7, 6), strict=True)]
    }
    assert (second["key"], second["score"], second["anomalous"]) == ("ä\\", None, None)
    assert second["evidence"] == [{"line": 5, "weight": 1.0, "text": texts[1]}]
    assert second["reason"] == "not \\ud800 to say"
    assert "ä" in lines[1]
    assert "cause" not in second
    without = verdicts.json_lines(rows.with_columns(key=pl.lit(None, pl.String)))
    assert [*map(json.loads, without)] == [
        {k: v for k, v in (line | {"key": None}).items() if k != "file"}
        for line in (first, second, third)
    ]
