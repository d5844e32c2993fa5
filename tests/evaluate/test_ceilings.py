"""Supervised upper marks on labels that are, and are not, a function of the events."""

import numpy as np
import pytest
from rows import sequences, unique

from glx.evaluate import ceilings


@pytest.mark.parametrize(
    ("rows", "n_anomalous", "f1"),
    [
        # Counts tell.
        ([[0, 1, 1]] * 20 + [[1, 0, 1]] * 20 + [[0, 1]] * 60, 40, 1.0),
        # 30 anomalous and 10 normal copies of one sequence: flagged in whole, F1 = 60 / (60 + 10).
        ([[1]] * 40 + [[0]] * 200, 30, 60 / 70),
        *[([[0], [0], [1], [1]], n, None) for n in (0, 1, 4)],  # too few of a class
    ],
)
def test_supervised_ceiling_by_hand(rows, n_anomalous, f1):
    labels = np.arange(len(rows)) < n_anomalous
    found = ceilings.supervised_ceiling(unique(*rows), labels)
    assert found == (f1 and pytest.approx(f1))


def test_what_never_repeats_is_not_memorised():
    rng = np.random.default_rng(0)
    rows = [[0] * int(k) + [1] * int(m) for k, m in rng.integers(1, 60, (200, 2))]
    labels = rng.random(200) < 0.3
    assert ceilings.supervised_ceiling(unique(*rows), labels) < 0.5


def test_the_seed_alone_decides():
    rng = np.random.default_rng(1)
    rows = [[int(i) for i in rng.integers(0, 3, 4)] for _ in range(80)]
    labels = np.array([sum(row) > 4 for row in rows]) ^ (rng.random(80) < 0.2)
    first, again = (ceilings.supervised_ceiling(unique(*rows), labels, seed=3) for _ in range(2))
    assert first == again


def test_template_ceiling_flags_templates_that_are_mostly_anomalous():
    rows = sequences([0, 1], [0, 2], [2, 0], [0, 1], [0, 1])
    lines = np.array([0, 1, 0, 1, 0, 0, 0, 1, 0, 0], dtype=bool)
    # Template 1: two of three lines, bad. Template 2: one of two, not mostly. Template 0: none.
    labels = np.array([True, True, False, True, False])
    assert ceilings.template_ceiling(rows, lines, labels) == pytest.approx(2 * 2 / (4 + 1 + 1))
    assert ceilings.template_ceiling(rows, lines, np.zeros(5, dtype=bool)) is None
