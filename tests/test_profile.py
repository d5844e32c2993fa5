"""Statistics of a system's profile, against numbers worked out by hand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import unique

from glx.profile import (
    EVENT_STATISTICS,
    STATISTICS,
    Profile,
    commonest_missing,
    event_statistics,
    event_tails,
    fit_profile,
    membership,
    presence,
    sequence_statistics,
    sequence_tails,
)
from glx.sequences import Distinct

# Eight sequences: event 0 is in all, event 1 in seven, event 2 in one, event 3 in none.
ADAPT = unique(*[[0, 1]] * 6, [0, 1, 1], [0, 2])


def statistics(profile: Profile, *rows: list[int]) -> dict[str, np.ndarray]:
    """`STATISTICS` of the distinct rows, which are sorted."""
    return dict(zip(STATISTICS, sequence_statistics(profile, unique(*rows)).T, strict=True))


def test_presence_and_absence_by_the_rule_of_succession():
    profile = fit_profile(ADAPT, 4)
    assert profile.n_sequences == 8
    assert profile.present.tolist() == [8, 7, 1, 0]
    found = statistics(profile, [0, 1], [2])
    # P(0) = 9/10, P(1) = 8/10, P(2) = 2/10, P(3) = 1/10; [0, 1] lacks 2 and 3, [2] 0, 1 and 3.
    for name, p in {
        "presence_max": [0.8, 0.2],
        "presence_sum": [0.9 * 0.8, 0.2],
        "absence_max": [0.8, 0.1],
        "absence_sum": [0.8 * 0.9, 0.1 * 0.2 * 0.9],
        "bound": [0.8, 0.1],
    }.items():
        assert found[name] == pytest.approx(-np.log10(p)), name


def test_counts_and_lengths_are_two_sided_tails():
    found = statistics(fit_profile(ADAPT, 4), [0], [0, 1], [0, 1, 1], [0, 1, 1, 1])
    # Of the 7 sequences that hold event 1, all count 1 or more, one counts 2, none 3.
    assert found["count_max"] == pytest.approx(np.log10([1, 8 / 7, 8 / 2, 8]))
    # Lengths: seven of 2, one of 3.
    assert found["length"] == pytest.approx(np.log10([9, 9 / 8, 9 / 2, 9]))


def test_transitions_are_smoothed_by_what_follows_overall():
    found = statistics(fit_profile(unique([0], [0], [0]), 1), [0], [0, 0])
    # States: 0, unseen, edge. Targets: 0 three times, edge three times; shares 4/9, 1/9, 4/9.
    # edge -> 0 and 0 -> edge: (3 + 4/9) / (3 + 1); 0 -> 0: (0 + 4/9) / 4.
    common, repeated = 31 / 36, 1 / 9
    assert found["transition_max"] == pytest.approx(-np.log10([common, repeated]))
    means = [common, (common**2 * repeated) ** (1 / 3)]
    assert found["transition_mean"] == pytest.approx(-np.log10(means))


def test_tails_count_the_adaptation_sequences_that_reach_a_value():
    profile = fit_profile(ADAPT, 4)
    tails = sequence_tails(profile, sequence_statistics(profile, unique([0, 1], [0, 2], [3])))
    # All 8 reach the surprise of event 1, one that of event 2, none that of event 3.
    expected = np.log10([9 / 9, 9 / 2, 9 / 1])
    assert tails[:, STATISTICS.index("presence_max")] == pytest.approx(expected)
    assert tails.dtype == np.float32


def test_event_tails_count_the_sequences_that_hold_anything_as_rare():
    # All 8 hold an event as rare as 0, and as 1, one holds one as rare as 2, none as an unseen one.
    found = event_tails(fit_profile(ADAPT, 4), 5)
    assert found == pytest.approx(np.log10([9 / 9, 9 / 9, 9 / 2, 9 / 1, 9 / 1]))


def test_an_event_counts_once_a_sequence_and_one_outside_the_table_never():
    rows = unique([0, 1, 1], [0, 1, 1], [2, 0], [7])
    assert presence(rows, 4).tolist() == [3, 2, 1, 0]
    assert membership(rows, 4).toarray().tolist() == [[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_the_commonest_event_that_a_sequence_lacks():
    # Event 0 is in all four, 1 and 2 in three each: of equally common ones the first.
    profile = fit_profile(unique([0, 1, 2], [0, 1, 2], [0, 2], [0, 1, 3]), 5)
    asked = unique([0, 1], [0, 1, 2], [0, 1, 2, 3, 4], [1, 2, 2], [4])
    assert commonest_missing(profile, asked).tolist() == [2, 3, 5, 0, 0]


def test_ids_outside_the_table_are_unseen():
    profile, wider = fit_profile(ADAPT, 3), fit_profile(ADAPT, 4)
    outside, asked = ([0, 99], [0, -1]), ([0, 3], [0, 3, 3])
    found, expected = statistics(profile, *outside), statistics(profile, *asked)
    for name in ("presence_max", "presence_sum", "transition_mean", "unseen_share"):
        assert found[name] == pytest.approx(expected[name][0])
        assert np.isfinite(statistics(wider, *outside)[name]).all()
    assert expected["unseen_share"] == pytest.approx([1 / 2, 2 / 3])


def test_event_statistics_are_finite_and_extend_to_new_templates():
    profile = fit_profile(ADAPT, 4)
    table = event_statistics(profile)
    assert (table.shape, table.dtype) == ((4, len(EVENT_STATISTICS)), np.float32)
    assert np.isfinite(table).all()
    found = dict(zip(EVENT_STATISTICS, table.T, strict=True))
    assert found["rarity"] == pytest.approx(-np.log10([0.9, 0.8, 0.2, 0.1]))
    assert found["unseen"].tolist() == [0, 0, 0, 1]
    # 17 events: 8, 8, 1 and 0; at least as rare as 0: all, as 1: nine, as 2: one, as 3: none.
    assert found["tail"] == pytest.approx(np.log10([1, 18 / 10, 18 / 2, 18]))
    assert found["repeats"] == pytest.approx(np.log10([1, 8 / 7, 1, 1]))
    assert np.array_equal(event_statistics(profile, 6), table[[0, 1, 2, 3, 3, 3]])


@pytest.mark.parametrize("rows", [[[0]], [[]], [[], [0], []], [[0, 0, 0]], []])
def test_tiny_systems_give_finite_numbers(rows):
    rows = unique(*rows) if rows else Distinct(*(np.zeros(n, np.int64) for n in (0, 1, 0, 0)))
    profile = fit_profile(rows, 1)
    for asked in (rows, unique([], [0], [5, 5])):
        found = sequence_statistics(profile, asked)
        assert found.shape == (len(asked), len(STATISTICS))
        assert np.isfinite(found).all()
        assert np.isfinite(sequence_tails(profile, found)).all()
    assert np.isfinite(event_statistics(profile)).all()


def test_a_profile_is_arrays_that_survive_a_file(tmp_path):
    profile = fit_profile(ADAPT, 4)
    arrays = dataclasses.asdict(profile)
    kinds = arrays.pop("kinds")
    np.savez(tmp_path / "profile.npz", **arrays)
    np.savez(tmp_path / "kinds.npz", **kinds)
    with (
        np.load(tmp_path / "profile.npz", allow_pickle=False) as stored,
        np.load(tmp_path / "kinds.npz", allow_pickle=False) as of_kinds,
    ):
        again = Profile.of({**stored, "kinds": dict(of_kinds)})
    np.testing.assert_equal(dataclasses.asdict(again), dataclasses.asdict(profile))


systems = st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(systems, systems, st.randoms())
def test_absence_matches_a_plain_loop_and_order_does_not_matter(rows, asked, random):
    profile = fit_profile(unique(*rows), 5)
    again = fit_profile(unique(*random.sample(rows, len(rows))), 5)
    np.testing.assert_equal(dataclasses.asdict(again), dataclasses.asdict(profile))
    p = [(sum(v in row for row in rows) + 1) / (len(rows) + 2) for v in range(5)]
    expected = [
        max((-np.log10(1 - p[v]) for v in range(5) if v not in row), default=0.0)
        for row in sorted(map(list, set(map(tuple, asked))))
    ]
    assert statistics(profile, *asked)["absence_max"] == pytest.approx(expected, abs=1e-6)
