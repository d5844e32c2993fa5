"""More logs than one machine holds through a fitted detector. In: files. Out: a folder of verdicts.

Files without sessions are judged each by itself. Sessions cross files: `glx.cluster.sessions`.
Whatever ends the work, the same command goes on: what is done is told by files that are written
after it (`glx.cluster.folder`), and is never done again.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from glx.cluster.asker import started
from glx.cluster.connect import check, connected
from glx.cluster.files import File, files_of
from glx.cluster.folder import Folder, opened
from glx.cluster.run import Run
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
from glx.cluster.worker import EMPTY, JSONL, Job, Judge
from glx.config import with_flags
from glx.data.load import LogParser
from glx.data.numbered import numbered_column
from glx.data.windows import Window, span_of
from glx.errors import InputError, OutsideError
from glx.files import given_path
from glx.generallog import experts
from glx.generallog.detector import WHERE
from glx.generallog.experts import ExpertConfig
from glx.parse.log import Log
from glx.parse.names import NOTHING_GIVEN, Given
from glx.parse.read import ReadCounts, head
from glx.redact import Mask, redact
from glx.runs import detectors
from glx.runs.detect import ANOMALOUS, NO_CHANGE, SEQUENCES, changed, digest, reading_of
from glx.runs.progress import Progress

NOBODY = ExpertConfig()  # asks none
SHOWN = 5  # files that failed, and are named


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
    asked = detectors.change_of(detector, expert)(getattr(detector.config, "expert", NOBODY))
    paths = everywhere(asked) if hasattr(detector.config, "expert") else {}
    asked = with_flags(asked, paths)
    expert = {name: paths.get(name, value) for name, value in expert.items()}
    if asked.expert == "batch":
        raise InputError("--expert=batch: a cluster cannot stop to be answered; choose another")
    first = first_log(files)
    parser = changed(parser, Log([first.path]), format, session, window, given)
    _show(parser, files, mask, progress)
    same = {name: value for name, value in expert.items() if name not in WHERE}
    settings = {
        **{"detector": digest(folder), "format": format, "session": session, "window": window},
        **{**asdict(given), "idle": seconds, "redact": mask is redact, "verdicts": kind, **same},
    }
    with opened(out, settings) as place:
        place.take(folder)
        work = parser.layout, parser.window, parser.due
        job = Job(*work, {**expert, **paths}, seconds, mask, place, kind)
        with connected(address, progress.say) as ray:
            if asked.expert == "vllm":
                experts.prepare(asked, progress.say)
                job = replace(job, asker=started(ray, asked.llm))
            run = Run(ray, job, progress)
            cross = [file for file in files if _has_sessions(parser, file)]
            known = {*cross}
            run.each("files", [file for file in files if file not in known], Judge, "done")
            if cross:
                _sessions(run, cross, parser)
        counts = _ended(run, files)
        if all(place.read(file, "done") is not None for file in files):
            shutil.rmtree(place.path / "work")
        return counts


def first_log(files: Sequence[File]) -> File:
    """The first of the files that begins as a text, which says how all are read; else the first."""
    for file in files:
        with suppress(InputError):  # which a worker finds, too, and names
            head(file.path, 1)
            return file
    return files[0]


def _has_sessions(parser: LogParser, file: File) -> bool:
    """Whether a file is of a log with sessions, which cross files; event numbers are not."""
    if parser.window is not None or parser.layout is None:
        return False
    with suppress(InputError):
        return parser.numbers is None or numbered_column(file.path) is None
    return True


def everywhere(expert: ExpertConfig) -> dict[str, str]:
    """Settings of an expert that are paths, by their flags, as they hold in any folder."""
    llm = expert.llm
    tokenizer = llm.llm_tokenizer if Path(llm.llm_tokenizer or "").is_dir() else None
    paths = {"responses": expert.responses, "cache": llm.cache, "llm_tokenizer": tokenizer}
    return {name: str(given_path(path).absolute()) for name, path in paths.items() if path}


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
    if failed and not done and all(one["failed"] in ("input", EMPTY) for one in failed):
        raise InputError(failed[0]["why"])
    failed = run.wrong
    run.progress.counted(str(run.folder.path), counts)
    run.progress.say(
        f"{spent[ANOMALOUS]:,} of {spent[SEQUENCES]:,} sequences anomalous, {counts.lines:,} "
        f"lines read, {len(done):,} of {len(files):,} files done"
    )
    if run.peak_mb:
        run.progress.say(f"no worker took more than {run.peak_mb:,.0f} MB")
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
