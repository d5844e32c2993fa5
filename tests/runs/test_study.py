"""Studies: that each cell is done once, alike however it is done."""

import json
import pickle
import re
import shlex
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from small_studies import SYSTEMS, TINY, tiny

from glx.cli.main import main
from glx.data.catalogue import resolve
from glx.data.load import load
from glx.errors import InputError, Paused
from glx.report.results import read_study
from glx.runs import plan
from glx.runs import run as runs
from glx.runs import study as studies
from glx.runs.fit import few_of_target
from glx.runs.settings import GeneralLogRun
from glx.runs.study import Study, run_cells, unfinished
from glx.sequences import ADAPT


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def small(base: GeneralLogRun, names: tuple[str, ...]) -> Study:
    """`names` on sim_vms from the two others."""
    planned = [
        cell
        for cell in plan.study(base, SYSTEMS, names, (), 1, None)
        if cell.config.target == "sim_vms"
    ]
    return Study("study", "python", "small", "sound", planned)


def verdicts(folder: Path) -> bytes:
    return (folder / "verdicts.parquet").read_bytes()


@pytest.fixture(scope="module")
def finished(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    done: list[studies.Outcome] = []
    run_cells(
        small(tiny(cache), ("generallog", "zerolog", "pca", "metalog")), folder, 1, done.append
    )
    return folder, done


def test_every_cell_is_a_run_folder(finished):
    folder, done = finished
    assert [(o.kind, o.cell.name) for o in done] == [
        ("done", name) for name in ("generallog", "zerolog", "pca", "metalog")
    ]
    listed = json.loads((folder / "study.json").read_text())["cells"]
    for entry, outcome in zip(listed, done, strict=True):
        figures = json.loads((folder / entry["run"] / "metrics.json").read_text())
        assert figures["f1"] == outcome.f1
        assert (folder / entry["run"] / "report.html").is_file()
        assert pl.read_parquet(folder / entry["run"] / "verdicts.parquet").height > 10
        blocks = json.loads((folder / entry["run"] / "figures.json").read_text())["blocks"]
        assert sum(blocks["tp"]) == figures["confusion"]["tp"]
    assert [entry["few_labels"] for entry in listed] == [None, None, None, "1%"]


def test_what_cells_share_changes_nothing(finished, cache, tmp_path):
    """ZeroLog was fitted for GeneralLog; alone it leaves the same folder."""
    folder, done = finished
    cell = next(o.cell for o in done if o.cell.name == "zerolog")
    runs.run(cell.config, tmp_path / "alone")
    assert verdicts(tmp_path / "alone") == verdicts(folder / cell.folder)
    alone, shared = (
        sorted(file.name for file in at.iterdir())
        for at in (tmp_path / "alone", folder / cell.folder)
    )
    assert alone == shared
    rows = [
        [json.loads(row)["query_loss_cls"] for row in (at / "train.jsonl").read_text().splitlines()]
        for at in (tmp_path / "alone", folder / cell.folder)
    ]
    assert rows[0] == rows[1] != []


def test_a_cell_whose_outcome_was_lost(finished):
    """With the machine that did it; it is not done again, and is no error."""
    folder, done = finished
    assert studies._begin(folder)(done[0].cell) == done[0]


def test_labels_of_the_target_are_stamped(finished):
    folder, done = finished
    few, none = (
        json.loads((folder / o.cell.folder / "metrics.json").read_text())
        for o in (done[3], done[1])
    )
    assert any("labels of the target" in stamp for stamp in few["stamps"])
    assert not none["stamps"]
    assert "target_labels" in {f["check"] for f in few["audit"] if not f["ok"]}


def test_a_study_that_was_killed_goes_on(finished, cache, tmp_path):
    folder, done = finished
    whole = Study("study", "", "small", "sound", [o.cell for o in done])

    def killed(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cells(whole, tmp_path, 1, killed)
    again: list[studies.Outcome] = []
    run_cells(whole, tmp_path, 1, again.append)
    assert [o.cell.name for o in again] == ["zerolog", "pca", "metalog"]
    assert not unfinished(whole, tmp_path)
    for outcome in done:
        assert verdicts(tmp_path / outcome.cell.folder) == verdicts(folder / outcome.cell.folder)


def test_cells_can_be_sent_to_a_process(finished, tmp_path):
    """What `side_by_side` sends and gets back; tests/runs/test_workers.py does so in real ones."""
    _, done = finished
    begin = pickle.loads(pickle.dumps(partial(studies._begin, tmp_path)))
    cells_ = pickle.loads(pickle.dumps([o.cell for o in done]))
    assert cells_ == [o.cell for o in done]
    outcome = begin()(cells_[2])
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert verdicts(tmp_path / outcome.cell.folder)


def test_other_settings_are_refused(finished):
    folder, done = finished
    pca = done[2].cell
    changed = replace(pca.config, model=replace(pca.config.model, threshold="knee"))
    planned = [replace(o.cell, config=changed) if o.cell is pca else o.cell for o in done]
    with pytest.raises(InputError, match=r"cells/pca.*threshold"):
        run_cells(Study("study", "", "small", "sound", planned), folder)


def test_the_others_go_on_when_a_cell_fails(finished, tmp_path):
    _, done = finished
    pca = done[2].cell
    nowhere = replace(pca, name="nowhere", config=replace(pca.config, target="nowhere.log"))
    outcomes: list[studies.Outcome] = []
    with pytest.raises(InputError, match=r"1 of 2 cells failed.*nowhere"):
        run_cells(
            Study("study", "", "small", "sound", [nowhere, pca]), tmp_path, 1, outcomes.append
        )
    assert [o.kind for o in outcomes] == ["input", "done"]


@pytest.mark.parametrize(
    ("name", "given", "what"),
    [
        ("study", ["--methods=oracle"], "oracle: no such method"),
        ("study", ["--systems=sim_vms,nothing"], "nothing"),
        ("study", ["--systems=sim_vms"], "--systems=sim_vms: none has a source"),
        ("study", ["--systems=sim_vms,sim_vms"], "give each once"),
        ("study", ["--methods=pca,deeplog,pca"], "--methods=pca,deeplog,pca: give each once"),
        ("study", ["--pairs=zerolog,zerolog"], "give each once"),
        ("ablate", ["--taus=0.2,0.2"], "give each once"),
        ("study", ["--methods=", "--pairs="], "no cell is left to do"),
        ("study", ["--labels=shop=shop.csv"], "--labels=shop=...: no own file of that name"),
        ("study", ["--answers=nowhere"], "nowhere: holds no TARGET_events.csv"),
        ("study", ["--parallel=0"], "--parallel=0: 0 is not an integer in the range [1, 1000]"),
        ("study", ["--seeds=many"], "must be a whole number"),
        ("study", ["--seeds=0"], "seeds"),
        ("ablate", ["--taus=high"], "--taus=high: must be numbers"),
        ("ablate", ["--components=wings"], "wings: no such component"),
        ("ablate", ["--ks=0"], "--k=0"),
    ],
)
def test_wrong_input_is_one_sentence(name, given, what, cache, tmp_path, capsys):
    folders = [f"--cache_dir={cache}", f"--study_dir={tmp_path / 'study'}"]
    assert main([name, *given, *folders, "--sim_lines=4000"]) == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1
    assert not (tmp_path / "study").exists()


def test_a_method_of_the_target_alone_sees_no_source(finished):
    folder, done = finished
    pca = done[2].cell
    assert pca.folder == "cells/pca/sim_vms/0"
    assert json.loads((folder / pca.folder / "metrics.json").read_text())["source"] == []
    given = replace(pca.config, source=("sim_ras",))
    with pytest.raises(InputError, match="--source=sim_ras"):
        runs.run(given, folder / "refused")


def test_labelled_sequences_are_of_the_adaptation_part(cache):
    base = tiny(cache, "--protocol=transductive")
    cell = next(c for c in small(base, ("metalog",)).cells if c.name == "metalog")
    target = load(resolve(cell.config.target, None, (), cell.config.data).target, cell.config.data)
    few = few_of_target(replace(cell.config, target_labels="50%"), target)
    adapt = set(target.sequences.first_line[target.part == ADAPT].tolist())
    assert set(few.sequences.first_line.tolist()) <= adapt
    assert len(few.labels) == pytest.approx(len(adapt) / 2, abs=1)


def test_a_study_of_a_panel(panel, cache, tmp_path, capsys):
    given = [f"--panel={panel}", "--methods=pca", "--seeds=1", "--parallel=1"]
    given += [f"--study_dir={tmp_path / 'study'}", f"--cache_dir={cache}", "--sim_lines=4000"]
    assert main(["study", *given]) == 0
    found = read_study(tmp_path / "study")
    assert (found.targets, found.unlabelled) == (("sim_ras", "sim_blocks", "shop"), ("mall",))
    shop, mall = (found.leave_one_out["PCA"][name].cells[0].metrics for name in ("shop", "mall"))
    # The same lines, read by the same rule, are judged alike; only one can be measured.
    assert shop.n_anomalous == mall.n_anomalous > 0
    capsys.readouterr()
    assert main(["study", *given, "--dry_run"]) == 0
    assert capsys.readouterr().out == ""  # no cell is left
    rule = panel.read_text()
    panel.write_text(rule.replace("instance: (", "instance:  *("))
    assert main(["study", *given]) == 2
    assert "begun with described.shop.session=" in capsys.readouterr().err
    panel.write_text("- sim_ras\n- nothing\n")
    assert main(["study", *given]) == 2
    assert "nothing: neither a known system" in capsys.readouterr().err


def test_flipped_labels_of_a_panels_target_change_no_verdict(panel, cache, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text((cache / "simulated/4000-0/sim_vms.labels.csv").read_text())
    panel.write_text(re.sub("labels: .*", "labels: labels.csv", panel.read_text()))
    base = tiny(cache, f"--panel={panel}")
    planned = plan.study(base, ("shop", "sim_ras"), ("generallog",), (), 1, None)
    [run] = [cell.config for cell in planned if cell.config.target == "shop"]
    before = runs.run(run, tmp_path / "before")
    table = pl.read_csv(labels, schema_overrides={"key": pl.String})
    table.with_columns(label=1 - pl.col("label")).write_csv(labels)
    after = runs.run(run, tmp_path / "after")
    assert verdicts(tmp_path / "before") == verdicts(tmp_path / "after")
    assert before.confusion != after.confusion  # the flip was real


def test_a_folder_has_a_name_that_fits(cache):
    cell = small(tiny(cache), ("zerolog",)).cells[0]
    many = tuple(f"system{n}" for n in range(40))
    folder = replace(cell, config=replace(cell.config, source=many)).folder
    assert folder.startswith("cells/zerolog/sim_vms-from-40-sources-")
    assert len(folder) < 100
    other = replace(cell, config=replace(cell.config, source=many[::-1])).folder
    assert other != folder


def test_a_study_is_not_forgotten(finished, tmp_path):
    folder, done = finished
    fewer = Study("study", "", "small", "sound", [done[2].cell])
    with pytest.raises(InputError, match="3 finished cells that this one does not have"):
        run_cells(fewer, folder)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="no study"):
        run_cells(fewer, tmp_path)


def test_cells_that_were_done_one_by_one_are_a_study(finished, tmp_path):
    folder, done = finished
    whole = Study("study", "", "small", "sound", [o.cell for o in done])
    shutil.copytree(folder / "cells", tmp_path / "cells")
    run_cells(whole, tmp_path, 1, lambda outcome: pytest.fail("done again"))
    assert (tmp_path / "study.json").is_file()


def test_a_cell_that_waits_for_answers_is_no_bug(finished, tmp_path):
    _, done = finished
    asks = done[0].cell
    expert = replace(asks.config.model.expert, expert="answers")
    questions = str(tmp_path / "q.csv")
    model = replace(asks.config.model, expert=expert, write_questions=questions)
    asks = replace(asks, config=replace(asks.config, model=model))
    outcomes: list[studies.Outcome] = []
    cells_ = [asks, done[2].cell]
    with pytest.raises(Paused, match=r"1 of 2 cells wait.*q\.csv"):
        run_cells(Study("study", "", "small", "sound", cells_), tmp_path / "s", 1, outcomes.append)
    assert [o.kind for o in outcomes] == ["paused", "done"]


def test_commands_are_printed(cache, tmp_path, capsys):
    given = ["--dry_run", "--seeds=1", "--methods=pca", "--pairs=", f"--study_dir={tmp_path / 's'}"]
    assert main(["study", *given, *TINY, f"--cache_dir={cache}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert shlex.split(lines[0])[1:3] == ["-m", "glx"]
    assert not (tmp_path / "s").exists()
    (tmp_path / "s").touch()
    assert main(["study", *given, *TINY, f"--cache_dir={cache}"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 's'}: ")
