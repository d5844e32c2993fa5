"""A detector with a cache scores each distinct sequence once."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from rows import sequences as sequences_of

from glx.runs import verdict_cache
from glx.runs.verdict_cache import VerdictCache
from glx.sequences import distinct
from glx.verdicts import DECIDING, Verdicts


@pytest.fixture
def asked(monkeypatch):
    """A cache, and what its detector was asked: the sum of a sequence is its score, 9 none."""
    asked = []

    def judge(sequences):
        unique = distinct(sequences)
        rows = [unique.ids[a:b].tolist() for a, b in pairwise(unique.offsets)]
        asked.append(rows)
        sums = np.array([np.nan if 9 in row else sum(row) for row in rows], np.float32)
        none = np.zeros((len(rows), 1), np.int64)
        reasons = np.array([str(row) for row in rows], object)
        deciding = pl.Series([{"event": len(row)} for row in rows], dtype=DECIDING)
        columns = sums, none, none + 0.5, none, reasons, none[:, 0], none[:, 0] > 0
        return Verdicts(unique, *columns, deciding=deciding, metrics={"questions": len(rows)})

    monkeypatch.setattr(verdict_cache, "MOST", 8 + 3 * verdict_cache.EACH)
    return VerdictCache(judge), asked


def scores(verdicts: Verdicts) -> list[float]:
    return verdicts.scores[verdicts.distinct.inverse].tolist()


def test_each_distinct_sequence_is_judged_once(asked):
    judge, questions = asked
    found = judge(sequences_of([2, 1], [1], [2, 1]))
    assert (scores(found), found.metrics) == ([3, 1, 3], {"questions": 2})
    found = judge(sequences_of([1], [3], [2, 1], [1]))
    assert (scores(found), found.metrics) == ([1, 3, 3, 1], {"questions": 1})
    u = found.distinct.inverse
    assert found.reasons[u].tolist() == ["[1]", "[3]", "[2, 1]", "[1]"]
    assert found.deciding[u].struct.field("event").to_list() == [1, 1, 2, 1]
    assert found.distinct.counts.tolist() == [2, 1, 1]
    found = judge(sequences_of([3]))
    assert (scores(found), found.metrics) == ([3], {})
    assert questions == [[[1], [2, 1]], [[3]]]


def test_a_sequence_that_waits_for_a_step_is_another(asked):
    judge, questions = asked
    rows = sequences_of([2, 1], [2, 1], [2, 1])
    waits = sp.csr_array(np.array([[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 1]], bool))
    judge(replace(rows, awaited=waits))
    judge(replace(rows, awaited=waits))
    judge(rows)
    assert questions == [[[2, 1], [2, 1]]]


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
