"""GeneralLog in a notebook: fit a detector, give it logs, look at a table.

    import glx

    detector = glx.fit(["sim_blocks", "sim_ras"], target="shop.log", session=r"order=(\\w+)")
    verdicts = detector.detect("shop.log.1.gz")
    verdicts.anomalies

Processes that are to share a detector each load it (`save`, `load`), and are started with `spawn`:
a fork has none of the threads of JAX and Polars, and would wait for them for ever.

In: systems by name or file, settings by the names of the flags of `glx generallog`. Out:
verdicts as a Polars table.
"""

import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from glx import files
from glx.config import with_flags
from glx.data.inputs import in_order, paths_of
from glx.data.load import LogParser
from glx.data.windows import span_of
from glx.detector import Detector
from glx.errors import InputError
from glx.generallog.experts import check_read
from glx.parse.log import Log
from glx.parse.read import ReadCounts
from glx.redact import Mask, mask_of, redact
from glx.runs import detect, detectors
from glx.runs.compilation import keep_compilations
from glx.runs.fit import fit as fit_run
from glx.runs.progress import Progress, Terminal
from glx.runs.settings import GENERAL_PRESETS, GeneralLogRun
from glx.runs.shared import Shared
from glx.verdicts import VERDICT

Paths = Path | str | Iterable[Path | str]  # one, or several


@dataclass(frozen=True)
class Detection:
    """The verdicts of a detector on a file of logs.

    Attributes:
      table: a row per sequence in the order in which they closed: `key` (null for windows),
        `first_line`, `last_line` (from 0, inclusive), `score` in [0, 1], `anomalous` (both null for
        an abstention), `route`, `evidence` (line, place in the sequence, weight and text of the
        events that weighed most), `reason` (the expert's, or what is missing), `deciding` (what
        chose the route).
      counts: lines read and mended.
      files: `file` and the `first_line` of it; lines count through all files in that order.
    """

    table: pl.DataFrame
    counts: ReadCounts
    files: pl.DataFrame

    @property
    def anomalies(self) -> pl.DataFrame:
        """The anomalous rows, the highest score first."""
        return self.table.filter("anomalous").sort("score", descending=True, maintain_order=True)


@dataclass(frozen=True)
class LogDetector:
    """A fitted detector, what parses more logs of its system, and how their texts are shown."""

    fitted: Detector
    parser: LogParser
    mask: Mask = redact

    def detect(self, logs: Paths, idle: float | str = 3600.0) -> Detection:
        """Detection on raw lines or event numbers, plain or packed.

        Args:
          logs: a file, or the files, folders or globs of one log, read in the order of time.
          idle: seconds of log time, or a span as `5m`, after whose silence a session has ended.

        Raises:
          InputError: the file is not as it should be.
          OutsideError: the expert's server gave up.
        """
        idle, paths = span_of("idle", idle), paths_of("logs", _texts("logs", logs))
        log, counts = in_order(Log(paths), self.parser.layout), ReadCounts()
        found = detect.verdicts(self.fitted, self.parser, log, counts, idle, Progress(), self.mask)
        table = pl.concat([pl.DataFrame(schema=VERDICT), *(rows for rows, _ in found)])
        return Detection(table, counts, log.table())

    def save(self, folder: Path | str) -> None:
        """Write it to `folder`, which must not exist; `load` and `glx detect` read it.

        Raises:
          InputError: something is there, or such a folder could not be read again.
        """
        path = files.folder(_one("folder", folder), "folder")
        if os.path.exists(path):
            raise InputError(f"{path}: is there already; choose another folder")
        detectors.save(path, self.fitted, self.parser, {})

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a detector cannot be pickled; `save` it, and `glx.load` it where it goes")

    def __copy__(self) -> "LogDetector":  # which would ask for the same as pickling
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> "LogDetector":
        return replace(self, **{k: deepcopy(v, memo) for k, v in vars(self).items()})


def fit(
    sources: Paths,
    target: Paths,
    labels: Paths = (),
    *,
    preset: str = "small",
    progress: Progress | None = None,
    **settings: Any,
) -> LogDetector:
    """Fit GeneralLog on labelled sources and the first half of an unlabelled target.

    Args:
      sources: systems by name, or NAME=FILE with labels; empty: the simulated systems.
      target: a system by name, NAME=FILE or a file of your own logs, or the files of one log.
      labels: NAME=FILE for each own source, a CSV of `key,label` or `line,label`.
      preset: `small` trains for seconds, `full` for reported numbers.
      progress: what to tell meanwhile; None: bars on the terminal.
      settings: any flag of `glx generallog` by its name, as `session`, `expert`, `seed`.

    Raises:
      InputError: a system, file or setting is not as it should be.
    """
    config = _config(preset, settings)
    progress = progress or Terminal()
    keep_compilations(config.data)
    files = _texts("target", target)
    config = replace(
        config,
        target=files[0] if len(files) == 1 else files,
        source=_texts("sources", sources, some=False),
        labels=_texts("labels", labels, some=False),
    )
    fitted = fit_run(config, None, progress, Shared())
    return LogDetector(fitted.detector, fitted.target.parser, mask_of(config.data.redact))


def load(folder: Path | str, *, redact: bool = True, **settings: Any) -> LogDetector:
    """A detector that was saved, or that of a finished run.

    Args:
      redact: mask secrets in what is shown to people or to a model.
      settings: of the expert, where they are not those that it was fitted with, as `llm_url`.
    """
    fitted, parser = detectors.load(detectors.folder_of(_one("folder", folder)))
    if settings:
        fitted = fitted.with_expert(detectors.change_of(fitted, settings))
    return LogDetector(fitted, parser, mask_of(redact))


def _texts(name: str, given: Paths, *, some: bool = True) -> tuple[str, ...]:
    """Names and paths as texts.

    Args:
      some: at least one is needed.

    Raises:
      InputError: something else was given, or nothing.
    """
    several = [given] if isinstance(given, str | os.PathLike) else given
    if not isinstance(several, Iterable) or isinstance(several, bytes | Mapping):
        raise InputError(f"{name}={_kind(several)}: must be a text, a path, or several of them")
    texts = tuple(_one(name, one) for one in several)
    if some and not texts:
        raise InputError(f"{name}: none is given; give a name or a path")
    return texts


def _one(name: str, given: Path | str) -> str:
    text = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise InputError(f"{name}={_kind(given)}: must be a text or a path")
    return text


def _kind(given: object) -> str:
    """What was given, in a few words: a table's lines would be many."""
    short = given is None or isinstance(given, bool | int | float | str)
    return repr(given) if short else f"<{type(given).__name__}>"


def _config(preset: str, settings: dict[str, Any]) -> GeneralLogRun:
    if preset not in (*GENERAL_PRESETS,):
        raise InputError(f"preset={preset}: must be one of {', '.join(GENERAL_PRESETS)}")
    taken = {"target", "source", "labels"} & set(settings)
    if taken:
        raise InputError(f"{taken.pop()}: is an argument of its own")
    config = with_flags(GENERAL_PRESETS[preset], settings)
    check_read(config.model.expert, settings)
    return config
