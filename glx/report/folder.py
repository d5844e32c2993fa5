"""The JSON files of runs and studies, read and checked once, so that a damaged one is told.

In: a folder. Out: what its files hold, in the types that docs/formats.md says; else InputError.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from glx.errors import InputError

# A kind is a type (`float` takes whole numbers too), a tuple of what may be instead of each other,
# a list of one kind, or a dict: of named kinds, or with the one key `str` of any names.
Kind = Any
NUMBER = (float, None)
FINDING = {"check": str, "ok": bool, "detail": str}
SCORES = dict.fromkeys(("f1", "precision", "recall", "auprc", "auroc", "oracle_f1"), NUMBER)
COUNTS = {"tp": [int], "fp": [int], "fn": [int]}
WHOLE = {"tp": int, "fp": int, "fn": int}
PART = {
    **{"n_sequences": int, "confusion": (WHOLE, None)},
    **dict.fromkeys(("prevalence", "f1", "auroc"), NUMBER),
}
METRICS: dict[str, Kind] = {
    **dict.fromkeys(("method", "target", "protocol", "expert"), str),
    **{"source": [str], "stamps": [str]},
    **dict.fromkeys(("seed", "target_labels", "n_sequences", "n_anomalous", "abstained"), int),
    **dict.fromkeys(("threshold", "share_proprietary", "tau"), NUMBER),
    **dict.fromkeys(("wall_seconds", "lines_per_second", "peak_memory_mb", "n_lines"), NUMBER),
    **dict.fromkeys(("questions", "llm_calls", "cache_hits", "dropped_events"), NUMBER),
    **dict.fromkeys(("llm_tokens_in", "llm_tokens_out", "uncertain"), NUMBER),
    **dict.fromkeys(("supervised_ceiling", "template_ceiling", "oracle_threshold"), NUMBER),
    **dict.fromkeys(("false_alarms", "false_alarms_per_10k", "false_alarms_per_day"), NUMBER),
    **dict.fromkeys(("f1_general", "f1_proprietary", "prevalence"), NUMBER),
    **SCORES,
    "f1_interval": [NUMBER],
    "confusion": WHOLE,
    "audit": [FINDING],
    "baselines": {str: SCORES | {"f1_interval": [NUMBER]}},
    "warning": (str, None),
    "read": {str: int},
    **dict.fromkeys(("distinct", "seen", "unseen"), PART),
}
TOLD = ("method", "target", "source", "seed", "protocol", "stamps", "audit")
MEASURED = ("supervised_ceiling", "baselines", *SCORES)
PAGE = (*TOLD, "threshold", "n_sequences", "n_anomalous")
PAGE_MEASURED = (
    *(*MEASURED, "prevalence", "confusion", "f1_interval"),
    *("false_alarms", "false_alarms_per_10k", "false_alarms_per_day"),
)
NAMES: dict[Kind, str] = {
    **{str: "a text", int: "a whole number", float: "a number"},
    **{bool: "true or false", None: "null"},
}
CURVE = {"recall": [float], "precision": [float], "threshold": [float]}
DRAWN: dict[str, Kind] = {
    "curve": (CURVE, None),
    "timeline": {
        **{"axis": str, "edges": [float], "sequences": [int], "flagged": [int]},
        "anomalous": ([int], None),
    },
    "scores": {"edges": [float], "routes": {str: [int]}},
    "similarity": ({"edges": [float], "count": [int], "tau": float}, None),
    "blocks": (COUNTS, None),
    "baselines": {str: COUNTS},
}
PICTURES = ("curve", "timeline", "scores", "similarity")
CONFIG = {
    "settings": {str: object},
    "packages": {str: str},
    "device": str,
    "commit": (str, None),
}
CELL = {
    **dict.fromkeys(("run", "method", "target"), str),
    **{"source": [str], "seed": int, "few_labels": (str, None), "ours": bool},
}
STUDY = {
    **dict.fromkeys(("command", "preset", "protocol"), str),
    **{"reference": (str, None), "cells": [CELL]},
}
OPTIONAL = {"few_labels", "ours"}  # of a cell


def read_metrics(folder: Path, needed: Iterable[str] = (), measured: Iterable[str] = ()) -> dict:
    """`metrics.json`.

    Args:
      needed: what must be there.
      measured: what else must be there where the run compares with labels.

    Raises:
      InputError: it is not there, or damaged: the message names file and field.
    """
    path = folder / "metrics.json"
    found = _json(path, "no finished run (no metrics.json)")
    kinds = {name: METRICS[name] for name in found if name in METRICS}
    if "f1" not in found:
        kinds.pop("baselines", None)
    _check(path, found, kinds | {name: METRICS[name] for name in needed})
    if "f1" in found:
        _check(path, found, {name: METRICS[name] for name in measured})
    return found


def read_drawn(folder: Path, needed: Iterable[str] = ()) -> dict:
    """`figures.json`, whose columns are of equal length; raises as `read_metrics`."""
    path = folder / "figures.json"
    found = _json(path)
    named = {*(name for name in found if name in DRAWN), *needed}
    _check(path, found, {name: DRAWN[name] for name in DRAWN if name in named})
    tables = [(name, found.get(name)) for name in ("curve", "blocks")]
    tables += [(f"baselines.{name}", of) for name, of in (found.get("baselines") or {}).items()]
    for name, columns in tables:
        kinds = CURVE if name == "curve" else COUNTS
        if columns and len({len(columns[column]) for column in kinds}) > 1:
            raise _wrong(path, name, f"{', '.join(kinds)} must be equally long")
    for name in ("timeline", "scores", "similarity"):
        bins = found.get(name) or {}
        lists = [*bins.values(), *bins.get("routes", {}).values()]
        n = {len(v) for v in lists if isinstance(v, list) and v is not bins["edges"]}
        if bins and n != {len(bins["edges"]) - 1}:
            raise _wrong(path, name, "must have one more edge than counts")
    return found


def read_config(folder: Path) -> dict:
    """`config.json`; raises as `read_metrics`."""
    path = folder / "config.json"
    found = _json(path)
    _check(path, found, CONFIG)
    return found


def read_plan(folder: Path) -> dict:
    """`study.json`; raises as `read_metrics`."""
    path = folder / "study.json"
    found = _json(path, "no study (no study.json)")
    _check(path, found, STUDY)
    return found


def _json(path: Path, missing: str = "") -> dict[str, Any]:
    """A JSON object.

    Args:
      missing: what to say of the folder if the file is not there.
    """
    if not path.is_file():
        earlier = f"no {path.name}, as in runs of an earlier glx; repeat the run with --overwrite"
        raise InputError(f"{path.parent}: {missing or earlier}")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: not a JSON object")
    return found


def _check(path: Path, found: dict, kinds: dict[str, Kind]) -> None:
    wrong = misfit(found, kinds)
    if wrong is not None:
        raise _wrong(path, *wrong)


def _wrong(path: Path, field: str, why: str) -> InputError:
    return InputError(f"{path}: {field}: {why}; the file is damaged, make it anew")


def misfit(value: Any, kind: Kind, at: str = "") -> tuple[str, str] | None:
    """The first field that is not of its kind and what is wrong with it, or None."""
    if isinstance(kind, tuple):
        found = [misfit(value, one, at) for one in kind]
        return None if None in found else found[0]
    if isinstance(kind, list):
        if not isinstance(value, list):
            return at, f"must be a list, not {_said(value)}"
        inside = ((item, kind[0], f"{at}[{n}]") for n, item in enumerate(value))
    elif isinstance(kind, dict):
        if not isinstance(value, dict):
            return at, f"must be an object, not {_said(value)}"
        names = dict.fromkeys(value, kind[str]) if str in kind else kind
        names = {name: of for name, of in names.items() if name in value or name not in OPTIONAL}
        missing = next((name for name in names if name not in value), None)
        if missing is not None:
            return _below(at, missing), "is missing"
        inside = ((value[name], of, _below(at, name)) for name, of in names.items())
    else:
        return None if _is(value, kind) else (at, f"must be {NAMES[kind]}, not {_said(value)}")
    return next(filter(None, (misfit(*each) for each in inside)), None)


def _is(value: Any, kind: Any) -> bool:
    if kind is None or kind is object:
        return kind is object or value is None
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _said(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
