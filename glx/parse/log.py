"""A log of one file or of several that are read as one: which row of it is which line of a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from glx.parse.follow import Part
from glx.parse.sources import Live, LogPath

MOST_DETAILS = 20_000
DETAIL_LINES, DETAIL_CHARACTERS = 30, 1000  # of an event that are kept


@dataclass
class Log:
    """A log of one file or several, one after another.

    Its rows are the lines of all files, counted from 0 through all of them (those of tables without
    their headers).

    Attributes:
      files: in the order in which they are read.
      starts: the first row of each file that was begun to be read.
      parts: of a followed log the files that had its path in turn, and the first row of each.
      judged: every event of the rows before is in a sequence that `glx.data.stream` gave, now or
        in an earlier process.
      ended: `key` (str) and `last_line` (int64) of sessions that an earlier process was given and
        that reach beyond, by `last_line`; None: there is none left.
      details: by row of an event the lines below it that are its detail, such as stack frames; the
        latest `MOST_DETAILS` that were read. None: they are not kept.
      clock: of times without a year (or a date) the last one that was read, and how many years
        (days) were counted by then.
    """

    files: Sequence[LogPath]
    starts: list[int] = field(default_factory=list)
    parts: list[tuple[Part, int]] = field(default_factory=list)
    judged: int = 0
    ended: pl.DataFrame | None = None
    details: dict[int, str] | None = None
    clock: tuple[float | None, int] = (None, 0)

    def __str__(self) -> str:
        more = len(self.files) - 1
        return f"{self.files[0]}{f' and {more} more' if more else ''}"

    @property
    def live(self) -> bool:
        """Whether it is still being written."""
        return any(isinstance(file, Live) for file in self.files)

    @property
    def first_row(self) -> int:
        """Of what is read; not 0 where another process followed the log before."""
        first = self.files[0]
        return first.first_line if isinstance(first, Live) else 0

    def table(self) -> pl.DataFrame:
        """`file` and `first_line`, its first row; once all is read."""
        files = [str(file) for file in self.files]
        return pl.DataFrame({"file": files, "first_line": self.starts})

    def keep(self, details: Iterable[tuple[int, str]]) -> None:
        """Keep details that were read, in place of the oldest."""
        if self.details is not None:
            for row, text in details:
                before = self.details.get(row)
                whole = text if before is None else f"{before}\n{text}"
                self.details[row] = whole[:DETAIL_CHARACTERS]
            for row in list(self.details)[: max(len(self.details) - MOST_DETAILS, 0)]:
                del self.details[row]

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The file of each row (`<int64>`, any shape), and the row in it; both from 0."""
        starts = np.array(self.starts or [0])
        file = np.searchsorted(starts, rows, side="right") - 1
        return file, rows - starts[file]


def log_of(given: "Log | LogPath") -> Log:
    """A log as it is, or that of one file."""
    return given if isinstance(given, Log) else Log([given])
