"""What people say of causes: muted ones and notes, in a file beside the detector.

In: `remarks.yaml`, which people may edit too. Out: causes that carry their remarks. No score and no
verdict depends on it: what is muted is shown as muted.
"""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from glx import yaml_list
from glx.errors import InputError
from glx.files import write_whole
from glx.report.models import Causes

NAME = "remarks.yaml"
LONGEST = 2_000  # characters of a note
LACKS = 'lacks "'  # begins the text of what is missing
ID = re.compile("[0-9a-f]{8}|none")
SWITCH = {"true": True, "false": False}


@dataclass(frozen=True)
class Remark:
    """What is said of a cause.

    Attributes:
      text: of the cause, for who reads the file.
      muted: it is known and no news.
      note: what people know of it.
    """

    text: str = ""
    muted: bool = False
    note: str = ""


Remarks = dict[str, Remark]  # by the ids of causes


def path_of(folder: Path) -> Path:
    """The file of remarks of a run folder, or of the detector folder in it.

    Raises:
      InputError: it is neither.
    """
    if (folder / "detector.json").is_file():
        return folder.resolve().parent / NAME
    if not (folder / "checkpoint" / "detector.json").is_file():
        raise InputError(f"{folder}: neither a run folder nor a detector folder; name one of them")
    return folder / NAME


def read(path: Path) -> Remarks:
    """The remarks of a file; none where it is not there.

    Raises:
      InputError: what stands there is no list of remarks; the message names the line.
    """
    if not path.exists():
        return {}
    found: Remarks = {}
    for node in yaml_list.items(yaml_list.read_text(path), path, "remarks"):
        where = yaml_list.place(path, node)
        if not isinstance(node, yaml.MappingNode):
            raise InputError(f"{where}: must have `cause: ID`, and `muted: true` or `note: TEXT`")
        known = yaml_list.keys(node, path, ("cause", "text", "muted", "note"))
        texts = {name: yaml_list.text_of(value) for name, (_, value) in known.items()}
        id_, muted = texts.get("cause") or "", texts.get("muted", "false")
        if not ID.fullmatch(id_):
            raise InputError(
                f"{where}: cause {id_!r}: must be eight digits, as glx causes has them"
            )
        if muted not in SWITCH:
            raise InputError(f"{where}: muted must be true or false")
        if id_ in found:
            raise InputError(f"{where}: cause {id_} is there twice; keep one of them")
        note = texts.get("note") or ""
        found[id_] = Remark(texts.get("text") or "", SWITCH[muted], note)
    return found


class Followed:
    """The remarks of a file that people edit meanwhile; while it cannot be read, the last ones.

    Args:
      say: is told once of each edit that cannot be read.

    Raises:
      InputError: as `read`, at the beginning alone.
    """

    def __init__(self, path: Path, say: Callable[[str], None]):
        self.path, self.say = path, say
        self.stamp, self.remarks = _stamp(path), read(path)

    def muted(self) -> set[str]:
        """The ids of causes that are muted now."""
        stamp = _stamp(self.path)
        if stamp not in (self.stamp, None):  # an editor may take it away for a moment
            self.stamp = stamp
            try:
                self.remarks = read(self.path)
            except (InputError, OSError) as e:
                self.say(f"{e}; until then the remarks hold that were there before")
        return {id_ for id_, remark in self.remarks.items() if remark.muted}


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Other whenever the file was changed; None while it is not there."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


def write(path: Path, remarks: Remarks) -> None:
    """Write the file, whole or not at all; what says nothing is left out."""
    kept = {id_: remark for id_, remark in remarks.items() if remark.muted or remark.note}
    rows = [{"cause": id_, **asdict(remark)} for id_, remark in kept.items()]
    text = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=100)
    write_whole(path, "# What people say of causes; glx mute and glx note write it.\n" + text)


def keep(before: Path, folder: Path) -> None:
    """Copy the remarks of a run to the folder that takes its place."""
    if (before / NAME).is_file():
        shutil.copyfile(before / NAME, folder / NAME)


def remarked(found: Causes, remarks: Remarks) -> Causes:
    """The same causes with what is said of them; muted ones come last."""
    for cause in found.causes:
        remark = remarks.get(cause.id, Remark())
        cause.muted, cause.note = remark.muted, remark.note
    found.causes.sort(key=lambda cause: cause.muted)
    return found
