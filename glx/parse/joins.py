r"""Lines that belong to the record above them: stack traces, statements over several lines.

In: the lines of a block that begin no record. Out: which of them are events of their own (an
exception's class and message, the end of a Python trace) and which are *detail* of the record above
(stack frames, indented lines), and the session, time and level that all of them take from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

RECORD, JOINED, DETAIL, EMPTY = range(4)  # begins a record; event below one; detail; blank

# Patterns (Rust syntax) of collapsed lines: every run of digits is one 0.
FRAME = (  # a stack frame where it is indented
    r"^\s+(?:at \S|File \"[^\"]*\", line 0|from \S+:0:in |\.\.\. 0 (?:more|common)|#0 |0: \S)"
    r"|^goroutine 0 \[|^stack backtrace:$|^created by \S+ in goroutine 0|^\s*--- End of "
)
FRAME_AT_MARGIN = (  # Java and Python without indentation, Ruby, Node, PHP, Go
    r"^at \S+\(.*\)$|^\.\.\. 0 (?:more|common)|^File \"[^\"]*\", line 0|^\S+:0:in [`'][^']*'$"
    r"|^(?:\S*/)?[\w.-]+:0(?::0)?$|^#0 |^[\w./-]+\.[\w.()*\[\]-]+\([0-9a-fx{}., ?]*\)$|^created by "
)
# An exception below another is an event wherever it stands.
CAUSE = r"^\s*(?:Caused by: |Suppressed: |Wrapped by: |---> )"
UNCAUGHT = (  # how a program reports an exception or panic that it did not handle
    r"^Traceback \(most recent call last\)|^Exception in thread |^panic: |^fatal error: "
    r"|^thread '.*' (?:\(0\) )?panicked|^Unhandled exception|^Uncaught |^PHP Fatal error: "
)
EXCEPTION = (
    rf"{CAUSE}|{UNCAUGHT}"
    r"|^(?:[A-Za-z_][\w$]*[.:]+)*[A-Z]\w*(?:Error|Exception)(?::|$)"
)


@dataclass(frozen=True)
class Above:
    """What the lines below a record take from it.

    Attributes:
      line: at which it begins.
      key, time, level: as in the frames of `records`.
    """

    line: int
    key: str | None
    time: float | None
    level: str | None


def below(texts: pl.Series) -> np.ndarray:
    """`<int8>[N]` what a collapsed line is that fits no header: JOINED or DETAIL."""
    detail = texts.str.contains(rf"^\s|{FRAME}|{FRAME_AT_MARGIN}|^[^\p{{L}}\p{{N}}]*$")
    detail &= ~texts.str.contains(CAUSE)
    return np.where(detail.to_numpy(), DETAIL, JOINED).astype(np.int8)


def beginnings(lines: Sequence[str]) -> list[str]:
    """The lines that may begin a record; all of them where none does."""
    collapsed = pl.Series(lines, dtype=pl.String).str.replace_all("[0-9]+", "0")
    inside = (below(collapsed) == DETAIL) | collapsed.str.contains(EXCEPTION).to_numpy()
    return [line for line, within in zip(lines, inside, strict=True) if not within] or [*lines]


def of_traces(texts: pl.Series) -> np.ndarray:
    """`<int8>[N]` the same where lines have no header: what is part of no trace is a RECORD."""
    role = np.where(texts.str.contains(FRAME).to_numpy(), DETAIL, RECORD).astype(np.int8)
    role[texts.str.contains(EXCEPTION).to_numpy()] = JOINED
    return role


def spread_detail(role: np.ndarray, indented: np.ndarray) -> np.ndarray:
    """`<int8>[N]` roles, where indented lines right below a stack frame are detail too.

    Args:
      role: `<int8>[N]` of the rows of a block.
      indented: `<bool>[N]`.
    """
    at = np.arange(len(role))
    may = indented & (role == RECORD)
    last = np.maximum.accumulate(np.where(may, -1, at))  # the row above them
    return np.where(may & (last >= 0) & (role[last] == DETAIL), DETAIL, role).astype(np.int8)


def owners(role: np.ndarray, source: np.ndarray) -> np.ndarray:
    """`<int64>[N]` the row that begins the record of each row; -1: it began before the block.

    Args:
      source: `<uint32>[N]` where lines are from; those of different containers may alternate.
    """
    order = np.argsort(source, kind="stable")
    start = np.maximum.accumulate(np.where(role[order] == RECORD, np.arange(len(role)), -1))
    own = (start >= 0) & (source[order[start]] == source[order])
    owner = np.empty(len(role), dtype=np.int64)
    owner[order] = np.where(own, order[start], -1)
    return owner


def take_from(frame: pl.DataFrame, owner: np.ndarray) -> pl.DataFrame:
    """The frame with the key, time and level of the owner where a row has none (-1: nobody's)."""
    above = frame.select("key", "time", "level")[np.maximum(owner, 0)]
    theirs = pl.Series(owner >= 0)
    return frame.with_columns(
        frame[name].zip_with(frame[name].is_not_null() | ~theirs, above[name])
        for name in above.columns
    )


def continued(frame: pl.DataFrame, rows: np.ndarray, above: Above) -> pl.DataFrame:
    """The frame whose `rows` take what they lack from a record of a block before."""
    lacks = np.zeros(len(frame), dtype=bool)
    lacks[rows] = True
    return frame.with_columns(
        pl.when(pl.lit(pl.Series(lacks)) & pl.col(name).is_null())
        .then(pl.lit(getattr(above, name), frame.schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name in ("key", "time", "level")
    )
