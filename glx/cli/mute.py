"""Mark causes as known: later runs and summaries show them as muted, after all others.

Examples:
  glx mute runs/shop 4d25775f
  glx mute runs/shop 4d25775f --found=today.jsonl
  glx mute runs/shop 4d25775f --undo

The folder is that of a run, or of a detector. What is said stands in remarks.yaml beside the
detector; no score and no verdict depends on it.
"""

from absl.flags import FlagValues

from glx.cli.flags import add
from glx.cli.note import FOUND, change
from glx.errors import InputError
from glx.terminal import tell


def declare() -> FlagValues:
    """The flags; words may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    add(values, "string", "found", None, FOUND)
    add(values, "boolean", "undo", False, "Mute them no longer.")
    return values


def work(values: FlagValues, names: list[str]) -> None:
    """Mute causes, or undo it."""
    if len(names) < 2:
        raise InputError("name a folder and one cause or more, as in: glx mute runs/shop 4d25775f")
    folder, *ids = names
    tell(str(change(folder, ids, values.found, {"muted": not values.undo})))
