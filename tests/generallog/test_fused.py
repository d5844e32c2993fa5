"""The expert's answer and the target's own profile as one score, by numbers chosen by hand."""

import numpy as np
import pytest
from rows import sequences
from scipy.special import expit
from tiny_general import TEXTS, fit, read, untrained

from glx import evidence
from glx.generallog import experts
from glx.generallog.detector import on_one_scale
from glx.generallog.expert import ExpertAnswers
from glx.generallog.experts import ExpertConfig
from glx.llm.request import Costs

ROWS = [[0, 1], [0, 2], [1, 3]]  # distinct sequences, in their order
NONE = (-9, -9, -9)  # nothing lacks
NAN = float("nan")


@pytest.fixture(scope="module")
def everything_asked():
    return fit(untrained(), "proprietary")


@pytest.fixture
def judge(monkeypatch, everything_asked):
    """Verdicts where the expert gives `log_odds`, by the events at `places`."""

    def judged(log_odds, absence, places=(0, 0, 0)):
        said = ExpertAnswers(np.array(log_odds, float), np.array(places), ["A", "B", "C"], Costs())
        monkeypatch.setattr(evidence, "absence", lambda profile, rows: np.float32(absence))
        monkeypatch.setattr(experts, "make_expert", lambda *_: lambda inputs: said)
        return everything_asked.judge(sequences(*ROWS), read())

    return judged


@pytest.mark.parametrize(
    ("answers", "places", "absence", "log_odds"),
    [
        ((-2, -2, 0), (0, 0, 0), NONE, (-2, -2, 0)),
        ((0, 3, 1), (1, 1, 1), (4, 2, -1), (4, 3, 1)),  # the larger of the two, not the sum
        ((12, -12, 1), (0, 0, 0), (-99,) * 3, (12, -12, 1)),
    ],
)
def test_the_answer_or_absence(judge, answers, places, absence, log_odds):
    table = judge(answers, absence, places)
    np.testing.assert_allclose(table.scores, expit(np.array(log_odds, float)), rtol=1e-4)
    assert table.places[:, 0].tolist() == list(places)
    assert table.ids[:, 0].tolist() == [row[at] for row, at in zip(ROWS, places, strict=True)]


def test_no_answer_is_an_abstention_whatever_lacks(judge):
    table = judge((NAN, 0, NAN), (5, -9, -9))
    assert np.isnan(table.scores).tolist() == [True, False, True]
    assert table.reasons.tolist() == ["A", "B", "C"]


def test_what_lacks_is_the_reason_where_it_decides(judge, monkeypatch):
    """Of 14 sequences adapted on all hold 0 and 1; they are of one kind."""
    monkeypatch.setattr(evidence, "missing", lambda kinds, rows: (None, np.ones(len(rows), int)))
    table = judge((0, 0, 5), (-1, 1, 1))
    assert table.reasons.tolist() == [
        "A",
        'lacks "session closed", which 100.0% of all 14 sequences have',
        "C",
    ]
    assert table.deciding.null_count() == 0


def test_below_the_cut_what_lacks_is_no_reason(judge):
    assert judge((-5,) * 3, (-1,) * 3).reasons.tolist() == ["A", "B", "C"]


WHOLE = [[0, 1], [0, 2, 1], [0, 3, 1], [3]]


@pytest.fixture
def answered(tmp_path):
    """GeneralLog and its verdicts where a file answers for two of the four templates."""
    path = tmp_path / "answers.csv"
    path.write_text(f"template,p\n{TEXTS[1]},0.01\n{TEXTS[2]},0.99\n")

    def judged(route, structural=True):
        detector = fit(untrained(structural), route)
        asking = detector.with_expert(lambda _: ExpertConfig("answers", responses=str(path)))
        return detector, asking.judge(sequences(*WHOLE), read())

    return judged


def test_answers_that_are_there_judge_general_sequences_too(answered):
    detector, table = answered("centred")
    without = detector.zerolog.judge(sequences(*WHOLE), read())
    assert table.routes.tolist() == ["general", "general", "proprietary", "proprietary"]
    assert table.reasons.tolist() == [
        f"no answer for: {TEXTS[0]}",
        f"0.99 for: {TEXTS[2]}",
        f"no answer for: {TEXTS[3]}",
        without.reasons[3],
    ]
    assert table.scores[1] > on_one_scale(without.scores, 0.5)[1] + 0.2
    assert not np.isnan(table.scores).any()


def test_without_any_answer_zerologs_verdict_stays(answered, tmp_path):
    (tmp_path / "answers.csv").write_text("template,p\nsomething else,0.5\n")
    detector = fit(untrained())
    config = ExpertConfig("answers", responses=str(tmp_path / "answers.csv"))
    table = detector.with_expert(lambda _: config).judge(sequences(*WHOLE), read())
    without = detector.zerolog.judge(sequences(*WHOLE), read())
    assert "proprietary" in table.routes
    np.testing.assert_array_equal(table.scores, on_one_scale(without.scores, 0.5))
    assert table.reasons.tolist() == without.reasons.tolist()


def test_where_the_router_is_off_answers_change_nothing(answered):
    detector, table = answered("general")
    without = detector.zerolog.judge(sequences(*WHOLE), read())
    np.testing.assert_array_equal(table.scores, on_one_scale(without.scores, 0.5))


def test_as_published_the_answers_stand_alone(answered, monkeypatch):
    """What is rare, absent or of a rare level counts only beside structural inputs."""
    monkeypatch.setattr(evidence, "absence", lambda _, rows: np.full(len(rows), 5, np.float32))
    _, table = answered("proprietary", structural=False)
    expected = [0.01, 0.99, 0.01, NAN]
    np.testing.assert_allclose(table.scores, expected, rtol=1e-5)
    assert table.reasons.tolist() == [
        f"0.01 for: {TEXTS[1]}",
        f"0.99 for: {TEXTS[2]}",
        f"0.01 for: {TEXTS[1]}",
        "no answer for any of its events",
    ]


def test_as_published_general_sequences_are_zerologs(answered):
    detector, table = answered("centred", structural=False)
    without = on_one_scale(detector.zerolog.judge(sequences(*WHOLE), read()).scores, 0.5)
    assert table.routes.tolist() == ["general", "general", "proprietary", "proprietary"]
    np.testing.assert_array_equal(table.scores[:2], without[:2])
    assert table.scores[2] == pytest.approx(0.01)


def test_the_share_of_lines_that_were_answered(answered):
    """Of nine lines three are of the second template, one of the third."""
    _, table = answered("proprietary")
    assert table.metrics["share_answered"] == pytest.approx(4 / 9)
    assert "share_answered" not in fit(untrained()).judge(sequences(*WHOLE), read()).metrics
