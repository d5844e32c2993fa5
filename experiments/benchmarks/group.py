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
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from glx.errors import InputError
from glx.parse.events import collect, fit_part
from glx.parse.header import layout_of
from glx.parse.read import ReadCounts, open_text
from glx.parse.records import records

SAMPLES = "loghub_2k/loghub_2k.tar.zst"
KEPT_NUMBER = re.compile(r"\b(?:0x)?[0-9][0-9A-Fa-f]*\b")
LEVEL = re.compile(r"^(?:WARN|ERROR|FATAL) ")
NO_EVENT = -1  # of a line that is part of another one's record
HEADINGS = ("system", "groups", "GA", "FGA", "Drain3: GA", "FGA")


@dataclass(frozen=True)
class Grouping:
    """A system: how many groups there are in truth, GA and FGA of ours and of Drain3."""

    system: str
    groups: float
    ours: tuple[float, float]
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
    with open_text(path) as file, tarfile.open(fileobj=BytesIO(file.read())) as archive:
        archive.extractall(folder, filter="data")
    found = [_measured(log) for log in sorted(folder.glob("**/*_2k.log"))]
    means = [np.mean([[one.groups, *one.ours, *one.drain3] for one in found], axis=0)]
    return found + [Grouping("mean", n, (a, b), (c, d)) for n, a, b, c, d in means]


def _measured(log: Path) -> Grouping:
    table = pl.read_csv(f"{log}_structured.csv", infer_schema=False)
    truth = _codes(table["EventId"])
    theirs = agreement(truth, drain3(table["Content"].fill_null("").to_list()))
    return Grouping(
        log.parent.name, len(set(truth)), agreement(truth, ours(log, len(truth))), theirs
    )


def ours(log: Path, lines: int) -> np.ndarray:
    """`<int>[lines]` the event of each line of a raw file; templates are mined from all of them."""
    frame, texts = collect(records(log, layout_of(log), ReadCounts()))
    found = np.full(lines, NO_EVENT)
    found[frame["line"].to_numpy()] = statements(frame["text"].to_numpy(), texts)
    return found


def statements(codes: np.ndarray, texts: list[str]) -> np.ndarray:
    """`<int>[E]` the statement of each event: its template without what the truth leaves out.

    Ours tells levels, status codes and error numbers apart on purpose; in the truth levels are in a
    column of their own, and numbers are values.
    """
    miner, ids = fit_part(codes, texts, np.ones(len(codes), bool))
    bare = [KEPT_NUMBER.sub("<*>", LEVEL.sub("", text)) for text in miner.templates.texts]
    return np.array([bare.index(text) for text in bare])[ids]


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
        values = " | ".join(f"{value:.3f}" for value in (*row.ours, *row.drain3))
        lines.append(f"| {row.system} | {row.groups:.0f} | {values} |")
    return "\n".join(lines) + "\n"


def _codes(names: pl.Series) -> np.ndarray:
    return names.rank("dense").to_numpy().astype(int)
