"""A fitted detector for newer logs of its system, and how much the system has drifted since.

In: a detector, newer unlabelled logs. Out: the detector that learned its target's habits from
those, and `Drift`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from glx import hosts
from glx.data.inputs import given_log, in_order
from glx.data.load import LogParser
from glx.data.stream import stream
from glx.detector import Detector, Target
from glx.errors import InputError
from glx.membership import presence
from glx.parse.log import Log
from glx.parse.miner import DEFAULT, Miner, fit
from glx.parse.read import ReadCounts
from glx.redact import Mask
from glx.runs import detectors
from glx.runs.in_step import in_step
from glx.runs.progress import Progress
from glx.sequences import Sequences, Templates, distinct, join

# Of the lines: more have templates that the fit had not seen. Logs of another system have 100 %,
# later ones of the same system less (docs/formats.md).
FIT_ANEW = 0.5
SHOWN = 10  # templates
MOST_NEW = 1_000_000  # distinct texts that no template matches
USUAL = 0.5  # of the sequences: an event that more of them hold is usual


class Change(Struct):
    """A template whose share of the lines is another one now.

    Attributes:
      text: as it is shown.
      before, now: shares of the lines (of habits: the sequences) that the detector learned from,
        and of the newer ones.
    """

    text: str
    before: float
    now: float


class Drift(Struct):
    """What is other in newer logs than in those that a detector learned from.

    Attributes:
      lines, sequences: that were read of the newer logs.
      new_templates: how many there are.
      unseen: share of the newer lines whose template the detector had not seen.
      gone: share of the earlier lines whose template does not come any more.
      moved: share of the lines that would have to be of other templates for both to be alike, half
        the sum of the changes.
      flagged_before, flagged_now: shares of the newer sequences that the detector flags, and that
        the refreshed one does; those of GeneralLog are of its ZeroLog, as no expert is asked.
      fit_anew: so much is new that the detector is better fitted anew than refreshed.
      changes: the templates that changed most, the largest change first.
      habits: events that most sequences held and most do not any more, or the other way, with the
        shares of sequences; of detectors with a profile.
    """

    lines: int
    sequences: int
    new_templates: int
    unseen: float
    gone: float
    moved: float
    flagged_before: float
    flagged_now: float
    fit_anew: bool
    changes: list[Change]
    habits: list[Change]


class Refreshed(NamedTuple):
    """A detector and parser that know newer logs, and what is other in those."""

    detector: Detector
    parser: LogParser
    drift: Drift


def refresh(
    folder: Path, logs: str | Sequence[str], mask: Mask, progress: Progress | None = None
) -> Refreshed:
    """Learn a target's habits from newer logs alone; no label is read.

    Not from the earlier ones too: what the system no longer does would stay usual, its lack would
    be flagged for as long as the earlier logs outweigh, and a detector keeps no sequences.
    Templates that the detector knows stay, so that its events and causes keep their names; new ones
    follow them. When the steps of a session are due stays as it was.

    Args:
      folder: the detector.
      logs: paths, folders or globs of the files of one log.
      mask: what becomes of a text where it is shown.

    Raises:
      InputError: detector or logs are not as they should be, or there is too little in them.
    """
    progress = progress or Progress()
    log = given_log([logs] if isinstance(logs, str) else logs, latency=0, follow=False)
    if log.live:
        raise InputError(f"--logs={log}: is read as it comes; give files that are whole")
    detector, parser = hosts.of_all(lambda: detectors.load(folder))
    log, counts = in_order(Log(log.files), parser.layout), ReadCounts()
    progress.say(f"reading {log}")
    miner = parser.miner
    apart = Miner(miner.fitted, replace(DEFAULT, max_new=MOST_NEW), miner.published, apart=True)
    reading = replace(parser, miner=apart)
    found = everything(log, reading, counts)
    progress.counted(str(log), counts)
    newer, sequences = after(reading, found)
    progress.say(f"learning from {len(sequences):,} sequences")
    target = Target(sequences, newer.miner.fitted, newer.numbers)
    refreshed = detector.refreshed(target)
    return Refreshed(
        refreshed, newer, drift((detector, parser), (refreshed, newer), sequences, mask)
    )


def everything(log: Log, parser: LogParser, counts: ReadCounts) -> Sequences:
    """All sequences of a log, as a fit has them: a session goes on to the end of the log.

    Raises:
      InputError: there is no line with text.
    """
    found = stream(log, parser, counts, idle=float("inf"))
    parts = [*in_step(log, parser, found)]
    if not parts:
        raise InputError(f"{log}: no line with text; give a log with at least one event")
    return join(parts)


def after(parser: LogParser, sequences: Sequences) -> tuple[LogParser, Sequences]:
    """The parser that knows the templates which came since, and the sequences by these.

    What is new is mined as it is in a fit, from all of its texts, and counts are of newer lines.

    Args:
      parser: to which each new text was an event.

    Raises:
      InputError: the system came as event numbers, and a line is of none.
    """
    templates, known = parser.miner.templates, len(parser.miner.fitted)
    new = len(templates) - known
    if new and parser.numbers is not None:
        raise InputError(
            f'"{templates.texts[known]}" is no event of the table that the detector was fitted '
            "with; fit it anew with a table that has it, or with raw lines"
        )
    counts = np.bincount(sequences.ids, minlength=len(templates)).astype(np.int64)
    texts, ids = templates.texts[:known], sequences.ids
    if new:
        mined = fit(templates.texts[known:], counts[known:])
        texts = texts + mined.fitted.texts
        of = np.append(np.arange(known), known + mined.ids(templates.texts[known:]))
        ids = of.astype(ids.dtype)[ids]
        counts = np.bincount(ids, minlength=len(texts)).astype(np.int64)
    miner = Miner(Templates(texts, counts), published=parser.miner.published)
    due = None if parser.due is None else np.pad(parser.due, (0, len(texts) - known))
    return replace(parser, miner=miner, due=due), replace(sequences, ids=ids)


def drift(
    before: tuple[Detector, LogParser],
    after: tuple[Detector, LogParser],
    sequences: Sequences,
    mask: Mask,
) -> Drift:
    """What is other in `sequences`, which the detector and parser `after` learned from."""
    (old, earlier), (new, later) = before, after
    texts, counts = later.miner.fitted.texts, later.miner.fitted.counts
    was = _shares(_padded(earlier.miner.fitted.counts, len(texts)))
    now = _shares(counts)
    unseen = now[was == 0]
    flags = [_flagged(one, sequences, texts, mask) for one in (old, new)]
    return Drift(
        lines=int(counts.sum()),
        sequences=len(sequences),
        new_templates=int(np.count_nonzero(unseen)),
        unseen=float(unseen.sum()),
        gone=float(was[now == 0].sum()),
        moved=float(np.abs(now - was).sum() / 2),
        flagged_before=flags[0],
        flagged_now=flags[1],
        fit_anew=bool(unseen.sum() > FIT_ANEW),
        changes=_changes(was, now, now != was, texts, mask),
        habits=_habits(old, sequences, texts, mask),
    )


def _habits(old: Detector, sequences: Sequences, texts: list[str], mask: Mask) -> list[Change]:
    """The events on which most sequences agree no more with those that `old` learned from."""
    profile = old.without_expert().usual()
    if profile is None:
        return []
    was = _padded(profile.present, len(texts)) / max(int(profile.n_sequences), 1)
    now = presence(distinct(sequences), len(texts)) / len(sequences)
    return _changes(was, now, (was > USUAL) != (now > USUAL), texts, mask)


def _changes(
    was: np.ndarray, now: np.ndarray, shown: np.ndarray, texts: list[str], mask: Mask
) -> list[Change]:
    """Those of the templates `shown` (`<bool>[V]`) that changed most, the largest change first."""
    order = np.argsort(-np.abs(now - was), kind="stable")
    rows = order[shown[order]][:SHOWN]
    return [Change(mask(texts[v]), float(was[v]), float(now[v])) for v in rows]


def _flagged(detector: Detector, sequences: Sequences, texts: list[str], mask: Mask) -> float:
    """The share of sequences that it flags."""
    base = detector.without_expert()
    verdicts = base.judge(sequences, base.understand(texts, mask))
    flags = verdicts.scores >= base.threshold
    return float(np.average(flags, weights=verdicts.distinct.counts))


def _padded(counts: np.ndarray, n: int) -> np.ndarray:
    """`<int64>[n]`: 0 for templates that came since."""
    return np.pad(counts, (0, n - len(counts)))


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / max(int(counts.sum()), 1)
