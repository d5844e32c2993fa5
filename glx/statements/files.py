"""The source files of a program: in a folder, or in an archive that is read without unpacking it.

In: a path. Out: the name and content of each file that may hold log statements.
"""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Any

import zstandard

from glx.errors import InputError
from glx.files import read_whole
from glx.parse.packed import ZSTD, zstd_decompressor
from glx.statements.languages import BY_SUFFIX

LARGEST = 4 << 20  # bytes; a larger file is data, or generated
# Folders whose files are no part of the program that runs.
LEFT_OUT = {
    *("test", "tests", "testing", "__tests__", "testdata", "__pycache__"),
    *("node_modules", "site-packages", "third_party", "vendor", "venv"),
}
PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
ARCHIVES = (".zip", ".jar", ".whl", ".tgz", ".tbz2", ".txz", ".tzst", *(f".tar{p}" for p in PACKED))
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, zlib.error, LZMAError, EOFError),
    *(RuntimeError, NotImplementedError),  # with a password, or packed in an unknown way
)


def is_source(name: str) -> bool:
    """Whether a file is source code, by its name."""
    return os.path.splitext(name)[1].lower() in BY_SUFFIX


def is_archive(path: Path) -> bool:
    """Whether a file is an archive, by its name."""
    return path.name.lower().endswith(ARCHIVES)


def sources(path: Path) -> Iterator[tuple[str, bytes]]:
    """The name, with its folders, and the content of each source file; in the order of names, of
    a tar archive in its own.

    Below the path hidden folders and `LEFT_OUT` are left out: tests, and copies of other packages.

    Raises:
      InputError: the path cannot be read, or is a damaged archive.
    """
    try:
        if os.path.isdir(path):
            for name in names(path):
                yield name, (path / name).read_bytes()
        elif is_source(path.name):
            yield path.name, read_whole(path)
        elif zipfile.is_zipfile(path):
            yield from _zipped(path)
        else:
            yield from _tarred(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check it") from error
    except DAMAGE as error:
        raise InputError(
            f"{path}: cannot be unpacked ({' '.join(str(error).split())}); give a folder, or a zip "
            "or tar archive"
        ) from error


def names(folder: Path) -> list[str]:
    """The source files below a folder, relative to it, in order.

    Raises:
      OSError: it cannot be read.
    """
    found = []

    def fail(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if name not in LEFT_OUT and name[0] != "."]
        for name in files:
            path = Path(root, name)
            if _runs(name) and os.path.isfile(path) and path.stat().st_size <= LARGEST:
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def _runs(name: str) -> bool:
    """Whether a file, named with its folders, may hold log statements of a program that runs."""
    *folders, file = PurePosixPath(name).parts
    stem, _ = os.path.splitext(file)
    return (
        is_source(file)
        and LEFT_OUT.isdisjoint(folders)
        and not any(folder[0] == "." and folder != "." for folder in folders)
        and not stem.startswith(("test_", "."))
        and not stem.endswith(("_test", "Test", "Tests", ".test", ".spec", ".min"))
    )


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            if not entry.is_dir() and _runs(entry.filename) and entry.file_size <= LARGEST:
                yield entry.filename, archive.read(entry)


def _tarred(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        packed = ZSTD.match(file.read(4)) is not None
        file.seek(0)
        stream: Any = file
        if packed:
            stream = zstd_decompressor().stream_reader(file, read_across_frames=True)
        with closing(stream), tarfile.open(fileobj=stream, mode="r|" if packed else "r:*") as tar:
            for member in tar:
                if member.isfile() and _runs(member.name) and member.size <= LARGEST:
                    content = tar.extractfile(member)
                    yield member.name, b"" if content is None else content.read()
