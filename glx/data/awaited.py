"""Steps that sessions still wait for when they, or their log, end.

In: sessions and the times of their events. Out: the events that a session lacks and that, by how
old other sessions were when those came, may have come later. No label is read here.
"""

import numpy as np
import scipy.sparse as sp

from glx.sequences import Sequences, csr_gather

IN_TIME = 0.95  # share of the sessions with an event that hold it by the age at which it is due
ENOUGH = 20_000  # sessions to learn from, evenly of all
SOME = 0.02  # share of the sessions that hold an event at least; it bounds how much is awaited


def due_ages(
    sessions: Sequences, times: np.ndarray, learned: np.ndarray, n_templates: int
) -> np.ndarray | None:
    """`<float64>[V]` seconds after a session began at which each event is due; None without times.

    Args:
      sessions: those of a whole log, with `start`.
      times: `<float64>[E]` seconds since the epoch, NaN for an event without a time.
      learned: `<bool>[N]` the sessions that say when an event is due.
      n_templates: `V`; later ids are events that nobody waits for.
    """
    if sessions.start is None or np.all(np.isnan(times)):
        return None
    some = np.flatnonzero(learned)
    held, place = _held(sessions, some[:: len(some) // ENOUGH + 1], n_templates)
    age = times[place] - sessions.start[held // n_templates]
    return _due(held[~np.isnan(age)], age[~np.isnan(age)], n_templates)


def awaited(sessions: Sequences, due: np.ndarray, until: np.ndarray | float) -> sp.csr_array:
    """`<bool>[N, V]` the events that each session lacks and that were not due yet.

    Args:
      sessions: with `start`, seconds since the epoch; NaN, where none is known: nothing is awaited.
      due: `<float64>[V]` as `due_ages` gives it.
      until: `<float64>[N]` or one for all, the time until which a session was watched.
    """
    assert sessions.start is not None
    watched, n_templates = until - sessions.start, len(due)
    order = np.argsort(-due, kind="stable")
    waiting = np.searchsorted(-due[order], -watched)  # how many are due later than it was watched
    waiting[np.isnan(watched)] = 0
    owner = np.repeat(np.arange(len(sessions)), waiting)
    event = order[np.arange(len(owner)) - np.repeat(np.cumsum(waiting) - waiting, waiting)]
    there, _ = _held(sessions, np.flatnonzero(waiting), n_templates)
    lacks = ~np.isin(owner * n_templates + event, there)
    at = owner[lacks], event[lacks]
    return sp.csr_array((np.ones(lacks.sum(), bool), at), shape=(len(sessions), n_templates))


def _held(sessions: Sequences, rows: np.ndarray, n_templates: int) -> tuple[np.ndarray, np.ndarray]:
    """Session times `V` plus event of each line of `rows` with an event below `V`; its place."""
    at = csr_gather(sessions.offsets, rows)
    held = np.repeat(rows, sessions.lengths[rows]) * n_templates + sessions.ids[at]
    known = sessions.ids[at] < n_templates
    return held[known], at[known]


def _due(held: np.ndarray, age: np.ndarray, n_templates: int) -> np.ndarray:
    """`<float64>[V]` age of a session at which each event is due; 0 for one that few hold.

    Args:
      held: `<int64>[M]` session times `V` plus event, of each line.
      age: `<float64>[M]` of the session at that line.
    """
    if not len(held):
        return np.zeros(n_templates)
    order = np.argsort(held, kind="stable")
    starts = np.flatnonzero(np.diff(held[order], prepend=-1))
    row, event = np.divmod(held[order[starts]], n_templates)
    first = np.minimum.reduceat(age[order], starts)
    first = first[np.lexsort((first, event))]
    number = np.bincount(event, minlength=n_templates)
    place = np.cumsum(number) - number + np.ceil(IN_TIME * number).astype(np.int64) - 1
    some = number >= max(SOME * len(np.unique(row)), 1)
    return np.where(some, first[np.where(some, place, 0)], 0)
