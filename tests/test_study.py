"""Studies: which cells there are, that each is done once, alike however it is done."""

import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import jax
import polars as pl
import pytest

from experiments import ablate, cells, study
from experiments.flags import command
from glx.errors import InputError, OutsideError
from glx.runs import plan
from glx.runs import run as runs
from glx.runs import study as studies
from glx.runs.settings import GeneralLogRun, MethodRun, RunConfig
from glx.runs.study import Cell, Study, conduct, unfinished

SYSTEMS = ("sim_vms", "sim_ras", "sim_blocks")
TINY = ("--sim_lines=4000", "--steps=2", "--episodes=2", "--batch=4", "--hidden=4")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    yield tmp_path_factory.mktemp("cache")
    jax.config.update("jax_compilation_cache_dir", None)


def tiny(cache: Path, *flags: str) -> GeneralLogRun:
    values = study.declare()
    values(["study", *TINY, f"--cache_dir={cache}", *flags])
    return cells.base(values)


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


def test_leave_one_out_and_pairs():
    assert plan.leave_one_out("abc") == [("a", ("b", "c")), ("b", ("a", "c")), ("c", ("a", "b"))]
    assert plan.pairs("abc") == [
        ("a", ("b",)), ("a", ("c",)), ("b", ("a",)), ("b", ("c",)), ("c", ("a",)), ("c", ("b",)),
    ]  # fmt: skip


def test_the_cells_of_a_study(cache):
    planned = plan.study(tiny(cache), SYSTEMS, tuple(plan.METHODS), ("zerolog",), 2, None)
    # Nobody gave answers, so the method that reads them has no cell.
    assert len(planned) == 3 * 2 * (len(plan.METHODS) - 1) + 6 * 2
    assert len({cell.folder for cell in planned}) == len(planned)
    first = planned[0]
    assert (first.method, first.folder) == (
        "GeneralLog",
        "cells/generallog/sim_vms-from-sim_ras+sim_blocks/0",
    )
    kinds = {cell.name: cell.config for cell in planned}
    assert kinds["metalog"].target_labels == "1%"
    assert all(
        c.target_labels is None
        for n, c in kinds.items()
        if isinstance(c, RunConfig) and n != "metalog"
    )
    assert not kinds["source_only"].model.train.reversal
    assert isinstance(kinds["deeplog"], MethodRun)


def test_answers_have_a_cell_where_there_is_a_file(cache, tmp_path):
    (tmp_path / "sim_ras_events.csv").write_text("template,p\n")
    planned = plan.study(tiny(cache), SYSTEMS, ("answers",), (), 1, tmp_path)
    assert [cell.config.target for cell in planned] == ["sim_ras"]
    assert planned[0].config.general.expert.responses == str(tmp_path / "sim_ras_events.csv")


def test_each_component_of_the_ablation_is_a_flag(cache):
    base = tiny(cache)
    planned = plan.ablation(base, SYSTEMS, tuple(plan.COMPONENTS), (0.3,), (1,), 1)
    whole, *others = (c.config for c in planned if c.config.target == "sim_vms")
    flags = [command(config, whole) for config in others]
    assert ["--noreversal"] in flags
    assert ["--alpha=0.0"] in flags
    assert ["--route=random"] in flags
    assert ["--embed_model=tfidf"] in flags
    assert ["--noknown_sources"] in flags
    assert ["--tau=0.3"] in flags
    assert all(len(given) == 1 for given in flags)


def test_a_printed_command_makes_the_same_run(cache, tmp_path):
    planned = plan.study(tiny(cache), SYSTEMS, ("generallog", "metalog", "pca"), (), 1, None)
    for cell in planned:
        python, _, module, *given = cells.cell_command(cell, tmp_path, "small")
        assert python == sys.executable
        entry = __import__(module, fromlist=["declare"])
        values = entry.declare()
        values([module, *given])
        _, presets = cells.entry(cell.config)
        built = cells.build(values, presets["small"])
        assert built == cell.config
        assert values.run_dir == str(tmp_path / cell.folder)


@pytest.fixture(scope="module")
def finished(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    done: list[studies.Outcome] = []
    conduct(small(tiny(cache), ("generallog", "zerolog", "pca", "metalog")), folder, 1, done.append)
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
    """ZeroLog was fitted for GeneralLog; alone it is the same, and its seconds are counted."""
    folder, done = finished
    cell = next(o.cell for o in done if o.cell.name == "zerolog")
    runs.run(cell.config, tmp_path / "alone")
    assert verdicts(tmp_path / "alone") == verdicts(folder / cell.folder)
    seconds = [
        json.loads((folder / o.cell.folder / "metrics.json").read_text())["wall_seconds"]
        for o in done[:2]
    ]
    assert seconds[1] > seconds[0] / 3


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
        conduct(whole, tmp_path, 1, killed)
    again: list[studies.Outcome] = []
    conduct(whole, tmp_path, 1, again.append)
    assert [o.cell.name for o in again] == ["zerolog", "pca", "metalog"]
    assert not unfinished(whole, tmp_path)
    for outcome in done:
        assert verdicts(tmp_path / outcome.cell.folder) == verdicts(folder / outcome.cell.folder)


def test_side_by_side_is_the_same(finished, cache, tmp_path):
    folder, done = finished
    pca = done[2].cell
    both = [pca, replace_seed(pca, 1)]
    together: list[studies.Outcome] = []
    conduct(Study("study", "", "small", "sound", both), tmp_path, 2, together.append)
    assert [o.kind for o in together] == ["done"] * 2
    assert verdicts(tmp_path / pca.folder) == verdicts(folder / pca.folder)


def replace_seed(cell: Cell, seed: int) -> Cell:
    return replace(cell, config=replace(cell.config, model=replace(cell.config.model, seed=seed)))


def test_other_settings_are_refused(finished):
    folder, done = finished
    config = done[2].cell.config
    changed = replace(config, model=replace(config.model, threshold="knee"))
    cell = replace(done[2].cell, config=changed)
    with pytest.raises(InputError, match=r"cells/pca.*threshold"):
        conduct(Study("study", "", "small", "sound", [cell]), folder)


def test_the_others_go_on_when_a_cell_fails(finished, tmp_path):
    _, done = finished
    pca = done[2].cell
    nowhere = replace(pca, name="nowhere", config=replace(pca.config, target="nowhere.log"))
    told: list[studies.Outcome] = []
    with pytest.raises(InputError, match=r"1 of 2 cells failed.*nowhere"):
        conduct(Study("study", "", "small", "sound", [nowhere, pca]), tmp_path, 1, told.append)
    assert [o.kind for o in told] == ["input", "done"]


def test_a_process_that_dies_ends_the_study(finished, tmp_path, monkeypatch):
    _, done = finished
    cells_ = [replace_seed(done[2].cell, seed) for seed in (0, 1)]
    monkeypatch.setattr(studies, "_work", os._exit)
    with pytest.raises(OutsideError, match="the same command goes on"):
        conduct(Study("study", "", "small", "sound", cells_), tmp_path, 2)


@pytest.mark.parametrize(
    ("main", "given", "said"),
    [
        (study.main, ["--methods=oracle"], "oracle: no such method"),
        (study.main, ["--systems=sim_vms,nothing"], "nothing"),
        (study.main, ["--systems=sim_vms"], "at least two systems"),
        (study.main, ["--seeds=0"], "seeds"),
        (ablate.main, ["--taus=high"], "--taus=high: must be numbers"),
        (ablate.main, ["--components=wings"], "wings: no such component"),
        (ablate.main, ["--ks=0"], "--k=0"),
    ],
)
def test_wrong_input_is_one_sentence(main, given, said, cache, tmp_path, capsys):
    argv = [
        "study",
        *given,
        f"--cache_dir={cache}",
        f"--study_dir={tmp_path / 'study'}",
        "--sim_lines=4000",
    ]
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "study").exists()


def test_commands_are_printed(cache, tmp_path, capsys):
    given = ["--dry_run", "--seeds=1", "--methods=pca", "--pairs=", f"--study_dir={tmp_path / 's'}"]
    assert study.main(["study", *given, *TINY, f"--cache_dir={cache}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert shlex.split(lines[0])[1:3] == ["-m", "experiments.method"]
    assert not (tmp_path / "s").exists()
