"""CSR arithmetic and distinct sequences, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import sequences, unique

from glx.sequences import Rows, batches, csr_gather, distinct, first_highest, pad, shorten, unpad

RARITY = np.array([0.1, 0.2, 3.0, 0.3, 2.0])  # of five templates; 2 is the rarest


def test_distinct_counts_and_scatters_back():
    d = distinct(sequences([3, 1], [2], [3, 1], [], [2, 2]))
    assert [ids.tolist() for ids in d] == [[], [2], [2, 2], [3, 1]]
    assert d.counts.tolist() == [1, 1, 1, 2]
    assert d.inverse.tolist() == [3, 1, 3, 0, 2]


def test_distinct_does_not_depend_on_the_order_of_rows():
    rows = [[300, 1], [5], [300, 1], [5, 6], [70000]]
    one, other = distinct(sequences(*rows)), distinct(sequences(*rows[::-1]))
    for name in ("ids", "offsets", "counts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.inverse, other.inverse[::-1])


def test_take_keeps_everything_together():
    taken = sequences([3, 1], [2], [4, 5, 6]).take(np.array([2, 0]))
    assert taken.ids.tolist() == [4, 5, 6, 3, 1]
    assert taken.offsets.tolist() == [0, 3, 5]
    assert taken.first_line.tolist() == [2, 0]


def test_csr_gather_of_nothing():
    assert csr_gather(np.array([0, 2, 2]), np.array([1])).tolist() == []


def test_the_first_of_the_highest():
    values = np.array([1, 3, 3, 5.0, -2, -2])
    highest, places = first_highest(values, distinct(sequences([0, 0, 0], [1], [2, 2])))
    assert (highest.tolist(), places.tolist()) == ([3, 5, -2], [1, 0, 0])
    highest, places = first_highest(values[:0], distinct(sequences()))
    assert (len(highest), len(places)) == (0, 0)


@pytest.mark.parametrize(
    ("row", "max_events", "ids", "places"),
    [
        ([0, 0, 0, 1], 4, [0, 0, 0, 1], [0, 1, 2, 3]),  # a short sequence stays
        # Each run becomes one; that is enough, so the common 0 stays beside the rare 2.
        ([0, 0, 0, 1, 1, 2, 0], 4, [0, 1, 2, 0], [0, 3, 5, 6]),
        ([0, 1, 0, 3, 0, 2, 0, 4], 4, [1, 3, 2, 4], [1, 3, 5, 7]),  # then the most common go
        ([0, 1, 0, 3, 0, 2, 0, 4], 1, [2], [5]),
        ([0, 1, 0, 1, 0, 1], 4, [0, 1, 1, 1], [0, 1, 3, 5]),  # of equally common ones the later
    ],
)
def test_shortened_sequences(row, max_events, ids, places):
    found, positions = shorten(unique(row), RARITY, max_events)
    assert (found.ids.tolist(), positions.tolist()) == (ids, places)


def test_each_sequence_is_cut_on_its_own():
    found, positions = shorten(unique([0, 0, 0], [], [1, 2, 1, 2]), RARITY, 2)
    assert [ids.tolist() for ids in found] == [[], [0], [2, 2]]
    assert positions.tolist() == [0, 1, 3]
    assert found.counts.tolist() == [1, 1, 1]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1), st.integers(1, 6))
def test_the_rarest_event_is_never_cut(rows, max_events):
    whole = unique(*rows)
    found, positions = shorten(whole, RARITY, max_events)
    places = Rows(positions, found.offsets)
    for before, after, at in zip(whole, found, places, strict=True):
        assert len(after) <= max_events
        assert (len(after) == 0) == (len(before) == 0)
        assert RARITY[after].max(initial=0) == RARITY[before].max(initial=0)
        assert after.tolist() == before[at].tolist()
        assert np.all(np.diff(at) > 0)


def test_pad():
    some = unique([4, 3], [2], [])  # sorted: [], [2], [4, 3]
    ids, lengths = pad(some, np.array([2, 0, 1, 2]), 3)
    assert ids.tolist() == [[4, 3, 0], [0, 0, 0], [2, 0, 0], [4, 3, 0]]
    assert lengths.tolist() == [2, 1, 1, 2]  # an empty sequence reads one padding event
    assert ids.dtype == lengths.dtype == np.int32


def test_batches_cover_every_sequence_once_in_few_shapes():
    every = unique(*([n] * (n + 1) for n in range(12)))
    seen, values = [], np.zeros(len(every.ids), np.int32)
    for rows, filled, length in batches(every, lambda length: 40 // length):
        assert (len(filled), length) in ((5, 8), (2, 16))
        ids, lengths = pad(every, filled, length)
        for row, line, n in zip(rows, ids, lengths, strict=False):
            assert line.tolist() == [row] * (row + 1) + [0] * (length - n)
        unpad(ids, every, rows, values)
        seen += rows.tolist()
    assert sorted(seen) == list(range(12))
    np.testing.assert_array_equal(values, every.ids)


def test_a_sequence_that_still_waits_for_an_event_is_another_one():
    given = sequences([0, 1], [0, 1], [0], [0, 1], [0, 1])
    waits = sp.csr_array(np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]], bool))
    found = distinct(replace(given, awaited=waits))
    assert [row.tolist() for row in found] == [[0], [0, 1], [0, 1]]
    assert found.counts.tolist() == [1, 2, 2]
    assert found.inverse.tolist() == [1, 2, 0, 2, 1]
    expected = [[False, True, True], [False, False, False], [False, False, True]]
    assert found.awaited.toarray().tolist() == expected
    assert found.take(np.array([2])).awaited.toarray().tolist() == expected[2:]


def test_what_is_awaited_is_not_taken_for_what_is_held():
    """The ids of one row, behind each other, read as those of the other."""
    given = sequences([1], [1, 0])
    waits = sp.csr_array(np.array([[1, 0], [0, 0]], bool))
    assert len(distinct(replace(given, awaited=waits))) == 2


def test_a_sequence_that_was_cut_short_is_no_whole_one():
    whole = sequences([1, 2], [1, 2], [1], [1, 2, 0])
    found = distinct(replace(whole, cut_short=np.array([False, True, False, False])))
    assert [ids.tolist() for ids in found] == [[1], [1, 2], [1, 2], [1, 2, 0]]
    assert found.whole.tolist() == [True, True, False, True]
    assert found.inverse.tolist() == [1, 2, 0, 3]
    assert found.take(np.array([2, 0])).whole.tolist() == [False, True]
    assert distinct(whole).whole.all()
