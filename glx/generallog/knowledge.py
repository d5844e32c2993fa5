"""What is known already: events and short sequences of labelled sources, and notes of users.

In: entries and their vectors, or labelled sources. Out: `Knowledge`, which finds the entries that
are nearest to a vector, the same ones whatever machine it runs on. It knows nothing of a target.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import polars as pl

from glx.config import setting
from glx.errors import InputError
from glx.generallog.entries import KINDS, LABELS, Entry, of_source
from glx.sequences import LabelledSource

NUMBERS = {"normal": pl.Int64, "anomalous": pl.Int64, "prevalence": pl.Float64}
SCHEMA = pl.Schema({f.name: NUMBERS.get(f.name, pl.String()) for f in fields(Entry)})

DECIMALS = 6  # of a cosine: vectors are no more exact, and the last bits differ between machines
CHUNK = 256  # queries at once

Encode = Callable[[Sequence[str]], np.ndarray]  # texts to `<float32>[n, D]`, each of length 1


@dataclass(frozen=True)
class KnowledgeConfig:
    """What experts retrieve."""

    k: int = setting(5, "known entries that are retrieved for an event.", low=1, high=1000)
    known_sources: bool = setting(
        True, "know what the labelled sources show; without it there are your notes alone."
    )


@dataclass(frozen=True)
class Knowledge:
    """Entries and their vectors; made by `build`.

    Attributes:
      entries: `M` of them.
      vectors: `<float32>[M, D]`, each of length 1.
    """

    entries: tuple[Entry, ...]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entries: Sequence[Entry], vectors: np.ndarray) -> "Knowledge":
        """This and `entries`, whose vectors are `<float32>[len(entries), D]` of length 1."""
        return build([*self.entries, *entries], np.concatenate([self.vectors, vectors]))

    def only(self, *kinds: str) -> "Knowledge":
        """The entries of these kinds, in their order."""
        rows = [row for row, entry in enumerate(self.entries) if entry.kind in kinds]
        return build([self.entries[row] for row in rows], self.vectors[rows])

    def search(self, vectors_QxD: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The `k` nearest entries of each query, the nearest first; of equal ones the first first.

        Args:
          vectors_QxD: `<float32>[Q, D]`, each of length 1.

        Returns:
          `<float32>[Q, k]` cosines rounded to `DECIMALS`, 0 for none, and `<int64>[Q, k]` rows of
          `entries`, -1 for none (where there are fewer than `k` entries).
        """
        cosines_Qxk = np.zeros((len(vectors_QxD), k), dtype=np.float32)
        rows_Qxk = np.full((len(vectors_QxD), k), -1, dtype=np.int64)
        vectors_MxD, n = self.vectors.astype(np.float64), min(k, len(self))
        for start in range(0, len(vectors_QxD) if n else 0, CHUNK):
            chunk_CxM = vectors_QxD[start : start + CHUNK].astype(np.float64) @ vectors_MxD.T
            for q, cosines_M in enumerate(chunk_CxM.round(DECIMALS), start):
                near = np.flatnonzero(cosines_M >= np.partition(cosines_M, -n)[-n])
                near = near[np.argsort(-cosines_M[near], kind="stable")[:n]]
                cosines_Qxk[q, :n], rows_Qxk[q, :n] = cosines_M[near], near
        return cosines_Qxk, rows_Qxk


def build(entries: Sequence[Entry], vectors: np.ndarray) -> Knowledge:
    """Knowledge of `M` entries with `vectors`, `<float32>[M, D]`.

    Raises:
      ValueError: not one vector of length 1 for each entry.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(entries):
        raise ValueError(f"vectors of shape {vectors.shape} for {len(entries)} entries")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise ValueError("a vector is not of length 1")
    return Knowledge(tuple(entries), vectors)


def from_sources(sources: Sequence[LabelledSource], vectors: Sequence[np.ndarray]) -> Knowledge:
    """Knowledge of the events and short sequences of labelled sources (`entries.of_source`).

    Args:
      vectors: for each source `<float32>[V, D]` of its template texts, each of length 1.

    Raises:
      InputError: no event of any source has words.
    """
    entries, kept = list[Entry](), list[np.ndarray]()
    for source, of_texts in zip(sources, vectors, strict=True):
        some, of_some = of_source(source, of_texts)
        entries, kept = entries + some, kept + of_some
    if not entries:
        names = ", ".join(source.name for source in sources)
        raise InputError(
            f"no event of the sources ({names}) has words, so there is nothing to know of them; "
            "choose sources with template texts"
        )
    return build(entries, np.stack(kept))


def to_state(knowledge: Knowledge) -> tuple[np.ndarray, pl.DataFrame]:
    """The vectors and a table of the entries, for a folder of `glx.checkpoint`.

    Its arrays cannot be empty: without an entry there is one row of zeros.
    """
    vectors, nothing = knowledge.vectors, np.zeros((1, knowledge.vectors.shape[1]), np.float32)
    table = pl.DataFrame([asdict(e) for e in knowledge.entries], schema=SCHEMA)
    return vectors if len(knowledge) else nothing, table


def from_state(vectors: np.ndarray, table: pl.DataFrame) -> Knowledge:
    """What `to_state` gave.

    Raises:
      InputError: it is not what `to_state` gives.
    """
    try:
        if table.schema != SCHEMA or vectors.dtype != np.float32:
            raise ValueError(f"columns {', '.join(table.columns)}; vectors of {vectors.dtype}")
        for column, known in (("kind", KINDS), ("label", LABELS)):
            if not table[column].drop_nulls().is_in(known).all():
                raise ValueError(f"a {column} is none of {', '.join(known)}")
        kept = vectors if len(table) or vectors.any() else vectors[:0]
        return build([Entry(**row) for row in table.iter_rows(named=True)], kept)
    except ValueError as e:
        raise InputError(f"its knowledge is damaged ({e}); fit it again") from e
