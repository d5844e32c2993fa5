"""What several processes of a run read, compared: else they would mix both and call it a result.

In: sequences, as each of them reads them. Out: the same, in all processes alike.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from glx import hosts
from glx.data.load import LogParser
from glx.parse.log import Log
from glx.sequences import Sequences


def digest(texts: list[str], sequences: Sequences, *more: np.ndarray) -> str:
    """How many lines were read, and what tells them, their templates and `more` from others."""
    known = hashlib.sha256("\n".join(texts).encode(errors="replace"))
    for array in (sequences.ids, sequences.offsets, *more):
        known.update(array.tobytes())
    return f"{len(sequences.ids):,} lines, {known.hexdigest()[:8]}"


def in_step(log: Log, parser: LogParser, found: Iterator[Sequences]) -> Iterator[Sequences]:
    """Sequences of a log as they are found, some at a time.

    Raises:
      InputError: in all processes, where one reads something else than the first, or cannot read.
    """
    while True:
        sequences = hosts.of_all(lambda: next(found, None))
        if hosts.several():
            read = "to its end" if sequences is None else digest(parser.texts, sequences)
            hosts.alike("read", f"{log} ({read})")
        if sequences is None:
            return
        yield sequences
