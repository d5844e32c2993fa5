"""A log that comes in one piece, through a fitted detector that stays loaded.

In: the bytes of a log. Out: `Judged`: the lines that `glx detect` writes of it, what it flagged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from glx.data.load import LogParser
from glx.data.stream import stream
from glx.data.windows import Window, span_of
from glx.detector import Detector
from glx.errors import InputError, OutsideError
from glx.generallog.experts import ExpertConfig
from glx.parse.lines import raw_lines
from glx.parse.log import Log
from glx.parse.miner import Miner
from glx.parse.names import NOTHING_GIVEN
from glx.parse.read import ReadCounts
from glx.parse.sources import STDIN
from glx.redact import Mask
from glx.report import causes as grouping
from glx.report.models import Cause
from glx.runs import detectors
from glx.runs.detect import NO_CHANGE, changed, judged
from glx.runs.json_lines import text_of
from glx.runs.warm import warm_up
from glx.serve.body import remote

PATIENCE = 20.0  # seconds that a request waits for the model's server, where no flag says
MASKED = 1 << 14  # texts whose masked form is remembered


@dataclass(frozen=True)
class Judged:
    """What became of a log.

    Attributes:
      text: a line of JSON for each sequence, or for each anomalous one.
      found: rows of `glx.verdicts.rows`, with the metrics of the expert.
      flagged: `grouping.COLUMNS`, a row for each that is anomalous.
      causes: of these, with lines of the log.
      counts: lines read and mended.
      new_templates: that are in no log the detector was fitted on.
    """

    text: str
    found: list[tuple[pl.DataFrame, dict[str, Any]]]
    flagged: pl.DataFrame
    causes: list[Cause]
    counts: ReadCounts
    new_templates: int

    @property
    def sequences(self) -> int:
        """How many were judged."""
        return sum(len(rows) for rows, _ in self.found)


class Judge:
    """A detector that judges one log after another, each as if it were the only one.

    Args:
      folder: the detector.
      session, window: where the logs are cut otherwise than those it was fitted on.
      idle: seconds of log time after whose silence a session has ended.
      mask: what becomes of a text where it is shown.
      expert: settings of the expert by the names of their flags, where they are not those that
        were fitted.
      say: is told of what takes time, or is odd.

    Raises:
      InputError: the detector or a setting is not as it should be.
      OutsideError: the expert's server is out of reach.
    """

    def __init__(
        self,
        folder: Path,
        *,
        session: str | None,
        window: Window | None,
        idle: float | str,
        mask: Mask,
        expert: Mapping[str, Any] = NO_CHANGE,
        say: Callable[[str], None],
    ):
        self.idle, self.mask, self.say = span_of("idle", idle), mask, say
        self.fitted, parser = detectors.load(folder)
        if parser.layout is None:
            raise InputError(
                f"{folder}: knows event numbers only, and lines are posted; give a detector of a "
                "system of raw lines"
            )
        detectors.check_read(self.fitted, expert)
        change = detectors.change_of(self.fitted, expert)
        self.change = change if "llm_patience" in expert else lambda it: impatient(change(it))
        self.parser = changed(parser, Log([STDIN]), None, session, window, NOTHING_GIVEN)
        self.ready: Detector | None = self.fitted.with_expert(self.change, say=say)
        known = self.ready.understand(parser.texts, mask)
        # Each log may bring new texts, for as long as the process lives.
        self.meanings = replace(known, mask=lru_cache(MASKED)(mask))
        warm_up(self.ready, self.meanings, int(np.argmax(parser.miner.fitted.counts)))

    def __call__(self, raw: bytes, file: str | None = None, anomalous: bool = False) -> Judged:
        """The verdicts on the lines of a log.

        Args:
          raw: its bytes, not packed.
          file: its name in the verdicts; None for that of standard input.
          anomalous: only anomalous sequences are told.

        Raises:
          InputError: the log is not as it should be.
          OutsideError: the expert's server gave up; it is asked anew for the next log.
        """
        # What is new in one log is not known in the next: its verdicts are its own.
        miner = self.parser.miner
        parser = replace(self.parser, miner=Miner(miner.fitted, miner.config, miner.published))
        log, named, counts = Log([remote(raw)], details={}), Log([file or STDIN]), ReadCounts()
        texts: list[str] = []
        found: list[tuple[pl.DataFrame, dict[str, Any]]] = []
        detector = self.detector()
        try:
            closed = stream(log, parser, counts, self.idle)
            for rows, metrics in judged(detector, parser, self.meanings, closed, self.mask):
                found.append((rows, metrics))
                told = rows.filter("anomalous") if anomalous else rows
                if len(told):
                    texts.append(text_of(told, replace(named, details=log.details), self.mask))
            detector.finish()
        except OutsideError:
            self.ready = None
            raise
        if not any(len(rows) for rows, _ in found):
            raise InputError(f"{log}: no line with text; send at least one event")
        flagged = pl.concat([_columns(rows.filter("anomalous"), file) for rows, _ in found])
        new, causes = len(parser.texts) - len(miner.fitted), self._causes(flagged, raw, parser)
        return Judged("".join(texts), found, flagged, causes, counts, new)

    def detector(self) -> Detector:
        """The detector, its expert made ready.

        Raises:
          OutsideError: that cannot be done now.
        """
        try:
            self.ready = self.ready or self.fitted.with_expert(self.change, say=self.say)
        except InputError as e:  # no fault of who sent the log
            raise OutsideError(str(e)) from e
        return self.ready

    def _causes(self, flagged: pl.DataFrame, raw: bytes, parser: LogParser) -> list[Cause]:
        """The causes of what was flagged, with the lines that are in `raw` alone."""
        found, layout = grouping.causes(flagged).causes, parser.layout
        assert layout is not None
        if found:
            grouping.with_lines(
                found, lambda file, wanted: raw_lines(remote(raw), layout, wanted), self.mask
            )
        return found


def impatient(config: ExpertConfig) -> ExpertConfig:
    """The settings, with the patience that is left for a request."""
    patience = min(config.llm.llm_patience, PATIENCE)
    return replace(config, llm=replace(config.llm, llm_patience=patience))


def _columns(found: pl.DataFrame, file: str | None) -> pl.DataFrame:
    """Rows of verdicts with the columns, and the digits, that a file of them has."""
    score = pl.col("score").cast(pl.Float64).round(6)
    return found.with_columns(score, file=pl.lit(file, pl.String)).select(*grouping.COLUMNS)
