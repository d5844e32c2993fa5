"""What an expert is asked, written as lists of event ids."""

from typing import Any

import numpy as np

from glx.evidence import bounded
from glx.generallog.expert import ExpertInput
from glx.sequences import Distinct, csr_offsets


def expert_input(rows: list[list[int]], texts: list[str], **given: Any) -> ExpertInput:
    """The sequences `rows` of events with `texts`, neutral in all that is not `given`.

    The deciding event is the first of the least similarity.
    """
    n, count = len(texts), len(rows)
    ids = np.array([v for row in rows for v in row], dtype=np.int32)
    offsets = csr_offsets(np.array([len(row) for row in rows], dtype=np.int64))
    zeros = np.zeros(n, np.float32)
    similarity = np.float32(given.pop("similarity", zeros))
    neutral = {
        "vectors": np.eye(n, dtype=np.float32),
        "alarm": zeros,
        "reading": bounded(given.get("alarm", zeros)),
        "beside": zeros,
        "evidence": bounded(given.get("alarm", zeros)) + given.get("beside", zeros),
        "share": np.zeros(n),
        "seen": np.ones(n, dtype=bool),
        "tau": 0.5,
        "origins": [[]] * n,
        "deciding": np.array([np.argmin(similarity[row]) for row in rows], dtype=np.int64),
    }
    sequences = Distinct(ids, offsets, np.ones(count, np.int64), np.arange(count))
    return ExpertInput(sequences, list(texts), similarity=similarity, **neutral | given)
