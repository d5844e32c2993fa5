"""Events that no fitted template matches, told apart by what they say.

In: the tokens of texts, in order of appearance. Out: the number of the event of each.

A text is the event of the earlier one with as many tokens, the same level, and most of its words in
the same places. Values do not count, nor the names of components before them: what all lines of a
program begin with does not make one event of two faults.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, islice

from glx.parse.levels import SEVERE
from glx.sequences import WILDCARD

ALIKE, LEAST = 0.6, 4  # share and number of the words of a text that its event has, too
MOST_WORDS = 100  # of a text that are compared
MOST_COMPARED = 200  # events that a text is compared with
LETTER = re.compile(r"[^\W\d_]")
Word = tuple[int, str, int, str]  # tokens of the text, its level, the place, the word


class NewEvents:
    """At most `most` events; what is like none of them then has none."""

    def __init__(self, most: int):
        self.most = most
        self._words: list[frozenset[Word]] = []  # of each event
        self._same: dict[frozenset[Word], int] = {}  # the event with just these
        self._events: defaultdict[Word, list[int]] = defaultdict(list)  # that have a word

    def __len__(self) -> int:
        return len(self._words)

    def find(self, tokens: Sequence[str]) -> int | None:
        """The event of a text, which may be a new one: then it is the last."""
        words = words_of(tokens)
        if (same := self._same.get(words)) is not None:
            return same
        least = max(math.ceil(ALIKE * len(words)), min(LEAST, len(words)))
        # What shares so many words shares one of the rarest of them, which few events have.
        rarest = sorted((self._events.get(word, ()) for word in words), key=len)
        among = chain.from_iterable(rarest[: len(words) - least + 1])
        found = set(islice(among, MOST_COMPARED))
        shared, earliest = max(
            ((len(words & self._words[event]), -event) for event in found), default=(0, 0)
        )
        if shared >= least:
            return -earliest
        if len(self) == self.most:
            return None
        for word in words:
            self._events[word].append(len(self))
        self._same[words] = len(self)
        self._words.append(words)
        return len(self) - 1


def words_of(tokens: Sequence[str]) -> frozenset[Word]:
    """The tokens with letters, after the level and the names of components; if none has, all."""
    level = tokens[0] if tokens and tokens[0] in SEVERE else ""
    start = int(level != "")
    while start < len(tokens) and tokens[start][-1:] == ":":
        start += 1
    says = [WILDCARD not in token and LETTER.search(token) is not None for token in tokens]
    at = [n for n in range(start, len(tokens)) if says[n]] or range(len(tokens))
    words = frozenset((len(tokens), level, n, tokens[n]) for n in at[:MOST_WORDS])
    return words or frozenset([(0, "", 0, "")])
