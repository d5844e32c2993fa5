"""Event counts by hand."""

import numpy as np
from rows import unique

from glx.methods.counts import columns, count, holders


def test_events_without_a_column_share_the_last():
    asked = unique([1, 5, 1], [2, 7, 9], [])  # sorted, [] comes first
    events = np.array([1, 7])
    before = [array.copy() for array in (asked.ids, asked.offsets)]
    assert columns(asked, events).tolist() == [0, 2, 0, 2, 1, 2]
    assert count(asked, events).toarray().tolist() == [[0, 0, 0], [2, 0, 1], [0, 1, 2]]
    assert np.array_equal(before[0], asked.ids)
    assert np.array_equal(before[1], asked.offsets)
    assert count(asked, events[:0]).toarray().tolist() == [[0], [3], [3]]


def test_holders_count_copies_and_no_repeats():
    asked = unique([1, 1, 5], [1, 1, 5], [1, 5, 5], [7])
    held = holders(count(asked, np.array([1, 7])), asked.counts)
    assert held.tolist() == [3, 1, 3]
    assert held.dtype == np.int64
