"""The session id is masked in its own line, whatever it looks like: it tells sessions apart, not
events. In other lines the same word stays.

In: the block of texts and the key of each line. Out: the block with zeros for the bytes of keys, of
the same length, which are masked as any number is.
"""

import re
from functools import lru_cache

import numpy as np
import polars as pl

from glx.parse.digits import Block, split_lines, spread
from glx.parse.mask import mask
from glx.sequences import WILDCARD

SAMPLE = 256  # keys of a block that are looked at
MOST = 4  # places of its key in a line
INSIDE = np.isin(np.arange(256), np.frombuffer(b"_" + bytes(range(48, 58)), np.uint8)) | np.isin(
    np.arange(256) | 32, np.arange(ord("a"), ord("z") + 1)
)  # bytes of words in ASCII


def without_keys(texts: Block, keys: pl.Series | None) -> Block:
    """The texts with zeros for their keys where they stand as words of their own."""
    if keys is None or _masked_anyway(keys):
        return texts
    if b"\r" in texts.raw:
        texts = Block.of(texts.raw.replace(b"\r", b" "))
    raw = np.frombuffer(texts.raw, np.uint8).copy()
    seen = raw.copy()  # where what was found is covered
    lines, n_bytes = texts.lines, keys.str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
    rows = np.flatnonzero(n_bytes)
    for _ in range(MOST):
        pair = pl.DataFrame({"line": lines.gather(rows), "key": keys.gather(rows)})
        found = pair.select(pl.col("line").str.find(pl.col("key"), literal=True)).to_series()
        hit = found.is_not_null().to_numpy()
        rows = rows[hit]
        if not len(rows):
            break
        start = texts.starts[rows] + found.drop_nulls().to_numpy().astype(np.int64)
        end = start + n_bytes[rows]
        after = np.append(raw, ord("\n"))[end]
        word = ~INSIDE[after] & ~(INSIDE[raw[start - 1]] & (start > 0))
        seen[spread(start, n_bytes[rows])] = ord(" ")
        raw[spread(start[word], n_bytes[rows][word])] = ord("0")
        lines = split_lines(seen.tobytes())
    return Block.of(raw.tobytes())


def _masked_anyway(keys: pl.Series) -> bool:
    """Whether keys, by a sample, look like values: each has one, and all have the same mask."""
    known = keys.drop_nulls()
    some = known.gather_every(max(1, len(known) // SAMPLE)).to_list()
    return _are_values(frozenset(re.sub("[0-9]+", "0", key) for key in some))


@lru_cache(maxsize=64)  # most blocks have keys of the same forms
def _are_values(forms: frozenset[str]) -> bool:
    masks = mask(pl.Series(sorted(forms), dtype=pl.String)).unique()
    return len(masks) < 3 and bool(masks.str.contains(WILDCARD, literal=True).all())
