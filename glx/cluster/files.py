"""The files of a log, wherever they are. In: paths, folders, globs, URLs. Out: files to read.

A URL is of any file system that fsspec or PyArrow knows.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from glx.data.inputs import paths_of
from glx.errors import InputError
from glx.parse.sources import STDIN, Remote

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
LONGEST = 80  # characters of a file's own name in that of its results


@dataclass(frozen=True)
class File:
    """A file of a log.

    Attributes:
      shown: as it was given, which verdicts name.
      place: where every node finds it: a whole path or a URL.
      size: bytes, as they are stored.
    """

    shown: str
    place: str
    size: int

    @property
    def name(self) -> str:
        """What its results are called: its own name, and what tells it from others."""
        own = re.sub(r"[^\w.-]", "_", os.path.basename(self.shown))[-LONGEST:]
        return f"{own}-{hashlib.sha256(self.place.encode('utf-8', 'replace')).hexdigest()[:10]}"

    @property
    def path(self) -> Remote:
        """To read it from."""
        return Remote(self.shown, partial(_open, self.place))


def files_of(given: Sequence[str]) -> list[File]:
    """The files that are meant, each once; of folders and globs not what is empty or hidden.

    Raises:
      InputError: there is none, or the file system is not known or not open.
    """
    found: dict[str, File] = {}
    for text in given:
        some = _remote(text) if URL.match(text) else _local(text)
        if not some:
            raise InputError(f"--logs={text}: no file that has a line; check the path")
        found |= {file.place.removeprefix("file://"): file for file in some}
    return list(found.values())


def _local(text: str) -> list[File]:
    if text == str(STDIN):
        raise InputError("--logs=-: is read by this process alone; give files, or leave out --ray")
    paths = paths_of("--logs", [text])
    for path in paths:
        if not os.path.isfile(path):
            raise InputError(f"{path}: no such file that can be read any time; check the path")
    return [File(path, os.path.abspath(path), os.path.getsize(path)) for path in paths]


def _remote(url: str) -> list[File]:
    system, path = _system(url)
    try:
        if set("*?[") & set(path):
            among = system.glob(path)
        elif system.isdir(path):
            among = system.ls(path, detail=False)
        else:
            among = [path]
        about = [system.info(one) for one in sorted(among)]
    except Exception as e:  # each file system has errors of its own
        why = str(e) or type(e).__name__
        raise InputError(f"--logs={url}: cannot be listed ({why}); check the URL") from e
    start = url[: url.index("://") + 3]
    return [
        File(where, where, int(one.get("size") or 0))
        for one in about
        if one["type"] == "file" and one.get("size") != 0
        if not os.path.basename(one["name"]).startswith(".")
        for where in [start + one["name"].removeprefix(start)]
    ]


def _system(url: str) -> tuple[Any, str]:
    """The file system of a URL, with the interface of fsspec, and the path in it."""
    import fsspec
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow import fs

    try:
        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as e:
        try:
            system, path = fs.FileSystem.from_uri(url)
        except Exception as other:
            raise InputError(
                f"--logs={url}: no file system here reads it ({e}; {other}); check the URL, or "
                "install what is named"
            ) from e
        return ArrowFSWrapper(system), path


def _open(place: str) -> IO[bytes]:
    if not URL.match(place):
        return open(place, "rb")
    system, path = _system(place)
    try:
        return system.open(path, "rb")
    except OSError:
        raise
    except Exception as e:  # each file system has errors of its own
        raise OSError(0, str(e) or type(e).__name__) from e
