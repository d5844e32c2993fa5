"""Systems that a user describes once, in one YAML file, to be named on any command line.

In: the file (docs/formats.md). Out: a `Description` of each system, its paths made whole; whether
they are there is not looked at here.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import yaml

from glx import config as settings
from glx import yaml_list
from glx.data.systems import ReadConfig
from glx.errors import InputError
from glx.files import given_path
from glx.yaml_list import place

NAME = "panel.yaml"  # in a folder
DATA_DIR = "$data_dir"  # at the start of a path: the folder of the real data sets
HOW = tuple(field.name for field in fields(ReadConfig))
KEYS = ("name", "path", "labels", "family", "answers", *HOW)
NAMED_KEYS = ("name", "answers")  # of a system that glx knows by name


@dataclass(frozen=True)
class Description:
    """One system of a panel.

    Attributes:
      where: it stands, `FILE: line N: NAME`, for messages.
      paths: files, folders and globs of its log; none for a system that glx knows by name.
      labels: a CSV of `key,label` or `line,label`.
      family: None for its own name.
      answers: a CSV of probabilities for the expert `answers`.
      how: its files are read.
    """

    where: str
    name: str
    paths: tuple[str, ...] = ()
    labels: Path | None = None
    family: str | None = None
    answers: Path | None = None
    how: ReadConfig | None = None


class Value(NamedTuple):
    """What stands behind a key; `where` as `FILE: line N`."""

    where: str
    texts: tuple[str, ...]


def read(given: Path, data_dir: Callable[[str], Path]) -> dict[str, Description]:
    """The systems of a panel by name.

    Args:
      given: the file, or a folder with `panel.yaml`.
      data_dir: the folder of the real data sets, for who needs it by this name.

    Raises:
      InputError: no such file, not such a list, or a key or value that cannot be; names the line.
    """
    path = given / NAME if os.path.isdir(given) else given
    found: dict[str, Description] = {}
    for node in yaml_list.items(yaml_list.read_text(path), path, "systems"):
        one = _description(path, node, data_dir)
        if one.name in found:
            raise InputError(f"{one.where}: is described twice; describe it once")
        found[one.name] = one
    if not found:
        raise InputError(f"{path}: describes no system; give a list of names and of `name: ...`")
    return found


def _description(path: Path, node: yaml.Node, data_dir: Callable[[str], Path]) -> Description:
    """The system that an item of the list describes; a text alone is a name."""
    if isinstance(node, yaml.ScalarNode):
        values = {"name": Value(place(path, node), (node.value,))}
    else:
        values = _values(path, node)
    if "name" not in values:
        raise InputError(f"{place(path, node)}: a system without `name`; give it one")
    name = _one("name", values["name"])
    where = f"{place(path, node)}: {name}"
    if not re.fullmatch(r"\w[\w.-]*", name):  # it becomes a folder's, too
        raise InputError(f"{where}: a name has letters, digits, '.', '_' and '-' only")

    def whole(value: Value, text: str) -> Path:
        if text.startswith(f"{DATA_DIR}/"):
            return data_dir(value.where) / text.removeprefix(f"{DATA_DIR}/")
        return path.parent / given_path(text)

    def file(key: str) -> Path | None:
        return whole(values[key], _one(key, values[key])) if key in values else None

    if "path" not in values:
        for key, value in values.items():
            if key not in NAMED_KEYS:
                raise InputError(
                    f"{value.where}: {name}: `{key}` is for a system of your own, with a `path`; "
                    "leave it out or give one"
                )
        return Description(where, name, answers=file("answers"))
    return Description(
        where,
        name,
        tuple(str(whole(values["path"], text)) for text in values["path"].texts),
        labels=file("labels"),
        family=_one("family", values["family"]) if "family" in values else None,
        answers=file("answers"),
        how=_how(where, {key: values[key] for key in HOW if key in values}),
    )


def _values(path: Path, node: yaml.Node) -> dict[str, Value]:
    """Keys and values of a mapping."""
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{place(path, node)}: a system is a name, or `name: ...` and more keys")
    found: dict[str, Value] = {}
    for name, (where, value) in yaml_list.keys(node, path, KEYS).items():
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        texts = [text for one in items if (text := yaml_list.text_of(one))]
        if not texts or len(texts) < len(items):
            raise InputError(f"{where}: {name}: needs a text; give one or leave the key out")
        found[name] = Value(where, tuple(texts))
    return found


def _one(key: str, value: Value) -> str:
    if len(value.texts) > 1:
        raise InputError(f"{value.where}: {key}: several are given; give one")
    return value.texts[0]


def _how(where: str, values: dict[str, Value]) -> ReadConfig:
    """The settings of reading, checked as flags are."""
    config = ReadConfig()
    for leaf in settings.leaves(ReadConfig):
        if leaf.name not in values:
            continue
        value, text = values[leaf.name], _one(leaf.name, values[leaf.name])
        try:
            given = int(text) if leaf.type is int else settings.read(leaf, text)
            config = settings.change(config, leaf.path, given)
            settings.check(config)
        except ValueError as e:
            raise InputError(f"{value.where}: {leaf.name}: {text} is no whole number") from e
        except InputError as e:
            raise InputError(f"{value.where}: {str(e).removeprefix('--')}") from e
    if config.session is not None and config.window is not None:
        raise InputError(f"{where}: `session` and `window` exclude each other; give one of them")
    return config
