"""The causes of what a run or `glx detect` flagged, with the lines that show them.

In: a run folder, or the lines of JSON of `glx detect`. Out: `Causes`.
"""

import io
from pathlib import Path

import polars as pl

from glx.data.load import Parsed
from glx.errors import InputError
from glx.parse.lines import raw_lines
from glx.redact import Mask
from glx.report import causes as grouping
from glx.report import models
from glx.report.models import Cause, Causes
from glx.runs.json_lines import json_of
from glx.runs.judged_lines import reader
from glx.runs.position import begun
from glx.verdicts import TIME
from glx.watch import otlp

WRITTEN = {"time": pl.String, "last_file": pl.String}  # as JSON has them


def of_run(target: Parsed, verdicts: pl.DataFrame, mask: Mask) -> Causes:
    """The causes of a run, with lines where the target has any.

    Args:
      verdicts: `verdicts.parquet`.
    """
    judged = verdicts.filter(split="test")
    layout, log = target.parser.layout, target.log
    if len(log.files) == 1:
        judged = judged.with_columns(file=pl.lit(str(log.files[0])))
    else:  # each line as a line of its own file
        judged = _table("\n".join(json_of(judged, log)).encode() + b"\n")
    found = grouping.causes(judged)
    if layout is None or target.parser.numbers is not None:
        return found

    def read(file: str | None, wanted: set[int]) -> dict[int, str]:
        if file is None or file not in map(str, log.files):  # a sequence over two of them
            return {}
        return raw_lines(Path(file), layout, wanted)

    grouping.with_lines(found.causes, read, mask)
    return found


def of_path(path: Path, mask: Mask, *later: Path) -> Causes:
    """The causes of a run folder, of its `causes.json`, or of what `glx detect` wrote.

    Args:
      later: files that it went on in after the first one was rotated.

    Raises:
      InputError: one is none of these, or damaged.
    """
    if not later and path.is_dir():
        return models.read(path, Causes)
    if not later and path.name == "causes.json":
        return models.read(path.parent, Causes)
    found = grouping.causes(pl.concat(map(_verdicts, (path, *later))))
    grouping.with_lines(found.causes, reader(found.causes, begun((path, *later)[-1])), mask)
    return found


def with_more_lines(cause: Cause, path: Path, around: int, mask: Mask) -> Cause:
    """A cause of `of_path` with so many lines before and after the one that decided; with none
    where the log cannot be read again."""
    grouping.with_lines([cause], reader([cause], begun(path)), mask, around)
    return cause


def _verdicts(path: Path) -> pl.DataFrame:
    """The columns `COLUMNS` of lines of JSON; of a file that is still written, up to its last
    whole line."""
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise InputError(
            f"{path}: cannot be read ({e.strerror}); name a run folder or the file of "
            "`glx detect --out`"
        ) from e
    if raw.startswith(otlp.BEGINS):
        raise _no_verdicts(path, "it is OTLP, which has no evidence; that has --verdicts=jsonl")
    try:
        rows = _table(raw[: raw.rfind(b"\n") + 1])
    except pl.exceptions.PolarsError as e:
        raise _no_verdicts(path, str(e).splitlines()[0]) from e
    if rows["first_line"].null_count() or rows["evidence"].null_count():
        raise _no_verdicts(path, "a line without first_line or evidence")
    flagged = rows.filter("anomalous")
    if len(flagged) and flagged["cause"].null_count() == len(flagged):
        raise _no_verdicts(path, "no line has a cause, as those of an earlier glx")
    return rows


def _table(raw: bytes) -> pl.DataFrame:
    """The columns `COLUMNS` of lines of JSON."""
    if not raw:
        return pl.DataFrame(schema=grouping.COLUMNS)
    rows = pl.read_ndjson(io.BytesIO(raw), schema=grouping.COLUMNS | WRITTEN)
    # No file has this name: lines of a sequence over several files are not looked for.
    over = pl.col("last_file").is_not_null()
    both = pl.format("{} to {}", "file", "last_file")
    return rows.with_columns(
        pl.when(over).then(both).otherwise("file").alias("file"),
        pl.col("time").str.to_datetime(TIME, time_unit="ms"),
    ).drop("last_file")


def _no_verdicts(path: Path, why: str) -> InputError:
    return InputError(
        f"{path}: not what `glx detect --out` writes ({why}); name such a file or a run folder"
    )
