"""Metrics against scikit-learn's, and against counts worked out by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from glx.evaluate import metrics

LABELS = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
SCORES = np.array([0.9, 0.8, 0.2, 0.8, 0.1, 0.1, 0.0, 0.3])


def evaluate(labels, scores, anomalous, **more):
    return metrics.evaluate(labels, scores, anomalous, threshold=0.5, **more)


def test_confusion_and_what_derives_from_it():
    out = evaluate(LABELS, SCORES, SCORES >= 0.5)
    assert out["confusion"] == {"tp": 2, "fp": 1, "fn": 1, "tn": 4}
    assert out["precision"] == out["recall"] == out["f1"] == pytest.approx(2 / 3)
    assert out["mcc"] == pytest.approx((2 * 4 - 1) / np.sqrt(3 * 3 * 5 * 5))
    assert out["prevalence"] == 3 / 8
    assert (out["n_sequences"], out["abstained"], out["threshold"]) == (8, 0, 0.5)
    assert out["false_alarms_per_10k"] == 1250
    assert out["false_alarms_per_day"] is None


def test_oracle_is_the_best_cut_in_hindsight():
    out = evaluate(LABELS, SCORES, SCORES >= 0.85)
    # Cut at 0.2: 3 hits, 0.8 and 0.3 falsely flagged. Cut at 0.8: 2 hits, 1 false alarm.
    assert out["f1"] == pytest.approx(2 / 4)
    assert (out["oracle_f1"], out["oracle_threshold"]) == (pytest.approx(6 / 8), 0.2)


def test_an_abstention_is_wrong_either_way():
    decisions = np.ma.array(SCORES >= 0.5, mask=[1, 0, 0, 0, 1, 0, 0, 0])
    out = evaluate(LABELS, np.where(decisions.mask, np.nan, SCORES), decisions)
    assert (out["abstained"], out["false_alarms"]) == (2, 1)
    assert out["confusion"] == {"tp": 1, "fp": 2, "fn": 2, "tn": 3}
    # Ranked where it does most harm: the normal one first, the anomalous one last.
    assert out["auroc"] < evaluate(LABELS, SCORES, SCORES >= 0.5)["auroc"]
    json.dumps(out, allow_nan=False)


def test_distinct_sequences_count_once_by_majority():
    inverse = np.array([0, 0, 1, 0, 2, 2, 3, 4])
    scores = np.array([0.9, 0.9, 0.2, 0.9, 0.1, 0.1, 0.7, 0.3])
    out = evaluate(LABELS, scores, scores >= 0.5, inverse=inverse)
    assert out["n_distinct"] == 5
    # Sequence 0 is anomalous two times of three; 1 is missed; 3 is a false alarm.
    assert out["distinct"]["confusion"] == {"tp": 1, "fp": 1, "fn": 1, "tn": 2}


def test_seen_and_unseen_templates_apart():
    out = evaluate(LABELS, SCORES, SCORES >= 0.5, unseen=np.arange(8) < 2)
    assert out["unseen"]["confusion"] == {"tp": 2, "fp": 0, "fn": 0, "tn": 0}
    assert out["unseen"]["auroc"] is None
    assert out["seen"]["confusion"] == {"tp": 0, "fp": 1, "fn": 1, "tn": 4}
    nothing = evaluate(LABELS, SCORES, SCORES >= 0.5, unseen=np.zeros(8, dtype=bool))["unseen"]
    assert (nothing["n_sequences"], nothing["f1"]) == (0, None)


@pytest.mark.parametrize(("days", "expected"), [(2, 0.5), (0, None)])
def test_false_alarms_per_day_of_log_time(days, expected):
    out = evaluate(LABELS, SCORES, SCORES >= 0.5, seconds=np.linspace(0, days * 86_400, 8))
    assert out["false_alarms_per_day"] == expected


def test_blocks_in_time_widen_the_interval_of_a_burst():
    at = np.arange(5000)
    found, missed = (at >= 3000) & (at < 3200), (at >= 1000) & (at < 1200)  # one burst of two
    single, again, blocks = (
        metrics.f1_interval(found | missed, found, blocks=blocks) for blocks in (False, False, True)
    )
    assert blocks[1] - blocks[0] > 3 * (single[1] - single[0])
    assert single[0] < 2 / 3 < single[1]
    assert single == again


def test_seconds_order_the_blocks():
    rng = np.random.default_rng(0)
    seconds = np.arange(500.0)
    labels = seconds >= 450
    decided = labels & (seconds < 480)
    mixed = rng.permutation(500)
    straight = evaluate(labels, decided * 1.0, decided, seconds=seconds)
    shuffled = evaluate(labels[mixed], decided[mixed] * 1.0, decided[mixed], seconds=seconds[mixed])
    assert straight == shuffled
    in_order = evaluate(labels, decided * 1.0, decided, ordered=True)
    assert straight == in_order | {"false_alarms_per_day": 0.0}


@pytest.mark.parametrize("value", [True, False])
def test_one_class_gives_none_not_nan(value):
    scores = np.linspace(0, 1, 5)
    out = evaluate(np.full(5, value), scores, scores > 0.5, inverse=np.arange(5))
    assert out["auroc"] is out["mcc"] is None
    assert (out["f1"] is None) == (not value)
    json.dumps(out, allow_nan=False)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        (LABELS, np.full(8, np.nan), "NaN"),
        (LABELS[:3], SCORES, "8 scores"),
        (LABELS[:0], SCORES[:0], "at least one"),
    ],
)
def test_a_missing_score_without_an_abstention_and_odd_lengths_raise(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        evaluate(labels, scores, np.zeros(len(scores), dtype=bool))


cases = st.lists(
    st.tuples(st.booleans(), st.integers(0, 4), st.booleans()), min_size=2, max_size=40
).filter(lambda rows: len({label for label, *_ in rows}) == 2)


@settings(max_examples=100, deadline=None)
@given(cases, st.integers(0, 5))
def test_metrics_equal_the_reference_and_none_beats_the_oracle(rows, cut):
    labels, scores, mask = map(np.array, zip(*rows, strict=True))  # with ties
    scores, flags = scores / 4, scores >= cut
    out = metrics.summary(labels, scores, flags)
    expected = {
        "auprc": reference.average_precision_score(labels, scores),
        "auroc": reference.roc_auc_score(labels, scores),
        "mcc": reference.matthews_corrcoef(labels, flags),
        "f1": reference.f1_score(labels, flags),
        "recall": reference.recall_score(labels, flags),
        "precision": reference.precision_score(labels, flags, zero_division=0.0),
    }
    assert {name: out[name] for name in expected} == pytest.approx(expected)
    decisions = np.ma.array(flags, mask=mask)
    for known in (scores, np.where(mask, np.nan, scores)):
        out = evaluate(labels, known, decisions)
        assert out["f1"] <= out["oracle_f1"] + 1e-12
        assert out["f1_interval"][0] <= out["f1_interval"][1]
        assert sum(out["confusion"].values()) == len(rows)


def test_blocks_hold_the_confusion_in_the_order_given():
    labels = np.array([1, 0, 1, 0], dtype=bool)
    decided = np.array([1, 1, 0, 0], dtype=bool)
    blocks = metrics.blocks_of(labels, decided, np.array([2, 3, 0, 1]))
    assert blocks == {"tp": [0, 0, 1, 0], "fp": [0, 0, 0, 1], "fn": [1, 0, 0, 0]}
    many = metrics.blocks_of(np.ones(101, bool), np.ones(101, bool), np.arange(101))
    assert len(many["tp"]) == metrics.BLOCKS
    assert sum(many["tp"]) == 101


def test_the_curve_is_thinned_and_ends_at_full_recall():
    labels = np.arange(1000) % 3 == 0
    curve = metrics.ranking(labels, np.linspace(1, 0, 1000))
    drawn = metrics.precision_recall(curve, points=10)
    assert 10 <= len(drawn["recall"]) <= 11
    assert drawn["recall"][-1] == 1
    assert drawn["precision"][-1] == pytest.approx(334 / 1000)
    assert (np.diff(drawn["recall"]) >= 0).all()
    assert (np.diff(drawn["threshold"]) < 0).all()
    assert metrics.precision_recall(metrics.ranking(~labels & labels, labels * 1.0)) is None
