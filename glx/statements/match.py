"""Which log statement of a program a template comes from.

In: a table of statements, template texts. Out: of each template its statement, or none.

Texts are compared by their words, masked as log lines are. The words of the statement are looked
for in the template in their order: `common` is the weight of the heaviest common subsequence. All
other words of both cost: half their weight where a value in the other may stand for them and before
and after all that is common (a logger's name, a request's id), nothing from the name of an
exception on, else all of it.

    weight(w) = log (n + 1) / (n_w + 1/2)     n_w of n statements hold the word w; half for n_w = 0
    score     = common / (common + cost)      0 to 1

A statement fits exactly if all its words are in the template, and other words only where it has
values. Of those that fit exactly the one with the highest score is taken, else of all. None is
below `FLOOR`: so a statement of nothing but values never fits, nor one of few common words. None
fits where a word that only one of both has reverses what they say (`reverses`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp

from glx.parse.levels import SCALE
from glx.parse.mask import mask
from glx.sequences import WILDCARD

FLOOR = 0.6
HALF = 0.5  # of the weight of a word that a value may stand for
RAREST = 8  # words of a template that statements are looked up by
CANDIDATES = 16  # statements that are compared with a template
EXCEPTION = re.compile(r"\w+(?:error|exception)|exception")
NEGATION = re.compile(
    r"not|no|non|nor|never|none|neither|nothing|without|cannot|t|unable|refused|denied|rejected"
    r"|fail(?:s|ed|ing|ures?)?"  # t: of "don't"
)
PREFIX = re.compile(r"^(?:un|in|im|dis|non|mis|de|en|at)(?=\w{3})")  # unlocked, detached
CHUNK = 256  # templates at once
TOKEN = re.compile(r"<\*>|[^\W_]+")


class Match(NamedTuple):
    """How well a statement fits a template.

    Attributes:
      exact: whether it fits exactly.
      score: from 0 to 1.
      row: of the table of statements.
    """

    exact: bool
    score: float
    row: int


@dataclass(frozen=True)
class Origin:
    """The statement that a template comes from, as text: `logged as error at a/b.c:412 in capture`.

    Attributes:
      level: of `glx.parse.levels.SCALE`.
      place: its file and line.
      function: around it; None outside of any.
      places: how many statements have its text and level.
      exact: whether it fits exactly.
    """

    level: str
    place: str
    function: str | None
    places: int
    exact: bool

    def __str__(self) -> str:
        sure = "" if self.exact else "probably "
        within = f" in {self.function}" if self.function else ""
        others = self.places - 1
        more = f" and {others} other place{'s'[: others > 1]}" if others else ""
        return f"{sure}logged as {self.level.lower()} at {self.place}{within}{more}"


def distinct(table: pl.DataFrame) -> pl.DataFrame:
    """One row for each masked text and level of a table of `glx.statements.table`.

    Returns:
      `text`, `level`, `place` and `function` of the first, how many `places` (int64); the least
      severe first.
    """
    rank = pl.col("level").replace_strict(dict(zip(SCALE, range(len(SCALE)), strict=True)))
    return (
        table.with_columns(text=mask(table["text"]), rank=rank)
        .sort("rank", maintain_order=True)
        .group_by("text", "level", maintain_order=True)
        .agg(pl.first("place", "function"), places=pl.len().cast(pl.Int64))
    )


@dataclass(frozen=True)
class Statements:
    """Log statements to look templates up in.

    Attributes:
      table: `S` statements, columns of `distinct`; to `find` them a `text` is enough.
    """

    table: pl.DataFrame

    def find(self, texts: Sequence[str]) -> list[Match | None]:
        """The statement that each template comes from; None where none fits well enough.

        Args:
          texts: of `V` templates; a level before a text is no part of it.
        """
        tokens = [tokens_of(_without_level(text)) for text in texts]
        found: list[Match | None] = []
        for start in range(0, len(tokens), CHUNK):
            chunk = tokens[start : start + CHUNK]
            for own, rows in zip(chunk, self._candidates(chunk), strict=True):
                found.append(self._best(own, rows))
        return found

    def origins(self, texts: Sequence[str]) -> list[Origin | None]:
        """The same, in words that can be shown.

        Of statements with the same text the one of the template's own level is taken, else the
        least severe.
        """
        rows = self.table.select("level", "place", "function", "places").rows(named=True)
        first = dict[tuple[str, ...], int]()
        keys = [*self.table.select("text", "level").iter_rows()]
        for row, key in enumerate(keys):
            first.setdefault(key, row)
            first.setdefault(key[:1], row)
        origins = list[Origin | None]()
        for text, match in zip(texts, self.find(texts), strict=True):
            if match is None:
                origins.append(None)
                continue
            own = keys[match.row][:1]
            row = first.get((*own, text.partition(" ")[0]), first[own])
            origins.append(Origin(**rows[row], exact=match.exact))
        return origins

    def _best(self, tokens: list[str], rows: list[tuple[float, int]]) -> Match | None:
        """The best of the candidates, given with bounds of their scores, the highest first."""
        best = Match(False, 0.0, -1)
        for bound, row in rows:
            if bound < FLOOR or (best.exact and bound < best.score):
                break
            match = Match(*compare(self._tokens[row], tokens, self._weight), row)
            if match[:2] > best[:2]:
                best = match
        return best if best.score >= FLOOR else None

    def _candidates(self, tokens: list[list[str]]) -> Iterator[list[tuple[float, int]]]:
        """For each template the statements that share most with it, with bounds of their scores."""
        known = [{self._vocabulary[t] for t in own if t in self._vocabulary} for own in tokens]
        rare = [sorted(own, key=lambda w: (-self._weights[w], w))[:RAREST] for own in known]
        columns = np.array([word for own in rare for word in own], dtype=np.int64)
        offsets, shape = np.cumsum([0, *map(len, rare)]), (len(tokens), len(self._vocabulary))
        shared = sp.csr_array((self._weights[columns], columns, offsets), shape=shape) @ self._index
        for own, looked, (a, b) in zip(tokens, rare, pairwise(shared.indptr.tolist()), strict=True):
            rows, common = shared.indices[a:b], shared.data[a:b]
            total, totals = self._total(own), self._totals[rows]
            apart = (total + totals) / common
            few = min(CANDIDATES, len(apart))
            near = np.sort(np.argpartition(apart, few - 1)[:few]) if few else np.arange(0)
            # Words may be common that were not looked up, and an exception costs nothing.
            more = self._total(own) - self._weights[looked].sum()
            most = np.minimum(np.minimum(common[near] + more, total), totals[near])
            cost = np.maximum(self._total(before_exception(own)) - most, 0) + totals[near] - most
            bounds = most / (most + HALF * cost)
            order = np.argsort(-bounds, kind="stable")
            yield [*zip(bounds[order].tolist(), rows[near][order].tolist(), strict=True)]

    def _weight(self, token: str) -> float:
        """How much a word says; nothing for a value, most for one that no statement holds."""
        return 0.0 if token == WILDCARD else float(self._weights[self._vocabulary.get(token, -1)])

    def _total(self, tokens: list[str]) -> float:
        return sum(map(self._weight, tokens)) or 1e-9

    @cached_property
    def _tokens(self) -> list[list[str]]:
        return [tokens_of(text) for text in self.table["text"]]

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        words = dict.fromkeys(token for own in self._tokens for token in own if token != WILDCARD)
        return {word: n for n, word in enumerate(words)}

    @cached_property
    def _index(self) -> sp.csr_array:
        """`<bool>[W, S]` which statement holds which word."""
        held = [
            (self._vocabulary[t], s)
            for s, own in enumerate(self._tokens)
            for t in {*own} - {WILDCARD}
        ]
        words, rows = np.array(held, dtype=np.int64).reshape(-1, 2).T
        ones = np.ones(len(words))
        return sp.csr_array((ones, (words, rows)), shape=(len(self._vocabulary), len(self.table)))

    @cached_property
    def _weights(self) -> np.ndarray:
        """`<float64>[W + 1]` of each word, and of one that no statement holds."""
        holders = np.diff(self._index.indptr)
        own = np.log((len(self.table) + 1) / (holders + 0.5))
        return np.append(own, HALF * np.log(2 * (len(self.table) + 1)))

    @cached_property
    def _totals(self) -> np.ndarray:
        return np.array([self._total(own) for own in self._tokens])


def tokens_of(text: str) -> list[str]:
    """The words of a text in lower case, and its values."""
    return TOKEN.findall(text.lower())


def compare(
    statement: list[str], template: list[str], weight: Callable[[str], float]
) -> tuple[bool, float]:
    """Whether a statement's tokens fit a template's exactly, and their score; 0 if one negates."""
    pairs = common_words(statement, template, weight)
    common, cost, exact = sum(weight(statement[i]) for i, _ in pairs), 0.0, True
    ends = [(-1, -1), *pairs, (len(statement), len(template))]
    for (i, j), (k, l) in pairwise(ends):
        only, other = statement[i + 1 : k], template[j + 1 : l]
        if l == len(template):
            other = before_exception(other)
        told = l == len(template) and WILDCARD in only  # a value at the end: any text
        if not told and reverses(only, other):
            return False, 0.0
        missing, more = sum(map(weight, only)), sum(map(weight, other))
        edge = j < 0 or l == len(template)
        cost += missing * (HALF if WILDCARD in other else 1)
        cost += more * (HALF if edge or WILDCARD in only else 1)
        exact &= not missing and (not more or WILDCARD in only)
    return exact, common / max(common + cost, 1e-9)


def reverses(only: list[str], other: list[str]) -> bool:
    """Whether words that one of two texts has in place of the other's make it say the opposite."""
    if any(map(NEGATION.fullmatch, [*only, *other])):
        return True
    pairs = ((a, b) for a in only for b in other if a != b)
    return any(
        PREFIX.sub("", a) in (b, PREFIX.sub("", b)) or a == PREFIX.sub("", b) for a, b in pairs
    )


def before_exception(tokens: list[str]) -> list[str]:
    """Tokens up to the name of an exception, which a logger appends with its text."""
    ends = (n for n, token in enumerate(tokens) if EXCEPTION.fullmatch(token))
    return tokens[: next(ends, len(tokens))]


def common_words(
    statement: list[str], template: list[str], weight: Callable[[str], float]
) -> list[tuple[int, int]]:
    """Places in both of the heaviest common subsequence of words."""
    shared = ({*statement} & {*template}) - {WILDCARD}
    a = [i for i, token in enumerate(statement) if token in shared]
    b = [j for j, token in enumerate(template) if token in shared]
    if [statement[i] for i in a] == [template[j] for j in b]:
        return [*zip(a, b, strict=True)]
    best = np.zeros((len(a) + 1, len(b) + 1))
    for m in range(len(a) - 1, -1, -1):
        for n in range(len(b) - 1, -1, -1):
            same = statement[a[m]] == template[b[n]]
            with_both = weight(statement[a[m]]) + best[m + 1, n + 1] if same else 0.0
            best[m, n] = max(with_both, best[m + 1, n], best[m, n + 1])
    pairs, m, n = [], 0, 0
    while m < len(a) and n < len(b):
        if best[m, n] == best[m + 1, n]:
            m += 1
        elif best[m, n] == best[m, n + 1]:
            n += 1
        else:
            pairs.append((a[m], b[n]))
            m, n = m + 1, n + 1
    return pairs


def _without_level(text: str) -> str:
    first, _, rest = text.partition(" ")
    return rest if first in SCALE else text
