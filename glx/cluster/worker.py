"""What a worker of the cluster holds: the fitted detector. In: files. Out: their verdicts, on disk.

A worker reads a file a block at a time, and judges windows of a file by themselves: its memory is
flat in the length of the file.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from glx.cluster.asker import through
from glx.cluster.files import File
from glx.cluster.folder import Folder
from glx.data.load import DataConfig, LogParser
from glx.data.stream import stream
from glx.data.windows import Window
from glx.detector import Detector
from glx.errors import InputError, OutsideError, forbidden, is_disk_full, is_failing
from glx.files import whole
from glx.generallog.experts import ExpertConfig
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.miner import Miner
from glx.parse.read import ReadCounts
from glx.redact import Mask
from glx.runs import detectors
from glx.runs.compilation import keep_compilations
from glx.runs.detect import ANOMALOUS, COSTS, SEQUENCES, judged
from glx.runs.json_lines import json_of, with_detail
from glx.runs.memory import peak_memory_mb
from glx.sequences import Sequences
from glx.terminal import escaped
from glx.verdicts import CAUSE

JSONL, PARQUET = "jsonl", "parquet"
EVIDENCE: dict[str, Any] = {
    "file": pl.String,
    "line": pl.Int64,
    "weight": pl.Float64,
    "text": pl.String,
}
COLUMNS: dict[str, Any] = {  # of verdicts as Parquet: what a line of JSON has
    **{"file": pl.String, "last_file": pl.String, "key": pl.String},
    **{"first_line": pl.Int64, "last_line": pl.Int64, "score": pl.Float64},
    **{"anomalous": pl.Boolean, "route": pl.String, "evidence": pl.List(pl.Struct(EVIDENCE))},
    **{"time": pl.String, "reason": pl.String, "cause": CAUSE, "detail": pl.String},
}
FAILURES: dict[str, type[Exception]] = {"input": InputError, "outside": OutsideError}


EMPTY = "empty"  # what failed with a file that has no event


class NoEvent(InputError):
    """A file has no line with text, which is wrong only where no other has one."""


@dataclass(frozen=True)
class Job:
    """What every worker is told.

    Attributes:
      layout, window, due: of the parser, where they may not be those of the detector.
      expert: settings of the expert by the names of their flags.
      kind: of the files of verdicts, `JSONL` or `PARQUET`.
      asker: asks the language model; None where none is asked.
    """

    layout: Layout | None
    window: Window | None
    due: np.ndarray | None
    expert: Mapping[str, Any]
    idle: float
    mask: Mask
    folder: Folder
    kind: str
    asker: Any = None

    def load(self) -> tuple[Detector, LogParser]:
        """The detector without its expert, and the parser of its logs."""
        detector, parser = detectors.load(self.folder.detector)
        return detector, replace(parser, layout=self.layout, window=self.window, due=self.due)


class EachFile:
    """Does a stage of files, one at a time.

    Who does it, `make` of the job, is made for the first of them: a node that does not see the
    folder is told so.
    """

    def __init__(self, job: Job, make: Callable[[Job], Any], stage: str):
        self.job, self.make, self.stage = job, make, stage

    @cached_property
    def worker(self) -> Any:
        return self.make(self.job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        file = File(**row)
        return attempt(file, self.job.folder, lambda: self.worker.file(file), self.stage)


class Judge:
    """Judges files without sessions, one at a time, and what comes of a log with sessions."""

    def __init__(self, job: Job):
        keep_compilations(DataConfig())
        detector, self.parser = job.load()
        changed = detectors.change_of(detector, job.expert)

        def change(fitted: ExpertConfig) -> ExpertConfig:
            expert = changed(fitted)  # the answer cache is where the questions are asked
            return replace(expert, llm=replace(expert.llm, cache=""))

        ask = None if job.asker is None else through(job.asker)
        self.job, self.detector = job, detector.with_expert(change, ask=ask)
        self.meanings = self.detector.understand(self.parser.texts, job.mask)

    def file(self, file: File) -> dict[str, Any]:
        """Write the verdicts on the windows of a file; what its record says."""
        log, counts, spent = Log([file.path], details={}), ReadCounts(), Counter[str]()
        known = self.parser.miner
        miner = Miner(known.fitted, known.config, known.published)  # as for this file alone
        parser = replace(self.parser, miner=miner)
        found = stream(log, parser, counts, self.job.idle)
        texts = (json_of(rows, log) for rows in self.rows(found, parser, log, spent))
        path = self.job.folder.verdicts(file, self.job.kind)
        write(path, self.job.kind, _some(texts, file))
        return {"lines": counts.lines, "read": asdict(counts), "spent": dict(spent)}

    def rows(
        self, found: Iterable[Sequences], parser: LogParser, log: Log, spent: Counter[str]
    ) -> Iterator[pl.DataFrame]:
        """Verdicts as rows, with details; what they cost is added to `spent`."""
        job = self.job
        for rows, metrics in judged(self.detector, parser, self.meanings, found, job.mask):
            spent.update({name: n for name, n in metrics.items() if name in COSTS})
            spent["proprietary"] += int((rows["route"] == "proprietary").sum())
            spent[ANOMALOUS] += int(rows["anomalous"].sum())
            spent[SEQUENCES] += len(rows)
            yield with_detail(rows, log, job.mask)


def attempt(
    file: File, folder: Folder, work: Callable[[], dict[str, Any]], stage: str = "done"
) -> dict[str, Any]:
    """Do the work on a file and keep its record; tells, as `failed`, what went wrong with it.

    One file among many that is no log, or that shows a bug, ends nothing else.
    """
    try:
        folder.check()
        record = folder.write(file, stage, **work())
        return of_file(file, lines=record["lines"])
    except NoEvent as e:
        kind, why = EMPTY, str(e)
    except InputError as e:
        kind, why = "outside" if is_failing(e.__cause__ or e) else "input", str(e)
    except OutsideError as e:
        kind, why = "outside", str(e)
    except PermissionError as e:
        kind, why = "input", forbidden(e)
    except Exception as e:
        if is_disk_full(e):
            kind, why = "outside", f"{e}: no space left on the disk; free some"
        elif is_failing(e):
            kind, why = "outside", f"{file.shown}: {e}; see to its disk or network"
        else:
            kind, why = "bug", f"{file.shown}: {traceback.format_exc()}"
    return of_file(file, failed=kind, why=why)


def of_file(file: File, lines: int = 0, failed: str = "", why: str = "") -> dict[str, Any]:
    """What a worker tells of a file, as `Run` reads it; with it, the memory it took so far."""
    peak = peak_memory_mb()
    return {"file": file.shown, "lines": lines, "failed": failed, "why": why, "peak_mb": peak}


def _some(texts: Iterator[pl.Series], file: File) -> Iterator[pl.Series]:
    """The same; NoEvent where there is none."""
    n = 0
    for some in texts:
        n += len(some)
        yield some
    if not n:
        raise NoEvent(f"{file.shown}: no line with text; give a log with at least one event")


def write(path: Path, kind: str, texts: Iterable[pl.Series]) -> None:
    """Write lines of JSON to a file as they are, or as Parquet; whole or not at all."""
    if kind == JSONL:
        with whole(path, encoding="utf-8") as file:
            for some in texts:
                file.writelines(f"{escaped(text)}\n" for text in some)
        return
    import pyarrow.parquet as pq

    schema = pl.DataFrame(schema=COLUMNS).to_arrow().schema
    with whole(path, "wb") as file, pq.ParquetWriter(file, schema) as out:
        for some in texts:
            frame = some.str.json_decode(pl.Struct(COLUMNS)).struct.unnest()
            out.write_table(frame.to_arrow().cast(schema))
