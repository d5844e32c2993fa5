"""Answers on disk: a question is asked once per model and prompt, ever.

One SQLite file, a row per request (`glx.llm.request`): its key, which is a hash, and the
answer, so that no log text lies in the cache. In: answers as they arrive. Out: those that are known
already. A killed process loses nothing that was put; several processes may share a file.
"""

import errno
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from glx.config import cache_home
from glx.errors import InputError, OutsideError, is_disk_full
from glx.files import given_path
from glx.llm.request import Answer

WAIT_SECONDS = 60.0  # how long to wait for another process's transaction
APPLICATION = 0x676C7856  # "glxV" in the file's header: tells it from other databases
TABLE = """CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, p REAL, certain INTEGER NOT NULL, text TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL)"""
INSERT = """INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
    p = excluded.p, certain = excluded.certain, text = excluded.text,
    tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out
    WHERE answers.p IS NULL AND excluded.p IS NOT NULL"""


def default_cache() -> str:
    """`$XDG_CACHE_HOME/glx/verdicts.sqlite`, or `~/.cache/glx/verdicts.sqlite`."""
    return str(cache_home() / "verdicts.sqlite")


class AnswerCache:
    """Answers by the key of their request; close it, or use it in a `with`; threads may share it.

    Attributes:
      any_usable: a usable answer has been put since it was opened.

    Raises, wherever it is used: InputError for a path that cannot be opened or whose file is
    damaged or something else (it is left as it is); OutsideError where its disk is full or fails,
    or another process keeps the file locked.
    """

    def __init__(self, path: Path | str | None):
        """Open the cache at `path`, making it where there is none; in memory for None or `""`."""
        self.path = None if path in (None, "") else given_path(path)
        self.any_usable, self.lock = False, threading.Lock()
        with explained(self.path):
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if self.path.exists() and not self.path.is_file():  # SQLite would open a device
                    raise OSError(errno.EINVAL, "not a plain file")
            self.db = sqlite3.connect(
                self.path or ":memory:",
                timeout=WAIT_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # the lock sees to it
            )
            try:
                prepare(self.db)
            except BaseException:
                self.db.close()
                raise

    def get(self, keys: Iterable[str]) -> dict[str, Answer]:
        """Those of `keys` that are known."""
        with self.lock, explained(self.path):
            select = "SELECT * FROM answers WHERE key = ?"
            rows = (self.db.execute(select, (key,)).fetchone() for key in keys)
            return {row[0]: to_answer(*row[1:]) for row in rows if row is not None}

    def put(self, answers: dict[str, Answer]) -> None:
        """Add answers in one transaction, on disk on return; those already there stay.

        An earlier abstention does not: such are of an earlier glx, which kept them.
        """
        rows = [(key, *astuple(answer)) for key, answer in answers.items()]
        with self.lock, explained(self.path), transaction(self.db):
            self.db.executemany(INSERT, rows)
        self.any_usable |= any(answer.p is not None for answer in answers.values())

    def __len__(self) -> int:
        with self.lock, explained(self.path):
            return int(self.db.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        with self.lock:
            self.db.close()

    def __enter__(self) -> "AnswerCache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prepare(db: sqlite3.Connection) -> None:
    """Make a new file ours; refuse one that is another program's before anything is written."""
    with transaction(db):
        [(application,)] = db.execute("PRAGMA application_id")
        [(things,)] = db.execute("SELECT count(*) FROM sqlite_master")
        if application != APPLICATION:
            if things or application:
                raise sqlite3.DatabaseError("it is the database of another program")
            db.execute(TABLE)
            db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute("PRAGMA journal_mode = WAL")  # readers never wait for a writer
    db.execute("PRAGMA synchronous = NORMAL")  # a commit outlives the process without an fsync


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and one writer at a time: the lock is taken at the start."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has undone it already
            db.execute("ROLLBACK")
        raise


def to_answer(p: Any, certain: Any, text: Any, tokens_in: Any, tokens_out: Any) -> Answer:
    """A row of the table, checked."""
    numbers = isinstance(tokens_in, int) and isinstance(tokens_out, int) and isinstance(text, str)
    if not numbers or not (p is None or (isinstance(p, float) and 0 <= p <= 1)):
        raise sqlite3.DatabaseError("it holds what is no answer")
    return Answer(p, bool(certain), text, tokens_in, tokens_out)


@contextmanager
def explained(path: Path | None) -> Iterator[None]:
    """Errors of the file as those of glx: who can mend it, and how."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_ours(error, path) from error
    except OSError as error:
        if is_disk_full(error):
            raise no_space(path) from error
        raise InputError(
            f"{path}: the answer cache cannot be made ({error.strerror}); give another --cache"
        ) from error


def no_space(path: Path | None) -> OutsideError:
    return OutsideError(
        f"{path}: no space left on the disk of the answer cache; free some or give another --cache,"
        " and run the same command again"
    )


def as_ours(error: sqlite3.Error, path: Path | None) -> Exception:
    """What a database error means for a user."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the bits are details
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        # Where there is no room even for the journal's index, SQLite reports an I/O error.
        full = path is not None and shutil.disk_usage(path.parent).free < 1 << 16
        if full or code == sqlite3.SQLITE_FULL:
            return no_space(path)
        return OutsideError(
            f"{path}: the disk of the answer cache fails ({error}); mend it or give another"
            " --cache, and run the same command again"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return OutsideError(
            f"{path}: another process has kept the answer cache locked for {WAIT_SECONDS:.0f} s;"
            " end it and run the same command again"
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY):
        what = "the answer cache cannot be opened for writing"
        return InputError(f"{path}: {what} ({error}); give another --cache")
    what = "not an answer cache, or a damaged one"
    return InputError(f"{path}: {what} ({error}); move it away or give another --cache")
