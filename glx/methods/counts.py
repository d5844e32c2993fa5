"""Event counts: a sequence as a vector that knows no order and no text.

In: distinct sequences, the ids of the events that have a column. Out: a sparse matrix, in which all
other events share the last column.
"""

import numpy as np
import scipy.sparse as sp

from glx.sequences import Distinct


def columns(sequences: Distinct, events: np.ndarray) -> np.ndarray:
    """`<int64>[E]` the column of each event: its place in `events`, or `C` where it is not there.

    Args:
      events: `<int>[C]` ids, ascending.
    """
    at = np.searchsorted(events, sequences.ids)
    known = np.append(events, -1)[at] == sequences.ids
    return np.where(known, at, len(events))


def count(sequences: Distinct, events: np.ndarray) -> sp.csr_array:
    """`<float64>[U, C + 1]` how often each sequence holds each of `events`, and all others.

    Args:
      events: `<int>[C]` ids, ascending.
    """
    shape = (len(sequences), len(events) + 1)
    ones, at = np.ones(len(sequences.ids)), columns(sequences, events)
    # A copy: summing duplicates works in place, and the offsets are the caller's.
    counts = sp.csr_array((ones, at, sequences.offsets), shape=shape, copy=True)
    counts.sum_duplicates()
    return counts


def holders(counts: sp.csr_array, times: np.ndarray) -> np.ndarray:
    """`<int64>[C]` how many sequences hold the event of each column, duplicates counted.

    Args:
      counts: `[U, C]` as of `count`.
      times: `<int64>[U]` how often each sequence occurs.
    """
    return (counts > 0).T @ times
