"""More logs of a system through a fitted detector, as they come. In: files. Out: JSON lines."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table

from glx import hosts
from glx.data.inputs import given_log, in_order, layout_of_all
from glx.data.inspect import inspect
from glx.data.load import WINDOW, LogParser
from glx.data.stream import stream
from glx.data.windows import Window, span_of, window_of
from glx.detector import Detector
from glx.embed.alarm import Meanings
from glx.errors import InputError
from glx.files import is_stream
from glx.generallog.experts import ExpertConfig
from glx.llm.request import Costs
from glx.parse.jsonl import check_given
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.names import NOTHING_GIVEN, Given
from glx.parse.read import ReadCounts
from glx.parse.sources import STDIN
from glx.redact import Mask, redact
from glx.report import inspection
from glx.runs import detectors
from glx.runs.in_step import in_step
from glx.runs.json_lines import Lines, json_of, text_of
from glx.runs.known_events import events_of
from glx.runs.output import output_of
from glx.runs.progress import Progress
from glx.runs.verdict_cache import VerdictCache
from glx.runs.warm import warm_up
from glx.runs.watching import NOBODY, Watch, system_of, watching
from glx.runs.written import place_of, writing
from glx.sequences import Sequences
from glx.verdicts import rows
from glx.watch.otlp import otlp_lines

JSONL, OTLP = "jsonl", "otlp"  # kinds of lines
COSTS = [field.name for field in fields(Costs)]
SEQUENCES, ANOMALOUS = "sequences", "anomalous"  # counted beside them
NO_CHANGE: Mapping[str, Any] = MappingProxyType({})


def detect(
    folder: Path,
    logs: str | Sequence[str],
    out: str,
    *,
    format: str | None = None,
    session: str | None = None,
    window: Window | None = None,
    given: Given = NOTHING_GIVEN,
    idle: float | str = 3600.0,
    latency: float | str = 2.0,
    follow: bool = False,
    overwrite: bool = False,
    mask: Mask = redact,
    expert: Mapping[str, Any] = NO_CHANGE,
    kind: str = JSONL,
    watch: Watch = NOBODY,
    known: Sequence[str] = (),
    progress: Progress | None = None,
) -> ReadCounts:
    """Write a line of JSON for every sequence of `logs`, as `docs/formats.md` describes it.

    Of several processes (`glx.hosts`) all read and judge, each writes to its `out`.

    Args:
      folder: the detector.
      logs: paths, folders or globs of the files of one log, or `-` for standard input.
      out: a path, which is there whole or not at all, or `-` for standard output; the verdicts on a
        live log, and to a pipe or a device, are written as they come.
      format, session, window, given: where the logs are laid out otherwise than those it was
        fitted on.
      idle: seconds of log time after whose silence a session has ended.
      latency: seconds after which at the latest a sequence of a live log that is full is judged.
      follow: read on at the end of the one file of `logs`, as `tail -F` does. Where an earlier
        process stopped that wrote to the same file, each line that it did not judge is judged.
      overwrite: begin anew instead.
      mask: what becomes of a text where it is shown.
      expert: settings of the expert by the names of their flags, where they are not those that
        were fitted (a server moves).
      known: texts of new events that have the ids that they had before, beside those in the remarks
        and, where an earlier process followed the log, in its verdicts.

    Raises:
      InputError: detector, logs or a setting are not as they should be.
      OutsideError: the expert's server gave up.
      KeyboardInterrupt: with what was judged of a live log until then.
    """
    progress = progress or Progress()
    idle, latency = span_of("idle", idle), span_of("latency", latency)
    log = given_log([logs] if isinstance(logs, str) else logs, latency, follow)
    if hosts.several() and (log.live or STDIN in log.files):
        raise InputError(f"--logs={log}: --distributed needs files that each process can read")
    if follow and not os.path.exists(log.files[0]):
        progress.say(f"{log}: no such file yet; waiting for it")
    place = hosts.of_all(lambda: place_of(out, log, folder))
    counts, spent = ReadCounts(), Counter[str]()
    with ExitStack() as opened:
        kept = None
        if follow and place != STDIN and not is_stream(place):
            settings = {
                "detector": digest(folder),
                "logs": os.path.abspath(log.files[0]),
                **{"format": format, "session": session, "window": window, **asdict(given)},
                "verdicts": None if kind == JSONL else kind,  # as in what an earlier glx began
            }
            kept, log = opened.enter_context(
                output_of(place, log, settings, overwrite, progress.say)
            )
        told = folder, digest(folder), log, place, counts, mask, progress.say
        tell = opened.enter_context(watching(watch, *told, overwrite=overwrite))
        detector, parser = hosts.of_all(lambda: detectors.load(folder))
        change = detectors.change_of(detector, expert)
        detectors.check_read(detector, expert)
        parser = changed(parser, log, format, session, window, given)
        log = replace(in_order(log, parser.layout), details={})
        if parser.layout is not None and parser.numbers is None:
            progress.show(reading_of(parser, parser.layout, log, mask))
        if parser.numbers is None:
            before = place if kept else None  # else verdicts would depend on what they replace
            parser.miner.ids(hosts.of_first(lambda: [*events_of(before, folder), *known]))
        file = None if kept else opened.enter_context(writing(place, log))
        try:
            use = detector, parser, log, counts, idle, progress, mask, change
            fitted, lines = len(parser.texts), json_of if kind == JSONL else otlp_of(folder)
            for found, metrics in verdicts(*use):
                _tell_cut(log, progress.say)
                spent.update({k: n for k, n in metrics.items() if k in COSTS})
                # Before the verdicts are written: who stops in between repeats them, not alerts.
                tell(found, metrics, log, len(parser.texts) - fitted)
                text = text_of(found, log, mask, lines)
                if kept:
                    kept.write(text, log, int(found["last_line"].to_numpy().max()))
                elif file:
                    file.write(text)
                    if log.live:
                        file.flush()
                spent["proprietary"] += int((found["route"] == "proprietary").sum())
                spent[ANOMALOUS] += int(found["anomalous"].sum())
                spent[SEQUENCES] += len(found)
            if not spent[SEQUENCES]:
                raise InputError(f"{log}: no line with text; give a log with at least one event")
        except KeyboardInterrupt as e:
            if not log.live:
                raise
            raise KeyboardInterrupt(f"interrupted; {_told(spent, counts)}") from e
    progress.counted(str(log), counts)
    progress.say(_told(spent, counts))
    costs = ", ".join(
        f"{spent[name]:,} {name.replace('_', ' ')}"
        for name in (*COSTS, "proprietary")
        if spent[name]
    )
    if costs:
        progress.say(costs)
    return counts


def otlp_of(folder: Path) -> Lines:
    """What makes OTLP of rows of a detector's verdicts."""
    system = system_of(folder)
    return lambda found, log: otlp_lines(found, log, system, time.time_ns())


def digest(folder: Path) -> str | None:
    """What tells a detector from others; None where none is there."""
    try:
        return hashlib.sha256((folder / "detector.json").read_bytes()).hexdigest()
    except OSError:  # which loading it tells
        return None


def reading_of(parser: LogParser, layout: Layout, log: Log, mask: Mask) -> Table:
    """What is read of the logs; of what can be read only once, what the detector expects.

    Raises:
      InputError: the session rule fits no line.
    """
    fitted = parser.miner.fitted
    if log.live or not os.path.isfile(log.files[0]):
        often = np.argsort(-fitted.counts, kind="stable")
        texts = [mask(fitted.texts[i]) for i in often[:1]]
        return inspection.expected(str(log), layout, parser.window, texts)
    one = inspect(log, layout, parser.window or WINDOW, fitted)
    if one.misfit and one.sessions and not one.sessions.number and one.whole and not log.files[1:]:
        raise InputError(f"{log}: {one.misfit}")
    return inspection.table(inspection.masked(one, mask), short=True)


def _tell_cut(log: Log, say: Callable[[str], None]) -> None:
    """Say of each file of a followed log, once, that it is packed and cut short."""
    for part, _ in log.parts:
        if part.cut:
            say(f"{part}: the archive is cut short; what is there is judged, the rest is lost")
            part.cut = False


def _told(spent: Counter[str], counts: ReadCounts) -> str:
    return (
        f"{spent[ANOMALOUS]:,} of {spent[SEQUENCES]:,} sequences anomalous, {counts.lines:,} lines "
        "read"
    )


def verdicts(
    detector: Detector,
    parser: LogParser,
    log: Log,
    counts: ReadCounts,
    idle: float,
    progress: Progress,
    mask: Mask = redact,
    expert: Callable[[ExpertConfig], ExpertConfig] = lambda fitted: fitted,
) -> Iterator[tuple[pl.DataFrame, dict[str, Any]]]:
    """Verdicts on the sequences of a log as they close, as rows, and the metrics of the expert.

    Args:
      mask: as in `detect`.
      expert: changes the expert's settings.
    """
    with progress.asking() as report:
        detector = detector.with_expert(expert, report=report, say=progress.say)
        meanings = detector.understand(parser.texts, mask)
        if log.live:
            warm_up(detector, meanings, int(np.argmax(parser.miner.fitted.counts)))
            progress.say(f"{log}: judged as it comes")
        found = in_step(log, parser, stream(log, parser, counts, idle))
        yield from judged(detector, parser, meanings, found, mask)
        if not log.live:
            hosts.of_first(detector.finish)


def judged(
    detector: Detector,
    parser: LogParser,
    meanings: Meanings,
    found: Iterable[Sequences],
    mask: Mask = redact,
) -> Iterator[tuple[pl.DataFrame, dict[str, Any]]]:
    """Verdicts on sequences as they come, as rows, and the metrics of the expert.

    Args:
      detector: with its expert.
      meanings: of the texts of the parser, or of the first of them.
    """
    # Ids keep their texts, so that a sequence keeps its verdict as new templates come.
    judge = VerdictCache(lambda new: detector.judge(new, meanings))
    for sequences in found:
        new = parser.texts[len(meanings.texts) :]
        if new:
            meanings += detector.understand(new, mask)
        verdicts, near = judge(sequences), partial(meanings.nearest, len(parser.miner.fitted))
        found_rows = rows(verdicts, sequences, detector.threshold, meanings.shown, near)
        yield found_rows, verdicts.metrics


def changed(
    parser: LogParser,
    log: Log,
    format: str | None,
    session: str | None,
    window: Window | None,
    given: Given,
) -> LogParser:
    """The parser with the layout, session rule or window that the user gave."""
    if session is not None and window is not None:
        raise InputError("--session and --window: exclude each other; give one of them")
    try:
        window = None if window is None else window_of(window)
    except ValueError as e:
        raise InputError(f"--window={window}: {e}") from e
    once = log.live or STDIN in log.files
    flags = ["--format"] * (format is not None) + [*given.flags]
    if flags:
        if once:
            raise InputError(
                f"{flags[0]} needs a file to look at; this input can be read only once"
            )
        layout = layout_of_all(log.files, format or "auto", given)
        fitted = parser.layout.session if parser.layout else None
        parser = replace(parser, layout=replace(layout, session=fitted))
    elif parser.layout is not None and parser.layout.given and not once:
        check_given(log.files[0], parser.layout)
    if session is not None and parser.layout is not None:
        layout = replace(parser.layout, session=session)
        parser = replace(parser, layout=layout, window=None, due=None)
    if window is not None:
        unkeyed = parser.layout and replace(parser.layout, session=None)
        parser = replace(parser, layout=unkeyed, window=window)
    return parser
