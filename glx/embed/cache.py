"""Vectors on disk: a text's vector is computed once per model, ever.

One SQLite file per model, a row per text: the SHA-256 of the text (so that no log text lies in the
cache) and its vector as float32 bytes. SQLite serialises writers and undoes what a killed one left
behind. A cache is never needed: what cannot be used is said on stderr and worked without.
"""

import hashlib
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")
WAIT_SECONDS = 60.0  # how long to wait for another process's transaction


def read(path: Path, texts: Sequence[str], width: int) -> dict[str, np.ndarray]:
    """Those of `texts` that are in the cache file: text -> `<float32>[width]` unit vector.

    A file that does not exist is empty; a damaged one is deleted, with a line on stderr.
    """

    def look_up(db: sqlite3.Connection) -> dict[str, np.ndarray]:
        found = {}
        for text in texts:
            row = db.execute(
                "SELECT vector FROM vectors WHERE digest = ?", (digest(text),)
            ).fetchone()
            if row is None:
                continue
            if not is_unit_vector(row[0], width):
                raise sqlite3.DatabaseError(
                    "a vector in it has the wrong size or is not of length 1"
                )
            found[text] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
        return found

    return use(path, look_up, otherwise={})


def write(path: Path, vectors: dict[str, np.ndarray]) -> None:
    """Add vectors (text -> `<float32>[width]`) in one transaction; those already there stay."""
    rows = [(digest(text), vector.astype("<f4").tobytes()) for text, vector in vectors.items()]
    use(
        path,
        lambda db: db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows).rowcount,
        otherwise=0,
    )


def use(path: Path, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
    """`action` on the open cache in one transaction; `otherwise` where the cache cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level="IMMEDIATE")
        with closing(connection) as db, db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL)"
            )
            return action(db)
    except (OSError, sqlite3.OperationalError) as error:
        warn(f"the cache {path} cannot be used ({error}); going on without it")
    except sqlite3.DatabaseError as error:
        warn(f"the cache {path} is damaged ({error}); building it again")
        delete(path)
    return otherwise


def delete(path: Path) -> None:
    """Remove a cache file and its journal, which would be replayed onto the next file."""
    try:
        path.unlink(missing_ok=True)
        path.with_name(path.name + "-journal").unlink(missing_ok=True)
    except OSError as error:
        warn(f"the cache {path} cannot be deleted ({error}); delete it by hand")


def digest(text: str) -> bytes:
    """The key of a text: 32 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def is_unit_vector(blob: object, width: int) -> bool:
    """Whether these bytes are `<float32>[width]` of length 1, as everything written here is."""
    if not isinstance(blob, bytes) or len(blob) != 4 * width:
        return False
    return bool(abs(np.linalg.norm(np.frombuffer(blob, dtype="<f4")) - 1.0) < 1e-3)


def warn(message: str) -> None:
    """One line on stderr: a user who cannot mend a cache still gets the right vectors."""
    print(f"glx: {message}", file=sys.stderr)
