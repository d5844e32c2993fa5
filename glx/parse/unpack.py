"""Unpacks an untrusted zip or tar archive (gzip, bzip2, xz too) into a new folder, or nothing."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from glx.errors import InputError, OutsideError

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # a zip file with a password, or packed in a way that zipfile cannot read
)


def unpack(path: Path, target: Path) -> list[Path]:
    """Unpacks a zip or tar file into the new folder `target`, which appears when it is whole.

    Returns:
      The files, relative to `target`, sorted.

    Raises:
      InputError: a member that would lie outside of `target`, or is neither file nor folder.
      OutsideError: the archive is damaged, or the disk is full.
    """
    incomplete = target.with_name(target.name + ".partial")
    shutil.rmtree(incomplete, ignore_errors=True)
    incomplete.mkdir(parents=True)
    try:
        for name, copy in _members(path):
            place = (incomplete / name).resolve()
            if not place.is_relative_to(incomplete.resolve()):
                raise InputError(
                    f"{path}: holds {name!r}, outside of its folder; get the archive elsewhere"
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                copy(file)
        incomplete.replace(target)
    except DAMAGE as error:
        raise OutsideError(
            f"{path}: cannot be unpacked ({error}); make room if the disk is full, else remove the "
            "file, then repeat the command"
        ) from None
    finally:
        shutil.rmtree(incomplete, ignore_errors=True)
    return sorted(file.relative_to(target) for file in target.rglob("*") if file.is_file())


def _members(path: Path) -> Iterator[tuple[str, Callable[[IO[bytes]], None]]]:
    """(name, function that writes the content to a file) of every file in the archive."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as content:
                        yield entry.filename, partial(shutil.copyfileobj, content)
        return
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            if member.isdir():
                continue
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is None:
                raise InputError(f"{path}: holds the link {member.name!r}; unpack it by hand")
            with stream:
                yield member.name, partial(shutil.copyfileobj, stream)
