"""Vectors on disk: a text's vector is computed once per model, ever.

One SQLite file per model with a row per text: the SHA-256 of the text (so that the cache holds no
log text) and its vector as float32 bytes. SQLite serialises writers and rolls back what a killed
one left. The cache is optional: where it cannot be used, a line on stderr says so, once, and the
process does without it from then on.
"""

import hashlib
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np

from glx.terminal import tell

T = TypeVar("T")
TABLE = "CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL)"
WAIT_SECONDS = 10.0  # how long to wait, once, for another process's transaction
_given_up: set[Path] = set()  # folders of caches that this process does without


def read(path: Path, texts: Sequence[str], width: int) -> dict[str, np.ndarray]:
    """Those of `texts` that are in the cache file: text -> `<float32>[width]` unit vector.

    A file that does not exist is empty; a damaged one is deleted, with a line on stderr.
    """

    def look_up(db: sqlite3.Connection) -> dict[str, np.ndarray]:
        query = "SELECT vector FROM vectors WHERE digest = ?"
        rows = ((text, db.execute(query, (_digest(text),)).fetchone()) for text in texts)
        return {text: _unit_vector(row[0], width) for text, row in rows if row is not None}

    return _use(path, look_up, otherwise={})


def write(path: Path, vectors: dict[str, np.ndarray]) -> None:
    """Add vectors (text -> `<float32>[width]`) in one transaction; those already there stay."""
    rows = [(_digest(text), vector.astype("<f4").tobytes()) for text, vector in vectors.items()]
    insert = "INSERT OR IGNORE INTO vectors VALUES (?, ?)"
    _use(path, lambda db: db.executemany(insert, rows).rowcount, otherwise=0)


def _use(path: Path, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
    """`action` on the open cache in one transaction; `otherwise` where the cache cannot be used."""
    if path.parent in _given_up:
        return otherwise
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level="IMMEDIATE")
        with closing(connection) as db, db:
            db.execute(TABLE)
            return action(db)
    except (OSError, sqlite3.OperationalError) as error:
        _given_up.add(path.parent)
        _warn(f"--embed_cache_dir: {path} cannot be used ({error}); going on without it")
    except sqlite3.DatabaseError as error:
        _warn(f"the cache {path} is damaged ({error}); building it again")
        _delete(path)
    return otherwise


def _delete(path: Path) -> None:
    """Remove a cache file and its journal, which would be replayed onto the next file."""
    try:
        path.unlink(missing_ok=True)
        path.with_name(path.name + "-journal").unlink(missing_ok=True)
    except OSError as error:
        _warn(f"the cache {path} cannot be deleted ({error}); delete it by hand")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _unit_vector(blob: object, width: int) -> np.ndarray:
    """The `<float32>[width]` of these bytes; DatabaseError unless of that size and of length 1."""
    if isinstance(blob, bytes) and len(blob) == 4 * width:
        vector = np.frombuffer(blob, dtype="<f4").astype(np.float32)
        if abs(np.linalg.norm(vector) - 1.0) < 1e-3:
            return vector
    raise sqlite3.DatabaseError("a vector in it has the wrong size or is not of length 1")


def _warn(message: str) -> None:
    tell(f"glx: {message}", sys.stderr)
