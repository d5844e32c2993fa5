"""The isolation forest: what it isolates, what it cannot tell, and that it repeats."""

import numpy as np
from rows import unique
from tiny_tasks import task

from glx.methods import forest
from glx.methods.forest import ForestConfig

CONFIG = ForestConfig(trees=50, sample=64)
COMMON = ([0, 1, 2], [0, 1, 1, 2], [0, 1, 1, 1, 2])
ROWS = [row for row in COMMON for _ in range(100)]
VECTORS = np.zeros((9, 4), dtype=np.float32)  # not looked at


def test_what_is_alone_is_above_the_cut():
    odd = [0, 0, 0, 0, 3, 3, 2]
    given = task(*ROWS, *[odd] * 3)
    fitted = forest.fit(given, CONFIG)
    scores, weights = fitted.score(given.adapt, VECTORS)
    assert (scores.dtype, weights.dtype) == (np.float32, np.float32)
    assert scores[0] > 0.6 > scores[1:].max()  # sorted, the odd one comes first
    assert fitted.cut < scores[0] <= 1
    assert scores[1:].min() > 0
    assert weights.tolist() == [0] * len(given.adapt.ids)


def test_how_often_a_sequence_occurs_matters():
    often, once = ([0, 0, 1], [0, 1, 1])
    for rows in ((often, once), (once, often)):
        given = task(*[rows[0]] * 200, rows[1])
        fitted = forest.fit(given, ForestConfig(trees=20, sample=201))
        common, odd = (fitted.score(unique(row), VECTORS).scores[0] for row in rows)
        assert common < fitted.cut < odd


def test_new_events_are_as_visible_as_rare_ones():
    given = task(*ROWS, *[[0, 1, 2, 3]] * 2)
    fitted = forest.fit(given, ForestConfig(trees=50, sample=302))
    asked = [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 8]]
    common, rare, new = (fitted.score(unique(row), VECTORS).scores[0] for row in asked)
    assert common < new - 0.05
    assert common < rare - 0.05


def test_new_events_are_visible_where_none_is_rare():
    """Each of five events is in a fifth of the sequences or more; new ones count as the rarest."""
    given = task(*[[0, 1]] * 60, *[[0, 2, 3]] * 40, *[[0, 1, 2, 4]] * 30)
    fitted = forest.fit(given, CONFIG)
    for common in ([0, 1], [0, 2, 3]):
        old, new = (fitted.score(unique(row), VECTORS).scores[0] for row in (common, [*common, 8]))
        assert new > old + 0.01


def test_where_all_are_alike_nothing_is_isolated():
    fitted = forest.fit(task([0, 1], [0, 1]), CONFIG)
    assert fitted.score(unique([0, 1]), VECTORS).scores.tolist() == [0.5]
    assert fitted.cut > 0.5


def test_a_seed_repeats():
    one, same, other = (
        forest.fit(task(*ROWS, seed=seed), CONFIG).score(unique(*COMMON), VECTORS).scores.tolist()
        for seed in (1, 1, 2)
    )
    assert one == same != other
