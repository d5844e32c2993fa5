"""Paths that a user gives, files that are there whole or not at all, a folder for one process.

In: a path. Out: the path, checked before any work; what is written to it; a lock.
"""

import errno
import fcntl
import io
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import polars as pl

from glx.errors import InputError, is_disk_full, unusable

LOCK = ".lock"  # in a folder that a process is at work in
PARTIAL = ".partial"  # ends the names of what is not whole
LONGEST = 4096 - 300  # bytes of a folder's path; the system takes 4,096 with what lies in it
MOST = 64 << 20  # bytes of what people write: a panel, notes, a source file
MISREAD = re.compile(r"\\|:(/|$)")  # in a path that Orbax takes for another one
MISREAD_IS = "a backslash or a name that ends in a colon"
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of a file system that has none
Given = str | os.PathLike[str]


def given_path(path: Given) -> Path:
    """A path as a user gives it, with `~` and `~NAME` as the shell has them; it need not be there.

    Raises:
      InputError: it is empty, there is no such user, the path is too long, a loop of links, or
        leads through a folder that this user may not search.
    """
    if not os.fspath(path):
        raise InputError("'': an empty name; check the path")
    try:
        return _possible(path)
    except OSError as e:
        raise InputError(f"{path}: {e.strerror}; check the path") from e


def output(flag: str, path: str) -> Path:
    """The path of a file that a flag says is to be written.

    Raises:
      InputError: as `writable`.
    """
    try:
        return Path(writable(path))
    except ValueError as e:
        raise InputError(f"--{flag}={path}: {e}") from e


def writable(path: str) -> str:
    """The path of a file that `whole` can write, a plain one or none yet, `~` expanded.

    Raises:
      ValueError: it cannot; why, and what to do.
    """
    try:
        found = _possible(path, utf8=True)
        place = _followed(found)
        if place.is_dir():
            raise ValueError("a directory; name a file in it")
        if not place.parent.is_dir():
            raise ValueError(f"no folder {place.parent}; make it first")
        if _earlier(place) and not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        new = beside(place)
        new.touch(exist_ok=False)
        new.unlink()
    except OSError as e:
        if is_disk_full(e):
            raise
        raise ValueError(f"cannot be written ({e.strerror}); name another file") from e
    return str(found)


def inside(path: Given, folder: Given) -> bool:
    """Whether a path is in a folder, or the folder itself, links followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def folder(path: Given, other: str) -> Path:
    """The path of a folder that glx writes, there or not; a link to one that is there is followed.

    Args:
      other: what the user may choose in place of it, as `--run_dir`.

    Raises:
      InputError: it could not be written, or not be read again.
    """
    try:
        found = _possible(path, utf8=True)
        if found.name:
            _possible(beside(found.absolute()))
        if len(os.fsencode(found.absolute())) > LONGEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        if any(one.is_symlink() and not one.exists() for one in (found, *found.parents)):
            raise OSError(errno.ENOENT, "a link to what is not there")
    except OSError as e:
        raise InputError(f"{path}: {e.strerror}; choose another {other}") from e
    whole = str(found.absolute())
    if set("*?[]") & set(whole) or MISREAD.search(whole):  # Orbax would lose what it wrote
        raise InputError(
            f"{whole}: the path cannot have any of *?[], nor {MISREAD_IS}; choose another {other}"
        )
    return Path(os.path.realpath(found)) if found.is_symlink() or ".." in found.parts else found


def _possible(path: Given, *, utf8: bool = False) -> Path:
    """The path that a text stands for; OSError with the reason where the system takes none."""
    if wrong := unusable(os.fspath(path)):
        raise OSError(errno.EINVAL, wrong)
    try:
        text = os.fspath(path)
        meant = text == "-" or text.startswith("~")
        found = Path(text if meant else plain(text)).expanduser()
        if utf8:
            str(found).encode()
        found.stat()
    except RuntimeError as e:
        raise OSError(errno.ENOENT, "there is no such user") from e
    except UnicodeEncodeError as e:
        raise OSError(errno.EINVAL, "not UTF-8") from e
    except OSError as e:
        if e.errno in (errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES):
            raise
    return found


def plain(path: str) -> str:
    """The path of a file, which nothing takes for standard input, as `./-`, or for a folder of a
    user, as `./~`."""
    name = str(Path(path))
    return os.path.join(os.getcwd(), path) if name == "-" or name.startswith("~") else path


def check_plain(where: str, path: Path) -> None:
    """Raise InputError, which begins with `where`, unless a file is there to be read any time."""
    if os.path.isfile(path):
        return
    why = "no such file; check the path"
    if os.path.isdir(path):
        why = "a directory; name a file in it"
    elif os.path.exists(path):
        why = "can be read only once; write it to a file and give that"
    raise InputError(f"{where}: {why}")


def identity(path: Given) -> tuple[int, int] | str:
    """The same for all names of a file: links, `./`, absolute; its whole path while it is not there
    yet."""
    try:
        about = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return about.st_dev, about.st_ino


def read_whole(path: Path) -> bytes:
    """What a file holds that is read whole, a pipe or a device too.

    Raises:
      InputError: it has more than `MOST` bytes, or never ends.
      OSError: it cannot be read.
    """
    with path.open("rb") as file:
        found = file.read(MOST + 1)
    if len(found) > MOST:
        raise InputError(f"{path}: has more than {MOST >> 20} MiB; give a shorter file")
    return found


def is_file(path: Given) -> bool:
    """Whether a file is there; other than of `os.path` it is an error if one may not look."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError:
        raise
    except OSError:
        return False


def names_below(folder: Path) -> list[Path]:
    """The files in a folder and in those below it.

    Raises:
      OSError: one of them cannot be listed, or what is in it not be looked at.
    """

    def fail(error: OSError) -> None:
        raise error

    found = [Path(at, name) for at, _, names in os.walk(folder, onerror=fail) for name in names]
    return sorted(filter(is_file, found))


def is_stream(path: Path) -> bool:
    """Whether a path is written to as it is and never replaced: a pipe, a device such as a
    terminal, or what stands for an open file, as `/dev/stdout`."""
    if not os.path.exists(path):
        return False
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return True
    if not path.is_symlink():
        return False
    # `/proc/self/fd/1` is a link to what is open, which may be a plain file.
    parent = Path(os.path.realpath(path.parent))
    opened = parent.name == "fd" and parent.is_relative_to("/proc")
    return opened or is_stream(parent / path.readlink())


@contextmanager
def whole(path: Path, mode: str = "w", **how: Any) -> Iterator[IO[Any]]:
    """A new file to write, which takes the place of `path` when the block ends well.

    A link stays, and what it leads to is replaced; a file that was there hands on its mode and
    owner.

    Raises:
      OSError: it cannot be written; nothing of it is left. A full disk is told with the path.
    """
    place = _followed(path)
    new = beside(place)
    try:
        earlier = _earlier(place)
        with new.open(mode.replace("w", "x"), **how) as file:
            yield file
        if earlier:
            with suppress(PermissionError):  # it belongs to somebody else
                os.chown(new, earlier.st_uid, earlier.st_gid)
            new.chmod(stat.S_IMODE(earlier.st_mode))
        os.replace(new, place)
    except BaseException as e:
        with suppress(OSError):
            new.unlink()
        if isinstance(e, OSError) and is_disk_full(e):
            e.filename = e.filename or str(path)
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a text as `whole` does."""
    with whole(path, encoding="utf-8") as file:
        file.write(text)


def parquet(table: pl.DataFrame, metadata: dict[str, str] | None = None) -> bytes:
    """A table as the bytes of a Parquet file.

    They are written by Python: Polars tells of a full disk as such in some places of a file only.
    """
    buffer = io.BytesIO()
    table.write_parquet(buffer, metadata=metadata)
    return buffer.getvalue()


def _followed(path: Path) -> Path:
    """What a path leads to, links followed; `..` stays, which the system takes from what is there.

    Raises:
      OSError: a loop of links.
    """
    for _ in range(40):  # as many as the system follows
        if not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _earlier(place: Path) -> os.stat_result | None:
    """What is known of the plain file that is there; None where none is."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(place))
    return found


def beside(place: Path) -> Path:
    """A name beside a path that nobody else has, which ends in `PARTIAL`: for what is not whole."""
    return place.with_name(f"{place.name}.{secrets.token_hex(4)}{PARTIAL}")


@contextmanager
def locked(folder: Path, other: str) -> Iterator[None]:
    """A folder for this process alone, made where there is none.

    The system takes the lock back, however the process ends.

    Args:
      other: as in `folder`.

    Raises:
      InputError: another process is at work in it, or it cannot be made.
    """
    path = folder / LOCK
    try:
        file = _lock(path)
    except BlockingIOError as e:
        raise InputError(
            f"{folder}: another process is at work in it; wait for its end, or choose another "
            f"{other}"
        ) from e
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(
            f"{folder}: cannot be written ({e.strerror}); choose another {other}"
        ) from e
    with file:
        try:
            yield
        finally:
            with suppress(OSError):  # gone with its folder
                path.unlink()


def _lock(path: Path) -> IO[bytes]:
    """The open file that holds the lock; BlockingIOError where another process has it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever had the lock may have removed it, or its folder, since.
        with suppress(FileNotFoundError), ExitStack() as opened:
            file = opened.enter_context(path.open("ab"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as e:
                if e.errno not in NO_LOCKS:
                    raise
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                opened.pop_all()
                return file
