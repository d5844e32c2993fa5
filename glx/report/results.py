"""The finished runs of a study, or run folders by themselves, grouped for tables and pictures.

In: a folder with `study.json`, or run folders. Out: `Results`, whose cells hold their figures.
Names come from files: hidden characters in them are made visible here, once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from glx.errors import InputError
from glx.report import folder as files
from glx.report.page import discreet, shown
from glx.report.terms import labels_given, spoken

STUDY = "study.json"
DAGGER = "†"  # after the name of what was given labels of the target


@dataclass(frozen=True)
class Result:
    """One run that is planned or finished: a method on a target, from sources, with a seed.

    Attributes:
      method: the name to print; ends in a dagger where labels of the target were given.
      source: names, sorted; none for a method that learns from the target alone.
      run: its folder, relative to the study's.
      few_labels: the share of the target's labels that it was given, as `1%`.
      ours: the method is of this project.
      figures: `metrics.json`; empty while the run is not finished.
      blocks: `<int64>[K, 3]` tp, fp, fn of each block of the test part, where they are known.
      beside: the same of the trivial detectors, by name.
      settings: of a run by itself, as in `config.json`.
      page: its folder holds a `report.html`.
    """

    method: str
    target: str
    source: tuple[str, ...]
    seed: int
    run: str
    few_labels: str | None = None
    ours: bool = False
    figures: dict[str, Any] = field(default_factory=dict)
    blocks: np.ndarray | None = None
    beside: dict[str, np.ndarray] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    page: bool = False


@dataclass(frozen=True)
class Group:
    """The finished seeds of one method on one target, from one set of sources."""

    cells: tuple[Result, ...]

    def values(self, figure: str) -> list[float]:
        """A figure of every seed, without those where it is undefined."""
        values = [cell.figures.get(figure) for cell in self.cells]
        return [float(value) for value in values if value is not None]

    def mean(self, figure: str) -> float | None:
        values = self.values(figure)
        return sum(values) / len(values) if values else None

    @property
    def blocks(self) -> np.ndarray | None:
        """`<int64>[R, K, 3]` of the seeds; None where some lack them."""
        return stacked([cell.blocks for cell in self.cells])

    def paired(self, other: "Group") -> tuple[np.ndarray, np.ndarray] | None:
        """Blocks of the seeds that both have, or None where they cannot be compared."""
        mine, others = ({c.seed: c.blocks for c in group.cells} for group in (self, other))
        seeds = sorted(set(mine) & set(others))
        return comparable(stacked([mine[s] for s in seeds]), stacked([others[s] for s in seeds]))

    def beside(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Blocks of the seeds, and those of a detector without one, `<int64>[K, 3]`, for each."""
        mine = self.blocks
        return comparable(mine, np.stack([counts] * len(self.cells)))


def stacked(blocks: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """`<int64>[R, K, 3]`, or None where one is missing or they are not blocks of one split."""
    known = [counts for counts in blocks if counts is not None]
    if not known or len(known) < len(blocks) or len({counts.shape for counts in known}) > 1:
        return None
    whole = np.stack(known)
    anomalous = whole[..., 0] + whole[..., 2]
    return whole if (anomalous == anomalous[0]).all() else None


def comparable(
    first: np.ndarray | None, second: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Both, where they are there and of the same blocks of one split."""
    if first is None or second is None or first.shape != second.shape:
        return None
    alike = [counts[..., 0] + counts[..., 2] for counts in (first, second)]
    return (first, second) if np.array_equal(*alike) else None


@dataclass(frozen=True)
class Results:
    """What was planned and what is there of it.

    Attributes:
      command: repeats it.
      reference: the method that others are an ablation of, if it is one.
      cells: all that were planned.
    """

    command: str
    preset: str
    protocol: str
    reference: str | None
    cells: tuple[Result, ...]

    @cached_property
    def finished(self) -> tuple[Result, ...]:
        return tuple(cell for cell in self.cells if cell.figures)

    @cached_property
    def groups(self) -> dict[tuple[str, str, tuple[str, ...]], Group]:
        """By method, target and sources, in the order of the plan."""
        found: dict[tuple[str, str, tuple[str, ...]], list[Result]] = {}
        for cell in self.finished:
            found.setdefault((cell.method, cell.target, cell.source), []).append(cell)
        return {
            key: Group(tuple(sorted(cells, key=lambda cell: cell.seed)))
            for key, cells in found.items()
        }

    @cached_property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.target for cell in self.cells))

    @cached_property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.method for cell in self.cells))

    @cached_property
    def ours(self) -> frozenset[str]:
        """The methods that are of this project."""
        return frozenset(cell.method for cell in self.cells if cell.ours)

    @cached_property
    def stamps(self) -> tuple[str, ...]:
        """What departs from the plain protocol, in words, with how many runs have it if not all.

        Labels that a method was given are not among them: its name says so.
        """
        plain = [cell for cell in self.finished if cell.few_labels is None]
        found = Counter(stamp for cell in plain for stamp in cell.figures.get("stamps", []))
        return tuple(
            spoken(stamp) + ("" if n == len(plain) else f" ({n} of {len(plain)} cells)")
            for stamp, n in sorted(found.items())
        )

    def others(self, target: str) -> tuple[str, ...] | None:
        """The sources of leave-one-out: the largest planned set, where one is the largest."""
        planned = {cell.source for cell in self.cells if cell.target == target}
        size = max(map(len, planned), default=0)
        largest = [source for source in planned if len(source) == size]
        return largest[0] if len(largest) == 1 else None

    def planned(self, group: Group) -> int:
        """How many seeds a group is to have."""
        one = group.cells[0]
        return sum(
            (cell.method, cell.target, cell.source) == (one.method, one.target, one.source)
            for cell in self.cells
        )

    def leave_one_out(self, method: str, target: str) -> Group | None:
        """From all other systems, or without sources where the method takes none."""
        others = self.others(target)
        if others is None:
            return None
        return self.groups.get((method, target, others)) or self.groups.get((method, target, ()))


def read_study(folder: Path) -> Results:
    """A study folder; cells whose run is not finished have no figures.

    Raises:
      InputError: `study.json` is not there, or a file of it is not as docs/formats.md says.
    """
    plan = files.read_plan(folder)
    return Results(
        command=discreet(plan["command"]),
        preset=plan["preset"],
        protocol=plan["protocol"],
        reference=shown(plan["reference"]),
        cells=tuple(_filled(folder, _planned(cell)) for cell in plan["cells"]),
    )


def read_runs(folders: Sequence[Path]) -> list[Result]:
    """Finished run folders that have figures to compare.

    Raises:
      InputError: a folder holds no finished run, or one without labels.
    """
    return [_alone(folder) for folder in folders]


def _planned(cell: dict[str, Any]) -> Result:
    few_labels = cell.get("few_labels")
    given = "" if few_labels is None else f", {few_labels} labels {DAGGER}"
    return Result(
        method=shown(cell["method"] + given),
        target=shown(cell["target"]),
        source=tuple(sorted(map(shown, cell["source"]))),
        seed=cell["seed"],
        run=cell["run"],
        few_labels=few_labels,
        ours=cell.get("ours", False),
    )


def _alone(folder: Path) -> Result:
    """A run that no study planned."""
    figures = files.read_metrics(folder, measured=(*files.TOLD, *files.MEASURED))
    if "f1" not in figures:
        raise InputError(f"{folder}: a run without labels has no figures to compare")
    names = figures["method"], figures.get("expert"), DAGGER if labels_given(figures) else None
    return _filled(
        Path(),
        Result(
            method=shown(" ".join(filter(None, names))),
            target=shown(figures["target"]),
            source=tuple(sorted(map(shown, figures["source"]))),
            seed=figures["seed"],
            run=str(folder),
            settings=files.read_config(folder)["settings"],
        ),
    )


def _filled(root: Path, cell: Result) -> Result:
    """With the figures of its run, if that is finished."""
    folder = root / cell.run
    if not (folder / "metrics.json").is_file():
        return cell
    drawn = files.read_drawn(folder) if (folder / "figures.json").is_file() else {}
    beside = {name: _counts(counts) for name, counts in drawn.get("baselines", {}).items()}
    return replace(
        cell,
        figures=files.read_metrics(folder),
        blocks=_counts(drawn.get("blocks")),
        beside={name: counts for name, counts in beside.items() if counts is not None},
        page=(folder / "report.html").is_file(),
    )


def _counts(blocks: dict[str, list[int]] | None) -> np.ndarray | None:
    """`<int64>[K, 3]`, or None where there is no block."""
    if not blocks or not blocks["tp"]:
        return None
    return np.array([blocks[name] for name in ("tp", "fp", "fn")], dtype=np.int64).T
