"""What the network reads of a few sequences, by hand."""

import numpy as np
import pytest
from rows import unique

from glx import evidence
from glx.embed.alarm import Meanings
from glx.profile import (
    EVENT_STATISTICS,
    event_statistics,
    fit_profile,
    sequence_statistics,
    sequence_tails,
)
from glx.zerolog.inputs import system_inputs


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
    log_odds = evidence.sequence_log_odds(profile, adapt, alarm, np.zeros(3, np.int8))
    np.testing.assert_array_equal(inputs.statistics[:, -1], log_odds)
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


def test_the_highest_log_odds_survive_the_cut():
    profile = fit_profile(unique(*[[0, 1, 2]] * 9), 3)
    read = Meanings([""] * 3, np.eye(3, dtype=np.float32), np.array([-1, 1, 0], np.float32))
    assert system_inputs(read, profile, unique([0, 1, 2]), 1).distinct.ids.tolist() == [1]
