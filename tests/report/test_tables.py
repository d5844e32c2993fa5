"""The tables of a small study folder, and what is said when there is none."""

import json
import re

import numpy as np
import pytest
from folders import GOOD, POOR, write_run, write_study

from glx import config
from glx.cli.report import read_tables
from glx.errors import InputError
from glx.evaluate.intervals import f1_difference, mean_f1
from glx.report import compare, results, tables
from glx.report.results import read_study
from glx.report.runs_table import flag
from glx.report.table import to_latex
from glx.runs.settings import GeneralLogRun, MethodRun

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
    assert read_tables([tmp_path]) == []


def test_runs_by_themselves(tmp_path):
    plain = {"method": "GeneralLog", "target": "hdfs", "source": ["bgl"], "expert": "retrieval"}
    good, poor = ([8], [2], [2]), ([4], [2], [6])
    write_run(tmp_path / "a", good, seed=0, **plain)
    write_run(tmp_path / "b", poor, seed=1, **plain)
    write_run(tmp_path / "c", poor, seed=0, method="DeepLog", target="hdfs", source=[])
    [table] = read_tables([tmp_path / name for name in "abc"])
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
    write_run(tmp_path / "b", good, seed=0, **plain)  # again
    write_run(tmp_path / "c", good, seed=0, protocol="paper", **plain)
    write_run(tmp_path / "d", good, seed=1, stamps=["bgl_inferred_text"], **plain)
    write_run(tmp_path / "e", good, seed=1, stamps=[stamp], audit=[leak], **plain)
    [table] = read_tables([tmp_path / name for name in "abcde"])
    assert table.header[:5] == ("method", "target ← sources", "protocol; stamps", "seeds", "F1")
    assert [row[:5] for row in texts(table)] == [
        ["ZeroLog", "hdfs ← bgl", "paper", "1", "0.800"],
        ["ZeroLog", "hdfs ← bgl", "sound", "1", "0.500"],
        ["ZeroLog", "hdfs ← bgl", "sound; bgl inferred text", "1", "0.800"],
        ["ZeroLog †", "hdfs ← bgl", "sound; 3 labels of the target", "1", "0.800"],
    ]
    assert table.notes[1].startswith("†: was given labels of the target, not zero-label: a draw by")
    assert "at least one of each" in table.notes[1]
    assert table.notes[2] == f"{tmp_path}/b repeats {tmp_path}/a and is left out."


def test_only_seeds_are_averaged(tmp_path):
    plain = {"method": "ZeroLog", "target": "hdfs", "source": ["bgl"]}

    def settings(data_dir: str, **train) -> dict:
        embed = {"model": "minilm", "cache_dir": data_dir}
        return {
            "source": ["bgl"],
            "target_labels": None,
            "data": {"data_dir": data_dir, "protocol": "sound"},
            "model": {"train": {"structural": True, "steps": 200} | train, "embed": embed},
        }

    good, poor = ([8], [2], [2]), ([4], [2], [6])
    given = (good, good, poor, poor, good)
    other = {"data_dir": "/b", "structural": False}
    forms = [settings("/a"), settings("/b"), settings("/a", structural=False), settings(**other)]
    forms.append(settings("/a") | {"target_labels": "1%"})
    for k, (blocks, form) in enumerate(zip(given, forms, strict=True)):
        labels = 3 if form["target_labels"] else 0
        write_run(
            tmp_path / str(k), blocks, settings=form, seed=k % 2, target_labels=labels, **plain
        )
    [table] = read_tables([tmp_path / str(k) for k in range(5)])
    assert [row[:4] for row in texts(table)] == [
        ["ZeroLog --nostructural", "hdfs ← bgl", "2", "0.500"],
        ["ZeroLog --structural", "hdfs ← bgl", "2", "0.800"],
        ["ZeroLog †", "hdfs ← bgl", "1", "0.800"],
    ]
    assert r"ZeroLog -{}-nostructural &" in to_latex(table)


def test_a_replayed_file_of_answers_is_one_of_its_seed(tmp_path):
    plain = {"method": "GeneralLog", "target": "hdfs", "source": ["bgl"]}
    for k, expert in enumerate(("replay", "replay", "answers", "answers")):
        asked = {"expert": expert, "responses": f"{k}.jsonl"}
        given = {"settings": {"general": {"expert": asked}}, "expert": expert, **plain}
        write_run(tmp_path / str(k), GOOD, seed=k % 2, **given)
    [table] = read_tables([tmp_path / str(k) for k in range(4)])
    assert [row[:3] for row in texts(table)] == [
        ["GeneralLog answers --responses=2.jsonl", "hdfs ← bgl", "1"],
        ["GeneralLog answers --responses=3.jsonl", "hdfs ← bgl", "1"],
        ["GeneralLog replay", "hdfs ← bgl", "2"],
    ]


def test_runs_on_files_of_one_name_are_told_apart(tmp_path):
    for name, text in (("a", "shop=a.log"), ("b", "shop=b.log"), ("c", "bgl")):
        cast = {"target": text.partition("=")[0], "source": [], "method": "ZeroLog"}
        write_run(tmp_path / name, GOOD, settings={"target": text}, seed=0, **cast)
    [table] = read_tables([tmp_path / name for name in "abc"])
    assert [row[0] for row in texts(table)] == [
        "ZeroLog",
        "ZeroLog --target=shop=a.log",
        "ZeroLog --target=shop=b.log",
    ]


@pytest.mark.parametrize("cls", [GeneralLogRun, MethodRun])
def test_settings_are_named_as_their_flags(cls):
    for leaf in config.leaves(cls):
        assert flag(".".join(leaf.path), "7") == f"--{leaf.name}=7"


def test_studies_and_runs_together(tmp_path):
    write_study(tmp_path / "first")
    write_study(tmp_path / "second")
    write_run(tmp_path / "run", GOOD, seed=0, method="PCA", target="hdfs", source=[])
    alone = tables.of_study(read_study(tmp_path / "first"))
    found = read_tables([tmp_path / name for name in ("first", "run", "second")])
    assert [table.key for table in found] == [
        *(f"1-{table.key}" for table in alone),
        *(f"2-{table.key}" for table in alone),
        "runs",
    ]
    assert found[0].title == f"{tmp_path / 'first'}: F1, leave-one-out"
    assert found[0].rows == alone[0].rows
    assert texts(found[-1])[0][:3] == ["PCA", "hdfs", "1"]


def test_methods_without_a_mean_stand_below_those_with_one(tmp_path):
    write_study(tmp_path)
    plan = json.loads((tmp_path / "study.json").read_text())
    plan["cells"] = [
        c for c in plan["cells"] if (c["method"], c["target"]) != ("GeneralLog", "bgl_50%")
    ]
    (tmp_path / "study.json").write_text(json.dumps(plan))
    found = read_study(tmp_path)
    table = tables.leave_one_out(found)
    assert texts(table)[:3] == [
        [DEEPLOG, "0.333", "0.333 (1 of 2 seeds)", "0.333"],
        ["GeneralLog", "0.875", "-", "-"],
        [METALOG, "0.333", "0.333", "0.333"],
    ]
    assert "Not in the mean: GeneralLog, without bgl_50%." in table.notes


def test_methods_against_the_best_trivial_detector(tmp_path):
    write_study(tmp_path, beside={"surprise": GOOD, "all_positive": POOR})
    found = read_study(tmp_path)
    table = tables.beside_trivial(found)
    names = "hdfs (against surprise)", "bgl_50% (against surprise)"
    assert table.header == ("method", "mean", *names)
    # GeneralLog is as good on hdfs, and with one seed of two on bgl_50%.
    assert [row[0] for row in texts(table)] == ["GeneralLog", DEEPLOG, METALOG]
    assert texts(table)[0][2] == "0.000 [0.000, 0.000]"
    surprise = np.array(GOOD).T
    for name, entry in zip(found.targets, texts(table)[1][2:], strict=True):
        mine = found.leave_one_out(DEEPLOG, name).blocks
        low, high = f1_difference([mine], [np.stack([surprise] * len(mine))])[1:]
        assert entry == f"−0.542 [−{-low:.3f}, −{-high:.3f}]"
    assert any("a choice by the labels" in note for note in table.notes)
    assert table in tables.of_study(found)


def test_a_trivial_detector_on_other_blocks_is_no_rival(tmp_path):
    other = [2, 0, 0, 0], [0, 0, 0, 0], [0, 2, 2, 1]  # another number of anomalies
    write_study(tmp_path, beside={"surprise": other})
    assert tables.beside_trivial(read_study(tmp_path)).rows == []


def test_a_run_without_labels_has_nothing_to_compare(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"method": "ZeroLog", "threshold": 0.5}))
    with pytest.raises(InputError, match="without labels"):
        read_tables([tmp_path])


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "no finished run"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"f1": "high"}', 'metrics.json: f1: must be a number, not "high"'),
        ('{"f1": 0.5}', "metrics.json: method: is missing"),
    ],
)
def test_a_folder_of_something_else(tmp_path, content, wrong):
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=wrong):
        read_tables([tmp_path])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"method": ["x"]}, 'cells[0].method: must be a text, not ["x"]'),
        ({"seed": True}, "cells[0].seed: must be a whole number, not true"),
        ({"source": "bgl"}, 'cells[0].source: must be a list, not "bgl"'),
        ({"few_labels": 1}, "cells[0].few_labels: must be a text, not 1"),
    ],
)
def test_a_damaged_plan_is_named_with_its_field(tmp_path, change, field):
    write_study(tmp_path)
    plan = json.loads((tmp_path / "study.json").read_text())
    plan["cells"][0] |= change
    (tmp_path / "study.json").write_text(json.dumps(plan))
    with pytest.raises(InputError, match=re.escape(f"study.json: {field}")):
        read_tables([tmp_path])


@pytest.mark.parametrize(
    ("drawn", "field"),
    [
        ({"blocks": {"tp": [1], "fp": [0, 0], "fn": [1]}}, "blocks: tp, fp, fn must be"),
        ({"blocks": {"tp": [1], "fp": [0]}}, "blocks.fn: is missing"),
        ({"baselines": {"x": {"tp": [1], "fp": [0], "fn": []}}}, "baselines.x: tp, fp, fn must"),
    ],
)
def test_damaged_blocks_are_named(tmp_path, drawn, field):
    write_study(tmp_path)
    path = next(tmp_path.glob("cells/*/*/*/figures.json"))
    path.write_text(json.dumps(drawn))
    with pytest.raises(InputError, match=re.escape(f"{path}: {field}")):
        read_tables([tmp_path])


def test_a_plan_that_lacks_something(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"name": "x", "cells": [{"run": "a"}]}))
    with pytest.raises(InputError, match=r"study.json: command: is missing"):
        results.read_study(tmp_path)
    with pytest.raises(InputError, match="no study"):
        results.read_study(tmp_path / "other")
