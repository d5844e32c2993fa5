"""Lines of a log that was judged, from the files that hold them by now.

In: causes, and the files that a followed log was in. Out: what reads lines of it by their numbers.
A file that was rotated since is found by its name; lines of a followed log, which are counted
through rotations, by where the last files of it began. Of files that are not those that were judged
no line is given.
"""

import io
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from glx.data.inputs import PACKED
from glx.errors import InputError
from glx.parse.follow import since, written
from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.lines import WORD, raw_lines, row_count, says
from glx.parse.log import Log
from glx.parse.read import ReadCounts
from glx.parse.records import records, repeats
from glx.parse.sources import Remote
from glx.report import causes as grouping
from glx.report.causes import Read
from glx.report.models import Cause
from glx.runs.position import Begun
from glx.verdicts import TIME

MOST_READ = 1 << 29  # bytes of a file
NEAR = 0.002  # seconds between a time and what a verdict says of it, which is to the millisecond


@dataclass(frozen=True)
class Place:
    """A file that holds lines of a log, and the numbers of the first one and of the one after.

    It is `known` where it need not be told by its lines.
    """

    path: str
    first: int = 0
    end: float = float("inf")
    known: bool = True


def reader(causes: Sequence[Cause], begun: Sequence[Begun] = ()) -> Read:
    """What reads lines of the logs of causes.

    Args:
      begun: where the files of a followed log began; none of one that was read once.
    """
    by_file: dict[str | None, list[Cause]] = {}
    for cause in causes:
        by_file.setdefault(cause.example.file, []).append(cause)

    def read(file: str | None, wanted: set[int]) -> dict[int, str]:
        if file is None or not wanted:
            return {}
        if begun:
            places = _through_rotations(file, begun, min(wanted))
            return {n: text for place in places for n, text in one(file, place, wanted).items()}
        return next(filter(None, (one(file, place, wanted) for place in _by_name(file))), {})

    def one(file: str, place: Place, wanted: Collection[int]) -> dict[int, str]:
        inside = {n - place.first for n in wanted if place.first <= n < place.end}
        layout = _layout(place.path)
        if layout is None or not inside:
            return {}
        try:
            raw = raw_lines(place.path, layout, inside)
        except InputError:
            return {}
        there = {place.first + n: text for n, text in raw.items()}
        here = [c for c in by_file[file] if _telling(c) - place.first in inside]
        proofs = [proof for cause in here for proof in _proofs(cause, there, layout)]
        return there if all(proofs) and (proofs or place.known) else {}

    return read


def lines_of(rows: pl.DataFrame, log: Log) -> dict[int, str]:
    """The lines that weighed in verdicts that were just made, by their numbers.

    None of several files, of a pipe and of what is large: who judges waits meanwhile.

    Args:
      rows: of `glx.verdicts.rows`.
    """
    path = str(log.files[0])
    if log.files[1:] or not os.path.isfile(path) or os.path.getsize(path) > MOST_READ:
        return {}
    if path.endswith(PACKED):
        return {}
    begun = [Begun(mark, first) for part, first in log.parts if (mark := part.mark())]
    causes = grouping.causes(rows.with_columns(file=pl.lit(path))).causes
    wanted = {n for one in causes for n in (one.example.first_line, *one.example.evidence)}
    return reader(causes, begun)(path, wanted)


def _by_name(file: str) -> Iterator[Place]:
    """The file, which is believed where nothing tells, and those that rotation made of it, new to
    old."""
    yield Place(file)
    yield from (Place(one, known=False) for one in reversed(written(file)) if one != file)


def _through_rotations(file: str, begun: Sequence[Begun], lowest: int) -> list[Place]:
    """The files of a followed log, old to new, from the one with the line `lowest` on."""
    names = written(file)
    firsts = {there[0]: one.first_line for one in begun if (there := since(one.mark, file))}
    known = [name for name in names if name in firsts]
    if not known:
        return []
    starts, at = [firsts[name] for name in known], names.index(known[0])
    while at and starts[0] > lowest:
        at -= 1
        layout = _layout(names[at])
        if layout is None:
            break
        known.insert(0, names[at])
        starts.insert(0, starts[0] - row_count(names[at], layout))
    ends = [*starts[1:], float("inf")]
    return [
        Place(path, first, end, known=path in firsts)
        for path, first, end in zip(known, starts, ends, strict=True)
    ]


def _layout(path: str) -> Layout | None:
    """None where a file cannot be read any more, or can be read only once."""
    try:
        return layout_of(path) if Path(path).is_file() else None
    except InputError:
        return None


def _telling(cause: Cause) -> int:
    """The line that shows whether a file is the one that was judged."""
    example = cause.example
    return example.first_line if cause.lacks or not example.evidence else example.evidence[0]


def _proofs(cause: Cause, lines: dict[int, str], layout: Layout) -> Iterator[bool]:
    """For each thing that is known of a line whether it is so: half of the words of the template
    that decided, the time of the first line."""
    example = cause.example
    if not cause.lacks and WORD.search(cause.text):
        yield says(cause.text, lines.get(_telling(cause), ""))
    if example.time is not None and example.first_line in lines:
        time = _time(lines[example.first_line], layout)
        if time is not None:
            judged = pl.Series([example.time]).str.to_datetime(TIME, time_unit="ms").dt.epoch("ms")
            yield _far(judged[0] / 1000 - time, repeats(layout)) < NEAR


def _far(seconds: float, period: float) -> float:
    """How far two times are apart, of a layout whose times repeat after a `period` (0: never)."""
    return min(seconds % period, -seconds % period) if period else abs(seconds)


def _time(line: str, layout: Layout) -> float | None:
    """The time of a line, seconds since the epoch; None where it alone does not tell."""
    if layout.format == "csv":  # whose columns are named by another line
        return None
    alone = Remote("line", lambda: io.BytesIO(line.encode()))
    for frame in records(alone, layout, ReadCounts(), threads=1):
        return next(iter(frame["time"].drop_nulls()), None)
    return None
