"""Sequences written out, and the questions expected of them."""

from itertools import pairwise

import numpy as np
import pytest
from expert_inputs import expert_input
from hypothesis import given
from hypothesis import strategies as st

from glx.evidence import bounded_logit
from glx.generallog.questions import CONTEXTS, collapse, fold

LIKE = np.float32([0.9, 0.2, 0.8, 0.1, 0.7])  # events 1 and 3 are proprietary below 0.5


EVENTS = [f"event {v}" for v in range(5)]


def asked(rows, context):
    """The questions about the sequences `rows`."""
    return collapse(expert_input(rows, EVENTS, similarity=LIKE), context)


def listed(questions):
    """(context, asked event) of each question."""
    return [
        (questions.ids[a:b].tolist(), event)
        for (a, b), event in zip(pairwise(questions.offsets), questions.events, strict=True)
    ]


def of_sequences(questions):
    """(question, place) of each sequence."""
    pairs = list(zip(questions.members.tolist(), questions.places.tolist(), strict=True))
    return [pairs[a:b] for a, b in pairwise(questions.member_offsets)]


ROWS = [[0, 0, 1, 1, 1, 2, 3], [0, 1, 2, 2, 3, 1], [4, 3, 3]]


def test_by_event():
    questions = asked(ROWS, "event")
    assert listed(questions) == [([1], 1), ([3], 3)]
    assert of_sequences(questions) == [[(0, 2), (1, 6)], [(0, 1), (1, 4)], [(1, 1)]]


def test_by_neighbours():
    questions = asked(ROWS, "neighbours")
    assert listed(questions) == [
        ([0, 1, 2], 1),
        ([2, 3], 3),
        ([2, 3, 1], 3),
        ([4, 3], 3),
    ]
    assert of_sequences(questions) == [[(0, 2), (1, 6)], [(0, 1), (2, 4)], [(3, 1)]]


def test_by_sequence_the_deciding_event_alone_is_asked_about():
    questions = asked([*ROWS, [0, 1, 1, 2, 3, 3]], "sequence")
    assert listed(questions) == [
        ([4, 3], 3),
        ([0, 1, 2, 3], 3),
        ([0, 1, 2, 3, 1], 3),
    ]
    assert of_sequences(questions) == [[(1, 6)], [(2, 4)], [(0, 1)], [(1, 4)]]


def test_the_deciding_event_is_asked_about_whatever_its_similarity():
    questions = asked([[0, 2], [4]], "event")
    assert questions.events.tolist() == [2, 4]


@pytest.mark.parametrize("context", CONTEXTS)
def test_repeats_do_not_multiply_questions(context):
    rows = [[0] * n + [3] * m + [2] for n in (1, 5, 70) for m in (1, 300)]
    assert len(asked(rows, context)) == 1


def test_nothing_to_ask():
    questions = asked([], "neighbours")
    assert len(questions) == 0
    log_odds, places, reasons = fold(questions, np.zeros(0, np.float32), [], np.zeros(9))
    assert (len(log_odds), len(places), reasons) == (0, 0, [])


def test_a_sequence_is_as_anomalous_as_its_worst_event():
    questions = asked([[1, 3], [3, 1], [1]], "event")
    given = np.float32([0.2, 0.9])
    log_odds, places, reasons = fold(questions, given, ["one", "three"], np.zeros(4))
    assert log_odds.tolist() == bounded_logit(given[[1, 1, 0]]).tolist()
    assert places.tolist() == [1, 0, 0]
    assert reasons == ["three", "three", "one"]


def test_a_sequence_abstains_only_where_all_its_questions_do():
    questions = asked([[3, 1], [3], [1]], "event")
    log_odds, places, reasons = fold(
        questions, np.float32([0.0, np.nan]), ["fine", "no answer"], np.zeros(4)
    )
    assert np.isnan(log_odds).tolist() == [False, True, False]
    assert places.tolist() == [1, 0, 0]
    assert reasons == ["fine", "no answer", "fine"]


def test_of_equal_answers_the_earliest_event_counts():
    questions = asked([[3, 0, 1], [1, 0, 3]], "event")
    for answer in (0.5, np.nan):
        _, places, _ = fold(questions, np.float32([answer, answer]), ["", ""], np.zeros(4))
        assert places.tolist() == [0, 0]


def test_a_rare_event_outweighs_a_slightly_worse_common_one():
    questions = asked([[1, 3]], "event")
    beside = np.array([0, -2.0, 0, 1.0])
    log_odds, places, _ = fold(questions, np.float32([0.6, 0.5]), ["", ""], beside)
    assert (log_odds.tolist(), places.tolist()) == ([1.0], [1])


ROW = st.lists(st.integers(0, 4), min_size=1, max_size=8)


@given(st.lists(ROW, min_size=1, max_size=8, unique_by=tuple), st.sampled_from(CONTEXTS), st.data())
def test_questions_do_not_depend_on_the_order_of_sequences(rows, context, data):
    order = data.draw(st.permutations(range(len(rows))))
    one, other = asked(rows, context), asked([rows[i] for i in order], context)
    assert listed(one) == listed(other)
    assert [of_sequences(one)[i] for i in order] == of_sequences(other)
    for row, members in zip(rows, of_sequences(one), strict=True):
        assert members
        assert [row[place] for _, place in members] == [one.events[q] for q, _ in members]
        assert all(row.index(row[place]) == place for _, place in members)
