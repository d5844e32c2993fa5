"""The tables of a small study folder and of run folders."""

import json
import shutil

import numpy as np
import pytest
from folders import (
    ALL,
    GOOD,
    POOR,
    SAW_LABELS,
    change,
    change_all,
    change_cells,
    f1,
    make_run,
    write_study,
)

from glx import config
from glx.cli.report import read_tables
from glx.errors import InputError
from glx.evaluate.intervals import f1_difference, mean_f1
from glx.report import study as study_page
from glx.report import tables
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


def texts(table, n: int | None = None) -> list[list[str]]:
    """Of each row; `n` columns of it."""
    return [[entry.text for entry in row[:n]] for row in table.rows]


def test_leave_one_out(study):
    table = tables.leave_one_out(study)
    assert table.header == ("method", "hdfs", "bgl_50%", "mean")
    assert texts(table) == [
        ["GeneralLog", "0.875", "0.604 (0.333 to 0.875)", "0.740"],
        [DEEPLOG, "0.333", "0.333 (1 of 2 seeds)", "0.333"],
        [METALOG, "0.333", "0.333", "0.333"],
        ["all positive", "0.400", "0.400", "0.400"],
        ["surprise", "0.750", "0.750", "0.750"],
        ["random forest with the target's labels", "0.900", "0.900", "-"],
        ["templates that are mostly anomalous", "-", "-", "-"],
    ]
    assert [len(section) for section in table.sections] == [3, 2, 2]
    bold = [(row[0].text, n) for row in table.rows for n, entry in enumerate(row) if entry.bold]
    assert bold == [("GeneralLog", 1), ("surprise", 2)]
    assert table.notes[-1] == "Protocol sound, preset small, seeds 0, 1, 19 of 20 cells."
    assert tables.FEW in table.notes
    assert table.rows[0][1].href == "cells/GeneralLog/hdfs-from-bgl_50%25%2Bopenstack/0/report.html"


def test_what_was_given_labels_is_never_the_best(tmp_path):
    write_study(tmp_path)
    change_all(tmp_path, "MetaLog/*/*/metrics.json", f1=0.99)
    table = tables.leave_one_out(read_study(tmp_path))
    assert [row[0].text for row in table.sections[0]] == ["GeneralLog", DEEPLOG, METALOG]
    assert table.rows[0][1].bold
    assert not table.rows[2][1].bold


def test_a_metric_that_is_not_defined_is_a_dash_and_the_oracle_nobodys_result(study):
    assert [DEEPLOG, "-", "-", "-"] in texts(tables.leave_one_out(study, "auprc"))
    oracle = tables.leave_one_out(study, "oracle_f1")
    assert not any(entry.bold for row in oracle.rows for entry in row)


def test_system_by_system(study):
    table = tables.systems(study)
    header = ("system", "method", "F1", "Oracle F1", "AUPRC", "AUROC", "flagged")
    assert (table.header, table.names) == (header, 2)
    over_all, hdfs, bgl = (
        [[entry.text for entry in row] for row in section] for section in table.sections
    )
    assert over_all == [
        ["mean", "GeneralLog", "0.740", "0.790", "0.550", "0.800", "-"],
        ["mean", DEEPLOG, "0.333", "0.383", "-", "0.800", "-"],
        ["mean", METALOG, "0.333", "0.383", "0.550", "0.800", "-"],
    ]
    assert hdfs == [
        ["hdfs", "GeneralLog", "0.875", "0.925", "0.550", "0.800", "0.0 %"],
        ["hdfs", DEEPLOG, "0.333", "0.383", "-", "0.800", "0.0 %"],
        ["hdfs", METALOG, "0.333", "0.383", "0.550", "0.800", "0.0 %"],
        ["hdfs", "all positive", "0.400", "0.600", "0.550", "0.800", "-"],
        ["hdfs", "surprise", "0.750", "0.600", "0.550", "0.800", "-"],
        ["hdfs", "random forest with the target's labels", "0.900", "-", "-", "-", "-"],
        ["hdfs", "templates that are mostly anomalous", "-", "-", "-", "-", "-"],
    ]
    assert len(bgl) == len(hdfs)


def test_a_target_without_labels_has_a_share_flagged_and_is_in_no_mean(tmp_path):
    write_study(tmp_path)
    for run in tmp_path.glob("cells/*/bgl_50%*/*"):
        shutil.rmtree(run)
        source = ["hdfs", "openstack"]
        make_run(run, labels=False, target="bgl_50%", source=source, n_sequences=60, n_anomalous=6)
    found = read_study(tmp_path)
    assert (found.targets, found.unlabelled) == (("hdfs",), ("bgl_50%",))
    table = tables.systems(found)
    assert texts(table)[-1] == ["bgl_50%", METALOG, "-", "-", "-", "-", "10.0 %"]
    assert "Without labels: bgl_50%." in table.notes
    assert tables.leave_one_out(found).header == ("method", "hdfs")
    assert "on hdfs, bgl_50%" in study_page.page(tmp_path)


def test_a_study_of_targets_without_labels_has_the_shares_flagged(tmp_path):
    write_study(tmp_path)
    change_cells(tmp_path, lambda cell: cell if "/bgl_50%" in cell["run"] else None)
    for run in tmp_path.glob("cells/*/bgl_50%*/*"):
        shutil.rmtree(run)
        make_run(run, labels=False, target="bgl_50%", n_sequences=60, n_anomalous=6)
    found = read_study(tmp_path)
    assert (found.targets, found.unlabelled) == ((), ("bgl_50%",))
    assert texts(tables.of_study(found)[0])[-1][-1] == "10.0 %"
    assert "10.0 %" in study_page.page(tmp_path)


def test_a_mean_over_some_systems_says_so(tmp_path):
    write_study(tmp_path)
    change_cells(tmp_path, lambda cell: None if "GeneralLog/bgl" in cell["run"] else cell)
    means = texts(tables.systems(read_study(tmp_path)), 3)
    assert means[0] == ["mean", "GeneralLog", "0.875 (1 of 2)"]


def test_pairs(study):
    assert texts(tables.pairs(study, "GeneralLog")) == [
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
    assert texts(table, 1) == [[DEEPLOG], [METALOG]]
    assert texts(table)[0][2].startswith("−0.542 [−")
    assert texts(table)[1][3].startswith("−0.271 [−")
    assert tables.of_study(ablation)[0] == table


@pytest.mark.parametrize(
    ("written", "shown"), [("-0.100", "−0.100"), ("+0.100", "+0.100"), ("-0.000", "0.000")]
)
def test_a_minus_is_one_and_a_zero_has_none(written, shown):
    assert tables.minus(written) == shown


def test_differences_are_paired_by_seed(ablation):
    found = ablation.leave_one_out
    mine, reference = (found[name]["hdfs"].blocks for name in (METALOG, "GeneralLog"))
    assert mine.shape == (2, 4, 3)
    assert ablation.differences[METALOG].each["hdfs"] == f1_difference([mine], [reference])
    one, other = found[DEEPLOG]["bgl_50%"].paired(found["GeneralLog"]["bgl_50%"])
    assert one.shape == other.shape == (1, 4, 3)  # of the seed that both have


def test_scores_are_ranked_and_averaged(study):
    name, best = next(iter(study.scores.items()))
    blocks = [seeds.blocks for seeds in study.leave_one_out[name].values()]
    assert (name, best.whole) == ("GeneralLog", mean_f1(blocks))


def test_other_blocks_are_not_compared(tmp_path):
    write_study(tmp_path, reference="GeneralLog")
    other = {"tp": [1], "fp": [0], "fn": [2]}
    change_all(tmp_path, "MetaLog/hdfs-*/*/figures.json", blocks=other)
    assert texts(tables.ablation(read_study(tmp_path)))[1][:3] == [METALOG, "-", "-"]


def test_runs_on_another_split_are_named(study, tmp_path):
    assert study.other_split == []
    write_study(tmp_path)
    path = next(tmp_path.glob("cells/MetaLog/bgl*/1/metrics.json"))
    baselines = json.loads(path.read_text())["baselines"]
    change(path, baselines=baselines | {"surprise": baselines["surprise"] | {"f1": 0.71}})
    found = read_study(tmp_path)
    [sentence] = found.other_split
    assert "bgl_50%" in sentence
    assert sentence in tables.leave_one_out(found).notes


def test_stamps_are_counted_apart_from_labels_that_were_given(tmp_path):
    write_study(tmp_path)
    change_all(tmp_path, "*/bgl*/*/metrics.json", stamps=["bgl_inferred_text"])
    change_all(tmp_path, "MetaLog/bgl*/*/metrics.json", stamps=["10 labels of the target"])
    # Of GeneralLog 3 sets of sources on 2 targets with 2 seeds, of DeepLog 3 of 4.
    notes = tables.cost(read_study(tmp_path)).notes
    assert notes[-1] == "Stamps: bgl inferred text (7 of 15 cells)."


def test_cost(study):
    assert texts(tables.cost(study))[:3] == [
        ["GeneralLog", "hdfs", "13", "54,321", "0", "0", "50.0 %"],
        ["GeneralLog", "bgl_50%", "13", "54,321", "0", "0", "50.0 %"],
        [DEEPLOG, "hdfs", "13", "54,321", "0", "0", "50.0 %"],
    ]


def test_the_share_that_was_answered_is_a_cost_where_there_are_answers(tmp_path):
    write_study(tmp_path)
    change_all(tmp_path, "GeneralLog/hdfs*/*/metrics.json", share_answered=0.75)
    table = tables.cost(read_study(tmp_path))
    assert table.header[-1] == "answered"
    assert [row[-1] for row in texts(table)][:3] == ["75.0 %", "-", "-"]


def write_runs(folder, *runs: dict) -> list[list[str]]:
    """Write runs on hdfs, read their table."""
    plain = {"target": "hdfs", "source": ["bgl"], "routes": False}
    for n, given in enumerate(runs):
        blocks = given.get("blocks", GOOD)
        make_run(folder / str(n), **plain | {"f1": f1(blocks), "seed": n % 2} | given)
    [table] = read_tables([folder / str(n) for n in range(len(runs))])
    return table


def test_runs_by_themselves(tmp_path):
    general = {"method": "GeneralLog", "expert": "retrieval"}
    alone = {"seed": 0, "method": "DeepLog", "source": [], "blocks": POOR}
    table = write_runs(tmp_path, general, general | {"wall_seconds": 14, "blocks": POOR}, alone)
    assert table.header[:4] == ("method", "target ← sources", "seeds", "F1")
    last = ["0.800", "0.600", "0.750", "0.400", "0.900"]
    assert texts(table) == [
        ["DeepLog", "hdfs", "1", "0.333", *last, "12"],
        [
            "GeneralLog retrieval",
            "hdfs ← bgl",
            "2",
            "0.604 (0.333 to 0.875)",
            *last,
            "13 (12 to 14)",
        ],
    ]
    assert table.notes[-1] == "Protocol sound."


def test_runs_under_other_rules_are_not_seeds_of_each_other(tmp_path):
    given = {"target_labels": 3, "stamps": ["3 labels of the target"], "audit": [SAW_LABELS]}
    table = write_runs(
        tmp_path,
        {"seed": 0, "blocks": POOR},
        {"seed": 0},  # again
        {"seed": 0, "protocol": "paper"},
        {"stamps": ["bgl_inferred_text"]},
        {"seed": 1} | given,
    )
    assert table.header[:5] == ("method", "target ← sources", "protocol; stamps", "seeds", "F1")
    assert texts(table, 5) == [
        ["ZeroLog", "hdfs ← bgl", "paper", "1", "0.875"],
        ["ZeroLog", "hdfs ← bgl", "sound", "1", "0.333"],
        ["ZeroLog", "hdfs ← bgl", "sound; bgl inferred text", "1", "0.875"],
        ["ZeroLog †", "hdfs ← bgl", "sound; 3 labels of the target", "1", "0.875"],
    ]
    assert table.notes[1] == tables.FEW
    assert table.notes[2] == f"{tmp_path}/1 repeats {tmp_path}/0 and is left out."


def test_only_seeds_are_averaged(tmp_path):
    def settings(data_dir: str, structural: bool = True, labels: str | None = None) -> dict:
        return {
            "source": ["bgl"],
            "target_labels": labels,
            "data": {"data_dir": data_dir, "protocol": "sound"},
            "model": {
                "train": {"structural": structural, "steps": 200},
                "embed": {"model": "minilm", "cache_dir": data_dir},
            },
        }

    table = write_runs(
        tmp_path,
        {"settings": settings("/a")},
        {"settings": settings("/b")},
        {"settings": settings("/a", structural=False), "blocks": POOR},
        {"settings": settings("/b", structural=False), "blocks": POOR},
        {"settings": settings("/a", labels="1%"), "target_labels": 3},
    )
    assert texts(table, 4) == [
        ["ZeroLog --nostructural", "hdfs ← bgl", "2", "0.333"],
        ["ZeroLog --structural", "hdfs ← bgl", "2", "0.875"],
        ["ZeroLog †", "hdfs ← bgl", "1", "0.875"],
    ]
    assert r"ZeroLog -{}-nostructural &" in to_latex(table)


def test_a_replayed_file_of_answers_is_one_of_its_seed(tmp_path):
    runs = []
    for k, expert in enumerate(("replay", "replay", "answers", "answers")):
        asked = {"general": {"expert": {"expert": expert, "responses": f"{k}.jsonl"}}}
        runs.append({"method": "GeneralLog", "expert": expert, "settings": asked})
    assert texts(write_runs(tmp_path, *runs), 3) == [
        ["GeneralLog answers --responses=2.jsonl", "hdfs ← bgl", "1"],
        ["GeneralLog answers --responses=3.jsonl", "hdfs ← bgl", "1"],
        ["GeneralLog replay", "hdfs ← bgl", "2"],
    ]


def test_runs_on_files_of_one_name_are_told_apart(tmp_path):
    runs = [
        {"target": given.partition("=")[0], "source": [], "settings": {"target": given}}
        for given in ("shop=a.log", "shop=b.log", "bgl")
    ]
    assert texts(write_runs(tmp_path, *runs), 1) == [
        ["ZeroLog"],
        ["ZeroLog --target=shop=a.log"],
        ["ZeroLog --target=shop=b.log"],
    ]


def test_what_a_panel_says_of_a_system_names_a_run_only_where_it_tells_two_apart(tmp_path):
    runs = [
        {"target": name, "source": [], "settings": {"described": {name: {"session": rule}}}}
        for name, rule in (("shop", "a=(.)"), ("mall", "b=(.)"), ("mall", "c=(.)"))
    ]
    assert texts(write_runs(tmp_path / "one", *runs[:2]), 1) == [["ZeroLog"]] * 2
    assert texts(write_runs(tmp_path / "two", *runs), 2) == [
        ["ZeroLog", "shop"],
        ["ZeroLog --session=b=(.)", "mall"],
        ["ZeroLog --session=c=(.)", "mall"],
    ]


@pytest.mark.parametrize("cls", [GeneralLogRun, MethodRun])
def test_settings_are_named_as_their_flags(cls):
    for leaf in config.leaves(cls):
        assert flag(".".join(leaf.path), "7") == f"--{leaf.name}=7"


def test_studies_and_runs_together(tmp_path):
    write_study(tmp_path / "first")
    write_study(tmp_path / "second")
    make_run(tmp_path / "run", method="PCA", target="hdfs", source=[], routes=False)
    alone = tables.of_study(read_study(tmp_path / "first"))
    found = read_tables([tmp_path / name for name in ("first", "run", "second")])
    keys = [table.key for table in alone]
    assert [t.key for t in found] == [f"{n}-{key}" for n in (1, 2) for key in keys] + ["runs"]
    assert found[0].title == f"{tmp_path / 'first'}: System by system"
    assert found[0].rows == alone[0].rows
    assert texts(found[-1], 3) == [["PCA", "hdfs", "1"]]


def test_methods_without_a_mean_stand_below_those_with_one(tmp_path):
    write_study(tmp_path)
    change_cells(tmp_path, lambda cell: None if "GeneralLog/bgl" in cell["run"] else cell)
    table = tables.leave_one_out(read_study(tmp_path))
    assert texts(table)[:3] == [
        [DEEPLOG, "0.333", "0.333 (1 of 2 seeds)", "0.333"],
        ["GeneralLog", "0.875", "-", "-"],
        [METALOG, "0.333", "0.333", "0.333"],
    ]
    assert "Not in the mean: GeneralLog, without bgl_50%." in table.notes


def test_methods_against_the_best_trivial_detector(tmp_path):
    found = read_study(write_study(tmp_path, trivial={"surprise": GOOD, "all_positive": ALL}))
    table = tables.beside_trivial(found)
    names = "hdfs (against surprise)", "bgl_50% (against surprise)"
    assert table.header == ("method", "mean", *names)
    # GeneralLog is as good on hdfs, and with one seed of two on bgl_50%.
    assert texts(table, 1) == [["GeneralLog"], [DEEPLOG], [METALOG]]
    assert texts(table)[0][2] == "0.000 [0.000, 0.000]"
    surprise, each = np.array(GOOD).T, found.leave_one_out[DEEPLOG].values()
    for mine, entry in zip([s.blocks for s in each], texts(table)[1][2:], strict=True):
        low, high = f1_difference([mine], [np.stack([surprise] * len(mine))])[1:]
        assert entry == f"−0.542 [−{-low:.3f}, −{-high:.3f}]"
    assert table in tables.of_study(found)


def test_a_trivial_detector_on_other_blocks_is_no_rival(tmp_path):
    other = [2, 0, 0, 0], [0, 0, 0, 0], [0, 2, 2, 1]  # another number of anomalies
    write_study(tmp_path, trivial={"surprise": other})
    assert tables.beside_trivial(read_study(tmp_path)).rows == []


def test_a_run_without_labels_has_nothing_to_compare(tmp_path):
    with pytest.raises(InputError, match="without labels"):
        read_tables([make_run(tmp_path / "run", labels=False)])
