"""Keep what people know of a cause: later runs and summaries show it beside the cause.

Examples:
  glx note runs/shop 4d25775f "the nightly backup; ticket 12"
  glx note runs/shop 4d25775f "disk was replaced" --found=today.jsonl
  glx note runs/shop 4d25775f ""

The folder is that of a run, or of a detector; an empty text takes a note away. What is said stands
in remarks.yaml beside the detector; no score and no verdict depends on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from absl.flags import FlagValues

from glx.cli.flags import add
from glx.errors import InputError
from glx.files import given_path
from glx.redact import redact
from glx.report import remarks
from glx.report.cause_texts import title
from glx.report.remarks import Remark
from glx.runs.causes import of_path
from glx.terminal import tell

FOUND = "What `glx detect --out` wrote, where the cause is of that and not of the run."


def declare() -> FlagValues:
    """The flags; words may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    add(values, "string", "found", None, FOUND)
    return values


def work(values: FlagValues, names: list[str]) -> None:
    """Keep a note."""
    if len(names) != 3:
        raise InputError('name a folder, a cause and a text: glx note runs/shop 4d25775f "known"')
    folder, id_, text = names
    tell(str(change(folder, [id_], values.found, {"note": text.strip()})))


def change(folder: str, ids: Sequence[str], found: str | None, said: Mapping[str, Any]) -> Path:
    """Change the remarks on causes; returns the file that holds them.

    Args:
      folder: of a run or a detector.
      found: a file of verdicts that the causes are of; None: the run itself.
      said: fields of `Remark`.

    Raises:
      InputError: no such folder or cause, or a file of remarks that cannot be read.
    """
    if len(str(said.get("note", ""))) > remarks.LONGEST:
        raise InputError(f"the note has more than {remarks.LONGEST:,} characters; shorten it")
    path = remarks.path_of(given_path(folder))
    known = remarks.read(path)
    there = of_path(path.parent if found is None else given_path(found), redact)
    titles = {cause.id: title(cause) for cause in there.causes}
    for id_ in ids:
        if id_ not in titles and id_ not in known:
            raise InputError(
                f"{id_}: no such cause in {found or folder}; `glx causes` shows the ids, and "
                "--found=FILE names the verdicts that one is of"
            )
        before = known.get(id_, Remark())
        known[id_] = replace(before, text=titles.get(id_, before.text), **said)
    remarks.write(path, known)
    return path
