"""What was flagged, by cause: the event that decided, or the one that was missing.

In: rows of verdicts. Out: `Causes`, the most telling first, and which lines of the log show each.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import polars as pl

from glx.redact import Mask
from glx.report.anomalies import cut
from glx.report.models import Cause, Causes, Example, Line
from glx.verdicts import CAUSE, EVIDENCE, TIME

BINS = 20  # of a trend
MOST = 1_000  # causes that are kept
SESSIONS = 5  # named of a cause
SHOWN = 100  # causes that have lines
AROUND = 2  # lines before and after the one that decided
TEXT = 1_000  # characters of a line
# Where no event of a sequence weighs more than the others.
NO_EVENT = {"id": "none", "lacks": False, "text": "no event outweighs the others", "near": None}
Read = Callable[[str | None, set[int]], dict[int, str]]  # lines of a file, those that are there
COLUMNS: dict[str, Any] = {  # of the verdicts; those that may be missing are null then
    "file": pl.String,
    "key": pl.String,
    "first_line": pl.Int64,
    "last_line": pl.Int64,
    "score": pl.Float64,
    "anomalous": pl.Boolean,
    "evidence": EVIDENCE,
    "reason": pl.String,
    "cause": CAUSE,
    "time": pl.Datetime("ms"),
}


def causes(verdicts: pl.DataFrame) -> Causes:
    """The causes of what is flagged, by the highest score, then by how often.

    Args:
      verdicts: `COLUMNS`, a row for each sequence in the order of the log.
    """
    rows = verdicts.with_row_index("at")
    in_time = len(rows) > 0 and rows["time"].null_count() == 0
    axis = (rows["time"].dt.epoch("ms") if in_time else rows["at"]).to_numpy().astype(np.int64)
    low, high = (axis.min(), axis.max()) if len(axis) else (0, 0)
    place = np.minimum((axis - low) * BINS // max(high - low, 1), BINS - 1)
    flagged = (
        rows.with_columns(
            bin=pl.Series(place), cause=pl.col("cause").fill_null(pl.lit(NO_EVENT, dtype=CAUSE))
        )
        .filter("anomalous")
        .sort("score", "at", descending=[True, False])
    )
    first = [name for name in flagged.columns if name not in ("bin", "score", "anomalous")]
    groups = (
        flagged.group_by(pl.col("cause").struct.field("id"), maintain_order=True)
        .agg(
            pl.len().alias("count"),
            pl.col("score").max(),
            pl.col("time").min().alias("first_time"),
            pl.col("time").max().alias("last_time"),
            pl.col("bin").alias("bins"),
            pl.col("key").drop_nulls().unique(maintain_order=True).head(SESSIONS).alias("sessions"),
            *(pl.col(name).first() for name in first),
        )
        .sort("score", "count", descending=True, maintain_order=True)
    )
    times = pl.col("first_time", "last_time", "time").dt.to_string(TIME)
    found = [_cause(row) for row in groups.head(MOST).with_columns(times).iter_rows(named=True)]
    return Causes(
        sequences=len(rows), flagged=len(flagged), found=len(groups), in_time=in_time, causes=found
    )


def _cause(row: dict[str, Any]) -> Cause:
    cause = row["cause"]
    example = Example(
        file=row["file"],
        key=row["key"],
        first_line=row["first_line"],
        last_line=row["last_line"],
        time=row["time"],
        reason=row["reason"],
        near=cause["near"],
        evidence=[event["line"] for event in row["evidence"]],
    )
    texts = [event["text"] for event in row["evidence"]]
    if cause["text"] in texts:  # the line that decided before those that weighed more
        example.evidence.insert(0, example.evidence.pop(texts.index(cause["text"])))
    return Cause(
        id=cause["id"],
        lacks=cause["lacks"],
        text=cause["text"],
        count=row["count"],
        score=row["score"],
        first_time=row["first_time"],
        last_time=row["last_time"],
        trend=np.bincount(row["bins"], minlength=BINS).tolist(),
        sessions=row["sessions"],
        example=example,
    )


def since(found: Causes, before: Causes | None) -> Causes:
    """The same; what is not among the causes `before` is marked as new and put first."""
    if before is not None:
        known = {cause.id for cause in before.causes}
        for cause in found.causes:
            cause.new = cause.id not in known
        found.causes.sort(key=lambda cause: not cause.new)
    return found


def with_lines(causes: list[Cause], read: Read, mask: Mask, around: int = AROUND) -> None:
    """Give the examples of the first causes their lines, those that can be read.

    Args:
      mask: what becomes of a text where it is shown.
      around: lines before and after the one that decided.
    """
    shown = causes[:SHOWN]
    for file in dict.fromkeys(cause.example.file for cause in shown):
        of_file = [cause for cause in shown if cause.example.file == file]
        wanted = [_wanted(cause, around) for cause in of_file]
        texts = read(file, set().union(*wanted))
        for cause, numbers in zip(of_file, wanted, strict=True):
            there = sorted(numbers & texts.keys())
            cause.example.lines = [*_lines(there, texts, _own(cause.example), mask)]


def _own(example: Example) -> set[int]:
    """Lines that are of the sequence itself."""
    return {example.first_line, *example.evidence, example.last_line}


def _wanted(cause: Cause, around: int) -> set[int]:
    """Lines that show a cause: those that weighed, the first and the last, what is around one."""
    example = cause.example
    inside = not cause.lacks and example.evidence
    middle = example.evidence[0] if inside else example.last_line
    return _own(example) | set(range(max(middle - around, 0), middle + around + 1))


def _lines(numbers: list[int], texts: dict[int, str], own: set[int], mask: Mask) -> Iterable[Line]:
    """Lines that follow each other are masked together: one may name what the next one holds."""
    at = 0
    for end in range(1, len(numbers) + 1):
        if end < len(numbers) and numbers[end] == numbers[end - 1] + 1:
            continue
        rows = numbers[at:end]
        masked = mask("\n".join(texts[n].replace("\n", " ") for n in rows)).split("\n")
        if len(masked) != len(rows):  # of a key, whose lines became one
            rows, masked = rows[:1], [" ".join(masked)]
        for n, text in zip(rows, masked, strict=True):
            yield Line(n, cut(text, TEXT), n in own)
        at = end
