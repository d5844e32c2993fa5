"""How well lines are grouped by event: ours on raw files, nothing told about them, and Drain3.

In: loghub's 2,000-line samples of 16 systems (Zhu et al., "Loghub: A Large Collection of System Log
Datasets for AI-driven Log Analytics", ISSRE 2023), whose `EventId` is the truth. Out: grouping
accuracy (GA; Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019) and F1
of groups (FGA; Khan et al., "Guidelines for Assessing the Accuracy of Log Message Template
Identification Techniques", ICSE 2022) of each.
"""

import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import zstandard

from glx.errors import InputError
from glx.parse.events import collect, fit_part
from glx.parse.header import layout_of
from glx.parse.read import ReadCounts
from glx.parse.records import records

SAMPLES = "loghub_2k/loghub_2k.tar.zst"
KEPT_NUMBER = re.compile(r"\b(?:0x)?[0-9][0-9A-Fa-f]*\b")
LEVEL = re.compile(r"^(?:WARN|ERROR|FATAL) ")
NO_EVENT = -1  # of a line that is part of another one's record
HEADINGS = ("system", "groups", "GA", "FGA", "events: GA", "FGA", "Drain3: GA", "FGA")


@dataclass(frozen=True)
class Grouping:
    """GA and FGA of a system.

    Attributes:
      groups: of the truth.
      ours: of our statements (`statements`).
      events: of our events.
      drain3: of Drain3's clusters.
    """

    system: str
    groups: float
    ours: tuple[float, float]
    events: tuple[float, float]
    drain3: tuple[float, float]


def measure(data_dir: Path | None, folder: Path) -> list[Grouping]:
    """Every system, then the means of all.

    Args:
      data_dir: folder of docs/data.md.
      folder: to unpack to.

    Raises:
      InputError: no samples there.
    """
    path = data_dir and data_dir / SAMPLES
    if not path or not path.is_file():
        raise InputError(f"--what=group: no {path or SAMPLES}; name its folder with --data_dir")
    with (
        path.open("rb") as packed,
        zstandard.ZstdDecompressor().stream_reader(packed) as unpacked,
        tarfile.open(fileobj=unpacked, mode="r|") as tar,
    ):
        tar.extractall(folder, filter="data")
    found = [_measured(log) for log in sorted(folder.glob("**/*_2k.log"))]
    groups = sum(one.groups for one in found) / len(found)
    scores = np.mean([(one.ours, one.events, one.drain3) for one in found], axis=0)
    return [*found, Grouping("mean", groups, *map(tuple, scores.tolist()))]


def _measured(log: Path) -> Grouping:
    table = pl.read_csv(f"{log}_structured.csv", infer_schema=False)
    truth = _codes(table["EventId"])
    events, templates = ours(log, len(truth))
    return Grouping(
        system=log.parent.name,
        groups=len(set(truth)),
        ours=agreement(truth, statements(events, templates)),
        events=agreement(truth, events),
        drain3=agreement(truth, drain3(table["Content"].fill_null("").to_list())),
    )


def ours(log: Path, lines: int) -> tuple[np.ndarray, list[str]]:
    """`<int>[lines]` the event of each line of a raw file, all of which is mined; the templates."""
    frame, texts = collect(records(log, layout_of(log), ReadCounts()))
    codes = frame["text"].to_numpy()
    miner, ids = fit_part(codes, texts, np.ones(len(codes), bool))
    events = np.full(lines, NO_EVENT)
    events[frame["line"].to_numpy()] = ids
    return events, miner.templates.texts


def statements(events: np.ndarray, templates: Sequence[str]) -> np.ndarray:
    """`<int>[N]` the statement of each event: its template without what the truth leaves out.

    Ours tells levels, status codes and error numbers apart on purpose; in the truth levels are in a
    column of their own, and numbers are values.
    """
    bare = [KEPT_NUMBER.sub("<*>", LEVEL.sub("", text)) for text in templates]
    places = np.array([*map(bare.index, bare), NO_EVENT])  # that of no event is the last
    return places[events]


def drain3(texts: Sequence[str]) -> np.ndarray:
    """`<int>[N]` the cluster of each text by Drain3 as it comes."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    miner = TemplateMiner(config=TemplateMinerConfig())
    return np.array([miner.add_log_message(text)["cluster_id"] for text in texts])


def agreement(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """GA, the share of lines whose group is one of the truth's, and FGA, the F1 of the groups."""
    lines: dict[int, set[int]] = {}
    for line, group in enumerate(truth):
        lines.setdefault(group, set()).add(line)
    groups: dict[int, set[int]] = {}
    for line, group in enumerate(found):
        groups.setdefault(group, set()).add(line)
    right = [group for group in groups.values() if lines[truth[min(group)]] == group]
    return sum(map(len, right)) / len(truth), 2 * len(right) / (len(groups) + len(lines))


def markdown(rows: Sequence[Grouping]) -> str:
    """The table in Markdown."""
    ruler = "|".join(" --: " if n else " --- " for n in range(len(HEADINGS)))
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{ruler}|"]
    for row in rows:
        found = (*row.ours, *row.events, *row.drain3)
        values = " | ".join(f"{value:.3f}" for value in found)
        lines.append(f"| {row.system} | {row.groups:.0f} | {values} |")
    return "\n".join(lines) + "\n"


def _codes(names: pl.Series) -> np.ndarray:
    return names.rank("dense").to_numpy().astype(int)
