"""Log-odds from a system's own profile, against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from rows import sequences, unique

from glx import evidence
from glx.profile import event_tails, fit_profile
from glx.sequences import Distinct, distinct

# A system of one routine: all hold 0, 1 and 2; one in a thousand holds 3; nobody holds 4.
ROUTINE = fit_profile(unique(*[[0, 1, 2]] * 999, [0, 1, 2, 3]), 5)
# A system without one: four kinds of sequences, and an event that was there once.
ARBITRARY = fit_profile(unique(*[[0], [1], [2], [3]] * 100, [4]), 5)
EMPTY = Distinct(*(np.zeros(n, np.int64) for n in (0, 1, 0, 0)))


def plain(n: int) -> np.ndarray:
    """No level for each of `n` templates."""
    return np.zeros(n, np.int8)


def test_what_one_sequence_in_twenty_holds_is_no_evidence():
    profile = fit_profile(unique(*[[0]] * 38, [0, 1]), 2)  # (39 + 1) / (1 + 1)
    assert evidence.rarity(profile, plain(2))[1] == pytest.approx(0, abs=1e-6)


def test_rarity_grows_as_events_grow_rarer():
    rows = [*[[0]] * 800, *[[0, 1]] * 100, *[[0, 2]] * 10, *[[0, 3]] * 1]
    common, one_in_nine, one_in_ninety, once = evidence.rarity(
        fit_profile(unique(*rows), 4), plain(4)
    )
    assert common < one_in_nine < 0 < one_in_ninety < once


@pytest.mark.parametrize("n", [250, 2500])
def test_rarity_does_not_grow_below_one_in_three_hundred(n):
    profile = fit_profile(unique(*[[0], [1]] * n, *[[0, 1]] * (2 * n - 1), [0, 1, 2]), 3)
    # Half hold 0 alone or 1 alone, half both: 0.75 of the sequences hold each, odds 3.
    assert evidence.rarity(profile, plain(3))[2] == pytest.approx(
        (3 - 1) * (2.5 - np.log10(20)), rel=0.02
    )


@pytest.mark.parametrize("n_templates", [5, 9])
def test_an_event_that_no_sequence_held_adds_what_new_events_mean_here(n_templates):
    # One of 1,000 sequences holds an event that no other holds.
    assert evidence.novelty(ROUTINE) == evidence.NOVELTY_LIMIT
    assert (evidence.rarity(ROUTINE, plain(n_templates))[4:] == 0).all()
    found = evidence.reading(ROUTINE, np.full(n_templates, -0.5), plain(n_templates))
    assert found.tolist() == [-0.5] * 4 + [evidence.NOVELTY_LIMIT - 0.5] * (n_templates - 4)


def test_new_events_are_no_news_where_they_come_all_the_time():
    often = fit_profile(unique(*[[0]] * 70, *[[0, 1 + n] for n in range(30)]), 31)
    assert evidence.novelty(often) == 0
    # Nor where sequences are arbitrary.
    assert evidence.novelty(fit_profile(unique(*[[n % 4] for n in range(400)]), 4)) == 0
    # Many at once count once, and what more than one sequence holds is not new to the second.
    burst = fit_profile(unique(*[[0]] * 70, [0, *range(1, 20)], *[[0, 20]] * 29), 21)
    assert burst.new_tail == pytest.approx(np.log10(101 / 1.5))


def test_a_level_counts_as_much_as_it_is_rare():
    levels = np.array([0, 1, 2, 3], np.int8)
    rows = *[[0]] * 890, *[[0, 1]] * 100, *[[0, 2]] * 10
    profile = fit_profile(unique(*rows), 4, levels=levels)
    # 110 sequences hold a WARN or worse, 10 an ERROR or worse, none a FATAL.
    expected = (np.log10(1001 / 10.5) - evidence.SELDOM) * np.log(10)
    fatal = (2.5 - evidence.NEUTRAL) * np.log(10)
    assert evidence.level(profile, levels) == pytest.approx([0, 0, expected, fatal])
    # An error that nobody has seen needs no rarer level than anything else that is rare.
    new = evidence.level(profile, np.array([0, 0, 0, 0, 2], np.int8))[4]
    assert new == pytest.approx((np.log10(1001 / 10.5) - evidence.NEUTRAL) * np.log(10))


@pytest.mark.parametrize("n", [15, 37, 100, 200])
def test_an_error_in_a_log_that_had_none_is_evidence_however_it_reads(n):
    profile = fit_profile(unique(*[[0, 1, 2]] * n), 3)
    levels = np.array([0, 0, 0, 2], np.int8)
    found = evidence.sequence_log_odds(profile, unique([0, 1, 2, 3]), np.full(4, -9.0), levels)
    assert found[0] > 0.5


def test_an_error_is_none_where_a_tenth_of_the_lines_are():
    rows = [[0] * 9 + [1]] * 500
    levels = np.array([0, 2, 2], np.int8)
    profile = fit_profile(unique(*rows), 3, levels=levels)
    assert evidence.level(profile, levels).tolist() == [0, 0, 0]
    assert evidence.sequence_log_odds(profile, unique([0, 1, 2]), np.full(3, -1.5), levels)[0] < 0


def test_common_events_are_evidence_against_an_anomaly_at_least_by_bayes_rule():
    # What is in a quarter of the sequences, or more, is not in one of twenty: log(20) in log-odds.
    assert evidence.rarity(ARBITRARY, plain(5))[:4] == pytest.approx([-np.log(20)] * 4, abs=0.01)
    regular = fit_profile(unique(*[[0, 1, 2]] * 5, [0, 1]), 3)
    assert evidence.regularity(regular) == pytest.approx(97 / 102)  # shares 1, 1 and 5/6
    assert (evidence.rarity(regular, plain(3)) < -np.log(20)).all()


def test_rare_events_of_a_system_without_routine_add_nothing():
    assert evidence.regularity(ARBITRARY) < 0.5
    assert event_tails(ARBITRARY, 5)[4] > 2
    assert evidence.rarity(ARBITRARY, plain(5))[4] == 0


def test_beside_a_trusted_reading_common_events_count_in_regular_systems_only():
    """A model that read the text knows better than the rule that what is common is harmless."""
    assert (evidence.rarity(ARBITRARY, plain(5), trusted=True) == 0).all()
    regular = fit_profile(unique(*[[0, 1, 2]] * 5, [0, 1]), 3)
    assert (evidence.rarity(regular, plain(3), trusted=True) < -np.log(20)).all()


def test_what_a_trusted_reading_is_sure_of_may_be_rare():
    profile = fit_profile(unique(*[[0]] * 299, [0, 1]), 2)
    assert evidence.rarity(profile, plain(2))[1] > 7
    assert evidence.rarity(profile, plain(2), trusted=True)[1] == 3


def test_beside_a_models_answer_the_alarm_model_is_a_second_reader():
    """Its log-odds count a fifth, within bounds, and the cut is taken off."""
    alarm = np.array([0, 1, -1, 5, 0])
    beside = evidence.beside_answers(ARBITRARY, alarm, plain(5))
    assert beside == pytest.approx([-0.3, -0.1, -0.5, 0.1, -0.3])
    rare = evidence.rarity(ROUTINE, plain(4), trusted=True)
    assert evidence.beside_answers(ROUTINE, np.zeros(4), plain(4)) == pytest.approx(rare - 0.3)


def test_sure_is_not_infinite():
    assert evidence.bounded_logit(np.array([1.0, 0.0, 0.5])).tolist() == [10, -10, 0]


def test_rarity_has_bounds():
    assert evidence.rarity(ROUTINE, plain(4)).tolist() == [-10, -10, -10, 10]
    assert evidence.rarity(ROUTINE, plain(4)).dtype == np.float32


def test_the_odds_of_a_system_whose_sequences_are_all_alike_but_for_one_event_are_capped():
    profile = fit_profile(unique(*[[0]] * 59, [0, 1]), 2)
    assert evidence.regularity(profile) > 0.98  # odds above 50, taken as 10
    expected = (10 - 1) * np.log10(61 / 2 / 20)
    assert evidence.rarity(profile, plain(2))[1] == pytest.approx(expected, rel=1e-5)


def test_an_event_of_a_sequence_that_was_left_out_is_rare_and_not_new():
    whole = unique(*[[0, 1, 2, 3]] * 400, *[[0, 4]] * 3)
    kept = evidence.inliers(whole, 6)
    assert counted(kept) == [[0, 1, 2, 3, 400]]
    profile = fit_profile(kept, 6, whole)
    assert profile.seen.tolist() == [True, True, True, True, True, False]
    assert profile.present.tolist() == [400, 400, 400, 400, 0, 0]
    rare, new = evidence.rarity(profile, plain(6))[4:]
    assert rare > 5
    assert new == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (unique([0, 1], [0, 1], [0, 2], [0]), (1 + 1 / 4 + 1 / 16) / (7 / 4)),  # 1, 1/2 and 1/4
        (unique([0, 1, 1], [1, 0]), 1),
        (EMPTY, 0),
    ],
)
def test_regularity_is_the_chance_to_meet_an_event_again(rows, expected):
    assert evidence.regularity(fit_profile(rows, 3)) == pytest.approx(expected)


def counted(sequences: Distinct) -> list[list[int]]:
    """Each distinct sequence, and how often it is there as the last number."""
    parts = np.split(sequences.ids, sequences.offsets[1:-1])
    return [[*part.tolist(), n] for part, n in zip(parts, sequences.counts.tolist(), strict=True)]


def test_inliers_are_counted_again_without_what_was_left_out():
    # While [0] is counted, lacking 3 is no more than four standard deviations away.
    rows = unique(*[[0, 1, 2, 3]] * 400, *[[0, 1, 2]] * 12, *[[0]] * 20)
    profile = fit_profile(rows, 4)
    assert (evidence.absence(profile, unique([0, 1, 2])) < 0).all()
    assert counted(evidence.inliers(rows, 4)) == [[0, 1, 2, 3, 400]]


def test_inliers_are_all_where_most_would_go():
    rows = unique(*[list(range(61))] * 40, *[[60]] * 60)
    assert (evidence.absence(fit_profile(rows, 61), unique([60])) < 0).all()
    assert evidence.inliers(rows, 61) is rows


def test_inliers_are_all_in_a_log_without_short_sequences():
    rows = unique(*[[0, 1, 2]] * 90, *[[0, 2, 1]] * 50, *[[0, 1, 2, 3]] * 10)
    assert counted(evidence.inliers(rows, 4)) == counted(rows)
    assert len(evidence.inliers(EMPTY, 4)) == 0


@pytest.mark.parametrize("step", [1, -1])
def test_inliers_leave_out_what_stops_short_in_whatever_order(step):
    rows = [*[[0, 1, 2, 3]] * 100, *[[0]] * 10, *[[0, 1, 3, 2]] * 20]
    found = evidence.inliers(unique(*rows[::step]), 4)
    assert counted(found) == [[0, 1, 2, 3, 100], [0, 1, 3, 2, 20]]


def test_absence_in_standard_deviations_beyond_four():
    profile = fit_profile(unique(*[[0]] * 98), 1)
    # P(0) = 99/100, a miss weighs 2 decades: on average 0.02, standard deviation 2 sqrt(0.0099).
    spread = 2 * np.sqrt(0.0099)
    found = evidence.absence(profile, unique([0], [7]))
    assert found == pytest.approx([-0.02 / spread - 4, (2 - 0.02) / spread - 4])
    assert found.dtype == np.float32


def test_absence_has_bounds():
    assert evidence.absence(ROUTINE, unique([7])).tolist() == [10]
    # Each of 100 events is in one sequence; one that holds all lacks far less than is usual.
    one_each = fit_profile(unique(*[[event] for event in range(100)]), 100)
    assert evidence.absence(one_each, unique(list(range(100)))).tolist() == [-10]


@pytest.mark.parametrize(("n", "anomalous"), [(3, False), (14, False), (20, True)])
def test_one_missing_event_is_not_enough_in_a_short_log(n, anomalous):
    profile = fit_profile(unique(*[[0]] * n), 1)
    assert (evidence.absence(profile, unique([7]))[0] > 0) == anomalous


def test_absence_without_any_event_to_lack_is_finite():
    assert evidence.absence(fit_profile(EMPTY, 0), unique([7], [7, 7])).tolist() == [-4, -4]


def test_a_sequence_has_the_log_odds_of_its_highest_event_or_of_its_absence():
    asked = unique([0, 1], [0, 1, 2], [0, 3, 1, 2], [0, 4, 1, 2])
    found = evidence.sequence_log_odds(ROUTINE, asked, np.array([0, 0, 0, -1.0, 1.0]), plain(5))
    # Lacks 2; nothing unusual; 3 is as rare as it gets and slightly harmless; 4 is new.
    complete = evidence.absence(ROUTINE, unique([0, 1, 2]))[0]
    assert found.tolist() == [10, pytest.approx(complete), 9, 1 + evidence.NOVELTY_LIMIT]
    assert evidence.absence(ROUTINE, unique([0, 1])) == 10


def test_the_log_odds_of_the_alarm_model_have_bounds():
    assert evidence.bounded(np.array([-7, -2, 0.5, 2, 7])).tolist() == [-2, -2, 0.5, 2, 2]
    found = evidence.event_log_odds(ROUTINE, np.array([9.0, 0, 0, 0, 9]), plain(5))
    assert found.tolist() == [-8, -10, -10, 10, 2 + evidence.NOVELTY_LIMIT]


OPTIONAL = [[0, *(2 + k for k in range(10) if n >> k & 1), 1] for n in range(0, 1000, 5)]


@pytest.mark.parametrize("n", [41, 100, 200])
def test_a_step_that_all_sequences_have_is_missed_whatever_else_varies(n):
    profile = fit_profile(unique(*OPTIONAL[:n]), 12)
    lacking, whole = evidence.absence(profile, unique([0, 3, 5], [0, 3, 5, 1]))
    assert lacking > 0.5
    assert whole < 0


def test_a_step_that_many_lack_is_not_missed():
    profile = fit_profile(unique(*OPTIONAL, *[[0, 5]] * 20), 12)
    assert evidence.absence(profile, unique([0, 5]))[0] < 0


def at_random(n: int, kinds: int, length: int = 20) -> list[list[int]]:
    return np.random.default_rng(n).integers(kinds, size=(n, length)).tolist()


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_lines_at_random_are_no_steps(n):
    profile = fit_profile(unique(*at_random(n, 4)), 4)
    assert evidence.absence(profile, unique([0, 1, 2] * 7)) < 0


def test_what_is_repeated_at_will_and_never_lacking_is_a_step():
    rows = [[0, *[1] * (1 + n % 4), 2] for n in range(200)]
    assert evidence.absence(fit_profile(unique(*rows), 3), unique([0, 2]))[0] > 0.5


def test_what_a_session_still_waits_for_is_not_missing():
    profile = fit_profile(unique(*[[0, 1, 2]] * 100), 3)
    given = sequences([0, 1], [0, 1], [0])
    waits = sp.csr_array(np.array([[0, 0, 0], [0, 0, 1], [0, 0, 1]], bool))
    odds = evidence.absence(profile, distinct(replace(given, awaited=waits)))
    by_row = odds[distinct(replace(given, awaited=waits)).inverse]
    assert by_row[0] > 0
    assert by_row[1] < 0
    assert by_row[2] > 0  # for event 1, which is due


def test_what_a_window_that_was_cut_short_lacks_is_no_evidence():
    rows = [[0] * 10 + [1] * 10] * 200
    piece = replace(sequences([0, 0]), cut_short=np.array([True]))
    profile = fit_profile(unique(*rows), 2)
    assert evidence.absence(profile, unique([0, 0])) > 0
    assert evidence.absence(profile, distinct(piece)) < 0
    every = replace(sequences(*rows, [0]), cut_short=np.arange(201) == 200)
    assert evidence.inliers(distinct(every), 2).counts.tolist() == [200]
    assert fit_profile(evidence.inliers(distinct(every), 2), 2, distinct(every)).n_sequences == 200
