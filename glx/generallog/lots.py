"""Routes that look at no similarity, for ablations: all one way, or by lot.

In: distinct sequences, a seed, which of them similarity calls general. Out: which are by lot.
"""

import hashlib
from itertools import pairwise

import numpy as np

from glx.sequences import Distinct

ONE_WAY = ("general", "proprietary")
ABLATIONS = (*ONE_WAY, "random")


def random_route(sequences: Distinct, general: np.ndarray, seed: int) -> np.ndarray:
    """`<bool>[U]` general ones, as many as `general` has, but for what counts do not allow.

    As many occurrences go to the expert, that is, as far as distinct sequences can be parted: the
    copies of one go one way as a whole.

    Args:
      general: `<bool>[U]` by similarity.
    """
    order = np.argsort(lots(sequences, seed), kind="stable")
    middle = np.cumsum(sequences.counts[order]) - sequences.counts[order] / 2
    kept = np.empty(len(sequences), dtype=bool)
    kept[order] = middle > sequences.counts[~general].sum()
    return kept


def lots(sequences: Distinct, seed: int) -> np.ndarray:
    """`<float64>[U]` in [0, 1): a hash of the event ids of each and of `seed`, and nothing else."""
    raw, key = sequences.ids.astype("<i4").tobytes(), seed.to_bytes(8, "little")
    bounds = pairwise((4 * sequences.offsets).tolist())
    drawn = (hashlib.blake2b(raw[a:b], digest_size=8, key=key).digest() for a, b in bounds)
    # A float64 holds 53 bits: with more, the highest would be rounded up to 1.
    return np.array([int.from_bytes(d, "little") >> 11 for d in drawn], dtype=np.float64) / 2**53
