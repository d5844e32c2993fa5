"""Run folders by themselves as one table.

Only seeds are averaged: runs that differ in any other setting have rows of their own, told apart by
the flags of what differs.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from glx.config import flat
from glx.errors import InputError
from glx.report.models import Config, Measured, Metrics, read
from glx.report.page import as_words, without_password
from glx.report.results import DAGGER
from glx.report.table import Entry, Table
from glx.report.tables import FEW, MEANS, most, spread
from glx.terminal import visible

# No metric depends on these: where things lie, and how a server is called.
NO_EFFECT = {"data_dir", "cache_dir", "cache", "write_questions"}
NO_EFFECT |= {"llm_url", "llm_patience", "llm_concurrency", "llm_batch", "llm_timeout"}
OWN_COLUMN = ("target", "source", "labels", "data.protocol", "described")  # or in one with others
# Flags of these parts begin with the name of the part.
PREFIXED = ("embed", "deeplog", "plelog", "logtad", "rapid", "forest", "pca", "k4")

Settings = tuple[tuple[str, str], ...]  # paths and JSON values


def of_runs(folders: Sequence[Path]) -> Table:
    """A row for each method, target, sources and settings: the mean over seeds, the range.

    Where a run departs from the plain protocol, a column says what each ran under. Of runs that
    differ in nothing the first counts.

    Raises:
      InputError: a folder holds no finished run, or one without labels.
    """
    groups: dict[tuple[str, str, str, Settings], dict[int, tuple[Path, Measured]]]
    groups, again = defaultdict(dict), []
    for folder in folders:
        metrics = read(folder, Metrics)
        if not isinstance(metrics, Measured):
            raise InputError(f"{folder}: a run without labels has no figures to compare")
        named = metrics.method, metrics.expert or "", DAGGER * (metrics.target_labels > 0)
        cast = metrics.target, ", ".join(sorted(metrics.source))
        seeds = groups[
            visible(" ".join(filter(None, named))),
            visible(" ← ".join(filter(None, cast))),
            "; ".join([metrics.protocol, *map(as_words, sorted(metrics.stamps))]),
            _settings(read(folder, Config)),
        ]
        if metrics.seed in seeds:
            again.append(f"{folder} repeats {seeds[metrics.seed][0]} and is left out.")
        seeds.setdefault(metrics.seed, (folder, metrics))
    plain = all(protocol == "sound" for _, _, protocol, _ in groups)
    flags = _told_apart([(method, (systems, under), own) for method, systems, under, own in groups])
    rows = []
    for ((method, systems, protocol, _), seeds), own in zip(groups.items(), flags, strict=True):
        runs = [metrics for _, metrics in seeds.values()]
        f1 = [{name: b.f1 for name, b in metrics.baselines.items()} for metrics in runs]
        numbers = [
            *(spread([getattr(m, name) for m in runs]) for name in ("f1", "auroc", "oracle_f1")),
            spread([trivial.pop("surprise", None) for trivial in f1]),
            spread([most(trivial.values()) for trivial in f1]),
            spread([metrics.supervised_ceiling for metrics in runs]),
            spread([metrics.wall_seconds for metrics in runs], digits=0),
        ]
        words = [f"{method} {own}".strip(), systems] + ([] if plain else [protocol])
        rows.append(tuple(map(Entry, (*words, str(len(runs)), *numbers))))
    names = ("F1", "AUROC", "oracle F1", "surprise F1", "best other F1", "supervised", "seconds")
    words = ["method", "target ← sources"] + ([] if plain else ["protocol; stamps"])
    return Table(
        "runs",
        "Runs",
        (*words, "seeds", *names),
        (tuple(sorted(rows, key=lambda row: [entry.text for entry in row[: len(words)]])),),
        (
            "F1 at a threshold that saw no label of the target; oracle: the best threshold in "
            "hindsight; surprise, best other: trivial detectors; supervised: a random forest with "
            f"the target's labels. {MEANS}",
            *([FEW] if any(DAGGER in method for method, *_ in groups) else []),
            *again,
            *(["Protocol sound."] if plain else []),
        ),
        names=len(words),
    )


def flag(path: str, value: str) -> str:
    """A setting as one types it: `--nostructural`, `--embed_model=random`; "" for one not set.

    Args:
      path: as `model.train.structural`.
      value: JSON.
    """
    *_, part, name = ("", *path.split("."))
    name = f"{part}_{name}" if part in PREFIXED else name
    given = json.loads(value)
    if given is None or given == []:
        return ""
    if isinstance(given, bool):
        return f"--{'' if given else 'no'}{name}"
    text = ",".join(map(str, given)) if isinstance(given, list) else str(given)
    return without_password(visible(f"--{name}={text}"))


def _settings(config: Config) -> Settings:
    """All on which the metrics of a run depend, but for its seed."""
    settings = flat(config.settings)
    if isinstance(source := settings.get("source"), list):
        settings["source"] = sorted(",".join(map(str, source)).split(","))
    # Where answers are replayed each seed has a file of its own.
    replay = "replay" in (value for path, value in settings.items() if path.endswith(".expert"))
    left_out = NO_EFFECT | ({"responses"} if replay else set())
    kept = {p: v for p, v in settings.items() if p.rpartition(".")[2] not in left_out}
    kept.pop("model.seed", None)
    return tuple(sorted((path, json.dumps(value, sort_keys=True)) for path, value in kept.items()))


def _told_apart(rows: Sequence[tuple[str, tuple[str, ...], Settings]]) -> list[str]:
    """The flags of each row that tell it from others of its name.

    Args:
      rows: name, other columns, settings.
    """
    out = []
    for name, others, settings in rows:
        named = _differing([own for other, _, own in rows if other == name])
        alike = _differing([own for *other, own in rows if other == [name, others]])
        differ = {path for path in named if not _in_own_column(path)} | alike
        out.append(" ".join(filter(None, (flag(p, v) for p, v in settings if p in differ))))
    return out


def _in_own_column(path: str) -> bool:
    return path in OWN_COLUMN or path.partition(".")[0] in OWN_COLUMN


def _differing(found: Sequence[Settings]) -> set[str]:
    """The paths of settings that are not the same in all."""
    every = [set(settings) for settings in found]
    return {path for one in every for path, _ in set().union(*every) - one}
