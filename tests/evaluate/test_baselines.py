"""The trivial detectors on a handful of sequences."""

import copy

import numpy as np
import pytest
from rows import unique

from glx.evaluate import baselines
from glx.sequences import Templates

TEXTS = ["open block <*>", "close block <*>", "write failed on <*>", "rotate <*>"]
TEMPLATES = Templates(TEXTS, np.zeros(4, dtype=np.int64))


# Event 2 is in 1 of 100 adaptation sequences; event 3 in none. Distinct test sequences come sorted.
ADAPT = unique(*[[0, 1]] * 99, [0, 2, 1])
TEST = unique([0, 0, 1], [0, 1], [0, 1, 3], [0, 2, 1], [1])


def test_each_baseline_decides_by_its_own_rule():
    found = baselines.run(ADAPT, TEST, TEMPLATES)
    assert tuple(found) == baselines.NAMES
    flagged = {name: found[name].flagged.tolist() for name in found}
    assert flagged["all_positive"] == [True] * 5
    assert flagged["keyword"] == [False, False, False, True, False]
    assert flagged["new_event"] == [False, False, True, False, False]
    # P(2) = 2/102 and P(0 absent) = 1/102 are under 0.02.
    assert flagged["surprise"] == [False, False, True, True, True]
    for one in found.values():
        assert one.scores.shape == (5,)
        assert np.array_equal(one.scores >= np.float32(one.threshold), one.flagged)


def test_count_vector_is_the_mean_distance_by_hand():
    adapt = unique([0], [0], [0], [0, 1])
    within, beyond = baselines.count_vector(adapt, unique([0], [1, 1], [2], []))
    # Four sequences: idf(0) = 1, idf(1) = 1 + log(5/2), idf(2) = 1 + log(5).
    one = 1 + np.log(5 / 2)
    cosine = 1 / np.hypot(1, one)
    assert within == pytest.approx([1 - (3 + cosine) / 4, 1 - (3 * cosine + 1) / 4])
    # Sorted: [], [0], [1, 1], [2]; the length of a vector does not matter, only its direction.
    assert beyond == pytest.approx([1, within[0], 1 - one / np.hypot(1, one) / 4, 1])


def test_count_vector_leaves_its_input_alone():
    adapt, test = unique([0, 1, 0], [1, 0, 1]), unique([1, 0, 1])
    before = copy.deepcopy((adapt, test))
    baselines.count_vector(adapt, test)
    np.testing.assert_equal([*map(vars, (adapt, test))], [*map(vars, before)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I/O error on <*>", True),
        ("java.io.IOException: closed", True),
        ("SocketTimeout after <*>", True),
        ("ERRORS: <*>", True),
        ("write FAILED", True),
        ("request timed out", True),
        ("Permission denied", True),
        ("reign of terror", False),
        ("TERROR", False),
        ("block <*> received", False),
        ("", False),
    ],
)
def test_keywords_begin_where_words_do(text, expected):
    assert baselines.suspicious(Templates([text], np.ones(1))).tolist() == [expected]


def test_templates_without_a_row_in_the_table_are_new_and_without_text():
    found = baselines.run(ADAPT, unique([0, 1, 9]), TEMPLATES)
    assert found["new_event"].flagged.tolist() == [True]
    assert found["keyword"].flagged.tolist() == [False]
    assert found["surprise"].flagged.tolist() == [True]
