"""Which cells a study and an ablation have. In: systems, methods, seeds, settings. Out: cells."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from glx import config as settings
from glx.errors import InputError
from glx.logs.catalogue import resolve
from glx.logs.systems import SIMULATED
from glx.methods import methods
from glx.methods.methods import MethodConfig
from glx.runs.settings import GeneralLogRun, MethodRun, RunConfig
from glx.runs.study import Cell

REAL = ("hdfs", "bgl", "openstack")
PAPER = ("hdfs", "bgl", "openstack_loghub")  # under --protocol=paper
OURS = {
    "generallog": "GeneralLog",
    "answers": "GeneralLog (answers)",
    "zerolog": "ZeroLog",
}
# Settings of ZeroLog under which it is another method; its own cut is the model's posterior.
TEXT_ALONE = {"structural": False, "text_limit": 0.0, "threshold": "prior"}
AS_ZEROLOG: dict[str, tuple[str, dict[str, Any]]] = {
    "source_only": (
        "source-only GRU",
        {"mu": 0.0, "reversal": False, "alpha": 0.0, **TEXT_ALONE},
    ),
    "metalog": (
        "MetaLog-style",
        {"mu": 0.0, "reversal": False, **TEXT_ALONE},
    ),
}
METHODS = {**OURS, **{name: label for name, (label, _) in AS_ZEROLOG.items()}, **methods.NAMES}
FEW = "1%"  # of the target's labels, for MetaLog

REFERENCE = "GeneralLog"
# What is switched off or replaced, by flags of `experiments.generallog`.
COMPONENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "no_reversal": ("without gradient reversal", {"reversal": False}),
    "no_meta": ("without meta-learning", {"alpha": 0.0}),
    "first_order": ("first-order meta-learning", {"second_order": False}),
    "no_structure": ("without structural inputs", {"structural": False}),
    "no_limit": ("without the bound on texts", {"text_limit": 0.0}),
    "random_embeddings": ("random embeddings", {"embed_model": "random"}),
    "tfidf_embeddings": ("TF-IDF embeddings", {"embed_model": "tfidf"}),
    "all_general": ("router off: all to ZeroLog", {"route": "general"}),
    "all_proprietary": ("router off: all to the expert", {"route": "proprietary"}),
    "paper_router": ("the paper's router", {"route": "paper"}),
    "random_router": ("random routing, same share", {"route": "random"}),
    "no_knowledge": ("without knowledge", {"known_sources": False}),
}
TAUS = (-0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
KS = (1, 2, 3, 10, 20)


def leave_one_out(systems: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Each system as the target of all others."""
    return [(target, tuple(s for s in systems if s != target)) for target in systems]


def pairs(systems: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Each system as the target of each other one."""
    return [(target, (s,)) for target in systems for s in systems if s != target]


def study(
    base: GeneralLogRun,
    systems: Sequence[str],
    names: Sequence[str],
    paired: Sequence[str],
    seeds: int,
    answers: Path | None,
) -> list[Cell]:
    """Leave-one-out for the methods `names`, all pairs for those of `paired`.

    Args:
      base: the settings that all cells start from.
      seeds: each method runs with 0 to `seeds - 1`.
      answers: folder with `TARGET_events.csv`, for the method `answers`; targets without are left
        out.

    Raises:
      InputError: an unknown method, or a system that cannot be used.
    """
    if len(systems) < 2:
        raise InputError(f"--systems={','.join(systems)}: needs at least two systems")
    for name in (*names, *paired):
        if name not in METHODS:
            raise InputError(f"{name}: no such method; there are {', '.join(METHODS)}")
    alone = leave_one_out(systems) if len(systems) != 2 else []  # two: each pair leaves one out
    cells = []
    for casts, chosen in ((alone, names), (pairs(systems), paired if alone else names)):
        for target, source in casts:
            resolve(target, source, base.labels, base.data)  # finds now what is wrong with them
            for seed in range(seeds):
                here = replace(base, target=target, source=source)
                here = replace(here, model=replace(here.model, seed=seed))
                cells += [c for name in chosen if (c := _cell(name, here, answers))]
    return cells


def ablation(
    base: GeneralLogRun,
    systems: Sequence[str],
    variants: Sequence[str],
    taus: Sequence[float],
    ks: Sequence[int],
    seeds: int,
) -> list[Cell]:
    """GeneralLog in leave-one-out, whole and with one thing changed at a time.

    Args:
      variants: names of `COMPONENTS`.
      taus, ks: values of `--tau` and `--k` to sweep.
    """
    if len(systems) < 2:
        raise InputError(f"--systems={','.join(systems)}: needs at least two systems")
    for name in variants:
        if name not in COMPONENTS:
            raise InputError(f"{name}: no such component; there are {', '.join(COMPONENTS)}")
    changes: dict[str, tuple[str, dict[str, Any]]] = {"generallog": (REFERENCE, {})}
    changes |= {name: COMPONENTS[name] for name in variants}
    changes |= {f"tau_{tau:g}": (f"tau {tau:g}", {"tau": tau}) for tau in taus}
    changes |= {f"k_{k}": (f"K {k}", {"k": k}) for k in ks}
    cells = []
    for target, source in leave_one_out(systems):
        resolve(target, source, base.labels, base.data)
        for seed in range(seeds):
            here = replace(base, target=target, source=source)
            here = replace(here, model=replace(here.model, seed=seed))
            cells += [
                Cell(name, label, changed(here, flags)) for name, (label, flags) in changes.items()
            ]
    return cells


def default_systems(base: GeneralLogRun) -> tuple[str, ...]:
    """The real systems where there is a data folder, else the simulated ones."""
    if base.data.data_dir is None:
        return SIMULATED
    return PAPER if base.data.protocol == "paper" else REAL


def changed(config: Any, flags: dict[str, Any]) -> Any:
    """`config` with settings by the names of their flags, checked."""
    paths = {leaf.name: leaf.path for leaf in settings.leaves(type(config))}
    for name, value in flags.items():
        config = settings.change(config, paths[name], value)
    settings.check(config)
    return config


def _cell(name: str, base: GeneralLogRun, answers: Path | None) -> Cell | None:
    """The cell of one method; None where it has no answers to work with."""
    config: Any = base
    if name == "answers":
        file = None if answers is None else answers / f"{base.target}_events.csv"
        if file is None or not file.is_file():
            return None
        config = changed(base, {"expert": "answers", "responses": str(file)})
    elif name in methods.NAMES:
        model = base.model
        config = MethodRun(
            base.target,
            base.source,
            base.labels,
            base.data,
            MethodConfig(
                method=name, embed=model.embed, threshold=model.threshold, seed=model.seed
            ),
        )
    elif name != "generallog":
        few = FEW if name == "metalog" else None
        config = RunConfig(base.target, base.source, base.labels, few, base.data, base.model)
        if name in AS_ZEROLOG:
            config = changed(config, AS_ZEROLOG[name][1])
    return Cell(name, METHODS[name], config)
