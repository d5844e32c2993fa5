"""More logs than one machine holds through a fitted detector. In: files. Out: a folder of verdicts.

Files without sessions are judged each by itself. Sessions cross files: `glx.cluster.sessions`.
Whatever ends the work, the same command goes on: what is done is told by files that are written
after it (`glx.cluster.folder`), and is never done again.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from glx.cluster.connect import check, connected
from glx.cluster.files import File, files_of
from glx.cluster.folder import Folder, opened
from glx.cluster.sessions import (
    Parser,
    SessionJudge,
    Whole,
    bucket_path,
    events_of,
    finish,
    placed,
    verdicts_of,
    write_file,
)
from glx.cluster.worker import JSONL, Job, Judge, packed
from glx.data.load import LogParser
from glx.data.numbered import numbered_column
from glx.data.windows import Window, span_of
from glx.errors import InputError, OutsideError, is_disk_full
from glx.generallog.detector import WHERE
from glx.generallog.experts import MODELS
from glx.parse.log import Log
from glx.parse.names import NOTHING_GIVEN, Given
from glx.parse.read import ReadCounts
from glx.redact import Mask, redact
from glx.runs import detectors
from glx.runs.detect import ANOMALOUS, NO_CHANGE, SEQUENCES, changed, digest, reading_of
from glx.runs.progress import Progress

ROUNDS = 3  # times that work is begun again after workers were lost and nothing more was done
SHOWN = 5  # files that failed, and are named


@dataclass
class Run:
    """One command at work.

    Attributes:
      failed: what went wrong with files, in this process.
    """

    ray: Any
    job: Job
    progress: Progress
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Folder:
        return self.job.folder

    def each(self, name: str, files: Sequence[File], worker: type, stage: str) -> None:
        """Have a pool of workers do a stage of each file that is not done yet."""

        def left() -> list[dict[str, Any]]:
            todo = [file for file in files if file.shown not in self.failed]
            return [asdict(file) for file in todo if self.folder.read(file, stage) is None]

        def begin(rows: list[dict[str, Any]]) -> Any:
            most = min(len(rows), int(self.ray.cluster_resources()["CPU"]))
            found = self.ray.data.from_items(rows, override_num_blocks=len(rows))
            return found.map(worker, fn_constructor_args=(self.job,), **self.pool(most))

        def take(row: dict[str, Any]) -> int:
            if row["failed"] == "outside":
                raise OutsideError(row["why"])
            if row["failed"]:
                self.failed[row["file"]] = row
            return row["lines"]

        self.until_done(name, left, begin, take)

    def pool(self, size: int, cores: int = 1) -> dict[str, Any]:
        """A pool of so many actors; one that is lost is started again a few times."""
        some = self.ray.data.ActorPoolStrategy(min_size=1, max_size=size, initial_size=size)
        again = {"max_restarts": 4, "max_task_retries": 4, "scheduling_strategy": "SPREAD"}
        return {"compute": some, "num_cpus": cores, **again}

    def until_done(
        self,
        name: str,
        left: Callable[[], list[Any]],
        begin: Callable[[list[Any]], Any],
        take: Callable[[dict[str, Any]], int],
    ) -> None:
        """Work off what is left, again where workers were lost.

        Args:
          begin: a data set of what is left that does the work.
          take: gets each row of it; the lines that it stands for.

        Raises:
          OutsideError: workers are lost time and again.
        """
        todo = left()
        if not todo:
            return
        with self.progress.parts(name, len(todo)) as show:
            for _ in range(ROUNDS):
                try:
                    for row in begin(todo).iter_rows():
                        show(take(row), len(self.failed))
                    why: Any = "they gave nothing back"
                except self.ray.exceptions.RayError as e:
                    why, cause = e, getattr(e, "cause", e)
                    if isinstance(cause, InputError | OutsideError):
                        raise cause from e
                    if is_disk_full(cause):
                        raise OutsideError(f"{cause}: no space left on the disk; free some") from e
                    if not isinstance(cause, self.ray.exceptions.RayError):
                        raise  # a bug, which would show again
                todo = left()
                if not todo:
                    return
        last = str(why).strip().splitlines()[-1]
        raise OutsideError(
            f"--ray: workers failed {ROUNDS} times, perhaps for want of memory ({last}); what is "
            "done is kept, and the same command goes on"
        )


def detect(
    folder: Path,
    logs: Sequence[str],
    out: str,
    address: str,
    *,
    format: str | None = None,
    session: str | None = None,
    window: Window | None = None,
    given: Given = NOTHING_GIVEN,
    idle: float | str = 3600.0,
    mask: Mask = redact,
    expert: Mapping[str, Any] = NO_CHANGE,
    kind: str = JSONL,
    progress: Progress | None = None,
) -> ReadCounts:
    """Write a file of verdicts for each file of `logs`, as `docs/cluster.md` describes it.

    Args:
      folder: the detector.
      logs: paths, folders, globs or URLs.
      out: a folder that every node sees.
      address: of Ray, or `auto`.
      kind: of the files of verdicts, `jsonl` or `parquet`.
      format, session, window, given, idle, mask, expert: as in `glx.runs.detect.detect`.

    Raises:
      InputError: detector, logs or a setting are not as they should be, or no file could be read.
      OutsideError: Ray or the expert's server gave up, or files could not be read, which are named;
        what is done is kept.
      RuntimeError: a bug showed at files, once the others were done.
    """
    progress = progress or Progress()
    check(address)
    seconds = span_of("idle", idle)
    files = files_of(logs)
    detector, parser = detectors.load(folder)
    detectors.check_read(detector, expert)
    fitted = getattr(detector.config, "expert", None)
    if fitted is not None and detectors.change_of(detector, expert)(fitted).expert in MODELS:
        raise InputError("--expert: a cluster asks no model; choose retrieval or answers")
    first = Log([files[0].path])
    parser = changed(parser, first, format, session, window, given)
    _show(parser, files, mask, progress)
    same = {name: value for name, value in expert.items() if name not in WHERE}
    settings = {
        **{"detector": digest(folder), "format": format, "session": session, "window": window},
        **{**asdict(given), "idle": seconds, "redact": mask is redact, "verdicts": kind, **same},
    }
    with opened(out, settings) as place:
        work = packed(folder), parser.layout, parser.window, parser.due
        job = Job(*work, dict(expert), seconds, mask, place, kind)
        with connected(address, progress.say) as ray:
            run = Run(ray, job, progress)
            numbered = parser.numbers is not None and numbered_column(files[0].path) is not None
            if parser.window is None and not numbered:
                _sessions(run, files, parser)
            else:
                run.each("files", files, Judge, "done")
        return _ended(run, files)


def _sessions(run: Run, files: list[File], parser: LogParser) -> None:
    """Judge a log whose sessions cross its files."""
    if _are_done(run.folder, files, _stage(files)):
        return
    run.each("reading", files, Parser, "work")
    read = {file: run.folder.read(file, "work") for file in files}
    found = {file: one for file, one in read.items() if one is not None}
    if not found:
        return
    whole, stage = placed([*found], found, parser), _stage(found)
    if _are_done(run.folder, whole_files(whole), stage):
        return
    _judge(run, whole, stage, len(parser.miner.fitted))
    _write(run, whole, stage)
    if len(found) == len(files):
        shutil.rmtree(run.folder.path / "work")


def whole_files(whole: Whole) -> list[File]:
    """Its files, in order."""
    return [one.file for one in whole.files]


def _judge(run: Run, whole: Whole, stage: str, fitted: int) -> None:
    """Judge all sessions, in buckets that Ray brings together by a hash shuffle."""

    def left() -> list[int]:
        paths = {n: bucket_path(run.folder, stage, n) for n in range(whole.buckets)}
        return [n for n, path in paths.items() if not path.with_suffix(".json").is_file()]

    def begin(todo: list[int]) -> Any:
        rows = [{"placed": one} for one in whole.files]
        cores = int(run.ray.cluster_resources()["CPU"])
        about = {"folder": run.folder, "fitted": fitted, "buckets": whole.buckets, "left": todo}
        return (
            run.ray.data.from_items(rows, override_num_blocks=len(rows))
            .map_batches(events_of, batch_size=1, fn_kwargs=about)
            .groupby("bucket", num_partitions=len(todo))
            .map_groups(
                SessionJudge,
                batch_format="pyarrow",
                fn_constructor_args=(run.job, whole, stage),
                # Of no core, which the tasks before them need: where all are taken, none begins.
                **run.pool(min(len(todo), cores), 0),
            )
        )

    run.until_done("judging", left, begin, lambda row: 0)


def _write(run: Run, whole: Whole, stage: str) -> None:
    """Bring the verdicts together by file, and write them."""
    files = whole_files(whole)
    paths = [bucket_path(run.folder, stage, n) for n in range(whole.buckets)]
    rows = [{"path": str(path)} for path in paths if path.is_file()]
    about = {"job": run.job, "files": files, "stage": stage}
    none = pl.DataFrame(schema={"text": pl.String, "anomalous": pl.Boolean})
    with_rows = set(
        pl.concat([pl.read_parquet(row["path"], columns=["file"]) for row in rows])["file"]
    )
    for n, file in enumerate(files):
        if n not in with_rows:
            finish(run.job, file, stage, none)

    def left() -> list[File]:
        return [file for file in files if not _are_done(run.folder, [file], stage)]

    def begin(todo: list[File]) -> Any:
        found = run.ray.data.from_items(rows, override_num_blocks=len(rows))
        found = found.map_batches(verdicts_of, batch_size=1)
        found = found.groupby("file", num_partitions=min(len(todo), 200))
        return found.map_groups(write_file, batch_format="pyarrow", fn_kwargs=about)

    run.until_done("writing", left, begin, lambda row: 0)


def _stage(files: Iterable[File]) -> str:
    """What tells the verdicts on these files together from those on others."""
    about = [pl.__version__, *sorted(f"{file.place} {file.size}" for file in files)]
    return hashlib.sha256("\n".join(about).encode("utf-8", "replace")).hexdigest()[:12]


def _are_done(folder: Folder, files: Iterable[File], stage: str) -> bool:
    records = [folder.read(file, "done") for file in files]
    return all(one is not None and one["among"] == stage for one in records)


def _show(parser: LogParser, files: list[File], mask: Mask, progress: Progress) -> None:
    """Show how the first of the files that can be read are read."""
    if parser.layout is None or parser.numbers is not None:
        return
    for file in files[:SHOWN]:
        try:
            progress.show(reading_of(parser, parser.layout, Log([file.path]), mask))
        except InputError:
            if len(files) == 1:
                raise
            continue
        return


def _ended(run: Run, files: list[File]) -> ReadCounts:
    """Tell what was done, and raise for what was not."""
    counts, spent = ReadCounts(), Counter[str]()
    done = [one for file in files if (one := run.folder.read(file, "done")) is not None]
    for one in done:
        counts.add(ReadCounts(**one["read"]))
        spent.update(one["spent"])
    failed = [*run.failed.values()]
    if failed and not done and all(one["failed"] == "input" for one in failed):
        shutil.rmtree(run.folder.path)
        raise InputError(failed[0]["why"])
    run.progress.counted(str(run.folder.path), counts)
    run.progress.say(
        f"{spent[ANOMALOUS]:,} of {spent[SEQUENCES]:,} sequences anomalous, {counts.lines:,} "
        f"lines read, {len(done):,} of {len(files):,} files done"
    )
    for one in failed[1:SHOWN]:
        run.progress.say(f"failed: {one['why'].strip().splitlines()[-1]}")
    bugs = [one for one in failed if one["failed"] == "bug"]
    if bugs:
        raise RuntimeError(f"{len(bugs)} of {len(files)} files failed; {bugs[0]['why']}")
    if failed:
        raise OutsideError(
            f"{len(failed)} of {len(files)} files failed, and the others are judged; "
            f"{failed[0]['why']}; mend or move what failed, and repeat the command"
        )
    return counts
