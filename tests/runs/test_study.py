"""Studies: which cells there are, that each is done once, alike however it is done."""

import json
import pickle
import re
import shlex
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import jax
import polars as pl
import pytest

from glx.cli import cells, study
from glx.cli.flags import command
from glx.cli.main import main
from glx.data.catalogue import resolve
from glx.data.load import load
from glx.data.systems import LabelPlace, System
from glx.errors import InputError, Paused
from glx.report.results import read_study
from glx.runs import plan
from glx.runs import run as runs
from glx.runs import study as studies
from glx.runs.fit import few_of_target
from glx.runs.settings import GeneralLogRun, MethodRun
from glx.runs.study import Study, run_cells, unfinished
from glx.sequences import ADAPT

SYSTEMS = ("sim_vms", "sim_ras", "sim_blocks")
TINY = (
    *("--sim_lines=4000", "--steps=2", "--episodes=2", "--batch=4", "--hidden=4"),
    "--nosecond_order",  # half of the compilation
)


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


def described(*systems: tuple[str, str | None, bool]) -> dict[str, System]:
    """Systems by name, family and whether they have labels."""
    place = LabelPlace(Path("l.csv"), "key")
    return {
        name: System(name, Path(name), family=family, labels=place if labels else None)
        for name, family, labels in systems
    }


def test_leave_one_out_and_pairs():
    three = described(*((name, None, True) for name in "abc"))
    assert plan.leave_one_out(three) == [("a", ("b", "c")), ("b", ("a", "c")), ("c", ("a", "b"))]
    assert plan.pairs(three) == [
        ("a", ("b",)), ("a", ("c",)), ("b", ("a",)), ("b", ("c",)), ("c", ("a",)), ("c", ("b",)),
    ]  # fmt: skip


def test_sources_are_of_other_families_and_have_labels():
    systems = described(("a", None, True), ("a2", "a", True), ("b", "b", True), ("c", None, False))
    assert plan.leave_one_out(systems) == [
        ("a", ("b",)),
        ("a2", ("b",)),
        ("b", ("a", "a2")),
        ("c", ("a", "a2", "b")),
    ]
    # From one source alone leave-one-out is the pair.
    assert [target for target, _ in plan.pairs(systems)] == ["b", "b", "c", "c", "c"]
    # The only one with labels is a source only.
    assert plan.leave_one_out(described(("a", None, False), ("b", None, True))) == [("a", ("b",))]
    with pytest.raises(InputError, match="--systems=a,b: none has a source"):
        plan.leave_one_out(described(("a", None, False), ("b", None, False)))


def test_the_cells_of_a_study(cache):
    planned = plan.study(tiny(cache), SYSTEMS, tuple(plan.METHODS), ("zerolog",), 2, None)
    # Nobody gave answers, so the four methods that read them have no cell.
    assert len(planned) == 3 * 2 * (len(plan.METHODS) - 4) + 6 * 2
    assert len({cell.folder for cell in planned}) == len(planned)
    first = planned[0]
    assert (first.method, first.folder) == (
        "GeneralLog",
        "cells/generallog/sim_vms-from-sim_ras+sim_blocks/0",
    )
    kinds = {cell.name: cell.config for cell in planned}
    assert kinds["metalog"].target_labels == "1%"
    assert all(c.target_labels is None for n, c in kinds.items() if n != "metalog")
    assert not kinds["source_only"].model.train.reversal
    assert isinstance(kinds["deeplog"], MethodRun)


def test_answers_have_a_cell_where_there_is_a_file(cache, tmp_path):
    (tmp_path / "sim_ras_events.csv").write_text("template,p\n")
    planned = plan.study(tiny(cache), SYSTEMS, ("answers",), (), 1, tmp_path)
    assert [cell.config.target for cell in planned] == ["sim_ras"]
    assert planned[0].config.model.expert.responses == str(tmp_path / "sim_ras_events.csv")


def test_the_experts_alone_get_every_sequence(cache, tmp_path):
    (tmp_path / "sim_ras_events.csv").write_text("template,p\n")
    names = ("expert", "answers_expert", "answers")
    planned = plan.study(tiny(cache), ("sim_vms", "sim_ras"), names, (), 1, tmp_path)
    assert [(c.name, c.config.target, c.config.model.route.route) for c in planned] == [
        ("expert", "sim_vms", "proprietary"),
        ("expert", "sim_ras", "proprietary"),
        ("answers_expert", "sim_ras", "proprietary"),
        ("answers", "sim_ras", "centred"),
    ]
    experts = [c.config.model.expert for c in planned]
    assert [e.expert for e in experts] == ["retrieval", "retrieval", "answers", "answers"]
    assert experts[2] == experts[3]


def test_methods_as_published_rest_on_texts_alone(cache, tmp_path):
    (tmp_path / "sim_ras_templates.csv").write_text("template,p\n")
    names = ("zerolog_published", "generallog_published", "answers_published", "reader", "zerolog")
    planned = plan.study(tiny(cache), SYSTEMS, names, (), 1, tmp_path)
    found = {c.name: c for c in planned if c.config.target == "sim_ras"}
    bare, whole = found["zerolog_published"], found["zerolog"]
    assert bare.config.model.name() == bare.method == "ZeroLog as published"
    assert sorted(command(bare.config, whole.config)) == sorted(
        ["--nostructural", "--noreading", "--source_limit=0.0", "--threshold=prior"]
    )
    others = [found[name].config.model for name in names[1:4]]
    assert [model.zerolog for model in others] == [bare.config.model] * 3  # fitted once
    assert [model.route.route for model in others] == ["paper", "paper", "proprietary"]
    assert [model.expert.expert for model in others] == ["retrieval", "answers", "answers"]
    assert [found[name].planned.ours for name in names] == [False] * 4 + [True]
    # One fitted with a few labels of the target would not be the published one.
    assert bare.config.model.name(labelled=True) == "ZeroLog"


def test_no_labels_are_given_away_where_there_are_none(panel, cache):
    base = tiny(cache, f"--panel={panel}")
    planned = plan.study(base, plan.default_systems(base), ("metalog",), (), 1, None)
    assert [c.config.target for c in planned] == ["sim_ras", "sim_blocks", "shop"]


def test_methods_beside_ours_have_no_evidence_to_cut_at(cache):
    names = ("pca", "zerolog", "metalog", "source_only")

    def cuts(*flags):
        planned = plan.study(tiny(cache, *flags), SYSTEMS, names, (), 1, None)
        return {cell.name: cell.config.model.threshold for cell in planned}

    ours = {"metalog": "prior", "source_only": "prior"}
    assert cuts() == {"pca": "mixture", "zerolog": "evidence"} | ours
    assert cuts("--threshold=knee") == {"pca": "knee", "zerolog": "knee"} | ours


def test_each_component_of_the_ablation_is_a_flag(cache):
    base = tiny(cache, "--second_order")
    planned = plan.ablation(base, SYSTEMS, tuple(plan.COMPONENTS), (0.3,), (1,), 1)
    whole, *others = (c.config for c in planned if c.config.target == "sim_vms")
    flags = [command(config, whole) for config in others]
    assert ["--noreversal"] in flags
    assert ["--nosecond_order"] in flags
    assert ["--alpha=0.0"] in flags
    assert ["--route=random"] in flags
    assert ["--embed_model=tfidf"] in flags
    assert ["--noknown_sources"] in flags
    assert ["--noreading"] in flags
    assert ["--source_limit=0.0"] in flags
    assert ["--tau=0.3"] in flags
    # No evidence: nothing to weigh the sources against, and nothing to cut by.
    bare = ["--source_limit=0.0", "--nostructural", "--threshold=mixture"]
    assert [sorted(given) for given in flags if len(given) != 1] == [sorted(bare)]


def test_a_printed_command_makes_the_same_run(cache, tmp_path):
    planned = plan.study(tiny(cache), SYSTEMS, ("generallog", "metalog", "pca"), (), 1, None)
    for cell in planned:
        python, _, program, name, *given = cells.cell_command(cell, tmp_path, "small")
        assert (python, program) == (sys.executable, "glx")
        values = import_module(f"glx.cli.{name}").declare()
        values([name, *given])
        _, presets = cells.ENTRIES[type(cell.config)]
        built = cells.build(values, presets["small"])
        assert built == cell.config
        assert values.run_dir == str(tmp_path / cell.folder)


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
        ("study", ["--methods=", "--pairs="], "no cell is left to do"),
        ("study", ["--labels=shop=shop.csv"], "--labels=shop=...: no own file of that name"),
        ("study", ["--answers=nowhere"], "nowhere: holds no TARGET_events.csv"),
        ("study", ["--parallel=0"], "0 is not a positive integer"),
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


def test_own_logs_among_several_systems(cache):
    """Labels go to the cells that hold their system, and to no other."""
    folder = cache / "simulated/4000-0"
    base = tiny(
        cache, f"--labels=shop={folder / 'sim_vms.labels.csv'}", r"--session=instance: (\S+)\]"
    )
    systems = (f"shop={folder / 'sim_vms.log'}", "sim_ras", "sim_blocks")
    planned = plan.study(base, systems, ("zerolog", "pca"), ("zerolog",), 1, None)
    labelled = {cell.folder for cell in planned if cell.config.labels}
    assert len(planned) == 3 * 2 + 6
    assert {f for f in (cell.folder for cell in planned) if "shop" in f} == labelled


@pytest.fixture
def panel(cache, tmp_path):
    """Two simulated systems by name; lines of a third as two systems of one family, one of them
    without labels; answers for one of each kind."""
    resolve("sim_vms", None, (), tiny(cache).data)  # written
    folder = cache / "simulated/4000-0"
    own = f"  path: {folder}/sim_vms.log\n  session: 'instance: (\\S+)\\]'\n  family: vms\n"
    path = tmp_path / "panel.yaml"
    path.write_text(
        "- {name: sim_ras, answers: ras.csv}\n- sim_blocks\n"
        f"- name: shop\n{own}  labels: {folder}/sim_vms.labels.csv\n  answers: shop.csv\n"
        f"- name: mall\n{own}"
    )
    for name in ("ras", "shop"):
        (tmp_path / f"{name}.csv").write_text("template,p\n")
    return path


def test_the_cells_of_a_panel(panel, cache, tmp_path):
    base = tiny(cache, f"--panel={panel}")
    systems = plan.default_systems(base)
    planned = plan.study(base, systems, ("zerolog", "pca", "answers"), (), 1, None)
    sources = {c.config.target: c.config.source for c in planned if c.name == "zerolog"}
    assert sources == {
        "sim_ras": ("sim_blocks", "shop"),
        "sim_blocks": ("sim_ras", "shop"),
        "shop": ("sim_ras", "sim_blocks"),
        "mall": ("sim_ras", "sim_blocks"),
    }
    given = tmp_path / "given"
    given.mkdir()
    (given / "shop_templates.csv").write_text("template,p\n")
    for folder, shops in ((None, tmp_path / "shop.csv"), (given, given / "shop_templates.csv")):
        found = plan.study(base, systems, ("answers",), (), 1, folder)
        assert {c.config.target: c.config.model.expert.responses for c in found} == {
            "sim_ras": str(tmp_path / "ras.csv"),
            "shop": str(shops),
        }
    assert f"--panel={panel}" in cells.cell_command(planned[0], tmp_path, "small")
    ablated = plan.ablation(base, systems, ("no_meta",), (), (), 1)
    assert {c.config.target: c.config.source for c in ablated} == sources


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
