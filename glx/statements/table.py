"""All log statements of programs as one table, kept on disk until a file changes.

In: folders and archives of source code. Out: a table of the distinct texts.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import polars as pl

from glx.config import cache_home
from glx.errors import InputError
from glx.files import parquet, whole
from glx.statements import calls, files, find, languages

SCHEMA = pl.Schema(
    {name: pl.String() for name in ("text", "level", "place", "function", "language")}
)
EVERY = 5.0  # seconds between two remarks on progress
Say = Callable[[str], None]


def silent(text: str) -> None:
    """Says nothing."""


def statements(
    paths: Sequence[Path],
    log_calls: Sequence[str] = (),
    say: Say = silent,
    cache: Path | None = None,
) -> pl.DataFrame:
    """The log statements of programs, a row for each, in the order of files and lines.

    Args:
      paths: folders and archives.
      log_calls: further calls that log, each `NAME:LEVEL`.
      say: gets remarks on progress.
      cache: folder of what was found before; None: in `glx.config.cache_home`.

    Returns:
      `text` (`<*>` where a value goes), `level` (of `glx.parse.levels.SCALE`), `place`
      (`FILE:LINE`, the file within its folder or archive), `function` (null outside of any),
      `language`; columns of `SCHEMA`.

    Raises:
      InputError: a path cannot be read or holds no log statement.
    """
    found = [_of_path(path, tuple(log_calls), say, cache) for path in paths]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *found])


def _of_path(path: Path, log_calls: tuple[str, ...], say: Say, cache: Path | None) -> pl.DataFrame:
    named = calls.named(log_calls)
    if not os.path.exists(path):  # never an error itself, unlike Path.exists
        raise InputError(f"{path}: no such file or folder; check the path of your source code")
    try:
        name = f"{_identity(path, log_calls)}.parquet"
    except OSError as error:  # no folder and no file, or one that may not be read
        raise InputError(f"{path}: cannot be read ({error.strerror}); check it") from error
    kept = (cache or cache_home() / "statements") / name
    with suppress(OSError, pl.exceptions.PolarsError):  # not there or damaged: found again
        return pl.read_parquet(kept).select(*SCHEMA)
    rows, count, read, said = [], 0, 0, time.monotonic()
    for name, content in files.sources(path):
        language = languages.BY_SUFFIX[PurePosixPath(name).suffix.lower()]
        text = content.decode("utf-8", "replace")
        rows += [
            (one.text, one.level, f"{name}:{one.line}", one.function, language.name)
            for one in find.of_file(text, language, named)
        ]
        count, read = count + 1, read + text.count("\n")
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            say(f"{path}: {count:,} files, {read:,} lines, {len(rows):,} log statements so far")
    if not rows:
        raise InputError(
            f"{path}: no log statement in {count:,} source files; read are {languages.NAMES}, and "
            "--log_calls names calls that log"
        )
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    _keep(table, kept)
    return table


def _keep(table: pl.DataFrame, path: Path) -> None:
    """Write the file whole; where it cannot be written it is found again next time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path, "wb") as file:
            file.write(parquet(table))


def _identity(path: Path, log_calls: tuple[str, ...]) -> str:
    """A digest of what decides what is found: files with sizes and times, calls, this package."""
    of = [path] if path.is_file() else [path / name for name in files.names(path)]
    stats = [(str(one), os.stat(one)) for one in of]
    parts = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    own = [file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(repr((str(path.absolute()), parts, log_calls, own)).encode()).hexdigest()[
        :32
    ]


def summary(table: pl.DataFrame) -> str:
    """How many statements of which languages, in words."""
    counts = table["language"].value_counts(sort=True)
    of = ", ".join(f"{language} {n:,}" for language, n in counts.iter_rows())
    return f"{len(table):,} log statements ({of})"
