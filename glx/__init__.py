"""glx finds anomalies in the logs of a system for which nobody has labelled a single line.

`glx.fit` and `glx.load` are those of `glx/api.py`, imported when they are first used, so that to
import a part of the package imports that part alone.
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
