"""What was flagged lately, in flat memory, and its causes.

In: `Judged`, one after another, from one thread. Out: `Causes`, from any thread.
"""

from collections import OrderedDict
from threading import Lock

import msgspec
import polars as pl

from glx.report import causes as grouping
from glx.report.models import Causes, Example
from glx.serve.judge import Judged

MOST = 100_000  # flagged sequences
LARGEST = 256 << 20  # bytes of them
TOGETHER = 64  # logs whose rows are joined at a time
BEFORE = "before"  # of a row: sequences that were judged before those of its log


class Kept:
    """The newest flagged sequences; of each cause the newest example, with lines.

    Args:
      most: sequences that are kept.
    """

    def __init__(self, most: int = MOST):
        self.most, self.judged, self.flagged = most, 0, 0
        self.parts = [pl.DataFrame(schema=grouping.COLUMNS | {BEFORE: pl.Int64})]
        self.examples: OrderedDict[str, Example] = OrderedDict()
        self.changing, self.grouping = Lock(), Lock()
        self.known: tuple[int, bytes] = -1, b""  # the causes as of so many that were judged

    def add(self, judged: Judged) -> None:
        """Keep what was flagged of a log."""
        with self.changing:
            if len(judged.flagged):
                before = pl.lit(self.judged, dtype=pl.Int64).alias(BEFORE)
                self.parts.append(judged.flagged.with_columns(before))
                if len(self.parts) > TOGETHER or over(self.parts, self.most):
                    self.parts = [newest(self.parts, self.most)]
            self.judged += judged.sequences
            self.flagged += len(judged.flagged)
            for cause in judged.causes:
                self.examples[cause.id] = cause.example
                self.examples.move_to_end(cause.id)
            while len(self.examples) > grouping.MOST:
                self.examples.popitem(last=False)

    def causes(self) -> Causes:
        """The causes of what is kept; `sequences` are those judged since the first of it."""
        with self.grouping:  # who asks at the same time gets the same
            with self.changing:
                judged, flagged, examples = self.judged, self.flagged, dict(self.examples)
                parts = self.parts
            if self.known[0] != judged:
                rows = newest(parts, self.most)
                found = grouping.causes(rows.drop(BEFORE))
                found.sequences = judged - (rows[BEFORE][0] if len(rows) < flagged else 0)
                for cause in found.causes:
                    cause.example = examples.get(cause.id, cause.example)
                self.known = judged, msgspec.json.encode(found)
            return msgspec.json.decode(self.known[1], type=Causes)


def over(parts: list[pl.DataFrame], most: int) -> bool:
    """Whether parts hold about twice of what is kept."""
    rows, size = sum(map(len, parts)), sum(part.estimated_size() for part in parts)
    return rows > 2 * most or size > 2 * LARGEST


def newest(parts: list[pl.DataFrame], most: int) -> pl.DataFrame:
    """The newest rows, as many as are kept."""
    rows = pl.concat(parts).tail(most)
    while len(rows) > 1 and rows.estimated_size() > LARGEST:
        rows = rows.tail(len(rows) // 2)
    return rows.rechunk()
