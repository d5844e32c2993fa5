"""A YAML file that holds a list, read as the nodes that stand there: no object is made of a tag.

In: a file. Out: its items, and what stands behind the keys of one; every mistake by its line.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from glx.errors import InputError
from glx.files import read_whole


def read_text(path: Path) -> str:
    """A file in UTF-8, with or without a mark.

    Raises:
      InputError: it cannot be read, is something else, or is far too long.
    """
    if path.is_char_device():  # such as `/dev/zero`, which does not end
        raise InputError(f"{path}: a device; give a file")
    try:
        text = read_whole(path).decode("utf-8-sig")
    except OSError as e:
        raise InputError(f"{path}: cannot be read ({e.strerror}); check the path") from e
    except UnicodeDecodeError as e:
        raise InputError(f"{path}: is not UTF-8 text ({e.reason}); convert it") from e
    return text.replace("\r\n", "\n").replace("\r", "\n")


def items(text: str, path: Path, of: str) -> list[yaml.Node]:
    """What the list in a YAML text holds; nothing where the text is empty.

    Args:
      path: of the text, for messages.
      of: what it is a list of, in the plural.

    Raises:
      InputError: not YAML, or no list.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as e:
        if isinstance(e, yaml.MarkedYAMLError) and e.problem_mark:
            line, what = e.problem_mark.line + 1, e.problem
        else:  # a character that YAML forbids
            line, what = text.count("\n", 0, getattr(e, "position", 0)) + 1, "a control character"
        raise InputError(f"{path}: line {line}: not YAML ({what}); mend it") from e
    except RecursionError as e:
        raise InputError(f"{path}: nested too deeply; give a plain list of {of}") from e
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise InputError(f"{place(path, root)}: must be a list of {of}, each behind a `-`")
    return root.value


def keys(
    node: yaml.MappingNode, path: Path, known: Sequence[str]
) -> dict[str, tuple[str, yaml.Node]]:
    """Where each key of a mapping stands, as `FILE: line N`, and what is behind it.

    Raises:
      InputError: a key that is not known, or one twice.
    """
    found: dict[str, tuple[str, yaml.Node]] = {}
    for key, value in node.value:
        where = place(path, key)
        if key.value not in known:
            shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            raise InputError(f"{where}: {shown}: an unknown key; there are {', '.join(known)}")
        if key.value in found:
            raise InputError(f"{where}: {key.value} is given twice; give it once")
        found[key.value] = where, value
    return found


def text_of(node: yaml.Node) -> str | None:
    """A text or number as it is written; None for null, a list or a mapping.

    `"\\ud83d\\ude00"` is one character, as in JSON; half of one becomes U+FFFD.
    """
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":null"):
        return None
    return node.value.strip().encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def place(path: Path, node: yaml.Node) -> str:
    """`FILE: line N`, where a node begins."""
    return f"{path}: line {line_of(node)}"


def line_of(node: yaml.Node) -> int:
    """Where a node begins, from 1."""
    return node.start_mark.line + 1
