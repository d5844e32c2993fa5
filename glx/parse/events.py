"""Records to event ids.

In: frames of records (`glx/parse/records.py`) and a miner. Out: frames with the id of every event,
streaming; or everything collected once, to mine a part of it and then look up all.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from glx.parse.miner import DEFAULT, Miner, MinerConfig, fit


def parse(frames: Iterable[pl.DataFrame], miner: Miner) -> Iterator[pl.DataFrame]:
    """Records with `id` int32, the id of the event, in place of `text`.

    Ids are given in the order of the file; what no template matches gets a new id.
    """
    for frame in frames:
        ids = miner.ids(texts_of(frame))[frame["text"].to_physical().to_numpy()]
        yield frame.drop("text").with_columns(id=pl.Series(ids, dtype=pl.Int32))


def collect(frames: Iterable[pl.DataFrame]) -> tuple[pl.DataFrame, list[str]]:
    """All records at once, about 50 bytes an event beside the keys.

    Returns:
      The records, `text` (uint32) a place among the distinct texts; and these texts in order of
      first appearance in their blocks.
    """
    index: dict[str, int] = {}
    parts = []
    for frame in frames:
        codes = [index.setdefault(text, len(index)) for text in texts_of(frame)]
        places = np.array(codes, np.uint32)[frame["text"].to_physical().to_numpy()]
        parts.append(frame.with_columns(text=pl.Series(places, dtype=pl.UInt32)))
    schema = {"line": pl.Int64, "text": pl.UInt32, "key": pl.String}
    empty = pl.DataFrame(schema=schema | {"time": pl.Float64, "level": pl.String})
    return pl.concat([empty, *parts]), list(index)


def fit_part(
    codes: np.ndarray, texts: list[str], adapt: np.ndarray, config: MinerConfig = DEFAULT
) -> tuple[Miner, np.ndarray]:
    """Mine templates from a part of the events, then look up every event.

    Args:
      codes: `<uint32>[E]` the place of each event's text among `texts`.
      adapt: `<bool>[E]` the events to mine from.

    Returns:
      The frozen miner and `<int32>[E]` ids; ids of `len(miner.fitted)` and above are new.
    """
    seen = first_appearance(codes[adapt])
    counts = np.bincount(codes[adapt], minlength=len(texts))
    miner = fit([texts[code] for code in seen], counts[seen], config)
    order = first_appearance(codes)
    ids = np.zeros(len(texts), dtype=np.int32)
    ids[order] = miner.ids([texts[code] for code in order])
    return miner, ids[codes]


def first_appearance(codes: np.ndarray) -> np.ndarray:
    """`<int>[D]` distinct codes in order of first appearance."""
    distinct, first = np.unique(codes, return_index=True)
    return distinct[np.argsort(first)]


def texts_of(frame: pl.DataFrame) -> list[str]:
    """The distinct masked texts of a frame of records, in order of first appearance."""
    dtype = frame.schema["text"]
    assert isinstance(dtype, pl.Enum)
    return dtype.categories.to_list()
