"""The small tables that the report shows, from verdicts by hand."""

import numpy as np

from glx import verdicts
from glx.report.anomalies import FLAGGED
from glx.runs import plots
from glx.sequences import ADAPT, TEST, Sequences, distinct
from glx.verdicts import Verdicts


def test_flagged_sequences_alike_are_one_row(monkeypatch):
    monkeypatch.setattr(plots, "EVENTS", 2)
    ids = np.array([3, 0, 1, 2, 0, 0, 1, 2, 3], np.int32)
    at = np.arange(6) * 10
    sequences = Sequences(ids, np.array([0, 1, 4, 5, 8, 9, 9]), at, at)
    part = np.array([ADAPT, *[TEST] * 4, ADAPT], np.int8)
    unique = distinct(sequences.take(np.arange(1, 5)))  # 0, then 0 1 2, then 3
    scores, none = np.float32([0.4, 0.75, 0.8]), np.full(3, None)
    place, weight, first = np.array([[0]] * 3), np.ones((3, 1), np.float32), unique.offsets[:-1]
    ids, lacks = unique.ids[first], np.zeros(3, dtype=bool)
    found = Verdicts(unique, scores, place, weight, ids[:, None], none, ids, lacks)
    table = verdicts.table(sequences, part, found, 0.5, list("abcd"), lambda event: None)
    flagged = plots.flagged(table, found, list("abcd"))
    assert dict(flagged.schema) == FLAGGED
    assert flagged.select("count", "sequences", "events").rows() == [
        (1, [4], ["d"]),
        (2, [1, 3], ["a", "b"]),
    ]
    assert flagged["score"].to_numpy().tolist() == scores[:0:-1].tolist()
    lines = flagged["evidence"].explode().struct.field("line")
    assert lines.to_list() == [40, 10]
