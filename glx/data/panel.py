"""Systems that a user describes once, in one YAML file, to be named on any command line.

In: the file (docs/formats.md). Out: a `Description` of each system, its paths made whole; whether
they are there is not looked at here.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import yaml

from glx import config as settings
from glx.data.systems import ReadConfig
from glx.errors import InputError

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
    for node in _nodes(path):
        one = _description(path, node, data_dir)
        if one.name in found:
            raise InputError(f"{one.where}: is described twice; describe it once")
        found[one.name] = one
    if not found:
        raise InputError(f"{path}: describes no system; give a list of names and of `name: ...`")
    return found


def _nodes(path: Path) -> Iterator[yaml.Node]:
    """The items of the list that the file holds."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError as e:
        raise InputError(f"{path}: cannot be read ({e.strerror}); check --panel") from e
    except UnicodeDecodeError as e:
        raise InputError(f"{path}: is not UTF-8 text ({e.reason}); convert it") from e
    except yaml.YAMLError as e:
        mark = e.problem_mark if isinstance(e, yaml.MarkedYAMLError) else None
        line = f"line {mark.line + 1}: " if mark else ""
        what = getattr(e, "problem", None) or "a control character"
        raise InputError(f"{path}: {line}not YAML ({what}); mend it") from e
    except RecursionError as e:
        raise InputError(f"{path}: nested too deeply; give a plain list of systems") from e
    if root is not None and not isinstance(root, yaml.SequenceNode):
        raise InputError(f"{_where(path, root)}: must be a list of systems, each behind a `-`")
    yield from root.value if root else ()


def _description(path: Path, node: yaml.Node, data_dir: Callable[[str], Path]) -> Description:
    """The system that an item of the list describes; a text alone is a name."""
    if isinstance(node, yaml.ScalarNode):
        values = {"name": Value(_where(path, node), (node.value,))}
    else:
        values = _values(path, node)
    if "name" not in values:
        raise InputError(f"{_where(path, node)}: a system without `name`; give it one")
    name = _one("name", values["name"])
    where = f"{_where(path, node)}: {name}"

    def place(value: Value, text: str) -> Path:
        if text.startswith(f"{DATA_DIR}/"):
            return data_dir(value.where) / text.removeprefix(f"{DATA_DIR}/")
        return path.parent / Path(text).expanduser()

    def file(key: str) -> Path | None:
        return place(values[key], _one(key, values[key])) if key in values else None

    if "path" not in values:
        for key in values.keys() - {*NAMED_KEYS}:
            raise InputError(
                f"{values[key].where}: {name}: `{key}` is for a system of your own, "
                "with a `path`; leave it out or give one"
            )
        return Description(where, name, answers=file("answers"))
    return Description(
        where,
        name,
        tuple(str(place(values["path"], text)) for text in values["path"].texts),
        labels=file("labels"),
        family=_one("family", values["family"]) if "family" in values else None,
        answers=file("answers"),
        how=_how(where, {key: values[key] for key in HOW if key in values}),
    )


def _values(path: Path, node: yaml.Node) -> dict[str, Value]:
    """Keys and values of a mapping, as they are written: no object is ever made of them."""
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{_where(path, node)}: a system is a name, or `name: ...` and more keys")
    found: dict[str, Value] = {}
    for key, value in node.value:
        where, name = _where(path, key), key.value
        if name not in KEYS:
            shown = name if isinstance(key, yaml.ScalarNode) else "a list or mapping as key"
            raise InputError(f"{where}: {shown}: unknown; there are {', '.join(KEYS)}")
        if name in found:
            raise InputError(f"{where}: {name} is given twice; give it once")
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if not items or not all(map(_is_text, items)):
            raise InputError(f"{where}: {name}: needs a text; give one or leave the key out")
        found[name] = Value(where, tuple(one.value for one in items))
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


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.tag.endswith(":null")


def _where(path: Path, node: yaml.Node) -> str:
    return f"{path}: line {node.start_mark.line + 1}"
