"""The tables of a small study folder, and what is said when there is none."""

import json

import pytest
from folders import write_run, write_study

from glx.errors import InputError
from glx.evaluate.intervals import f1_difference, mean_f1
from glx.report import compare, results, tables
from glx.report.results import read_study

DEEPLOG, METALOG = "DeepLog <b>|&_x", "MetaLog, 1% labels †"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return read_study(write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def ablation(tmp_path_factory):
    return read_study(write_study(tmp_path_factory.mktemp("ablation"), reference="GeneralLog"))


def texts(table) -> list[list[str]]:
    return [[entry.text for entry in row] for row in table.rows]


def test_leave_one_out(study):
    table = tables.leave_one_out(study)
    assert table.header == ("method", "hdfs", "bgl_50%", "mean")
    # GOOD: tp 7, fp 1, fn 1. POOR: tp 2, fp 2, fn 6.
    assert texts(table) == [
        ["GeneralLog", "0.875", "0.604 (0.333 to 0.875)", "0.740"],
        [DEEPLOG, "0.333", "0.333 (1 of 2 seeds)", "0.333"],
        [METALOG, "0.333", "0.333", "0.333"],
        ["all positive", "0.200", "0.200", "0.200"],
        ["surprise", "0.700", "0.700", "0.700"],
        ["random forest with the target's labels", "0.990", "0.990", "-"],
        ["templates that are mostly anomalous", "-", "-", "-"],
    ]
    assert [len(group) for group in table.groups] == [3, 2, 2]
    bold = [(row[0].text, n) for row in table.rows for n, entry in enumerate(row) if entry.bold]
    assert bold == [("GeneralLog", 1), ("surprise", 2)]
    assert table.notes[-1] == "Protocol sound, preset small, seeds 0, 1, 19 of 20 cells."
    assert any("not zero-label" in note for note in table.notes)
    assert table.rows[0][1].href == "cells/GeneralLog/hdfs-from-bgl_50%25%2Bopenstack/0/report.html"


def test_what_was_given_labels_is_never_the_best(study, tmp_path):
    write_study(tmp_path)
    for path in tmp_path.glob("cells/MetaLog/*/*/metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"f1": 0.99}))
    table = tables.leave_one_out(read_study(tmp_path))
    assert [row[0].text for row in table.groups[0]] == ["GeneralLog", DEEPLOG, METALOG]
    assert table.rows[0][1].bold
    assert not table.rows[2][1].bold


def test_a_figure_that_is_not_defined_is_a_dash(study):
    table = tables.leave_one_out(study, "auprc")
    assert [DEEPLOG, "-", "-", "-"] in texts(table)


def test_nobody_gets_the_oracle_as_a_result(study):
    table = tables.leave_one_out(study, "oracle_f1")
    assert not any(entry.bold for row in table.rows for entry in row)


def test_pairs(study):
    table = tables.pairs(study, "GeneralLog")
    assert texts(table) == [
        ["bgl_50%", "0.875", "-"],
        ["hdfs", "-", "0.604 (0.333 to 0.875)"],
        ["openstack", "0.875", "0.604 (0.333 to 0.875)"],
        ["all others", "0.875", "0.604 (0.333 to 0.875)"],
    ]
    assert tables.pairs(study, DEEPLOG).rows == []


def test_ablation(ablation):
    table = tables.ablation(ablation)
    assert table.header == ("variant", "mean", "hdfs", "bgl_50%")
    # Both lose 0.542 on hdfs; on bgl_50% DeepLog has seed 0 alone, MetaLog equals with seed 1.
    assert [row[0].text for row in table.rows] == [DEEPLOG, METALOG]
    assert texts(table)[0][2].startswith("−0.542 [−")
    assert texts(table)[1][3].startswith("−0.271 [−")
    assert tables.of_study(ablation)[0] == table


@pytest.mark.parametrize(
    ("written", "shown"), [("-0.100", "−0.100"), ("+0.100", "+0.100"), ("-0.000", "0.000")]
)
def test_a_minus_is_one_and_a_zero_has_none(written, shown):
    assert tables.minus(written) == shown


def test_differences_are_paired_by_seed(ablation):
    found = compare.differences(ablation)[METALOG]
    mine, reference = (ablation.leave_one_out(m, "hdfs") for m in (METALOG, "GeneralLog"))
    assert mine.blocks.shape == (2, 4, 3)
    assert found.each["hdfs"] == f1_difference([mine.blocks], [reference.blocks])
    deeplog = ablation.leave_one_out(DEEPLOG, "bgl_50%")
    assert deeplog.paired(ablation.leave_one_out("GeneralLog", "bgl_50%"))[0].shape == (1, 4, 3)


def test_scores_are_ranked_and_averaged(study):
    found = compare.scores(study)
    assert next(iter(found)) == "GeneralLog"
    blocks = [study.leave_one_out("GeneralLog", t).blocks for t in study.targets]
    assert found["GeneralLog"].whole == mean_f1(blocks)


def test_other_blocks_are_not_compared(ablation, tmp_path):
    write_study(tmp_path, reference="GeneralLog")
    for path in tmp_path.glob("cells/MetaLog/hdfs-*/*/figures.json"):
        path.write_text(json.dumps({"blocks": {"tp": [1], "fp": [0], "fn": [2]}}))
    table = tables.ablation(read_study(tmp_path))
    assert texts(table)[1][:3] == [METALOG, "-", "-"]


def test_runs_on_another_split_are_named(study, tmp_path):
    assert compare.disagree(study) == []
    write_study(tmp_path)
    path = next(tmp_path.glob("cells/MetaLog/bgl*/1/metrics.json"))
    other = json.loads(path.read_text())
    other["baselines"]["surprise"]["f1"] = 0.71
    path.write_text(json.dumps(other))
    found = read_study(tmp_path)
    assert compare.disagree(found) == ["bgl_50%"]
    notes = tables.leave_one_out(found).notes
    assert "The baselines of bgl_50% differ between runs: not one split." in notes


def test_stamps_are_counted_apart_from_labels_that_were_given(tmp_path):
    write_study(tmp_path)
    for path in tmp_path.glob("cells/*/bgl*/*/metrics.json"):
        stamp = "10 labels of the target" if "MetaLog" in str(path) else "bgl_inferred_text"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"stamps": [stamp]}))
    # Of GeneralLog 3 sets of sources on 2 targets with 2 seeds, of DeepLog 3 of 4.
    notes = tables.cost(read_study(tmp_path)).notes
    assert notes[-1] == "Stamps: bgl inferred text (7 of 15 cells)."


def test_cost(study):
    assert texts(tables.cost(study))[:3] == [
        ["GeneralLog", "hdfs", "13", "250,000", "0", "0", "25.0 %"],
        ["GeneralLog", "bgl_50%", "13", "250,000", "0", "0", "25.0 %"],
        [DEEPLOG, "hdfs", "13", "250,000", "0", "0", "25.0 %"],
    ]


def test_a_study_of_nothing_yet(tmp_path):
    write_study(tmp_path)
    for path in tmp_path.glob("cells/*/*/*/metrics.json"):
        path.unlink()
    assert tables.read([tmp_path]) == []


def test_runs_by_themselves(tmp_path):
    plain = {"method": "GeneralLog", "target": "hdfs", "source": ["bgl"], "expert": "retrieval"}
    good, poor = ([8], [2], [2]), ([4], [2], [6])
    write_run(tmp_path / "a", good, seed=0, **plain)
    write_run(tmp_path / "b", poor, seed=1, **plain)
    write_run(tmp_path / "c", poor, seed=0, method="DeepLog", target="hdfs", source=[])
    [table] = tables.read([tmp_path / name for name in "abc"])
    assert table.header[:4] == ("method", "target ← sources", "seeds", "F1")
    assert texts(table) == [
        ["DeepLog", "hdfs", "1", "0.500", "0.800", "0.550", "0.700", "0.200", "0.990", "12"],
        [
            "GeneralLog retrieval",
            "hdfs ← bgl",
            "2",
            "0.650 (0.500 to 0.800)",
            "0.800",
            "0.700 (0.550 to 0.850)",
            "0.700",
            "0.200",
            "0.990",
            "13 (12 to 14)",
        ],
    ]
    assert table.notes[-1] == "Protocol sound."


def test_runs_under_other_rules_are_not_seeds_of_each_other(tmp_path):
    plain = {"method": "ZeroLog", "target": "hdfs", "source": ["bgl"]}
    stamp = "3 labels of the target"
    leak = {"check": "target_labels", "ok": False, "detail": "It saw labels."}
    good, poor = ([8], [2], [2]), ([4], [2], [6])
    write_run(tmp_path / "a", poor, seed=0, **plain)
    write_run(tmp_path / "b", poor, seed=0, **plain)  # again, as with other settings
    write_run(tmp_path / "c", good, seed=0, protocol="paper", **plain)
    write_run(tmp_path / "d", good, seed=1, stamps=["bgl_inferred_text"], **plain)
    write_run(tmp_path / "e", good, seed=1, stamps=[stamp], audit=[leak], **plain)
    [table] = tables.read([tmp_path / name for name in "abcde"])
    assert table.header[:5] == ("method", "target ← sources", "protocol; stamps", "seeds", "F1")
    assert [row[:5] for row in texts(table)] == [
        ["ZeroLog", "hdfs ← bgl", "paper", "1", "0.800"],
        ["ZeroLog", "hdfs ← bgl", "sound", "1 (2 runs)", "0.500"],
        ["ZeroLog", "hdfs ← bgl", "sound; bgl inferred text", "1", "0.800"],
        ["ZeroLog †", "hdfs ← bgl", "sound; 3 labels of the target", "1", "0.800"],
    ]
    assert table.notes[-1] == "†: was given labels of the target, not zero-label."


def test_a_run_without_labels_has_nothing_to_compare(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"method": "ZeroLog", "threshold": 0.5}))
    with pytest.raises(InputError, match="without labels"):
        tables.read([tmp_path])


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "no finished run"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
    ],
)
def test_a_folder_of_something_else(tmp_path, content, wrong):
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=wrong):
        tables.read([tmp_path])


def test_a_plan_that_lacks_something(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"name": "x", "cells": [{"run": "a"}]}))
    with pytest.raises(InputError, match="not a study"):
        results.read_study(tmp_path)
    with pytest.raises(InputError, match="no study"):
        results.read_study(tmp_path / "other")
