"""More logs of a system through a fitted detector, as they come. In: files. Out: JSON lines."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import polars as pl
from rich.table import Table

from glx.data.inspect import inspect
from glx.data.load import WINDOW, LogParser
from glx.data.stream import stream
from glx.data.windows import Window, window_of
from glx.detector import Detector
from glx.errors import InputError, is_disk_full
from glx.generallog.experts import ExpertConfig
from glx.llm.request import Costs
from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts
from glx.report import inspection
from glx.runs import detectors
from glx.runs.progress import Progress
from glx.runs.verdict_cache import VerdictCache
from glx.verdicts import json_lines, rows

COSTS = [field.name for field in fields(Costs)]


def detect(
    folder: Path,
    logs: str,
    out: str,
    *,
    format: str | None = None,
    session: str | None = None,
    window: Window | None = None,
    idle: float = 3600.0,
    expert: Callable[[ExpertConfig], ExpertConfig] = lambda fitted: fitted,
    progress: Progress | None = None,
) -> ReadCounts:
    """Write a line of JSON for every sequence of `logs`, as `docs/formats.md` describes it.

    Args:
      folder: the detector.
      logs, out: a path, or `-` for standard input and output. `out` is there whole or not at all.
      format, session, window: where the logs are laid out otherwise than those it was fitted on.
      idle: seconds of log time after whose silence a session has ended.
      expert: changes the expert's settings from those that were fitted (a server moves).

    Raises:
      InputError: detector, logs or a setting are not as they should be.
      OutsideError: the expert's server gave up.
    """
    progress = progress or Progress()
    if not idle > 0:
        raise InputError(f"--idle={idle}: must be more than 0 seconds")
    if logs != "-" and not os.path.exists(logs):  # never an error itself, unlike Path.exists
        raise InputError(f"{logs}: no such file; check the path")
    detector, parser = detectors.load(folder)
    parser = _changed(parser, logs, format, session, window)
    if parser.layout is not None and parser.numbers is None:
        progress.show(_reading(parser, parser.layout, logs))
    counts, n, n_anomalous = ReadCounts(), 0, 0
    spent: Counter[str] = Counter()
    with _writing(out, logs) as file:
        for found, metrics in verdicts(detector, parser, logs, counts, idle, progress, expert):
            spent.update({k: n for k, n in metrics.items() if k in COSTS})
            file.write(json_lines(found, file=logs).str.join("\n")[0] + "\n")
            spent["proprietary"] += int((found["route"] == "proprietary").sum())
            n_anomalous += int(found["anomalous"].sum())
            n += len(found)
        if not n:
            raise InputError(f"{logs}: no line with text; give a log with at least one event")
    progress.counted(logs, counts)
    progress.say(f"{n_anomalous:,} of {n:,} sequences anomalous, {counts.lines:,} lines read")
    costs = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in spent.items() if n)
    if costs:
        progress.say(costs)
    return counts


def _reading(parser: LogParser, layout: Layout, logs: str) -> Table:
    """What is read of the logs; of what can be read only once, what the detector expects."""
    fitted = parser.miner.fitted
    if not os.path.isfile(logs):
        often = np.argsort(-fitted.counts, kind="stable")
        return inspection.expected(logs, layout, parser.window, [fitted.texts[i] for i in often])
    return inspection.table(inspect(logs, layout, parser.window or WINDOW, fitted), short=True)


def verdicts(
    detector: Detector,
    parser: LogParser,
    logs: Path | str,
    counts: ReadCounts,
    idle: float,
    progress: Progress,
    expert: Callable[[ExpertConfig], ExpertConfig] = lambda fitted: fitted,
) -> Iterator[tuple[pl.DataFrame, dict[str, Any]]]:
    """Verdicts on the sequences of a file as they close, as rows, and the metrics of the expert.

    Args:
      expert: as in `detect`.
    """
    with progress.asking() as report:
        detector = detector.with_expert(expert, report=report)
        meanings = detector.understand(parser.texts)
        # Ids keep their texts, so that a sequence keeps its verdict as new templates come.
        judge = VerdictCache(lambda new: detector.judge(new, meanings))
        for sequences in stream(logs, parser, counts, idle):
            new = parser.texts[len(meanings.texts) :]
            if new:
                meanings += detector.understand(new)
            found = judge(sequences)
            yield rows(found, sequences, detector.threshold, parser.texts), found.metrics


def _changed(
    parser: LogParser, logs: str, format: str | None, session: str | None, window: Window | None
) -> LogParser:
    """The parser with the layout, session rule or window that the user gave."""
    if session is not None and window is not None:
        raise InputError("--session and --window: exclude each other; give one of them")
    try:
        window = None if window is None else window_of(window)
    except ValueError as e:
        raise InputError(f"--window={window}: {e}") from e
    if format is not None:
        if logs == "-" or Path(logs).is_fifo():
            raise InputError("--format needs a file to look at; this input can be read only once")
        layout = layout_of(logs, format)
        fitted = parser.layout.session if parser.layout else None
        parser = replace(parser, layout=replace(layout, session=fitted))
    if session is not None and parser.layout is not None:
        parser = replace(parser, layout=replace(parser.layout, session=session), window=None)
    if window is not None:
        unkeyed = parser.layout and replace(parser.layout, session=None)
        parser = replace(parser, layout=unkeyed, window=window)
    return parser


@contextmanager
def _writing(out: str, logs: str) -> Iterator[TextIO]:
    path, there = Path(out), os.path.exists(out)
    if out == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    if os.path.isdir(path):
        raise InputError(f"--out={out}: a directory; name a file in it")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--out={out}: no folder {path.parent}; make it first")
    if there and logs != "-" and path.samefile(logs):
        raise InputError(f"--out={out}: is the file of --logs; name another one")
    whole = not there or path.is_file()  # a pipe or device is written to as it is
    partial = path.with_name(path.name + ".partial") if whole else path
    try:
        file = partial.open("w", encoding="utf-8")
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(f"--out={out}: cannot be written ({e.strerror}); name another file") from e
    try:
        with file:
            yield file
        if whole:
            os.replace(partial, path)
    finally:
        if whole:
            partial.unlink(missing_ok=True)
