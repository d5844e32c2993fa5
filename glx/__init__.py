"""glx finds anomalies in the logs of a system for which nobody has labelled a single line.

Array shapes are written `<dtype>[...]` with one letter per axis, which means the same everywhere
unless a docstring says otherwise:

    B batch                      L events of a sequence     V templates of a system
    N sequences                  U distinct sequences       S templates of the sources
    H hidden units               G gate units, 3 H          F statistics of a sequence
    D width of text embeddings   K evidence of a verdict    Q questions to an expert
    E width of template vectors; in CSR arrays, events of all sequences together

`glx.fit` and `glx.load` come from `glx/api.py`, which is imported when they are first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
PUBLIC = ("fit", "load")


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("glx.api"), name)
