"""Sequences written as lists of event ids."""

import numpy as np

from glx.sequences import Distinct, Sequences, csr_offsets, distinct


def sequences(*rows: list[int]) -> Sequences:
    """One sequence per row; the row's number stands for its line of the file."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    ids = np.array([i for row in rows for i in row], dtype=np.int32)
    at = np.arange(len(rows))
    return Sequences(ids, csr_offsets(lengths), first_line=at, last_line=at)


def unique(*rows: list[int]) -> Distinct:
    """The distinct rows, sorted."""
    return distinct(sequences(*rows))
