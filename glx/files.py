"""Files that are there whole or not at all. In: a path, a text. Out: the file."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file that a kill or a full disk leaves as it was, or as it is to be.

    Raises:
      OSError: it cannot be written; nothing of it is left.
    """
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
