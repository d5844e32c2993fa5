"""Source code as a user's knowledge: the flag, and the statements behind it.

In: what `--knowledge` names. Out: which of it is source code and which are notes; the statements of
the code, to look templates up in.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glx.config import setting
from glx.errors import InputError
from glx.files import given_path
from glx.statements import calls, files
from glx.statements.match import Statements, distinct
from glx.statements.table import Say, silent, statements


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@dataclass(frozen=True)
class KnownConfig:
    """What is known of the target beside its logs."""

    knowledge: tuple[str, ...] = setting(
        (),
        "source code of the target's programs, a folder, an archive or a file: the severity that "
        "its authors gave a line counts; or notes of your own, a file (.yaml, .yml, .md) or a "
        "folder of such, which experts read; repeat it for several.",
        read=_several,
    )
    log_calls: tuple[str, ...] = setting(
        (),
        "further calls in that source code that log, NAME:LEVEL as audit_log:error; repeat it or "
        "list them with commas.",
        read=_several,
    )


def parted(paths: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """The paths of source code, and those of notes.

    A folder with a source file anywhere in it is one of source code.

    Raises:
      InputError: nothing there, or a folder that cannot be read.
    """
    code, notes = list[Path](), list[Path]()
    for path in (given_path(path) for path in paths):
        if not os.path.exists(path):  # never an error itself, unlike Path.exists
            raise InputError(f"{path}: no such file or folder; check the path after --knowledge")
        try:
            if os.path.isdir(path):
                is_code = bool(files.names(path))
            else:
                is_code = files.is_archive(path) or files.is_source(path.name)
        except OSError as e:
            raise InputError(f"{path}: cannot be read ({e.strerror}); check its permissions") from e
        (code if is_code else notes).append(path)
    return code, notes


def known_statements(config: KnownConfig, say: Say = silent) -> Statements | None:
    """The log statements of the source code that the settings name; None where they name none.

    Args:
      say: gets remarks on progress.

    Raises:
      InputError: it cannot be read, or holds no log statement; or `log_calls` are no such calls.
    """
    calls.named(config.log_calls)
    code, _ = parted(config.knowledge)
    if not code:
        return None
    return Statements(distinct(statements(code, config.log_calls, say)))


def look_up(config: KnownConfig, texts: Sequence[str], say: Say) -> None:
    """Read the source code that the settings name, and say what it tells of templates.

    Raises:
      InputError: as `known_statements`.
    """
    known = known_statements(config, say)
    if known is not None:
        found = sum(match is not None for match in known.find(texts))
        say(
            f"{len(known.table):,} distinct log statements in the source code; {found:,} of "
            f"{len(texts):,} templates come from them"
        )
