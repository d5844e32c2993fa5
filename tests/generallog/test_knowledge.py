"""What sources show, worked out by hand; search against brute force; its state and its damage."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import sequences

from glx.errors import InputError
from glx.generallog import entries, knowledge
from glx.generallog.entries import EVENT, NOTE, SEQUENCE, Entry
from glx.generallog.route import unit
from glx.sequences import LabelledSource, Templates

AXES = np.eye(4, dtype=np.float32)
TEXTS = ["start", "read <*>", "disk failed", "<*> <*>", "start", "never seen"]
VECTORS = np.array([AXES[0], AXES[1], AXES[2], AXES[3], AXES[0], AXES[3]])


def source(rows, labels, texts=TEXTS, name="blocks"):
    templates = Templates(texts, np.ones(len(texts), dtype=np.int64))
    return LabelledSource(name, sequences(*rows), templates, np.array(labels, dtype=np.uint8))


def events(n):
    return [Entry(f"event {i}", EVENT, "s", "normal", 9, 1, 0.1) for i in range(n)]


def test_entries_of_a_source_by_hand():
    """Id 4 has the text of 0, 3 has no words, 5 never occurs; two sequences hold equal events."""
    seen = [[0, 1, 1], [1, 4], [4, 3, 1], [0], [0, 2], [0, 2, 3], [0, 1], [0, 1]]
    labels = [0, 0, 0, 0, 1, 1, 1, 0]
    known = knowledge.from_sources([source(seen, labels)], [VECTORS])
    assert known.entries == (
        Entry("start", EVENT, "blocks", "normal", 5, 3, 3 / 8),
        Entry("read <*>", EVENT, "blocks", "normal", 4, 1, 3 / 8),
        Entry("disk failed", EVENT, "blocks", "anomalous", 0, 2, 3 / 8),
        Entry("start | read <*>", SEQUENCE, "blocks", "normal", 4, 1, 3 / 8),
        Entry("start | disk failed", SEQUENCE, "blocks", "anomalous", 0, 2, 3 / 8),
    )
    half = math.sqrt(0.5)
    expected = [AXES[0], AXES[1], AXES[2], half * (AXES[0] + AXES[1]), half * (AXES[0] + AXES[2])]
    np.testing.assert_allclose(known.vectors, expected, atol=1e-7)
    assert known.vectors.dtype == np.float32


def test_the_entries_do_not_depend_on_the_order_of_the_sequences():
    seen = [[0, 1], [1, 2], [2, 1, 1], [0, 2], [1, 0], [0, 1, 2]]
    labels = [0, 1, 0, 1, 0, 0]
    one, _ = entries.of_source(source(seen, labels), VECTORS)
    other, _ = entries.of_source(source(seen[::-1], labels[::-1]), VECTORS)
    assert one == other


def test_sequences_are_short_and_bounded_in_number(monkeypatch):
    monkeypatch.setattr(entries, "PER_LABEL", 1)
    monkeypatch.setattr(entries, "SHORT", (2, 2))
    seen = [[0, 1], [0, 1], [1, 2], [0, 2], [0, 2], [0, 2], [0, 1, 2], [1]]
    found, _ = entries.of_source(source(seen, [0, 0, 0, 1, 0, 0, 1, 1]), VECTORS)
    kept = [(e.text, e.normal, e.anomalous) for e in found if e.kind == SEQUENCE]
    assert kept == [("start | read <*>", 2, 0), ("start | disk failed", 2, 1)]


@pytest.mark.parametrize(
    ("normal", "anomalous", "prevalence", "label"),
    [
        (96, 4, 0.04, "normal"),  # as its system
        (1, 0, 0.04, "normal"),
        (90, 10, 0.04, "mixed"),
        (7, 83, 0.04, "anomalous"),
        (0, 1, 0.04, "anomalous"),
        (40, 60, 0.6, "normal"),  # where most sequences are anomalous, that says nothing
    ],
)
def test_a_label_is_relative_to_the_system(normal, anomalous, prevalence, label):
    assert entries.label_of(normal, anomalous, prevalence) == label


def test_log_odds_by_hand():
    # (3 + 2 * 0.5) / (4 + 2) = 2/3, against 1/2
    assert entries.log_odds(1, 3, 0.5) == pytest.approx(math.log(2))
    assert entries.log_odds(0, 0, 0.04) == pytest.approx(0)
    assert entries.log_odds(5, 0, 0.0) == pytest.approx(math.log(2 / 7), abs=1e-3)
    assert Entry("x", NOTE, label="anomalous").log_odds == 8
    assert Entry("x", NOTE, label="normal").log_odds == -8
    assert Entry("x", NOTE).log_odds == 0


def test_sources_without_words_are_refused():
    with pytest.raises(InputError, match=r"\(blocks\) has words"):
        knowledge.from_sources([source([[0]], [1], ["<*>"])], [AXES[:1]])


def test_search_by_hand():
    known = knowledge.build(events(3), AXES[:3])
    query = np.array([[0.6, 0.8, 0, 0], [0, 0, 0, 1]], dtype=np.float32)
    scores, rows = known.search(query, 4)
    np.testing.assert_array_equal(rows, [[1, 0, 2, -1], [0, 1, 2, -1]])
    np.testing.assert_allclose(scores, [[0.8, 0.6, 0, 0], [0, 0, 0, 0]])
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)


def test_search_without_entries_or_queries():
    none = knowledge.build([], AXES[:0])
    scores, rows = none.search(AXES[:2], 3)
    assert scores.tolist() == [[0, 0, 0]] * 2
    assert rows.tolist() == [[-1, -1, -1]] * 2
    assert [a.shape for a in knowledge.build(events(2), AXES[:2]).search(AXES[:0], 3)] == [
        (0, 3)
    ] * 2


def test_of_many_equal_entries_the_first_come_first():
    """More of them than candidates: the index alone would give any."""
    vectors = np.repeat(AXES[:2], 100, axis=0)
    rows = knowledge.build(events(200), vectors).search(AXES[[1]], 30)[1]
    assert rows.tolist() == [list(range(100, 130))]


def brute_force(vectors, queries, k):
    exact = np.round(queries.astype(np.float64) @ vectors.astype(np.float64).T, knowledge.DECIMALS)
    rows = [sorted(range(len(vectors)), key=lambda m: (-row[m], m))[:k] for row in exact]
    return np.take_along_axis(exact, np.array(rows), axis=1), np.array(rows)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 60),
    of=st.integers(1, 60),
    k=st.integers(1, 60),
)
def test_search_is_brute_force(seed, size, of, k):
    """`size` entries with `of` different vectors on a coarse grid: many are equally near."""
    rng = np.random.default_rng(seed)
    grid = unit(rng.integers(-2, 3, size=(of, 4)) + np.array([0.5, 0, 0, 0]))
    vectors, queries = grid[rng.integers(0, of, size)], grid[rng.integers(0, of, 5)]
    k = min(k, size)
    scores, rows = knowledge.build(events(size), vectors).search(queries, k)
    expected_scores, expected_rows = brute_force(vectors, queries, k)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-7)


def test_each_query_is_answered_alone(monkeypatch):
    rng = np.random.default_rng(0)
    known = knowledge.build(events(500), unit(rng.normal(size=(500, 16))))
    queries = unit(rng.normal(size=(50, 16)))
    whole = known.search(queries, 5)
    monkeypatch.setattr(knowledge, "CHUNK", 7)
    for one, other in zip(whole, known.search(queries, 5), strict=True):
        assert one.tobytes() == other.tobytes()


def test_add_and_only():
    known = knowledge.build(events(2), AXES[:2])
    note = Entry("disk", NOTE, label="anomalous", note="page someone")
    more = known.add([note], AXES[2:3])
    assert (len(known), len(more)) == (2, 3)
    assert more.search(AXES[[2]], 1)[1].tolist() == [[2]]
    assert more.only(NOTE).entries == (note,)
    assert more.only(EVENT).entries == known.entries


@pytest.mark.parametrize("vectors", [AXES[:2], AXES[:3] * 2, AXES[0], AXES[:3] * np.nan])
def test_vectors_that_do_not_fit_are_refused(vectors):
    with pytest.raises(ValueError, match="vector"):
        knowledge.build(events(3), vectors)


def back(known):
    return knowledge.from_state(*knowledge.to_state(known))


def test_its_state_gives_the_same_knowledge_back():
    known = knowledge.from_sources([source([[0, 1], [0, 2]], [0, 1])], [VECTORS])
    known = known.add([Entry("ü | \n", NOTE, note="why")], AXES[3:])
    again = back(known)
    assert again.entries == known.entries
    assert again.vectors.tobytes() == known.vectors.tobytes()
    queries = unit(np.random.default_rng(1).normal(size=(9, 4)))
    for one, other in zip(known.search(queries, 3), again.search(queries, 3), strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_state_of_nothing_known():
    again = back(knowledge.build([], AXES[:0]))
    assert (len(again), again.vectors.shape) == (0, (0, 4))


TABLE = knowledge.to_state(knowledge.build(events(2), AXES[:2]))[1]


@pytest.mark.parametrize(
    ("vectors", "table"),
    [
        (AXES[:2], TABLE.drop("note")),
        (AXES[:2].astype(np.float64), TABLE),
        (AXES[:3], TABLE),
        (AXES[:2] * 3, TABLE),
        (AXES[:1], TABLE.head(0)),
        (AXES[:2], TABLE.with_columns(label=pl.lit("bad"))),
        (AXES[:2], TABLE.with_columns(kind=pl.lit("bad"))),
    ],
)
def test_what_is_not_knowledge_is_refused(vectors, table):
    with pytest.raises(InputError, match="damaged"):
        knowledge.from_state(vectors, table)
