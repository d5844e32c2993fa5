"""New events that earlier verdicts or remarks name, so that they have the same ids as there.

In: the output of an earlier process, the remarks beside a detector. Out: texts. What is said in
other words by another line is the same event only for who has met the first of them.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from glx.report import remarks

FLAGGED = b'"anomalous":true'


class Cause(Struct):
    """Of a verdict, as far as it is looked at."""

    lacks: bool
    text: str


class Flagged(Struct):
    """Likewise."""

    cause: Cause | None = None


def events_of(out: Path | None, folder: Path) -> list[str]:
    """The texts of events that decided verdicts of `out`, in order, and of those with a remark.

    Args:
      out: lines of JSON, if any; what is none of `glx detect` has no such event.
      folder: of the detector.

    Raises:
      InputError: the remarks cannot be read.
    """
    said = remarks.read(remarks.path_of(folder)).values()
    marked = [one.text for one in said if not one.text.startswith(remarks.LACKS)]
    return list(dict.fromkeys(filter(None, [*_decided(out), *marked])))


def _decided(out: Path | None) -> Iterator[str]:
    if out is None or not out.is_file():
        return
    decoder = msgspec.json.Decoder(Flagged)
    with out.open("rb") as file:
        for line in file:
            if FLAGGED in line:
                try:
                    cause = decoder.decode(line).cause
                except msgspec.MsgspecError:  # of another program, or torn
                    return
                if cause and not cause.lacks:
                    yield cause.text
