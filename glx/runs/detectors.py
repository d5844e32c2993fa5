"""A fitted detector and the parser of its system's logs, as one folder and back.

In: both. Out: a folder of `glx.checkpoint`, and both again.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from glx import checkpoint
from glx.config import with_flags
from glx.data.load import LogParser
from glx.detector import Detector
from glx.errors import InputError
from glx.files import given_path
from glx.generallog import experts
from glx.generallog.detector import GeneralLogDetector
from glx.generallog.experts import ExpertConfig
from glx.methods.detector import MethodDetector
from glx.state import State
from glx.zerolog.detector import ZeroLogDetector

CLASSES: tuple[type[Detector], ...] = (ZeroLogDetector, GeneralLogDetector, MethodDetector)


def save(folder: Path, detector: Detector, parser: LogParser, stamps: dict) -> None:
    """Write all that `glx detect` needs; nothing is pickled.

    Args:
      stamps: how it was fitted (`protocol`, `stamps`), kept for who finds the folder.
    """
    state, logs = detector.to_state(), parser.to_state()
    settings = {"detector": state.settings, "parser": logs.settings, **stamps}
    settings["class"] = type(detector).__name__
    checkpoint.save(folder, State(state.arrays, state.tables | logs.tables, settings))


def change_of(
    detector: Detector, settings: Mapping[str, Any]
) -> Callable[[ExpertConfig], ExpertConfig]:
    """What changes the settings of a detector's expert, by the names of their flags.

    Raises:
      InputError: there are some, but the detector has no expert.
    """
    if settings and not isinstance(detector, GeneralLogDetector):
        raise InputError(
            f"--{next(iter(settings))}: {detector.config.name()} asks no expert; leave it out, or "
            "give a detector of `glx generallog`"
        )
    return lambda fitted: with_flags(fitted, dict(settings))


def check_read(detector: Detector, settings: Mapping[str, Any]) -> None:
    """Raise InputError for a setting that a detector's expert, so changed, does not read."""
    if isinstance(detector, GeneralLogDetector):
        expert = change_of(detector, settings)(detector.config.expert)
        experts.check_read(expert, settings)


def stamps(folder: Path) -> dict[str, Any]:
    """Those that `save` was given."""
    settings = checkpoint.load(folder).settings
    return {name: settings[name] for name in ("protocol", "stamps") if name in settings}


def folder_of(given: str | os.PathLike) -> Path:
    """The folder of a detector: what is given, or the one in a run that is given.

    Raises:
      InputError: as `given_path`.
    """
    folder = given_path(given)
    of_run = folder / "checkpoint"
    return of_run if os.path.isfile(of_run / "detector.json") else folder


def load(folder: Path) -> tuple[Detector, LogParser]:
    """Read what `save` wrote.

    Raises:
      InputError: no detector, or a damaged one.
    """
    arrays, tables, settings = checkpoint.load(folder)
    try:
        (found,) = (one for one in CLASSES if one.__name__ == settings["class"])
        detector = found.from_state(State(arrays, tables, settings["detector"]))
        return detector, LogParser.from_state(State({}, tables, settings["parser"]))
    except InputError as e:
        raise InputError(f"{folder}: {e}") from e
    except (KeyError, TypeError, ValueError) as e:
        raise InputError(f"{folder}: a detector of another program ({e}); fit it again") from e
