"""Kinds of sequences, against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from rows import sequences, unique

from glx import evidence
from glx.kinds import KIND, Kinds, fit_kinds, lacking
from glx.profile import Profile, fit_profile
from glx.sequences import Distinct, distinct

# Three kinds of request with steps of their own; all begin alike.
SEARCH, ORDER, REFUND = [0, 1, 2], [0, 3, 4, 5], [0, 6, 7, 8]
REQUESTS = [*[SEARCH] * 600, *[ORDER] * 300, *[REFUND] * 100]


def of_inliers(rows: Distinct, n_templates: int) -> Profile:
    return fit_profile(evidence.inliers(rows, n_templates), n_templates, rows)


def events(kinds: Kinds) -> list[int]:
    return kinds.event.tolist()


def test_events_make_a_kind_that_tell_of_the_others():
    kinds = of_inliers(unique(*REQUESTS), 9).kinds
    assert sorted(events(kinds)) == [1, 2, 3, 4, 5, 6, 7, 8, 9]  # 0 is in all; 9 stands for all
    assert events(kinds)[:3] == [8, 7, 6]  # the rarest first
    assert kinds.sequences.tolist() == [100] * 3 + [300] * 3 + [600] * 2 + [1000]


@pytest.mark.parametrize("lacked", [1, 2])
@pytest.mark.parametrize("kind", [ORDER, REFUND])
def test_a_step_that_its_kind_has_is_missed(kind, lacked):
    profile = of_inliers(unique(*REQUESTS), 9)
    short = [event for n, event in enumerate(kind) if n != lacked]
    odds, place = evidence.missing(profile.kinds, unique(short))
    assert odds[0] > 0.5
    kinds = profile.kinds
    assert kinds.usual[place[0]] == kind[lacked]
    assert kinds.held[place[0]] == kinds.sequences[kinds.kind[place[0]]] == REQUESTS.count(kind)


def test_no_kind_is_an_anomaly_for_being_another_one():
    profile = of_inliers(unique(*REQUESTS), 9)
    assert (evidence.absence(profile, unique(*REQUESTS)) < -0.5).all()


def test_what_a_kind_is_worth_by_hand():
    # 60 of 120 hold 0 and 1, of which one lacks 2; the others hold 3. P(2) = (59 + 1) / 122.
    rows = [*[[0, 1, 2]] * 59, [0, 1], *[[0, 3]] * 60]
    kinds = fit_kinds(unique(*rows), unique(*rows), 4)
    place = np.flatnonzero((kinds.kind == events(kinds).index(1)) & (kinds.usual == 2))[0]
    p = (59 + 60 / 122) / 61
    assert kinds.absence[place] == pytest.approx(-np.log10(1 - p))
    assert (kinds.held[place], kinds.sequences[kinds.kind[place]]) == (59, 60)


def test_a_kind_with_few_sequences_borrows_from_the_others():
    # None of 30 lacks a step: by itself one in 62 may. Of all 930 none lacks a step of its kind.
    profile = of_inliers(unique(*REQUESTS[:900], *[REFUND] * 30), 9)
    kinds = profile.kinds
    place = np.flatnonzero((kinds.kind == events(kinds).index(6)) & (kinds.usual == 7))[0]
    assert kinds.step[place] == pytest.approx(np.log10(931 / 0.5))
    assert (evidence.absence(profile, unique([0, 6, 8])) > 0.5).all()


def test_a_missing_step_is_no_news_where_more_than_one_in_300_lack_such():
    loose = [[0, 3, 4], [0, 3, 5], [0, 1], [0, 2]]
    profile = of_inliers(unique(*REQUESTS[:900], *[REFUND] * 30, *loose), 9)
    kinds = profile.kinds
    assert (kinds.step[kinds.kind == events(kinds).index(6)] == 0).all()
    assert (evidence.absence(profile, unique([0, 6, 8])) < 0).all()


def test_a_kind_with_fewer_sequences_is_judged_with_all():
    few = [*[SEARCH] * 600, *[ORDER] * (KIND - 1)]
    assert 3 not in events(of_inliers(unique(*few), 9).kinds)
    assert 3 in events(of_inliers(unique(*few, ORDER), 9).kinds)


def test_what_one_in_fifty_of_a_kind_do_alike_is_usual():
    usual = [*REQUESTS, *[[0, 3, 4]] * 8]
    assert (evidence.absence(of_inliers(unique(*usual), 9), unique([0, 3, 4])) < 0).all()
    once = [*REQUESTS, [0, 3, 4]]
    assert (evidence.absence(of_inliers(unique(*once), 9), unique([0, 3, 4])) > 0).all()


def test_what_one_in_twenty_of_a_kind_lack_does_not_make_it():
    # Six steps that some orders lack, never two of them: to lack three is unusual, none is a must.
    rows = [[0, *(v for v in range(1, 7) if v != 1 + n % 18)] for n in range(180)]
    rows += [[0, 7, 8]] * 180
    kinds = of_inliers(unique(*rows), 9).kinds
    assert set(events(kinds)) >= {1, 7}
    of_all, own = lacking(kinds, unique([0, 1, 2, 3]))
    assert of_all.over[0] < 0
    assert own.over[0] < 0


def test_windows_have_no_kinds():
    cut = replace(sequences(*REQUESTS), cut_short=np.zeros(len(REQUESTS), dtype=bool))
    assert events(of_inliers(distinct(cut), 9).kinds) == [9]


def test_a_system_of_one_routine_has_no_kinds():
    rng = np.random.default_rng(0)
    rows = [[v for v in range(30) if rng.random() < 0.97] for _ in range(300)]
    assert events(of_inliers(unique(*rows), 30).kinds) == [30]


def test_habits_stay_inliers_and_what_stops_short_does_not():
    # One in fifty do something else, again and again.
    rows = unique(*[[0, 1, 2, 3, 4, 5, 6, 7]] * 400, *[[0, 8]] * 20, *[[0, 1]] * 20)
    kept = evidence.inliers(rows, 9)
    assert kept.counts.tolist() == [400, 20]
    assert kept.ids[-1] == 8
