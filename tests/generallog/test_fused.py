"""The expert's answer and the target's own profile as one score, by numbers chosen by hand."""

import numpy as np
import pytest
from rows import sequences
from scipy.special import expit
from tiny_general import fit, read, untrained

from glx import evidence
from glx.generallog import experts
from glx.generallog.expert import ExpertAnswers
from glx.llm.request import Costs

RARITY = np.array([-2, 0, 3, 1], np.float32)  # of the four templates
ROWS = [[0, 1], [0, 2], [1, 3]]  # distinct sequences, in their order
NONE = (-9, -9, -9)  # nothing lacks
NAN = float("nan")


@pytest.fixture(scope="module")
def everything_asked():
    return fit(untrained(), "proprietary")


@pytest.fixture
def judge(monkeypatch, everything_asked):
    """Verdicts where the expert says `p` of the events at `places`."""

    def judged(p, absence, places=(0, 0, 0)):
        said = ExpertAnswers(np.float32(p), np.array(places), ["A", "B", "C"], Costs())
        monkeypatch.setattr(evidence, "rarity", lambda profile, levels: RARITY)
        monkeypatch.setattr(evidence, "absence", lambda profile, rows: np.float32(absence))
        monkeypatch.setattr(experts, "make_expert", lambda *_: lambda inputs: said)
        return everything_asked.judge(sequences(*ROWS), read())

    return judged


@pytest.mark.parametrize(
    ("p", "places", "absence", "log_odds"),
    [
        ((0.5, 0.5, 0.5), (0, 0, 0), NONE, (-2, -2, 0)),
        ((0.5, 0.5, 0.5), (1, 1, 1), NONE, (0, 3, 1)),
        ((0.5, 0.5, 0.5), (1, 1, 1), (4, 2, -1), (4, 3, 1)),  # the larger of the two, not the sum
        ((1, 0, 0.75), (0, 0, 0), (-99,) * 3, (8, -12, np.log(3))),  # sure is 10, not infinite
    ],
)
def test_the_answer_plus_the_rarity_of_its_event_or_absence(judge, p, places, absence, log_odds):
    table = judge(p, absence, places)
    np.testing.assert_allclose(table.scores, expit(np.array(log_odds, float)), rtol=1e-4)
    assert table.places[:, 0].tolist() == list(places)
    assert table.ids[:, 0].tolist() == [row[at] for row, at in zip(ROWS, places, strict=True)]


def test_no_answer_is_an_abstention_whatever_lacks(judge):
    table = judge((NAN, 0.5, NAN), (5, -9, -9))
    assert np.isnan(table.scores).tolist() == [True, False, True]
    assert table.reasons.tolist() == ["A", "B", "C"]


def test_what_lacks_is_the_reason_where_it_decides(judge):
    """Of 14 sequences adapted on all hold 0 and 1, three hold 3."""
    table = judge((0.5, 0.5, 0.99), (5, 1, 1))
    assert table.reasons.tolist() == [
        'lacks "lease renewed by <*>", which 21.4% of sequences have',
        'lacks "session closed", which 100.0% of sequences have',
        "C",
    ]
    assert table.deciding.null_count() == 0


def test_below_the_cut_what_lacks_is_no_reason(judge):
    assert judge((0.01,) * 3, (-1,) * 3).reasons.tolist() == ["A", "B", "C"]
