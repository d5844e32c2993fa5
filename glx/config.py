"""Settings as frozen dataclasses whose fields carry their bounds and their text for `--help`.

A stage's settings live in one dataclass next to the stage. Here is what all of them share.
"""

import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import numpy as np

from glx.errors import InputError, unusable

MOST = 2**31 - 1  # of a whole number: networks count their steps in 32 bits
NEEDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "tuple": "texts",
}


def cache_home() -> Path:
    """The folder of all that glx keeps between runs: `$XDG_CACHE_HOME/glx`, or `~/.cache/glx`.

    A relative one is ignored, as its specification has it.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path.home() / ".cache") / "glx"


class Leaf(NamedTuple):
    """One setting: `name` as a flag, where it is in the tree, its type, and its field."""

    name: str
    path: tuple[str, ...]
    type: Any
    field: dataclasses.Field


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    among: Sequence[str] | None = None,
    read: Callable[[Any], Any] | None = None,
) -> Any:
    """A dataclass field: its default (or a function that makes it) and what `--help` says of it.

    Args:
      low, high: bounds, inclusive.
      among: the values it may take.
      read: makes its value of what a flag says; raises ValueError with what is wrong.
    """
    kind = "default_factory" if callable(default) else "default"
    metadata = {"doc": doc, "low": low, "high": high, "among": among, "read": read}
    return dataclasses.field(**{kind: default}, metadata=metadata)


def nested(cls: type, *, prefix: str = "") -> Any:
    """A field that holds another dataclass of settings, whose flags begin with `prefix`."""
    return dataclasses.field(default_factory=cls, metadata={"cls": cls, "prefix": prefix})


def leaves(cls: type, path: tuple[str, ...] = (), prefix: str = "") -> Iterator[Leaf]:
    """All settings below the dataclass `cls`, depth first."""
    types = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        inner = field.metadata.get("cls")
        if inner is not None:
            yield from leaves(inner, (*path, field.name), prefix + field.metadata["prefix"])
        else:
            yield Leaf(prefix + field.name, (*path, field.name), types[field.name], field)


def read(leaf: Leaf, value: Any) -> Any:
    """The value of a setting by what a flag or a caller gave.

    Raises:
      InputError: that is no value of it.
    """
    convert = leaf.field.metadata["read"]
    if convert is None or value is None:
        return value
    try:
        return convert(value)
    except ValueError as e:
        raise InputError(f"--{leaf.name}={value}: {e}") from e


def given(leaf: Leaf, value: Any) -> Any:
    """What a caller gave for a setting, as its flag would have it.

    Paths are texts, one of several may stand alone, and a number of NumPy is one of Python.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if tuple in kinds_of(leaf.type):
        value = value if isinstance(value, list | tuple) else (value,)
        return tuple(_text(one) for one in value)
    return _text(value)


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def kinds_of(annotation: Any) -> set[Any]:
    """The types that a setting may have: of `X | None` both, of `tuple[X, ...]` the tuple."""
    union = get_origin(annotation) in (Union, UnionType)
    among = get_args(annotation) if union else (annotation,)
    return {get_origin(one) or one for one in among}


def _check_type(leaf: Leaf, value: Any) -> None:
    kinds = kinds_of(leaf.type) | ({int} if float in kinds_of(leaf.type) else set())
    texts = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    if type(value) not in kinds or (isinstance(value, tuple) and not texts):
        needs = [NEEDS[kind.__name__] for kind in kinds_of(leaf.type) - {NoneType}]
        raise InputError(f"--{leaf.name}={value!r}: must be {' or '.join(sorted(needs))}")
    for text in value if texts else (value,):
        if isinstance(text, str) and (wrong := unusable(text)):
            raise InputError(f"--{leaf.name}={value!r}: {wrong}; give another text")


def get(config: Any, path: tuple[str, ...]) -> Any:
    """The value at `path`."""
    for name in path:
        config = getattr(config, name)
    return config


def change(config: Any, path: tuple[str, ...], value: Any) -> Any:
    """A copy of `config` with another value at `path`."""
    name, *rest = path
    if rest:
        value = change(getattr(config, name), tuple(rest), value)
    return dataclasses.replace(config, **{name: value})


def with_flags(config: Any, flags: dict[str, Any]) -> Any:
    """`config` with settings by the names of their flags, checked.

    Raises:
      InputError: no such setting, or a value out of its bounds.
    """
    known = {leaf.name: leaf for leaf in leaves(type(config))}
    for name, value in flags.items():
        if name not in known:
            raise InputError(f"{name}={value!r}: no such setting; see glx generallog --help")
        value = given(known[name], value)
        _check_type(known[name], value)
        config = change(config, known[name].path, read(known[name], value))
    check(config)
    return config


def rebuild(cls: type, values: dict[str, Any]) -> Any:
    """The settings that `dataclasses.asdict` made `values` of.

    Raises:
      TypeError: `values` are of another class.
    """
    inner = {f.name: f.metadata["cls"] for f in dataclasses.fields(cls) if "cls" in f.metadata}
    built = {k: rebuild(inner[k], v) if k in inner else v for k, v in values.items()}
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in built.items()})


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested settings by their paths, as `model.train.steps`."""
    out: dict[str, Any] = {}
    for name, value in tree.items():
        nested = isinstance(value, Mapping)
        out |= flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return out


def check(config: Any) -> None:
    """Raise InputError for the first setting out of its bounds."""
    for leaf in leaves(type(config)):
        value, bounds = get(config, leaf.path), leaf.field.metadata
        low, high, among = (bounds.get(k) for k in ("low", "high", "among"))
        if among is not None and value not in among:
            raise InputError(f"--{leaf.name}={value}: must be one of {', '.join(among)}")
        _check_type(leaf, value)
        if value is None:
            continue
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{leaf.name}={value}: must be a finite number")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise InputError(f"--{leaf.name}={value}: must fit into 64 bits")
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            span = f"at least {low}" if high is None else f"between {low} and {high}"
            raise InputError(f"--{leaf.name}={value}: must be {span}")
        if isinstance(value, int) and value > MOST:
            raise InputError(f"--{leaf.name}={value}: must be at most {MOST}")
