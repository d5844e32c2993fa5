"""The expert `answers`: probabilities per template that somebody, or something, wrote down.

In: a CSV with a column `p` and either `id`, the event's number in the system's template table, or
`template`, a text with `<*>`. Out: a probability for each of our templates, and from those for each
sequence. `glx.generallog.open_questions` makes such a file.
"""

import csv
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from glx.embed.embed import UNKNOWN, readable
from glx.errors import InputError
from glx.evidence import bounded_logit
from glx.generallog.expert import ExpertAnswers, ExpertInput
from glx.llm.request import Costs
from glx.parse.levels import SCALE, WORDS
from glx.parse.table import check_once, number
from glx.redact import redact
from glx.sequences import WILDCARD, first_highest
from glx.statements.match import Match, Statements, reverses, tokens_of

ALIKE = 0.75  # score of `glx.statements.match` from which on two templates are the same
LEVELS = {word: level for level in SCALE for word in (level, *WORDS[level].split())}
SHOWN = 200  # characters of a template in a reason


class Row(NamedTuple):
    """A row of a CSV: where it ends (`FILE: line N`) and its cells by column."""

    where: str
    cells: dict[str, str]


def read(path: Path, texts: list[str], numbers: np.ndarray | None) -> np.ndarray:
    """`<float64>[V]` probability of an anomaly for each template; NaN where none is given.

    By `id` where the system has a template table and the file has that column, else by `template`:
    a row with our very text answers, else the row that matches it with the fewest wildcards (of
    those, the one with the most text), else the row that is worded most like it
    (`glx.statements.match`). A row with an empty `p` leaves its template open.

    Args:
      path: a CSV with a header.
      texts: of our `V` templates.
      numbers: `<int64>[T]` event numbers of a template table, whose templates are our first `T`;
        None for a system without one. Later templates have no number: they stay open.

    Raises:
      InputError: not such a file, a `p` outside [0, 1], an `id` that is no number, or two rows
        that disagree.
    """
    names, rows = read_rows(path)
    if numbers is not None and "id" in names:
        given = collect(rows, event_number)
        p = [given.get(int(n), np.nan) for n in numbers]
        return np.array(p + [np.nan] * (len(texts) - len(p)), dtype=np.float64)
    if "template" in names:
        return by_text(collect(rows, template_text), texts)
    needed = "`template`, since there is no template table" if numbers is None else "`id`"
    raise InputError(f"{path}: line 1: give the columns `p` and {needed}")


def by_text(given: dict[Any, float], texts: list[str]) -> np.ndarray:
    """`<float64>[V]` probabilities of `texts` by those `given` for texts."""
    known = {_one_level(text): p for text, p in given.items()}
    patterns = [(text.split(WILDCARD), p) for text, p in known.items() if WILDCARD in text]
    # Stable: of equals the first row in the file answers.
    patterns.sort(key=lambda pattern: (len(pattern[0]), -sum(map(len, pattern[0]))))

    def answer(text: str) -> float | None:
        """By the text as it is, or as a file of questions shows it."""
        both = text, _one_level(squeezed(redact(text)))
        exact = (known[one] for one in both if one in known)
        fitting = (
            p
            for one in dict.fromkeys(both)
            for pieces, p in patterns
            if matches(pieces, one) and agrees(pieces, one, p)
        )
        return next(chain(exact, fitting), None)

    own = [_one_level(squeezed(text)) for text in texts]
    found = [*map(answer, own)]
    left = [n for n, p in enumerate(found) if p is None]
    for n, near in zip(left, _nearest([own[n] for n in left], list(known)), strict=True):
        found[n] = np.nan if near is None else known[near]
    return np.array(found, dtype=np.float64)


def agrees(pieces: list[str], text: str, p: float) -> bool:
    """Whether `p`, given for `pieces`, may be for `text`: no harmless text takes in a failure.

    A pattern without words is for everything.
    """
    words = {*tokens_of(" ".join(pieces))}
    return p >= 0.5 or not words or not reverses([], [*({*tokens_of(text)} - words)])


def _nearest(texts: list[str], among: list[str]) -> list[str | None]:
    """For each text the one of the same level that is worded most like it; None for none.

    Templates of other lines, or of other masks, have a word or a value more or less. Where each has
    a word that the other lacks, they may say different things.
    """
    bare = [_level_and_rest(text)[1] for text in among]
    found = Statements(pl.DataFrame({"text": bare})).find(texts) if texts else []

    def same(text: str, match: Match | None) -> str | None:
        if match is None or match.score < ALIKE:
            return None
        (level, rest), near = _level_and_rest(text), among[match.row]
        own, other = {*tokens_of(rest)} - {WILDCARD}, {*tokens_of(bare[match.row])} - {WILDCARD}
        one_has_all = own <= other or other <= own
        return near if one_has_all and _level_and_rest(near)[0] == level else None

    return [*map(same, texts, found)]


def _one_level(text: str) -> str:
    """`text` with the level that its first word is, if it is one, on the standard scale."""
    level, rest = _level_and_rest(text)
    return f"{level} {rest}" if level else text


def _level_and_rest(text: str) -> tuple[str | None, str]:
    first, _, rest = text.partition(" ")
    level = LEVELS.get(first)
    return level, rest if level else text


def matches(pieces: list[str], text: str) -> bool:
    """Whether `text` is `pieces` (two or more) with anything in between; linear in its length."""
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return text.endswith(last)


def squeezed(text: str) -> str:
    """`text` with single spaces."""
    return " ".join(text.split())


def template_text(row: Row) -> str:
    """The text in the column `template`."""
    return squeezed(row.cells["template"])


def event_number(row: Row) -> int:
    """The number in the column `id`, `7` or `E7`."""
    text = row.cells["id"].strip().removeprefix("E")
    if not re.fullmatch(r"-?[0-9]+", text):
        raise InputError(f"{row.where}: id {row.cells['id']!r} is not an event number")
    return int(text)


def probability(row: Row) -> float:
    """The number in the column `p`, in [0, 1]; NaN for an empty one."""
    text = row.cells["p"]
    if not text.strip():
        return np.nan
    try:
        p = number(text)
    except ValueError:
        p = -1.0
    if not 0 <= p <= 1:
        raise InputError(f"{row.where}: p {text!r} is not a number between 0 and 1, as 0.5")
    return p


def collect(rows: list[Row], key: Callable[[Row], Any]) -> dict[Any, float]:
    """Probability by key, NaN for an empty one; a key may be there twice if both say the same."""
    given: dict[Any, float] = {}
    for row in rows:
        p, k = probability(row), key(row)
        if given.setdefault(k, p) != p and not (np.isnan(given[k]) and np.isnan(p)):
            raise InputError(f"{row.where}: {redact(str(k))!r} is there already with another p")
    return given


def read_rows(path: Path) -> tuple[list[str], list[Row]]:
    """The names of a CSV's columns, and its rows.

    Raises:
      InputError: it is no such file, has no column `p` or one twice, or a row is longer or shorter
        than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            table = [(f"{path}: line {reader.line_num}", cells) for cells in reader if cells]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); see --responses") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV in UTF-8 ({error}); write it again") from error
    names = [name.strip() for name in table[0][1]] if table else []
    if "p" not in names:
        raise InputError(f"{path}: line 1: no column `p`; the first line names the columns")
    check_once(path, names, filter(None, names))
    for where, cells in table[1:]:
        if len(cells) != len(names):
            raise InputError(f"{where}: {len(cells)} cells, where the header has {len(names)}")
    return names, [Row(where, dict(zip(names, cells, strict=True))) for where, cells in table[1:]]


def judge(inputs: ExpertInput, p: np.ndarray) -> ExpertAnswers:
    """A sequence takes the highest log-odds of its events, by their answers.

    Where an event has no answer, or no words that an answer could rest on (who answers for it knows
    more than its text, perhaps its label), the evidence alone speaks. A sequence abstains where all
    its events have words and none has an answer.

    Args:
      p: `<float64>[V]` as of `read`.
    """
    sequences, ids = inputs.sequences, inputs.sequences.ids
    worded = np.array([readable(text) != UNKNOWN for text in inputs.texts], dtype=bool)
    p = np.where(worded, p, np.nan)
    unanswered = np.isnan(p)
    log_odds = np.where(unanswered, inputs.evidence, bounded_logit(p) + inputs.beside)
    highest, places = first_highest(log_odds[ids], sequences)
    abstains = ~first_highest((~unanswered | ~worded)[ids], sequences)[0]
    places = np.where(abstains, inputs.deciding, places).astype(np.int64)
    decisive = ids[sequences.offsets[:-1] + places]
    events, times = np.unique(ids), np.repeat(sequences.counts, sequences.lengths)
    shown = {event: inputs.mask(inputs.texts[event]) for event in set(decisive.tolist())}
    return ExpertAnswers(
        log_odds=np.where(abstains, np.nan, highest),
        places=places,
        reasons=[
            "no answer for any of its events" if none else _reason(p[event], shown[event])
            for event, none in zip(decisive.tolist(), abstains, strict=True)
        ],
        costs=Costs(questions=len(events), abstained=int((unanswered & worded)[events].sum())),
        share_answered=float(times @ ~unanswered[ids] / max(times.sum(), 1)),
    )


def _reason(p: float, text: str) -> str:
    return f"{'no answer' if np.isnan(p) else f'{p:.2g}'} for: {text[:SHOWN]}"
