"""Where verdicts go: a file that is there whole or not at all, or what is seen as it is written.

In: `--out`. Out: its path, checked before any work; a file to write to.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from glx.errors import InputError, is_disk_full
from glx.files import given_path, inside, is_stream, output, whole
from glx.parse.log import Log
from glx.parse.sources import STDIN


def place_of(out: str, log: Log, detector: Path) -> Path:
    """Where `out` is; raise InputError where it cannot be written, before any work."""
    if out == str(STDIN):
        sys.stdout.write("")  # which fails where it is closed
        return STDIN
    try:
        path = given_path(out)
    except InputError as e:
        raise InputError(f"--out={e}") from e
    if not is_stream(path):
        path = output("out", out)
    if inside(path, detector):
        raise InputError(f"--out={out}: lies in the folder of --detector; name a file elsewhere")
    plain = path.is_file()
    read = [0 if plain and str(file) == str(STDIN) else file for file in log.files]
    there = [file for file in read if os.path.exists(path) and os.path.exists(file)]
    if any(os.path.samefile(path, file) for file in there):
        raise InputError(f"--out={out}: is the file of --logs; name another one")
    return path


@contextmanager
def writing(path: Path, log: Log) -> Iterator[IO[str]]:
    """The file of verdicts; what comes of a live log, or goes into a stream, is seen at once."""
    if path == STDIN:
        yield sys.stdout
        sys.stdout.flush()
        return
    there, stream = os.path.exists(path), is_stream(path)
    with ExitStack() as opened:
        try:
            if stream or log.live:
                mode = "a" if stream else "w"  # who opened `/dev/stdout` may have written to it
                file = opened.enter_context(path.open(mode, encoding="utf-8"))
            else:
                file = opened.enter_context(whole(path, encoding="utf-8"))
        except OSError as e:
            if is_disk_full(e):
                raise
            raise InputError(
                f"--out={path}: cannot be written ({e.strerror}); name another file"
            ) from e
        try:
            yield file
        except InputError:
            if not there:
                path.unlink(missing_ok=True)
            raise
