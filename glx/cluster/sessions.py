"""A log with sessions that cross its files, read file by file and judged by session.

In: files. Out: their verdicts, as one process gives them that reads the files as one log. Each file
is read by itself: its events (`<work>/NAME.parquet`) have the ids of fitted templates and, above
them, the place of their text among the new ones of the file. What depends on the files before - log
time, rows, ids of new texts - is small, and is put together in one place (`placed`). Then Ray
brings the events of a session together, in buckets of many sessions.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from glx.cluster.files import File
from glx.cluster.folder import Folder
from glx.cluster.worker import Job, Judge, write
from glx.data.inputs import by_time
from glx.data.load import LogParser
from glx.data.log_time import LogTime
from glx.data.stream import whole_sessions
from glx.errors import InputError
from glx.files import parquet, whole
from glx.parse.events import texts_of
from glx.parse.log import Log
from glx.parse.read import ReadCounts
from glx.parse.records import count_periods, records, repeats
from glx.parse.times import has_year
from glx.runs.detect import ANOMALOUS, SEQUENCES
from glx.runs.json_lines import json_of
from glx.runs.memory import peak_memory_mb

BUCKET = 1_000_000  # events of the sessions that are judged together
BUCKETS = 4, 2_000  # at least, at most
ROWS = 500_000  # events of a file that are read again at a time
EVENTS = pl.DataFrame(
    schema={"line": pl.Int64, "key": pl.String, "clock": pl.Float64, "id": pl.Int32}
)
DETAIL = {"line": pl.Int64, "detail": pl.String}


class Parser:
    """Reads files with sessions, one at a time: events, and what the whole log needs to know."""

    def __init__(self, job: Job):
        self.job = job
        _, self.parser = job.load()

    def file(self, file: File) -> dict[str, Any]:
        """Write the events of a file; its record has what `placed` needs."""
        import pyarrow.parquet as pq

        layout, miner = self.parser.layout, self.parser.miner
        assert layout is not None
        log, counts, time = Log([file.path], details={}), ReadCounts(), LogTime(False, 0)
        known: dict[str, int] = {}
        new: dict[str, int] = {}
        first, events = None, 0
        path = self.job.folder.record(file, "work").with_suffix(".parquet")
        schema = EVENTS.to_arrow().schema
        with (
            closing(records(log, layout, counts, threads=1)) as frames,
            whole(path, "wb") as out,
            pq.ParquetWriter(out, schema) as table,
        ):
            for frame in frames:
                times = frame["time"].drop_nulls()
                first = times[0] if first is None and len(times) else first
                clock = time.read(frame["time"].to_numpy())
                if len(known) >= miner.config.max_cached:
                    known.clear()
                ids = []
                for text in texts_of(frame):
                    if text not in known:
                        id_ = miner.known(text)
                        if id_ < 0:
                            id_ = len(miner.fitted) + new.setdefault(text, len(new))
                        known[text] = id_
                    ids.append(known[text])
                of_text = np.array(ids, np.int32)[frame["text"].to_physical().to_numpy()]
                frame = frame.with_columns(clock=clock, id=pl.Series(of_text, dtype=pl.Int32))
                frame = frame.filter(pl.col("key").is_not_null()).select(EVENTS.columns)
                events += len(frame)
                if len(frame):
                    table.write_table(frame.to_arrow().cast(schema))
        dated = layout.time_format is not None and has_year(layout.time_format)
        return {
            "lines": counts.lines,
            "read": asdict(counts),
            "events": events,
            "first": first,
            "dated": dated,
            "latest": None if np.isnan(time.now()) else time.now(),
            "clock": log.clock,
            "new": [*new],
            "details": [*(log.details or {}).items()],
        }


@dataclass(frozen=True)
class Placed:
    """A file among the others of a log.

    Attributes:
      start: the row of its first line.
      before: log time before it, seconds; NaN where there is none.
      shift: seconds that its times are later, by the years (days) of the files before.
      new: `<int32>[T]` ids of its texts that match no fitted template.
    """

    file: File
    start: int
    before: float
    shift: float
    new: np.ndarray


@dataclass(frozen=True)
class Whole:
    """All files of a log, in the order of time.

    Attributes:
      texts: the texts that match no fitted template, in order.
      now: log time at the end, seconds.
      events: with a session id, of all files.
    """

    files: list[Placed]
    texts: list[str]
    now: float
    events: int

    @property
    def log(self) -> Log:
        """To tell which line of a file a row is."""
        return Log([one.file.path for one in self.files], [one.start for one in self.files])

    @property
    def buckets(self) -> int:
        """The number of parts that its sessions are judged in."""
        least, most = BUCKETS
        return min(max(least, -(-self.events // BUCKET)), most)


def placed(
    files: Sequence[File], found: Mapping[File, Mapping[str, Any]], parser: LogParser
) -> Whole:
    """The files of a log in their places, by what `Parser` found in each.

    Raises:
      InputError: no line has a session id.
    """
    assert parser.layout is not None
    first = [found[file]["first"] if found[file]["dated"] else None for file in files]
    order = [files[n] for n in by_time([file.shown for file in files], first)]
    texts = [*dict.fromkeys(text for file in order for text in found[file]["new"])]
    id_of = dict(zip(texts, parser.miner.ids(texts).tolist(), strict=True))
    repeat = repeats(parser.layout)
    row, latest, out = 0, np.nan, []
    clock: tuple[float | None, int] = (None, 0)
    for file in order:
        one = found[file]
        last, counted = one["clock"]
        shift = 0.0
        if last is not None:
            now = pl.DataFrame({"time": [float(one["first"])]})
            _, (_, before) = count_periods(now, clock, repeat)
            clock, shift = (last, before + counted), before * repeat
        new = np.array([id_of[text] for text in one["new"]], np.int32)
        out.append(Placed(file, row, float(latest), shift, new))
        row += one["lines"]
        if one["latest"] is not None:
            latest = np.fmax(latest, one["latest"] + shift)
    events = sum(found[file]["events"] for file in files)
    if not events:
        raise InputError(
            f"{order[0].shown}: no line has a session id as in the logs the detector was fitted "
            "on; give --session=REGEX or COLUMN, or --window=N"
        )
    return Whole(out, texts, float(latest), events)


def events_of(
    row: dict[str, Any], *, folder: Folder, fitted: int, buckets: int, left: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """The events of a file in its place, `ROWS` at a time, each with its bucket and detail.

    Args:
      fitted: templates.
      left: the buckets that are not judged yet.
    """
    import pyarrow.parquet as pq

    (one,) = row["placed"]
    path = folder.record(one.file, "work")
    kept = pl.DataFrame(json.loads(path.read_text())["details"], DETAIL, orient="row")
    ids = np.concatenate([np.arange(fitted, dtype=np.int32), one.new])
    with pq.ParquetFile(path.with_suffix(".parquet")) as table:
        for batch in table.iter_batches(ROWS):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            frame = frame.join(kept, on="line", how="left", maintain_order="left")
            yield (
                frame.with_columns(
                    id=pl.Series(ids[frame["id"].to_numpy()]),
                    line=pl.col("line") + one.start,
                    clock=np.fmax(frame["clock"].to_numpy() + one.shift, one.before),
                    bucket=(pl.col("key").hash() % buckets).cast(pl.Int32),
                )
                .filter(pl.col("bucket").is_in([*left]))
                .to_arrow()
            )


class SessionJudge:
    """Judges the sessions of a bucket, which are written; it holds the detector.

    Args:
      stage: the folder of what is judged.
    """

    def __init__(self, job: Job, whole: Whole, stage: str):
        self.judge, self.whole, self.stage = Judge(job), whole, stage
        self.judge.parser.miner.ids(whole.texts)

    def __call__(self, events: Any) -> Any:
        import pyarrow as pa

        job, spent, log = self.judge.job, Counter[str](), self.whole.log
        frame = pl.from_arrow(events)
        assert isinstance(frame, pl.DataFrame)
        (bucket,) = frame["bucket"].unique()
        frame = frame.sort("line")
        detailed = frame.filter(pl.col("detail").is_not_null())
        log.details = dict(zip(detailed["line"], detailed["detail"], strict=True))
        parser = self.judge.parser
        found = whole_sessions(frame.select(EVENTS.columns), job.idle, self.whole.now, parser.due)
        columns = []
        for rows in self.judge.rows(found, parser, log, spent):
            of_file, _ = log.places(rows["first_line"].to_numpy())
            about = {"file": of_file, "row": rows["first_line"], "anomalous": rows["anomalous"]}
            columns.append(pl.DataFrame({**about, "text": json_of(rows, log)}))
        keep(bucket_path(job.folder, self.stage, bucket), pl.concat(columns), spent)
        return pa.table({"bucket": [bucket], "peak_mb": [peak_memory_mb()]})


def bucket_path(folder: Folder, stage: str, bucket: int) -> Path:
    """Where the verdicts on the sessions of a bucket are; what they cost is beside them."""
    return folder.path / "work" / stage / f"{bucket}.parquet"


def keep(path: Path, verdicts: pl.DataFrame, spent: Counter[str]) -> None:
    """Keep the verdicts of a bucket, and then what they cost, which says that they are whole."""
    path.parent.mkdir(exist_ok=True)
    with whole(path, "wb") as file:
        file.write(parquet(verdicts))
    with whole(path.with_suffix(".json")) as file:
        json.dump(spent, file)


def verdicts_of(row: dict[str, Any]) -> Iterator[Any]:
    """The verdicts of a bucket, to be brought together by file."""
    for path in row["path"]:
        yield pl.read_parquet(path).to_arrow()


def write_file(rows: Any, *, job: Job, files: Sequence[File], stage: str) -> Any:
    """Write the verdicts of a file, by line, and keep that they are whole."""
    import pyarrow as pa

    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    file = files[frame["file"][0]]
    finish(job, file, stage, frame.sort("row"))
    return pa.table({"file": [file.shown], "peak_mb": [peak_memory_mb()]})


def finish(job: Job, file: File, stage: str, verdicts: pl.DataFrame) -> None:
    """Write the verdicts (`text`, `anomalous`) of a file, and then its record."""
    read = job.folder.read(file, "work")
    assert read is not None
    write(job.folder.verdicts(file, job.kind), job.kind, [verdicts["text"]])
    spent = {SEQUENCES: len(verdicts), ANOMALOUS: int(verdicts["anomalous"].sum())}
    about = {"lines": read["lines"], "read": read["read"], "spent": spent, "among": stage}
    job.folder.write(file, "done", **about)
