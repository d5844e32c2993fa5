"""Run folders by themselves as one table. In: `Result`s with settings. Out: a `Table`.

Only seeds are averaged: runs that differ in any other setting have rows of their own, told apart by
the flags of what differs.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glx.report.page import discreet, shown
from glx.report.results import DAGGER, Result
from glx.report.table import Entry, Table
from glx.report.tables import FEW, most, spread
from glx.report.terms import spoken

# No figure depends on these: where things lie, and how a server is called.
WHERE = {"data_dir", "cache_dir", "cache", "write_questions"}
WHERE |= {"llm_url", "llm_patience", "llm_concurrency", "llm_batch", "llm_timeout"}
TOLD = ("target", "source", "labels", "data.protocol")  # in columns of their own, or with them
PREFIXED = {
    "embed",
    "deeplog",
    "plelog",
    "logtad",
    "rapid",
    "forest",
    "pca",
}  # flags of these parts

Settings = tuple[tuple[str, str], ...]  # paths and JSON values


def of_runs(cells: Sequence[Result]) -> Table:
    """A row for each method, target, sources and settings: the mean over seeds, the range.

    Where a run departs from the plain protocol, a column says what each ran under. Of runs that
    differ in nothing the first counts.
    """
    groups: dict[tuple[str, str, str, str, Settings], dict[int, Result]] = defaultdict(dict)
    again = []
    for cell in cells:
        source = f" ← {', '.join(cell.source)}" if cell.source else ""
        seeds = groups[cell.method, cell.target, source, _under(cell), _settings(cell)]
        if cell.seed in seeds:
            again.append(f"{cell.run} repeats {seeds[cell.seed].run} and is left out.")
        seeds.setdefault(cell.seed, cell)
    plain = all(under == "sound" for *_, under, _ in groups)
    flags = _told_apart([(m, (t, s, u), settings) for m, t, s, u, settings in groups])
    rows = []
    for ((method, target, source, under, _), found), own in zip(groups.items(), flags, strict=True):
        runs = [cell.figures for cell in found.values()]
        beside = [figures["baselines"] for figures in runs]
        columns = [
            *([figures[name] for figures in runs] for name in ("f1", "auroc", "oracle_f1")),
            [b.get("surprise", {}).get("f1") for b in beside],
            [most(v["f1"] for k, v in b.items() if k != "surprise") for b in beside],
            [figures["supervised_ceiling"] for figures in runs],
            [figures.get("wall_seconds") for figures in runs],
        ]
        words = (f"{method} {own}".strip(), target + source, *([] if plain else [under]))
        numbers = (spread(values, 0 if n == 6 else 3) for n, values in enumerate(columns))
        rows.append(tuple(map(Entry, (*words, str(len(found)), *numbers))))
    names = ("F1", "AUROC", "oracle F1", "surprise F1", "best other F1", "supervised", "seconds")
    words = ("method", "target ← sources", *([] if plain else ["protocol; stamps"]))
    return Table(
        "runs",
        "Runs",
        (*words, "seeds", *names),
        (tuple(sorted(rows, key=lambda row: [entry.text for entry in row[: len(words)]])),),
        (
            "F1 at a threshold that saw no label of the target; oracle: the best threshold in "
            "hindsight; surprise, best other: trivial detectors; supervised: a random forest with "
            "the target's labels. Mean over seeds (lowest to highest where they differ).",
            *([FEW] if any(DAGGER in cell.method for cell in cells) else []),
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
    return discreet(shown(f"--{name}={text}"))


def _under(cell: Result) -> str:
    """The protocol of a run and its stamps."""
    return "; ".join([cell.figures["protocol"], *map(spoken, sorted(cell.figures["stamps"]))])


def _settings(cell: Result) -> Settings:
    """All on which the figures of a run depend, but for its seed."""
    return tuple(sorted(_flat(cell.settings)))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    replayed = tree.get("expert") == "replay"  # then each seed has a file of answers of its own
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif path == "source" and isinstance(value, list):
            yield path, json.dumps(sorted(",".join(map(str, value)).split(",")))
        elif name not in WHERE and path != "model.seed" and (name != "responses" or not replayed):
            yield path, json.dumps(value, sort_keys=True)


def _told_apart(rows: Sequence[tuple[str, tuple[str, ...], Settings]]) -> list[str]:
    """The flags of each row that tell it from others of its name.

    Args:
      rows: name, what other columns say, settings.
    """
    named, alike = defaultdict(list), defaultdict(list)
    for name, beside, settings in rows:
        named[name].append(settings)
        alike[name, beside].append(settings)
    out = []
    for name, beside, settings in rows:
        differ = {path for path in _differing(named[name]) if path not in TOLD}
        differ |= _differing(alike[name, beside])
        out.append(" ".join(filter(None, (flag(p, v) for p, v in settings if p in differ))))
    return out


def _differing(found: Sequence[Settings]) -> set[str]:
    """The paths of settings that are not the same in all."""
    every = [set(settings) for settings in found]
    return {path for one in every for other in every for path, _ in one - other}
