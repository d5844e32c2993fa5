"""What the network reads of a few sequences, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx import evidence
from glx.embed.alarm import Meanings
from glx.profile import (
    EVENT_STATISTICS,
    event_statistics,
    fit_profile,
    sequence_statistics,
    sequence_tails,
)
from glx.sequences import Sequences, distinct, pad, shorten
from glx.zerolog.inputs import system_inputs

RARITY = np.array([0.1, 0.2, 3.0, 0.3, 2.0])  # of five templates; 2 is the rarest


def unique(*rows):
    n = np.arange(len(rows))
    ids = np.array([i for row in rows for i in row], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return distinct(Sequences(ids, offsets, n, n))


def short(row, max_events):
    found, positions = shorten(unique(row), RARITY, max_events)
    return found.ids.tolist(), positions.tolist()


def test_a_short_sequence_stays():
    assert short([0, 0, 0, 1], 4) == ([0, 0, 0, 1], [0, 1, 2, 3])


def test_repeats_go_first():
    # Each run becomes one; that is enough, so the familiar 0 stays beside the rare 2.
    assert short([0, 0, 0, 1, 1, 2, 0], 4) == ([0, 1, 2, 0], [0, 3, 5, 6])


def test_then_the_most_familiar():
    assert short([0, 1, 0, 3, 0, 2, 0, 4], 4) == ([1, 3, 2, 4], [1, 3, 5, 7])
    assert short([0, 1, 0, 3, 0, 2, 0, 4], 1) == ([2], [5])


def test_of_equally_familiar_events_the_earlier_stay():
    assert short([0, 1, 0, 1, 0, 1], 4) == ([0, 1, 1, 1], [0, 1, 3, 5])


def test_each_sequence_is_cut_on_its_own():
    found, positions = shorten(unique([0, 0, 0], [], [1, 2, 1, 2]), RARITY, 2)
    rows = [found.ids[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    assert rows == [[], [0], [2, 2]]
    assert positions.tolist() == [0, 1, 3]
    assert found.counts.tolist() == [1, 1, 1]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1), st.integers(1, 6))
def test_the_rarest_event_is_never_cut(rows, max_events):
    whole = unique(*rows)
    found, positions = shorten(whole, RARITY, max_events)
    for n in range(len(whole)):
        before = whole.ids[whole.offsets[n] : whole.offsets[n + 1]]
        after = found.ids[found.offsets[n] : found.offsets[n + 1]]
        at = positions[found.offsets[n] : found.offsets[n + 1]]
        assert len(after) <= max_events
        assert (len(after) == 0) == (len(before) == 0)
        assert RARITY[after].max(initial=0) == RARITY[before].max(initial=0)
        assert after.tolist() == before[at].tolist()
        assert np.all(np.diff(at) > 0)


def test_pad():
    sequences = unique([4, 3], [2], [])  # sorted: [], [2], [4, 3]
    ids, lengths = pad(sequences, np.array([2, 0, 1, 2]), 3)
    assert ids.tolist() == [[4, 3, 0], [0, 0, 0], [2, 0, 0], [4, 3, 0]]
    assert lengths.tolist() == [2, 1, 1, 2]  # an empty sequence reads one padding event
    assert ids.dtype == lengths.dtype == np.int32


def test_inputs_of_a_system():
    adapt = unique([0, 1], [0, 1], [0, 1, 1, 1, 2])
    profile = fit_profile(adapt, 3)
    vectors = np.eye(3, 4, dtype=np.float32)
    alarm = np.array([0, 3, -1], np.float32)
    inputs = system_inputs(
        Meanings([""] * len(vectors), vectors, alarm), profile, adapt, max_events=3
    )
    own = 4 + len(EVENT_STATISTICS)
    assert inputs.table.shape == (3, own + 2)
    np.testing.assert_array_equal(inputs.table[:, :4], 2 * vectors)  # sqrt of the width
    np.testing.assert_array_equal(inputs.table[:, 4:own], event_statistics(profile))
    # Then how alarming each reads, and that within bounds plus its rarity: 0 and 1 are in all
    # sequences, 2 in one of three; the profile foretell 19 / 21 of a sequence.
    np.testing.assert_array_equal(inputs.table[:, own], alarm)
    third = 9.5 * (np.log10(2) - evidence.NEUTRAL) - 1
    np.testing.assert_allclose(inputs.table[:, own + 1], [-10, -8, third], rtol=1e-4)
    # Statistics are of the whole sequence, not of what is left of it.
    expected = sequence_tails(profile, sequence_statistics(profile, adapt))
    np.testing.assert_array_equal(inputs.statistics[:, :-1], expected)
    says = evidence.sequence_log_odds(profile, adapt, alarm)
    np.testing.assert_array_equal(inputs.statistics[:, -1], says)
    assert inputs.distinct.ids.tolist() == [0, 1, 0, 1, 2]
    assert inputs.positions.tolist() == [0, 1, 0, 1, 4]
    assert inputs.table.dtype == inputs.statistics.dtype == np.float32


def test_templates_that_came_after_the_habits():
    profile = fit_profile(unique([0, 1], [0]), 2)
    vectors = np.ones((4, 2), np.float32)
    read = Meanings([""] * len(vectors), vectors, np.zeros(4, np.float32))
    table = system_inputs(read, profile, unique([0, 3]), max_events=8).table
    np.testing.assert_array_equal(table[2], table[3])
    assert table[3, 2] > table[:2, 2].max()  # rarer than all that was seen


@pytest.mark.parametrize("structural", [True, False])
def test_structural_inputs_can_be_left_out(structural):
    adapt = unique([0, 1], [0, 1, 1, 2])
    profile = fit_profile(adapt, 3)
    read = Meanings([""] * 3, np.eye(3, dtype=np.float32), np.full(3, 2, np.float32))
    inputs = system_inputs(read, profile, adapt, 8, structural)
    assert inputs.statistics[:, -1].all() == structural  # the evidence too
    assert np.any(inputs.statistics) == np.any(inputs.table[:, 3:]) == structural
    assert np.any(inputs.table[:, :3])


def test_what_says_most_survives_the_cut():
    profile = fit_profile(unique(*[[0, 1, 2]] * 9), 3)
    read = Meanings([""] * 3, np.eye(3, dtype=np.float32), np.array([-1, 1, 0], np.float32))
    assert system_inputs(read, profile, unique([0, 1, 2]), 1).distinct.ids.tolist() == [1]
