"""The two failures a user can mend, and a run that waits; every other exception is a bug.

`glx.cli` maps them to exit codes.
"""

import errno
import os

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


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


def forbidden(error: PermissionError) -> str:
    """What to tell of a file or folder that this user may not read, search or write."""
    place = error.filename or str(error).partition("(os error 13): ")[2] or str(error)  # Polars'
    return f"{place}: not open to this user ({os.strerror(errno.EACCES)}); check its permissions"
