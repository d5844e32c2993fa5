"""Templates: mined once from the adapt part, then frozen; what is new later gets new ids.

In: distinct masked texts (`glx/parse/mask.py`), in order of first appearance. Out: event ids.

Mining is Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS
2017). Afterwards a wildcard that stood for a few words only is spelt out again: `VM <*>` becomes
`VM Started` and `VM Crashed`, which distinguishes a fault from normal operation. Matching depends
on nothing but the templates' texts and counts, so a loaded miner equals the saved one. What matches
none of them is told apart by `glx.parse.new_events`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import polars as pl

from glx.config import setting
from glx.parse.drain import FastDrain
from glx.parse.mask import mask_collapsed
from glx.parse.new_events import NewEvents
from glx.sequences import WILDCARD, Templates

OVERFLOW = "any of too many new events"
LEAST_WORDS = 3  # that templates share which are merged
LONG = 100  # tokens of a text
GLUE = "\0 "  # stands between tokens that no space separates
SCRIPT = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
NO_SPACE = re.compile(rf"(?<=[{SCRIPT}])(?=\S)|(?<=\S)(?=[{SCRIPT}])")  # of scripts without spaces
VALUE_BESIDE = re.compile(rf"(?<=[{SCRIPT}])\s+(?=<\*>)|(?<=<\*>)\s+(?=[{SCRIPT}])")
CONSTANT = re.compile(r"[^\w<]*(?:[A-Z][A-Z_]+|[0-9]+|0x\w+)[^\w<]*")  # such as RUNNING, 404
SAYS = re.compile(r"[^\W_]")
# An id in hexadecimal, as d7641061, looks like a name and a number where letters come first.
HEXADECIMAL = re.compile(r"(?<![A-Za-z0-9_])(?:[a-f]{1,3}|[A-F]{1,3})<\*>(?![A-Za-z0-9_])")
ID_IN_BRACKETS = re.compile(r"\[[a-z]{1,8}-<\*>")  # which the masks make `[<*>`
LETTER, ANYTHING = "[A-Za-z]", "\ue000"  # of a published template
Match = Callable[[str], int]  # masked text -> id, or -1


@dataclass(frozen=True)
class MinerConfig:
    """How templates are mined."""

    similarity: float = setting(
        0.4, "least share of equal tokens at which a text joins a template."
    )
    depth: int = setting(4, "levels of Drain's tree, its root and leaves included.")
    children: int = setting(100, "branches of a node of the tree.")
    few_words: int = setting(
        4, "a wildcard that stands for at most this many different words is spelt out."
    )
    few_constants: int = setting(
        6, "the same for words in capitals and numbers that are kept, such as a status."
    )
    max_new: int = setting(
        10_000, "new events told apart after freezing; what is newer still shares one id."
    )
    max_cached: int = setting(200_000, "distinct texts whose ids are remembered.")


DEFAULT = MinerConfig()


class Miner:
    """Fitted templates, and those mined since.

    Args:
      fitted: the frozen templates; their rows are the ids `0 .. V - 1`.
      config: settings for new templates.
      published: the templates are those of another parser: `<*>` may be part of a word and stands
        for any text, possibly none. Else it stands for one token.
      apart: each distinct text that matches no template is an event of its own.

    Attributes:
      overflowed: distinct texts that came after `max_new` new templates.
    """

    def __init__(
        self,
        fitted: Templates,
        config: MinerConfig = DEFAULT,
        published: bool = False,
        apart: bool = False,
    ):
        self.fitted, self.config, self.published, self.apart = fitted, config, published, apart
        self.overflowed = 0
        self._n_fitted = len(fitted)  # looked up for every text
        self._match = match_published(fitted.texts) if published else match_texts(fitted.texts)
        self._cache: dict[str, int] = {}
        self._events = NewEvents(config.max_new)
        self._new: list[str] = []  # their texts

    @property
    def templates(self) -> Templates:
        """Every id's text: the fitted ones, then the new ones with a count of 0."""
        new = self._new + [OVERFLOW] * (self.overflowed > 0)
        zeros = np.zeros(len(new), np.int64)
        return Templates(self.fitted.texts + new, np.concatenate([self.fitted.counts, zeros]))

    def ids(self, texts: Iterable[str]) -> np.ndarray:
        """`<int32>[N]` ids of masked texts; those that match no template are mined, in order."""
        cache, most, find, found = self._cache, self.config.max_cached, self._find, []
        for text in texts:
            id_ = cache.get(text)
            if id_ is None:
                if len(cache) >= most:
                    cache.clear()
                id_ = cache[text] = find(text)
            found.append(id_)
        return np.array(found, dtype=np.int32)

    def known(self, text: str) -> int:
        """The id of the fitted template that a masked text matches; -1 for none."""
        if not self._n_fitted:
            return -1
        id_ = self._match(text)
        if id_ < 0 and (other := as_id(text)) != text:
            id_ = self._match(other)
        return id_

    def _find(self, text: str) -> int:
        id_ = self.known(text)
        if id_ >= 0:
            return id_
        # As one word a text is like none but itself.
        event = self._events.find([text] if self.apart else spaced(text).split())
        if event is None:
            self.overflowed += 1
            return self._n_fitted + self.config.max_new
        if event == len(self._new):
            self._new.append(text)  # as it is: a verdict must not depend on later lines
        return self._n_fitted + event


def fit(texts: Sequence[str], counts: np.ndarray, config: MinerConfig = DEFAULT) -> Miner:
    """Mine templates from distinct masked texts, in order of first appearance, and freeze them.

    Args:
      texts: `T` distinct masked texts of the adapt part.
      counts: `<int>[T]` lines with each.
    """
    rows = [spaced(text) for text in texts]
    drain = new_drain(config)
    for row in rows:
        drain.add_log_message(row)
    mined = list(dict.fromkeys(cluster.get_template() for cluster in drain.clusters))
    merged = merge(spell_out(mined, rows, config), config)
    others = set(merged)  # whose ids begin with a digit
    merged = list(dict.fromkeys(same if (same := as_id(row)) in others else row for row in merged))
    match = match_tokens(merged)
    found = (id_ if (id_ := match(row)) >= 0 else match(as_id(row)) for row in rows)
    ids = np.fromiter(found, np.int64, len(rows))
    used = np.bincount(ids, weights=np.asarray(counts, float), minlength=len(merged))
    return Miner(Templates([closed(row) for row in merged], used.astype(np.int64)), config)


def as_id(text: str) -> str:
    """The text if what looks like a name and a number, as `d7641061`, is an id in hexadecimal."""
    at = text.find(WILDCARD, 1)
    while at > 0 and text[at - 1] not in "abcdefABCDEF":  # of most texts this is all
        at = text.find(WILDCARD, at + 1)
    return text if at < 0 else ID_IN_BRACKETS.sub("[<*>", HEXADECIMAL.sub(WILDCARD, text))


def new_drain(config: MinerConfig) -> FastDrain:
    """An empty Drain tree."""
    return FastDrain(depth=config.depth, sim_th=config.similarity, max_children=config.children)


def spaced(text: str) -> str:
    """The text with spaces between tokens: `user=ann` is two, a character of Chinese is one."""
    text = text.replace(GLUE[0], "").rstrip()  # its own, of JSON, would be taken for ours
    if "=" in text:
        text = text.replace("=", "=" + GLUE).replace(GLUE + " ", " ")
    if text.isascii():
        return text
    text = NO_SPACE.sub(GLUE, VALUE_BESIDE.sub("", text))  # `closed` leaves none there
    return text.replace(WILDCARD + GLUE, "<*> ")


def closed(row: str) -> str:
    """The text of spaced tokens."""
    text = row.replace(GLUE, "").replace(GLUE[0], "")
    return text if text.isascii() else VALUE_BESIDE.sub("", text)


def spell_out(templates: list[str], rows: Sequence[str], config: MinerConfig) -> list[str]:
    """Put words back where a wildcard stands for few different ones in `rows`.

    A token without a letter or kept digit is a value, not a word, and keeps its wildcard.
    """
    match = match_tokens(templates)
    members: list[list[list[str]]] = [[] for _ in templates]
    for row in rows:
        members[match(row)].append(row.split())
    spelt: dict[str, None] = {}
    for template, texts in zip(templates, members, strict=True):
        words = [few(set(values), config) for values in zip(*texts, strict=True)]
        for text in texts:
            places = zip(words, text, template.split(), strict=True)
            spelt[" ".join(word if keep else token for keep, word, token in places)] = None
    return list(spelt)


def merge(templates: list[str], config: MinerConfig) -> list[str]:
    """Templates that differ in one word only, for which there are many, become one."""
    rows = [tuple(template.split()) for template in templates]
    long = {row for row in rows if len(row) > LONG}  # they differ in more, and would take minutes
    for place in range(min(max(map(len, rows), default=0), LONG)):
        alike: dict[tuple[str, ...], set[str]] = {}
        for row in rows:
            if place < len(row) and row not in long:
                alike.setdefault(_without(row, place), set()).add(row[place])
        many = {
            row
            for row, words in alike.items()
            if len(words) > config.few_words
            and sum(map(str.isalpha, row)) >= LEAST_WORDS
            and not few(words, config)
        }
        for n, row in enumerate(rows):
            if place < len(row) and _without(row, place) in many:
                rows[n] = _without(row, place)
    return list(dict.fromkeys(map(" ".join, rows)))


def _without(row: tuple[str, ...], place: int) -> tuple[str, ...]:
    """The tokens of a row, but a wildcard at a place."""
    return (*row[:place], WILDCARD, *row[place + 1 :])


def few(words: set[str], config: MinerConfig) -> bool:
    """Whether words in one place are few, and told apart: what a program says, not its values.

    Words with a mask are values, unless others in their place have none (HTTPS beside SOCKS<*>).
    """
    if len(words) > config.few_words:
        return len(words) <= config.few_constants and all(map(CONSTANT.fullmatch, words))
    masked = [word for word in words if WILDCARD in word]
    return all(map(SAYS.search, masked)) and len(masked) < len(words)


def match_texts(templates: Sequence[str]) -> Match:
    """`match_tokens` of texts whose tokens are not spaced yet."""
    match = match_tokens([spaced(template) for template in templates])
    return lambda text: match(spaced(text))


def match_tokens(templates: Sequence[str]) -> Match:
    """The template with as many tokens as the text, equal but for `<*>`; the fewest `<*>` wins.

    Templates of one length whose wildcards stand in the same places are one dict of their fixed
    tokens, so that a text costs a few look-ups however many templates there are.
    """
    by_length: dict[int, dict[tuple[int, ...], dict]] = {}
    for id_, template in enumerate(templates):
        tokens = template.split()
        fixed = tuple(at for at, token in enumerate(tokens) if token != WILDCARD)
        table = by_length.setdefault(len(tokens), {}).setdefault(fixed, {})
        table.setdefault(pick(fixed)(tokens), id_)
    ordered = {
        length: [(len(at), pick(at), tables[at]) for at in sorted(tables, key=len)[::-1]]
        for length, tables in by_length.items()
    }

    def match(text: str) -> int:
        tokens, best, most = text.split(), -1, -1
        for n_fixed, key, table in ordered.get(len(tokens), ()):
            if n_fixed < most:
                break
            id_ = table.get(key(tokens), -1)
            if id_ >= 0 and (best < 0 or id_ < best):
                best, most = id_, n_fixed
        return best

    return match


def pick(places: tuple[int, ...]) -> Callable[[list[str]], object]:
    """A function that takes the tokens at `places`."""
    return itemgetter(*places) if places else lambda tokens: ()


def match_published(templates: Sequence[str]) -> Match:
    """The template whose literal parts are in the text, with anything at `<*>`; most literal wins.

    The literal parts are masked as the texts are, with a digit at each wildcard, so that what
    stands around one is masked as it would be around a value; but a wildcard beside a letter may
    stand for spaces too, and makes no id of the word. In a template without a word, which would
    fit everything, a wildcard is one token.
    """
    beside = rf"({LETTER})<\*>|<\*>({LETTER})"
    number = rf"[0-9]+|{re.escape(WILDCARD)}"
    texts = pl.Series(templates, dtype=pl.String)
    for _ in range(2):  # a letter may have a wildcard on either side
        texts = texts.str.replace_all(beside, f"${{1}}{ANYTHING}${{2}}")
    texts = texts.str.replace_all(number, "0")
    masked = mask_collapsed(texts).str.replace_all(ANYTHING, WILDCARD, literal=True)
    rules = []
    for id_, template in enumerate(masked.to_list()):
        parts = template.split(WILDCARD)
        any_text = ".*" if re.search(r"\w", "".join(parts)) else r"\S+"
        pattern = re.compile(any_text.join(map(re.escape, parts)), re.DOTALL)
        rules.append((-sum(map(len, parts)), id_, max(parts, key=len), pattern.fullmatch))
    rules.sort(key=itemgetter(0, 1))

    def match(text: str) -> int:
        for _, id_, literal, matches in rules:
            if literal in text and matches(text):
                return id_
        return -1

    return match
