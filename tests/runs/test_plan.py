"""Which cells there are: of targets and sources, methods, seeds, components, a panel."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from small_studies import SYSTEMS, tiny

from glx.cli import cells
from glx.cli.flags import build, command
from glx.cli.generallog import config_of
from glx.data.systems import LabelPlace, System
from glx.errors import InputError
from glx.runs import plan
from glx.runs.settings import MethodRun


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


def test_settings_of_a_model_stay_out_of_cells_that_ask_none(cache, tmp_path):
    (tmp_path / "sim_ras_events.csv").write_text("template,p\n")
    base = tiny(cache, "--expert=vllm", "--llm_url=http://127.0.0.1:1/v1", "--votes=2")
    planned = plan.study(base, SYSTEMS, ("generallog", "answers"), (), 1, tmp_path)
    for cell in planned:
        given = cells.cell_command(cell, tmp_path, "small")
        asks = cell.name == "generallog"
        assert ("--llm_url=http://127.0.0.1:1/v1" in given, "--votes=2" in given) == (asks, asks)
        values = import_module("glx.cli.generallog").declare()
        values(given[3:])
        assert config_of(values) == cell.config


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
        built = build(values, presets["small"])
        assert built == cell.config
        assert values.run_dir == str(tmp_path / cell.folder)


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
