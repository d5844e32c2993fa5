"""Adapt, gap and test: which part of a system is learned from and which is scored.

In: times, sessions or counts; never a label. Out: sequences and the part each belongs to.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl

from glx.config import setting
from glx.data.systems import SIMULATED
from glx.data.windows import NO_TIME, Clock, Window, seconds
from glx.errors import InputError
from glx.sequences import ADAPT, GAP, TEST, Sequences, csr_offsets


@dataclass(frozen=True)
class SplitConfig:
    """How a target is split."""

    adapt_share: float = setting(
        0.5, "share of the lines or sessions to adapt on, unlabelled.", low=0.01, high=0.99
    )
    gap_lines: int = setting(100, "lines left out after the cut of a system of windows.", low=0)
    split_seed: int = setting(
        0, "of the fixed permutation of a system without times, and of all in `paper`.", low=0
    )


@dataclass(frozen=True)
class Events:
    """Events of a file in its order, before they are grouped.

    Attributes:
      ids: `<int32>[E]`; only their order and number matter here.
      lines: `<int64>[E]` row of the file of each event.
      session: `<int64>[E]` index into `keys`, -1 for a line without a session; None for windows.
      keys: `<object>[S]` session ids.
      times: `<float64>[E]` seconds since the epoch, NaN where a line has none; None without times.
      file_starts: `<int64>[F]` place of the first event of each file; None for one file.
    """

    ids: np.ndarray
    lines: np.ndarray
    session: np.ndarray | None = None
    keys: np.ndarray | None = None
    times: np.ndarray | None = None
    file_starts: np.ndarray | None = None


def split_windows(
    events: Events, window: Window, config: SplitConfig
) -> tuple[Sequences, np.ndarray]:
    """Cut lines into adapt, gap and test, then each part into windows from its own start.

    Windows by time are aligned to the clock instead: those that a cut goes through are the gap's.

    Returns:
      Windows in the order of their lines, and `<int8>[N]` the part of each.

    Raises:
      InputError: windows by time, and no line has a time.
    """
    n = len(events.ids)
    cut = int(n * config.adapt_share)
    gap = min(config.gap_lines, n - cut)
    if isinstance(window, int):
        found = _windows(events, window, [0, cut, cut + gap, n])
        part = np.searchsorted([cut, cut + gap], found.offsets[:-1], side="right")
        return found, part.astype(np.int8)
    found = _clock_windows(events, seconds(window))
    begin, end = found.offsets[:-1], found.offsets[1:]
    return found, np.where(end <= cut, ADAPT, np.where(begin >= cut + gap, TEST, GAP)).astype(
        np.int8
    )


def draw_windows(events: Events, window: int, config: SplitConfig) -> tuple[Sequences, np.ndarray]:
    """Cut each file into windows from its start, then draw those to adapt on: protocol `paper`.

    Leaky on purpose: windows of one burst, and of one row where it holds many events, fall into
    both parts. There is no gap.

    Returns:
      Windows in the order of their lines, and `<int8>[N]` the part of each.
    """
    files = [0] if events.file_starts is None else events.file_starts.tolist()
    found = _windows(events, window, [*files, len(events.ids)])
    return found, split_rows(len(found), config)


def split_sessions(events: Events, config: SplitConfig) -> tuple[Sequences, np.ndarray]:
    """Group lines by session and cut the sessions by their first time (or line, without times).

    A session that begins before the cut and ends after it goes to the gap. One without any time
    has the times of the lines before its own (after them, at the start of the file).

    Returns:
      Sessions in the order of their first line, and `<int8>[N]` the part of each.
    """
    assert events.session is not None
    assert events.keys is not None
    keyed = np.flatnonzero(events.session >= 0)
    order = keyed[np.argsort(events.session[keyed], kind="stable")]
    lengths = np.bincount(events.session[keyed], minlength=len(events.keys))
    grouped = _grouped(events, order, csr_offsets(lengths), events.keys)
    grouped = grouped.take(np.argsort(grouped.first_line, kind="stable"))
    start, end = grouped.start, grouped.end
    if start is None or end is None:
        start, end = grouped.first_line, grouped.last_line
    return grouped, cut_by_time(start, end, config.adapt_share)


def cut_by_time(start: np.ndarray, end: np.ndarray, adapt_share: float) -> np.ndarray:
    """`<int8>[N]` parts: the earliest sessions adapt, those that straddle the cut are the gap."""
    order = np.argsort(start, kind="stable")
    n_adapt = int(len(order) * adapt_share)
    part = np.full(len(order), TEST, dtype=np.int8)
    part[order[:n_adapt]] = ADAPT
    if n_adapt < len(order):
        cut = start[order[n_adapt]]
        part[(part == ADAPT) & (end >= cut)] = GAP
    return part


def split_rows(n: int, config: SplitConfig) -> np.ndarray:
    """`<int8>[n]` parts by a fixed permutation, which depends on the number of rows only."""
    permuted = np.random.default_rng(config.split_seed).permutation(n)
    part = np.full(n, TEST, dtype=np.int8)
    part[permuted[: int(n * config.adapt_share)]] = ADAPT
    return part


def check_parts(name: str, part: np.ndarray, adapt_share: float, unit: str = "sequence") -> None:
    """Raise InputError where a part that is needed came out empty.

    Args:
      unit: what a sequence is, as `session`.
    """
    adapt, gap, test = (int(np.sum(part == which)) for which in (ADAPT, GAP, TEST))
    missing = "to adapt on" if not adapt else "left to score"
    if adapt and (test or adapt_share >= 1):
        return
    more = "a larger --sim_lines" if name in SIMULATED else "more logs"
    if len(part) == 1:
        mend = "give more logs" if unit == "session" else "give more logs or a smaller --window"
        raise InputError(
            f"{name}: all of the log is one {unit}, and no --adapt_share makes one to adapt on and "
            f"one to score of it; {mend}"
        )
    mend = "a larger --adapt_share" if not adapt else "a smaller --adapt_share or --gap_lines"
    why = f"of {len(part)} {unit}s {adapt} lie before the cut, {gap} in the gap, {test} after it"
    if unit == "session" and gap and not adapt:
        why = f"of {len(part)} sessions all {gap} that begin before the cut end after it"
    raise InputError(f"{name}: no sequence {missing}: {why}; give {more} or {mend}")


def _windows(events: Events, window: int, bounds: list[int]) -> Sequences:
    """Windows of `window` events from each bound to the next, of which the last may be shorter."""
    starts = [np.arange(a, b, window) for a, b in pairwise(bounds)]
    offsets = np.concatenate([*starts, bounds[-1:]]).astype(np.int64)
    found = _grouped(events, np.arange(bounds[-1]), offsets, None)
    return replace(found, cut_short=found.lengths < window)


def _clock_windows(events: Events, span: int) -> Sequences:
    """Windows of `span` seconds."""
    n = len(events.ids)
    if events.times is None or np.all(np.isnan(events.times)):
        raise InputError(NO_TIME)
    offsets = np.concatenate([[0], np.flatnonzero(Clock(span).starts(events.times)), [n]])
    found = _grouped(events, np.arange(n), offsets, None)
    return replace(found, cut_short=np.isin(np.arange(len(found)), [0, len(found) - 1]))


def _grouped(events: Events, order, offsets, keys) -> Sequences:
    """`events[order]` cut at `offsets`, no group empty."""
    lines = events.lines[order]
    start = end = None
    if events.times is not None and not np.all(np.isnan(events.times)):
        times = events.times[order]
        start = np.fmin.reduceat(times, offsets[:-1])
        end = np.fmax.reduceat(times, offsets[:-1])
        timeless = np.isnan(start)
        if np.any(timeless):  # then the time before, or the first where there is none before
            filled = pl.Series(events.times).fill_nan(None).forward_fill().backward_fill()
            times = filled.to_numpy()[order]
            start = np.where(timeless, np.minimum.reduceat(times, offsets[:-1]), start)
            end = np.where(timeless, np.maximum.reduceat(times, offsets[:-1]), end)
    return Sequences(
        ids=events.ids[order].astype(np.int32),
        offsets=offsets,
        first_line=np.minimum.reduceat(lines, offsets[:-1]),
        last_line=np.maximum.reduceat(lines, offsets[:-1]),
        lines=lines,
        keys=keys,
        start=start,
        end=end,
    )
