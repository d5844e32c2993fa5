"""A judge that remembers asks about each distinct sequence once."""

import numpy as np
import polars as pl
import pytest

from glx.runs import verdict_cache
from glx.runs.verdict_cache import VerdictCache
from glx.sequences import Sequences, csr_offsets, distinct
from glx.verdicts import DECIDING, Verdicts


def sequences_of(*rows: list[int]) -> Sequences:
    lengths = np.array([len(row) for row in rows])
    at = np.arange(len(rows))
    return Sequences(np.concatenate(rows).astype(np.int32), csr_offsets(lengths), at, at)


@pytest.fixture
def asked(monkeypatch):
    """A judge that remembers, and what it asked: the sum of a sequence is its score, 9 none."""
    asked = []

    def judge(sequences):
        unique = distinct(sequences)
        rows = [
            unique.ids[a:b].tolist()
            for a, b in zip(unique.offsets, unique.offsets[1:], strict=False)
        ]
        asked.append(rows)
        sums = np.array([np.nan if 9 in row else sum(row) for row in rows], np.float32)
        none = np.zeros((len(rows), 1), np.int64)
        reasons = np.array([str(row) for row in rows], object)
        deciding = pl.Series([{"event": len(row)} for row in rows], dtype=DECIDING)
        columns = sums, none, none + 0.5, none, reasons
        return Verdicts(unique, *columns, deciding=deciding, metrics={"questions": len(rows)})

    monkeypatch.setattr(verdict_cache, "MOST", 8 + 3 * verdict_cache.EACH)
    return VerdictCache(judge), asked


def scores(judged: Verdicts) -> list[float]:
    return judged.scores[judged.distinct.inverse].tolist()


def test_each_distinct_sequence_is_judged_once(asked):
    judge, questions = asked
    judged = judge(sequences_of([2, 1], [1], [2, 1]))
    assert (scores(judged), judged.metrics) == ([3, 1, 3], {"questions": 2})
    judged = judge(sequences_of([1], [3], [2, 1], [1]))
    assert (scores(judged), judged.metrics) == ([1, 3, 3, 1], {"questions": 1})
    u = judged.distinct.inverse
    assert judged.reasons[u].tolist() == ["[1]", "[3]", "[2, 1]", "[1]"]
    assert judged.deciding[u].struct.field("event").to_list() == [1, 1, 2, 1]
    assert judged.distinct.counts.tolist() == [2, 1, 1]
    judged = judge(sequences_of([3]))
    assert (scores(judged), judged.metrics) == ([3], {})
    assert questions == [[[1], [2, 1]], [[3]]]


def test_an_abstention_is_asked_about_again(asked):
    judge, questions = asked
    assert np.isnan(scores(judge(sequences_of([9], [1])))[0])
    assert np.isnan(scores(judge(sequences_of([9], [1])))[0])
    assert questions == [[[1], [9]], [[9]]]


def test_memory_is_bounded(asked):
    judge, questions = asked
    judge(sequences_of([1] * 9))
    judge(sequences_of([1] * 9))
    judge(sequences_of([2], [3], [4]))
    assert len(questions) == 2
    judge(sequences_of([1] * 9))
    assert len(questions) == 3
