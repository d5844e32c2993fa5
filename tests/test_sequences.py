"""CSR arithmetic and distinct sequences, worked out by hand."""

import numpy as np

from glx.sequences import Sequences, csr_gather, distinct, first_highest


def sequences(*rows):
    lengths = [len(r) for r in rows]
    n = np.arange(len(rows))
    return Sequences(
        ids=np.array([i for r in rows for i in r], dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        first_line=n,
        last_line=n,
    )


def test_distinct_counts_and_scatters_back():
    d = distinct(sequences([3, 1], [2], [3, 1], [], [2, 2]))
    assert [d.ids[a:b].tolist() for a, b in zip(d.offsets, d.offsets[1:], strict=False)] == [
        [], [2], [2, 2], [3, 1],
    ]  # fmt: skip
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
