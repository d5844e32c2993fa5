"""Which cells a study and an ablation have. In: systems, methods, seeds, settings. Out: cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from glx import threshold
from glx.config import with_flags
from glx.data import catalogue
from glx.data.catalogue import family
from glx.data.systems import SIMULATED, System
from glx.errors import InputError
from glx.files import check_plain
from glx.generallog.experts import ExpertConfig
from glx.methods import detector as methods
from glx.methods.detector import MethodConfig
from glx.runs.settings import GeneralLogRun, MethodRun, RunConfig
from glx.runs.study import Cell
from glx.zerolog.detector import VARIANTS

REAL = ("hdfs", "bgl", "openstack")
PAPER = ("hdfs", "bgl", "openstack_loghub")  # under --protocol=paper
ANSWERS, TO_EXPERT = {"expert": "answers"}, {"route": "proprietary"}
OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "generallog": ("GeneralLog", {}),
    "answers": ("GeneralLog (answers)", ANSWERS),
    # The expert alone: GeneralLog that sends everything to it.
    "expert": ("expert alone (retrieval)", TO_EXPERT),
    "answers_expert": ("expert alone (answers)", TO_EXPERT | ANSWERS),
}
# Settings under which GeneralLog is another method, by flags, as `VARIANTS` has them of ZeroLog.
# - As published (arXiv 2511.05882): its router, and verdicts that rest on the texts alone.
# - Zero-shot reader: the answers alone; a sequence is as anomalous as its worst event.
TEXTS = VARIANTS["zerolog_published"][1]
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "generallog_published": ("GeneralLog as published", {"route": "paper", **TEXTS}),
    "answers_published": (
        "GeneralLog as published (answers)",
        {"route": "paper", **TEXTS, **ANSWERS},
    ),
    "reader": ("zero-shot reader (answers)", {**TEXTS, **TO_EXPERT, **ANSWERS}),
}
METHODS = {
    **{name: label for name, (label, _) in OURS.items()},
    "zerolog": "ZeroLog",
    **{name: label for name, (label, _) in (OTHERS | VARIANTS).items()},
    **{name: method.name for name, method in methods.METHODS.items()},
}
PAIRED = ("generallog", "answers", "zerolog")  # in all pairs of systems, unless others are named
FEW = "1%"  # of the target's labels, for MetaLog

REFERENCE = "GeneralLog"
# What is switched off or replaced, by flags of `glx generallog`.
COMPONENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "no_reversal": ("without gradient reversal", {"reversal": False}),
    "no_meta": ("without meta-learning", {"alpha": 0.0}),
    "first_order": ("first-order meta-learning", {"second_order": False}),
    "no_structure": (
        "without evidence or structural inputs",
        {"structural": False, "source_limit": 0.0, "threshold": threshold.DEFAULT},
    ),
    "no_reading": ("without reading the texts", {"reading": False}),
    "no_limit": ("without the bound on what sources teach", {"source_limit": 0.0}),
    "random_embeddings": ("random embeddings", {"embed_model": "random"}),
    "tfidf_embeddings": ("TF-IDF embeddings", {"embed_model": "tfidf"}),
    "all_general": ("router off: all to ZeroLog", {"route": "general"}),
    "all_proprietary": ("router off: all to the expert", {"route": "proprietary"}),
    "paper_router": ("the paper's router", {"route": "paper"}),
    "random_router": ("random routing, same share", {"route": "random"}),
    "no_knowledge": ("without knowledge", {"known_sources": False}),
}
TAUS = (0.0, 0.2, 0.4, 0.6)
KS = (1, 3, 20)


Transfer = tuple[str, tuple[str, ...]]  # a target and its sources


def leave_one_out(systems: Mapping[str, System]) -> list[Transfer]:
    """Each system as the target of all others that have labels and are of another family.

    One for which there is no such other is a source only.

    Raises:
      InputError: there is none for any.
    """
    labelled = {name: system for name, system in systems.items() if system.labels is not None}
    found = [
        (name, tuple(o for o, source in labelled.items() if family(source) != family(target)))
        for name, target in systems.items()
    ]
    found = [(name, sources) for name, sources in found if sources]
    if not found:
        raise InputError(
            f"--systems={','.join(systems)}: none has a source, a system of another family with "
            "labels; give one more"
        )
    return found


def pairs(systems: Mapping[str, System]) -> list[Transfer]:
    """Each system as the target of each of its sources, where it has several."""
    return [
        (target, (source,))
        for target, sources in leave_one_out(systems)
        if len(sources) > 1
        for source in sources
    ]


def describe(base: GeneralLogRun, names: Sequence[str]) -> dict[str, System]:
    """The systems that a study names, each once.

    Raises:
      InputError: one twice, or one that is unknown.
    """
    if len(set(names)) < len(names):
        raise InputError(f"--systems={','.join(names)}: give each once")
    return catalogue.describe(names, base.labels, base.data)


def study(
    base: GeneralLogRun,
    systems: Sequence[str],
    names: Sequence[str],
    paired: Sequence[str],
    seeds: int,
    answers: Path | None,
) -> list[Cell]:
    """Leave-one-out for the methods `names`, all pairs for those of `paired` where they differ.

    Args:
      base: the settings that all cells start from.
      seeds: each method runs with 0 to `seeds - 1`.
      answers: folder with answers on the targets, for the method `answers`, in place of those that
        a panel names; targets without are left out.

    Raises:
      InputError: an unknown method, a system that cannot be used, or nothing to do.
    """
    names, paired = list(dict.fromkeys(names)), list(dict.fromkeys(paired))
    for name in (*names, *paired):
        if name not in METHODS:
            raise InputError(f"{name}: no such method; there are {', '.join(METHODS)}")
    described = describe(base, systems)
    files = _answers(base, described, answers)
    cells = [
        cell
        for transfers, chosen in ((leave_one_out, names), (pairs, paired))
        for config in _bases(base, transfers(described) if chosen else [], seeds)
        for name in chosen
        if (cell := _cell(name, config, described[str(config.target)], files)) is not None
    ]
    if not cells:
        raise InputError("no cell is left to do by these --methods and --pairs")
    return list({cell.folder: cell for cell in cells}.values())


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
    for name in variants:
        if name not in COMPONENTS:
            raise InputError(f"{name}: no such component; there are {', '.join(COMPONENTS)}")
    changes: dict[str, tuple[str, dict[str, Any]]] = {"generallog": (REFERENCE, {})}
    changes |= {name: COMPONENTS[name] for name in variants}
    changes |= {f"tau_{tau:g}": (f"tau {tau:g}", {"tau": tau}) for tau in taus}
    changes |= {f"k_{k}": (f"K {k}", {"k": k}) for k in ks}
    return [
        Cell(name, label, with_flags(config, flags))
        for config in _bases(base, leave_one_out(describe(base, systems)), seeds)
        for name, (label, flags) in changes.items()
    ]


def default_systems(base: GeneralLogRun) -> tuple[str, ...]:
    """Those of the panel, else the real ones where there is a data folder, else the simulated."""
    if base.data.panel is not None:
        return tuple(catalogue.read_panel(base.data))
    if base.data.data_dir is None:
        return SIMULATED
    return PAPER if base.data.protocol == "paper" else REAL


def _bases(
    base: GeneralLogRun, transfers: Sequence[Transfer], seeds: int
) -> Iterator[GeneralLogRun]:
    """`base` for each target with its sources and each seed; wrong systems are refused here."""
    for target, source in transfers:
        names = {given.partition("=")[0] for given in (target, *source)}
        labels = tuple(text for text in base.labels if text.partition("=")[0] in names)
        catalogue.resolve(target, source, labels, base.data)
        for seed in range(seeds):
            model = replace(base.model, seed=seed)
            yield replace(base, target=target, source=source, labels=labels, model=model)


def _cell(
    name: str, base: GeneralLogRun, target: System, answers: Mapping[str, Path]
) -> Cell | None:
    """The cell of one method; None where it needs answers, or labels, that the target lacks."""
    config: Any = base
    ours = name in OURS or name == "zerolog"
    if name in OURS or name in OTHERS:
        flags = (OURS | OTHERS)[name][1]
        if "expert" in flags:
            if target.name not in answers:
                return None
            flags = flags | {"responses": str(answers[target.name])}
            # Another expert than the others', which reads none of their settings.
            base = replace(base, model=replace(base.model, expert=ExpertConfig()))
        config = with_flags(base, flags)
    elif name in methods.METHODS:
        needs = methods.METHODS[name].needs_sources
        own = tuple(given for given in base.labels if given.startswith(f"{target.name}="))
        config = MethodRun(
            base.target,
            base.source if needs else (),
            base.labels if needs else own,
            data=base.data,
            model=MethodConfig(
                method=name,
                embed=base.model.embed,
                threshold=_of_scores(base.model.threshold),
                seed=base.model.seed,
            ),
        )
    else:
        alone = base.model.zerolog
        if name in VARIANTS:
            alone = with_flags(alone, VARIANTS[name][1])
        few = FEW if name == "metalog" else None
        if few is not None and target.labels is None:
            return None
        config = RunConfig(base.target, base.source, base.labels, few, base.data, alone)
    return Cell(name, METHODS[name], config, ours)


def _of_scores(method: str) -> str:
    """The threshold of a method without evidence."""
    return threshold.DEFAULT if method == threshold.EVIDENCE else method


def _answers(
    base: GeneralLogRun, systems: Mapping[str, System], folder: Path | None
) -> dict[str, Path]:
    """The file of answers on each system that has one, by its name.

    Raises:
      InputError: the folder has none, or the panel names a file that is not there.
    """
    described = catalogue.read_panel(base.data)
    found = {name: one.answers for name, one in described.items() if one.answers is not None}
    for name, file in found.items():
        if name in systems and folder is None:
            check_plain(f"{described[name].where}: answers: {file}", file)
    if folder is None:
        return found
    files = [
        (system.name, folder / f"{system.name}_{kind}.csv")
        for system in systems.values()
        for kind in ("templates", "events")
    ]
    given = {name: file for name, file in files if file.is_file()}
    if not given:
        raise InputError(
            f"--answers={folder}: holds no TARGET_events.csv or TARGET_templates.csv of any of the "
            "systems"
        )
    return found | given
