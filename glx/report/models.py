"""The JSON files of runs and studies as types, shared by what writes them and what reads them.

In: a folder. Out: what its `metrics.json`, `figures.json`, `config.json` or `study.json` holds
(docs/formats.md); a file that does not fit is refused by its path and the field. Unknown fields are
ignored; those that only GeneralLog has are `UNSET` elsewhere and then not written.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType

from glx.errors import InputError
from glx.evaluate.audit import Finding
from glx.files import write_whole

MAX = sys.float_info.max
Number = Annotated[float, Meta(ge=-MAX, le=MAX)]  # finite
Ends = tuple[Number | None, Number | None]  # of a 95 % interval; null where it is not defined
T = TypeVar("T", bound=Struct)


class Confusion(Struct):
    """Counts of decisions against labels."""

    tp: int
    fp: int
    fn: int
    tn: int


class DetectorMetrics(Struct, kw_only=True):
    """What one detector is worth; null where a figure is not defined."""

    f1: Number | None
    precision: Number | None
    recall: Number | None
    auprc: Number | None
    auroc: Number | None
    oracle_f1: Number | None


class BaselineMetrics(DetectorMetrics, kw_only=True):
    """A trivial detector at its own label-free threshold."""

    f1_interval: Ends
    threshold: Number | None


class PartMetrics(DetectorMetrics, kw_only=True):
    """The detector on a part of what was scored."""

    n_sequences: int
    mcc: Number | None
    oracle_threshold: Number | None
    prevalence: Number | None
    confusion: Confusion


class Metrics(Struct, kw_only=True):
    """`metrics.json` of a run on a target without labels; `Measured` adds what labels give."""

    method: str
    target: str
    source: list[str]
    seed: int
    protocol: str
    stamps: list[str]
    audit: list[Finding]
    threshold: Number
    n_sequences: int
    n_distinct: int
    n_anomalous: int
    abstained: int
    target_labels: int
    wall_seconds: Number
    n_lines: int
    lines_per_second: Number
    peak_memory_mb: Number
    read: dict[str, int]
    expert: str | UnsetType = UNSET
    tau: Number | UnsetType = UNSET
    share_proprietary: Number | UnsetType = UNSET
    n_similarities: int | UnsetType = UNSET
    share_over_tau: list[tuple[Number, Number]] | UnsetType = UNSET
    warning: str | UnsetType | None = UNSET
    questions: int | UnsetType = UNSET
    share_answered: Number | UnsetType = UNSET
    llm_calls: int | UnsetType = UNSET
    llm_tokens_in: int | UnsetType = UNSET
    llm_tokens_out: int | UnsetType = UNSET
    cache_hits: int | UnsetType = UNSET
    dropped_events: int | UnsetType = UNSET
    uncertain: int | UnsetType = UNSET


class Measured(Metrics, kw_only=True):
    """`metrics.json` of a run on a target with labels: also the fields of `PartMetrics`."""

    f1: Number | None
    f1_interval: Ends
    precision: Number | None
    recall: Number | None
    mcc: Number | None
    auprc: Number | None
    auroc: Number | None
    oracle_f1: Number | None
    oracle_threshold: Number | None
    prevalence: Number
    confusion: Confusion
    false_alarms: int
    false_alarms_per_10k: Number
    false_alarms_per_day: Number | None
    supervised_ceiling: Number | None
    template_ceiling: Number | None
    baselines: dict[str, BaselineMetrics]
    distinct: PartMetrics
    seen: PartMetrics
    unseen: PartMetrics
    f1_general: Number | UnsetType | None = UNSET
    f1_proprietary: Number | UnsetType | None = UNSET


class Columns(Struct):
    """Lists of equal length; `edges` has one more than the counts between them."""

    def __post_init__(self) -> None:
        columns = msgspec.structs.asdict(self)
        columns |= columns.get("routes", {})
        sizes = {len(v) - (k == "edges") for k, v in columns.items() if isinstance(v, list)}
        if len(sizes) > 1:
            raise ValueError("the lists must be equally long, edges one more")


class Curve(Columns):
    """Precision and recall at cuts, from the highest threshold down."""

    recall: list[Number]
    precision: list[Number]
    threshold: list[Number]


class Timeline(Columns):
    """Sequences by when they begin; `anomalous` is null without labels."""

    axis: Literal["time", "line", "row"]
    edges: list[Number]
    sequences: list[int]
    flagged: list[int]
    anomalous: list[int] | None


class ScoreBins(Columns):
    """Sequences by score, of each route (`all` without routes)."""

    edges: list[Number]
    routes: dict[str, list[int]]


class SimilarityBins(Columns):
    """Sequences by the cosine of their least familiar event, and the router's cut."""

    edges: list[Number]
    count: list[int]
    tau: Number


class Blocks(Columns):
    """Confusion counts in blocks of the test part, of which there is at least one."""

    tp: Annotated[list[int], Meta(min_length=1)]
    fp: list[int]
    fn: list[int]

    def array(self) -> np.ndarray:
        """`<int64>[K, 3]` of `K` blocks."""
        return np.array([self.tp, self.fp, self.fn], dtype=np.int64).T


class Plots(Struct):
    """`figures.json`: the data of pictures; null where there is nothing to show."""

    curve: Curve | None
    timeline: Timeline
    scores: ScoreBins
    similarity: SimilarityBins | None
    blocks: Blocks | None
    baselines: dict[str, Blocks]


class Line(Struct):
    """A line of a log as it is shown; `own` where it is of the sequence."""

    line: int
    text: str
    own: bool


class Example(Struct, kw_only=True):
    """A sequence that a cause flagged.

    Attributes:
      file: its log; None where that goes without saying.
      near: of a new event, the known one that reads most like it.
      evidence: lines that weighed, the deciding one first.
      lines: some of the log; none where it cannot be read again.
    """

    file: str | None
    key: str | None
    first_line: int
    last_line: int
    time: str | None
    reason: str | None
    near: str | None
    evidence: list[int]
    lines: list[Line] = []


class Cause(Struct, kw_only=True):
    """Why sequences were flagged: an event that they hold, or one that they lack.

    Attributes:
      id: the same in every run.
      score: the highest.
      trend: how many were flagged in each of equal parts of the log.
      sessions: some of them.
      new: not among the causes of an earlier run; None where it was not compared with one.
      muted, note: what people said of it.
    """

    id: str
    lacks: bool
    text: str
    count: int
    score: Number
    first_time: str | None
    last_time: str | None
    trend: list[int]
    sessions: list[str]
    example: Example
    new: bool | None = None
    muted: bool = False
    note: str = ""


class Causes(Struct, kw_only=True):
    """`causes.json`: what was flagged, by cause.

    Attributes:
      sequences, flagged: how many.
      found: how many causes, of which the first are in `causes`.
      in_time: the parts of the trends are of equal time, else of as many sequences.
    """

    sequences: int
    flagged: int
    found: int
    in_time: bool
    causes: list[Cause]


class Config(Struct):
    """`config.json`: every setting, what it ran with and on."""

    settings: dict[str, Any]
    packages: dict[str, str]
    device: str
    commit: str | None


class PlannedCell(Struct):
    """A run of a study: its folder below the study's, and what it is."""

    run: str
    method: str
    target: str
    source: tuple[str, ...]
    seed: int
    ours: bool = False
    few_labels: str | None = None


class Plan(Struct):
    """`study.json`: all runs that are planned; `reference` is what an ablation compares with."""

    name: str
    command: str
    preset: str
    protocol: str
    reference: str | None
    cells: tuple[PlannedCell, ...]


NAMES: dict[type[Struct], str] = {
    **{Metrics: "metrics.json", Measured: "metrics.json"},
    **{Plots: "figures.json", Config: "config.json", Plan: "study.json", Causes: "causes.json"},
}
ABSENT = {  # what a folder without them is
    "metrics.json": "no finished run (no metrics.json)",
    "study.json": "no study (no study.json)",
}


def typed(values: Any, kind: type[T]) -> T:
    """JSON values as a type; `Metrics` with an F1 are `Measured`.

    Raises:
      msgspec.ValidationError: a field is missing or of another type.
    """
    labels = kind is Metrics and isinstance(values, dict) and "f1" in values
    return msgspec.convert(values, Measured if labels else kind)  # type: ignore[return-value]


def path_of(folder: Path, kind: type[Struct]) -> Path:
    """The file of this type in a folder of a run or study."""
    return folder / NAMES[kind]


def read(folder: Path, kind: type[T]) -> T:
    """The file of this type.

    Raises:
      InputError: it is not there, or damaged: the message names file and field.
    """
    path = path_of(folder, kind)
    if not path.is_file():
        earlier = f"no {path.name}, as in runs of an earlier glx; repeat the run with --overwrite"
        raise InputError(f"{folder}: {ABSENT.get(path.name, earlier)}")
    try:
        return typed(json.loads(path.read_bytes()), kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}; the file is damaged, make it anew") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None


def write(folder: Path, value: Struct) -> None:
    """Write the file of this type, whole or not at all."""
    indent = None if isinstance(value, Plots) else 1
    text = json.dumps(msgspec.to_builtins(value), indent=indent)
    write_whole(path_of(folder, type(value)), text + "\n")
