"""Retrieval of known sequences by hand, on axes of a small space."""

import numpy as np
import pytest
from rows import unique
from tiny_tasks import task

from glx.methods import rapid
from glx.methods.rapid import RapidConfig

AXES = np.eye(4, dtype=np.float32)
# Events 0, 1, 2 on axes of their own; 3 between 0 and 1 (cosines 0.6 and 0.8); 4 opposite to 0.
VECTORS = np.array([AXES[0], AXES[1], AXES[2], 0.6 * AXES[0] + 0.8 * AXES[1], -AXES[0]])
ROWS = ([0, 1, 0], *[[1, 0]] * 8, [2])


def scores(*asked: list[int], rows=ROWS, share=0.9, core=5) -> list[float]:
    """Of each of `asked` by itself."""
    fitted = rapid.fit(task(*rows, vectors=VECTORS), RapidConfig(share=share, core=core))
    assert fitted.cut is None
    return [float(fitted.score(unique(row), VECTORS).scores[0]) for row in asked]


def test_distances_by_hand():
    """The sets {0, 1} and {2}: the first alone makes up 0.9 of the occurrences."""
    asked = [0], [1, 0, 1], [0, 3], [2, 1], [4], [4, 1]
    assert scores(*asked) == pytest.approx([0, 0, 0.1, 0.5, 0.5, 0.5])
    # With {2} in the database 2 is known, but not where {0, 1} alone is compared with.
    assert scores(*asked, share=0.95) == pytest.approx([0, 0, 0.1, 0, 0.5, 0.5])
    assert scores([2, 1], [2, 2], [0, 1, 2], share=0.95, core=1) == pytest.approx([0.5, 0, 0.5])
    # Of nothing but {0} the opposite is as far as can be.
    assert scores([4], [0], rows=[[0]]) == [1, 0]


def test_the_commonest_are_kept_and_at_least_one():
    rows = [[0]] * 3 + [[1]] * 5 + [[2]] * 2
    for share, known in ((0, [1]), (0.5, [1]), (0.51, [0, 1]), (0.8, [0, 1]), (1, [0, 1, 2])):
        found = scores([0], [1], [2], rows=rows, share=share)
        assert [v for v in range(3) if found[v] == 0] == known


def test_every_event_weighs_by_its_own_distance():
    fitted = rapid.fit(task(*ROWS, vectors=VECTORS), RapidConfig())
    asked = unique([3, 0, 3, 2], [1, 4], [2, 3, 0])  # sorted: [1, 4], [2, 3, 0], [3, 0, 3, 2]
    found, weights = fitted.score(asked, VECTORS)
    assert found == pytest.approx([0.5, 0.5, 0.5])
    assert weights == pytest.approx([0, 0.5, 0.5, 0.1, 0, 0.1, 0, 0.1, 0.5])
    assert (found.dtype, weights.dtype) == (np.float32, np.float32)


def test_templates_that_are_new_since_the_fit():
    more = np.concatenate([VECTORS, [AXES[3], AXES[0]]])
    fitted = rapid.fit(task(*ROWS, vectors=VECTORS), RapidConfig())
    found = [fitted.score(unique(row), more).scores[0] for row in ([0, 5], [1, 6])]
    assert found == pytest.approx([0.5, 0])  # 6 has another id than 0 and the same text


def test_sets_know_neither_order_nor_repeats():
    sets = rapid.event_sets(unique([2, 0, 2], [0, 2], [1], [0, 0, 2]))
    assert sets.ids.tolist() == [0, 2, 1]
    assert sets.offsets.tolist() == [0, 2, 3]
    assert sets.inverse.tolist() == [0, 0, 1, 0]  # [0, 0, 2], [0, 2], [1], [2, 0, 2]
    vectors = rapid.set_vectors(sets, VECTORS)
    np.testing.assert_allclose(vectors, [[0.5**0.5, 0, 0.5**0.5, 0], AXES[1]], atol=1e-7)
