"""Tasks written down as lists of event ids."""

import numpy as np

from glx.methods.task import Task
from glx.sequences import Distinct, Sequences, csr_offsets, distinct


def make(*rows: list[int]) -> Distinct:
    """The distinct ones of these sequences, sorted."""
    ids = np.array([i for row in rows for i in row], dtype=np.int32)
    at = np.arange(len(rows))
    offsets = csr_offsets(np.array([len(row) for row in rows], dtype=np.int64))
    return distinct(Sequences(ids, offsets, first_line=at, last_line=at))


def task(*rows: list[int], vectors: np.ndarray | None = None, seed: int = 0) -> Task:
    """A target without sources that holds these sequences; nine templates unless told."""
    return Task([], make(*rows), np.eye(9, dtype=np.float32) if vectors is None else vectors, seed)
