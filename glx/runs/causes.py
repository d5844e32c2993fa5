"""The causes of what a run or `glx detect` flagged, with the lines that show them.

In: a run folder, or the lines of JSON of `glx detect`. Out: `Causes`.
"""

import io
import re
from pathlib import Path

import polars as pl

from glx.data.load import Parsed
from glx.errors import InputError
from glx.parse.header import layout_of
from glx.parse.lines import raw_lines
from glx.redact import Mask
from glx.report import causes as grouping
from glx.report import models
from glx.report.models import Cause, Causes
from glx.runs.json_lines import json_of
from glx.verdicts import TIME
from glx.watch import otlp

WORD = re.compile(r"[^\W\d_]{3,}")
WRITTEN = {"time": pl.String, "last_file": pl.String}  # as JSON has them
ALIKE = 0.5  # share of a template's words that its line has at least


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


def of_path(path: Path, mask: Mask) -> Causes:
    """The causes of a run folder, of its `causes.json`, or of what `glx detect` wrote.

    Raises:
      InputError: it is none of these, or damaged.
    """
    if path.is_dir():
        return models.read(path, Causes)
    if path.name == "causes.json":
        return models.read(path.parent, Causes)
    found = grouping.causes(_verdicts(path))
    grouping.with_lines(found.causes, _reader(found.causes), mask)
    return found


def with_more_lines(cause: Cause, around: int, mask: Mask) -> Cause:
    """The cause with so many lines before and after the one that decided; with none where the log
    cannot be read again."""
    grouping.with_lines([cause], _reader([cause]), mask, around)
    return cause


def _reader(causes: list[Cause]) -> grouping.Read:
    """What reads lines of the logs of causes that are still those that were judged."""
    by_file: dict[str | None, list[Cause]] = {}
    for cause in causes:
        by_file.setdefault(cause.example.file, []).append(cause)

    def read(file: str | None, wanted: set[int]) -> dict[int, str]:
        there = {} if file is None else _read(Path(file), wanted)
        # A file that was rotated or written anew holds other lines now.
        same = (alike(cause, there) for cause in by_file[file] if not cause.lacks)
        return there if all(same) else {}

    return read


def alike(cause: Cause, lines: dict[int, str]) -> bool:
    """Whether the line that decided may be of its template: it has half of the words, if any."""
    words, line = WORD.findall(cause.text), (cause.example.evidence or [-1])[0]
    return sum(word in lines.get(line, "") for word in words) >= ALIKE * len(words)


def _read(file: Path, wanted: set[int]) -> dict[int, str]:
    """Lines of a file; none where it cannot be read any more, or can be read only once."""
    if not file.is_file():
        return {}
    try:
        return raw_lines(file, layout_of(file), wanted)
    except InputError:
        return {}


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
