"""Which of many texts is worded most like another, where none is the same.

In: texts of templates. Out: for a text the row of the likest one. A template that was mined from
other lines, or under other rules, has a few words more or less.
"""

from collections import Counter

import numpy as np

from glx.embed.embed import readable
from glx.parse.levels import SCALE, WORDS

ALIKE = (
    0.75  # share of the words, weighted by how rare they are, that two texts must have in common
)
LEVELS = {word: level for level in SCALE for word in (level, *WORDS[level].split())}


def one_level(text: str) -> str:
    """`text` with the level that its first word is, if it is one, on the standard scale."""
    first, space, rest = text.partition(" ")
    return LEVELS.get(first, first) + space + rest


class Alike:
    """The words of `N` texts; one that `n` of them hold weighs `log((N + 1) / (n + 1/2))`."""

    def __init__(self, texts: list[str]) -> None:
        self.levels = [_level(text) for text in texts]
        self.words = [_words(text) for text in texts]
        self.holding = Counter(word for words in self.words for word in words)

    def likest(self, text: str) -> int | None:
        """Row of the text of the same level whose words are most like, None below `ALIKE`.

        Likeness is the weight of the words that both have over that of all their words (Jaccard).
        """
        words, level = _words(text), _level(text)
        rows = [n for n, other in enumerate(self.levels) if other == level]
        if not words or not rows:
            return None
        likeness = [
            self._weight(words & self.words[n]) / max(self._weight(words | self.words[n]), 1e-9)
            for n in rows
        ]
        best = int(np.argmax(likeness))
        return rows[best] if likeness[best] >= ALIKE else None

    def _weight(self, words: set[str]) -> float:
        n = len(self.words)
        return sum(np.log((n + 1) / (self.holding[word] + 0.5)) for word in words)


def _words(text: str) -> set[str]:
    return {word for word in readable(text).lower().split() if word.isalpha()}


def _level(text: str) -> str | None:
    return LEVELS.get(text.partition(" ")[0])
