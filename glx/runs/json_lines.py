"""Verdicts as lines of JSON, each line of a log as a line of its own file.

In: rows of `glx.verdicts.rows` and the log that they are about. Out: objects of JSON.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from glx.parse.log import Log
from glx.redact import Mask
from glx.terminal import escaped
from glx.verdicts import json_lines

Lines = Callable[[pl.DataFrame, Log], pl.Series]  # what makes a line (str) of each verdict


def text_of(found: pl.DataFrame, log: Log, mask: Mask, lines: Lines | None = None) -> str:
    """Rows of `glx.verdicts.rows`, at least one, as lines that are safe to look at.

    Args:
      lines: `json_of`, unless it is another one.
    """
    made = (lines or json_of)(with_detail(found, log, mask), log)
    return escaped(made.str.join("\n")[0]) + "\n"


def json_of(found: pl.DataFrame, log: Log) -> pl.Series:
    """Rows of `glx.verdicts.rows` as objects of JSON (str), each line a row of its own file."""
    if len(log.files) == 1:
        return json_lines(found, file=str(log.files[0]))
    file, _ = log.places(found["first_line"].to_numpy())
    last, _ = log.places(found["last_line"].to_numpy())
    of_row = np.empty(len(found), dtype=object)
    for n in np.unique(file[file == last]).tolist():
        rows_of = (file == n) & (last == n)
        own = _moved(found.filter(pl.Series(rows_of)), -log.starts[n])
        of_row[rows_of] = json_lines(own, file=str(log.files[n])).to_list()
    over = file != last
    texts = json_lines(found.filter(pl.Series(over))).to_list()
    of_row[over] = [_over_files(json.loads(text), log) for text in texts]
    return pl.Series(of_row, dtype=pl.String)


def with_detail(found: pl.DataFrame, log: Log, mask: Mask) -> pl.DataFrame:
    """Verdicts with `detail` (str): of a flagged sequence, what stands below its evidence."""
    kept = log.details or {}
    flagged = found["anomalous"].fill_null(False).to_numpy()
    detail: list[str | None] = [None] * len(found)
    for n in np.flatnonzero(flagged).tolist() if kept else ():
        events = [e for e in found["evidence"][n] if e["line"] in kept]
        below = (_below(e["text"], kept[e["line"]], mask) for e in events)
        detail[n] = "\n".join(below) or None
    return found.with_columns(detail=pl.Series(detail, dtype=pl.String))


def _below(text: str, detail: str, mask: Mask) -> str:
    """A detail as it is shown; the text above it may name what it holds: `password:`."""
    line = text.rpartition("\n")[2]
    return mask(f"{line}\n{detail}").partition("\n")[2]


def _moved(found: pl.DataFrame, by: int) -> pl.DataFrame:
    """Rows of verdicts whose lines count from elsewhere."""
    line = pl.element().struct.field("line") + by
    moved = pl.col("evidence").list.eval(pl.element().struct.with_fields(line.alias("line")))
    return found.with_columns(pl.col("first_line") + by, pl.col("last_line") + by, moved)


def _over_files(verdict: dict[str, Any], log: Log) -> str:
    """JSON of a sequence over several files: `last_file`, and `file` where evidence is not of the
    first."""

    def place(row: int) -> tuple[str, int]:
        n, line = log.places(np.array(row))
        return str(log.files[int(n)]), int(line)

    file, first_line = place(verdict["first_line"])
    last_file, last_line = place(verdict["last_line"])
    verdict |= {"first_line": first_line, "last_line": last_line}
    for entry in verdict["evidence"]:
        of, entry["line"] = place(entry["line"])
        if of != file:
            entry["file"] = of
    placed = {"file": file, "last_file": last_file} | verdict
    return json.dumps(placed, ensure_ascii=False, separators=(",", ":"))
