"""What is saved of a detector, before it has a folder (`glx/checkpoint.py`); needs no JAX."""

from typing import Any, NamedTuple

import polars as pl


class State(NamedTuple):
    """What there is to save of a detector.

    Attributes:
      arrays: nested dicts of arrays with at least one element each.
      tables: written as `NAME.parquet`.
      settings: anything JSON holds.
    """

    arrays: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    settings: dict[str, Any]
