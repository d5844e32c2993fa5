"""The two failures a user can mend, and a run that waits; every other exception is a bug.

`glx.cli` maps them to exit codes.
"""

import errno
import os

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# Of a disk, a network or a file system of another machine, of which no path is to blame.
FAILING = (
    *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.EROFS),
    *(errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.EPIPE, errno.ESHUTDOWN),
    *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
    *(errno.ENETRESET, errno.ENOTCONN, errno.ENOLCK, errno.EAGAIN),
)


class InputError(Exception):
    """The user's input or a setting is wrong (exit code 2): what, where, what to do."""


class OutsideError(Exception):
    """Something outside is missing or gave up (exit code 3); the same command goes on."""


class Paused(Exception):
    """The run waits for what a user will bring (exit code 0): what, and how it goes on."""


def unusable(text: str) -> str | None:
    """Why a text can be neither a path nor written anywhere; None where it can.

    The bytes of a file's name that are not UTF-8 are halves of pairs too, and can be a path.
    """
    if "\0" in text:
        return "has a NUL in it"
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "is not UTF-8 (it has half of a character)"
    return None


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk or quota is full; Polars and Orbax only repeat the system's words for it."""
    if isinstance(error, OSError):
        return error.errno in DISK_FULL
    return any(os.strerror(code) in str(error) for code in DISK_FULL)


def is_failing(error: BaseException) -> bool:
    """Whether a disk, a network or another machine failed, which may be well by the next try."""
    if type(error) is OSError and not error.errno:  # a store of objects has words of its own
        return True
    return isinstance(error, ConnectionError | TimeoutError) or (
        isinstance(error, OSError) and error.errno in FAILING
    )


def forbidden(error: PermissionError) -> str:
    """What to tell of a file or folder that this user may not read, search or write."""
    place = error.filename or str(error).partition("(os error 13): ")[2] or str(error)  # Polars'
    return f"{place}: not open to this user ({os.strerror(errno.EACCES)}); check its permissions"
