"""What episodes draw: disjoint support and query, held-out sources, enough anomalies."""

import numpy as np
import pytest

from glx.zerolog import episodes

# Two sources of 40 and 30 distinct sequences, a target of 20: rows 0..39, 40..69, 70..89.
NORMAL = [
    np.r_[np.full(30, 9), np.zeros(10)].astype(int),
    np.r_[np.full(25, 4), np.zeros(5)].astype(int),
]
ANOMALOUS = [
    np.r_[np.zeros(30), np.ones(10)].astype(int),
    np.r_[np.zeros(25), np.full(5, 2)].astype(int),
]
TARGET = np.full(20, 3)


def sets_of(pools, steps=60, size=8):
    return [episodes.draw(pools, 0, step, 3, size) for step in range(steps)]


def test_one_source_shares_no_distinct_sequence():
    pools = episodes.make_pools(NORMAL[:1], ANOMALOUS[:1], TARGET, seed=0)
    support = np.unique([s.rows for s, _ in sets_of(pools)])
    query = np.unique([q.rows for _, q in sets_of(pools)])
    assert not set(support) & set(query)
    assert set(support) | set(query) == set(range(60))  # 40 of the source, 20 of the target
    assert len(set(query) & set(range(40))) == 9 + 3  # 30 % of 30 normal and of 10 anomalous ones
    assert len(set(query) - set(range(40))) == 6  # 30 % of the target's


def test_several_sources_hold_out_the_query_system():
    pools = episodes.make_pools(NORMAL, ANOMALOUS, TARGET, seed=0)
    for support, query in sets_of(pools):
        for s, q in zip(support.rows, query.rows, strict=True):
            system_of = lambda rows: set(np.digitize(rows, [40, 70]))  # noqa: E731
            assert system_of(s[:8]) != system_of(q[:8])
            assert len(system_of(q[:8])) == len(system_of(s[:8])) == 1
            assert system_of(s[8:]) == system_of(q[8:]) == {2}
            assert not set(s) & set(q)


def test_a_quarter_is_anomalous_and_the_log_odds_say_so():
    pools = episodes.make_pools(NORMAL[:1], ANOMALOUS[:1], TARGET, seed=0)
    support, _ = episodes.draw(pools, 0, 0, 2, 8)
    assert support.label[:, :8].mean(axis=1).tolist() == [0.25, 0.25]
    assert (support.label[:, 8:] == 0).all()
    assert support.target[0].tolist() == [0.0] * 8 + [1.0] * 8
    prevalence = 10 / (30 * 9 + 10)
    raised = np.log(0.25 / 0.75) - np.log(prevalence / (1 - prevalence))
    assert support.log_odds[0, :8] == pytest.approx(raised, rel=1e-6)
    assert (support.log_odds[:, 8:] == 0).all()


def test_labels_fit_the_rows():
    pools = episodes.make_pools(NORMAL, ANOMALOUS, TARGET, seed=1)
    anomalous = {*range(30, 40), *range(65, 70)}
    for sets in sets_of(pools, steps=20):
        for s in sets:
            of_source = s.target == 0
            found = np.isin(s.rows[of_source], list(anomalous))
            assert (found == (s.label[of_source] == 1)).all()


def test_draws_go_by_the_square_root_of_the_count():
    counts = np.array([1, 100, 1, 100])
    pools = episodes.make_pools([counts], [np.array([0, 0, 1, 1])], np.full(4, 1), seed=0)
    pool = pools.sources[0].support[0]
    rows = pool.draw(np.random.default_rng(0), 40_000)
    share = np.array([(rows == r).mean() for r in pool.rows])
    expected = np.sqrt(counts[pool.rows]) / np.sqrt(counts[pool.rows]).sum()
    assert share == pytest.approx(expected, abs=0.01)


def test_a_draw_is_a_function_of_seed_and_step():
    pools = episodes.make_pools(NORMAL, ANOMALOUS, TARGET, seed=0)
    first, again, other = (episodes.draw(pools, 3, step, 2, 8)[0].rows for step in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_single_anomalous_sequence_stays_in_the_support():
    pools = episodes.make_pools([np.array([5, 5, 5, 0])], [np.array([0, 0, 0, 1])], TARGET, seed=0)
    support, query = episodes.draw(pools, 0, 0, 1, 4)
    assert support.label[0, :4].sum() == 1
    assert query.label.sum() == 0
    assert (query.log_odds == 0).all()


def test_a_target_whose_sequences_are_all_alike_is_drawn_from_in_support_and_query():
    pools = episodes.make_pools(NORMAL, ANOMALOUS, np.array([7]), seed=0)
    alike = sum(map(len, NORMAL))  # its row comes after those of the sources
    for support, query in sets_of(pools, steps=2):
        assert (support.rows[:, 8:] == alike).all()
        assert (query.rows[:, 8:] == alike).all()


def test_a_source_can_be_every_query():
    pools = episodes.make_pools(NORMAL, ANOMALOUS, TARGET, seed=0, held_out=1)
    for support, query in sets_of(pools, steps=10):
        assert (support.rows[:, :8] < 40).all()
        assert ((query.rows[:, :8] >= 40) & (query.rows[:, :8] < 70)).all()
