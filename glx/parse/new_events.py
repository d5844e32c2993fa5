"""Events that no fitted template matches, told apart by what they say.

In: the tokens of texts, in order of appearance. Out: the number of the event of each.

A text is the event of the earlier one with as many tokens, the same level, and most of its words in
the same places. Values do not count, nor the names of components before them: what all lines of a
program begin with does not make one event of two faults.
"""

import math
import re
from collections.abc import Sequence
from itertools import chain, islice
from operator import eq

from glx.parse.drain import Pick, Tokens, words_at
from glx.parse.levels import SEVERE
from glx.sequences import WILDCARD

ALIKE, LEAST = 0.6, 4  # share and number of the words of an event that a text has, too
MOST_WORDS = 100  # of an event that are compared
MOST_COMPARED = 200  # events that a text is compared with
LETTER = re.compile(r"[^\W\d_]")
With = list[dict[str, list[int]]]  # of each place the events with a word there


class NewEvents:
    """At most `most` events; what is like none of them then has none."""

    def __init__(self, most: int):
        self.most = most
        # Of each event its words, what takes the tokens in their places, how many must be equal.
        self._events: list[tuple[Tokens, Pick, int]] = []
        self._first: dict[Tokens, int] = {}  # events by the tokens of their first texts
        self._with: dict[tuple[int, str], With] = {}  # by the number of tokens and the level

    def __len__(self) -> int:
        return len(self._events)

    def find(self, tokens: Sequence[str]) -> int | None:
        """The event of a text, which may be a new one: then it is the last."""
        whole = tuple(tokens)
        places = self._with.get((len(whole), _level(whole)), [])
        having = [
            events[word] for events, word in zip(places, whole, strict=False) if word in events
        ]
        found = set(islice(chain.from_iterable(having), MOST_COMPARED))
        if len(found) != 1 and whole in self._first:  # among many its own may be cut off
            return self._first[whole]
        best, most = None, 0
        for event in sorted(found):
            words, pick, least = self._events[event]
            same = sum(map(eq, pick(whole), words))
            if same >= least and same > most:
                best, most = event, same
        if best is None and len(self) < self.most:
            best = self._add(whole)
        return best

    def _add(self, tokens: Tokens) -> int:
        event, at = len(self), said(tokens)
        words, pick = words_at(tokens, at)
        least = max(math.ceil(ALIKE * len(words)), min(LEAST, len(words)))
        self._events.append((words, pick, least))
        self._first[tokens] = event
        places = self._with.setdefault((len(tokens), _level(tokens)), [{} for _ in tokens])
        # A text that has so many of the words has one of any that are more than may lack: of those
        # that the fewest events have.
        few = sorted(at, key=lambda n: len(places[n].get(tokens[n], ())))
        for n in few[: len(words) - least + 1]:
            places[n].setdefault(tokens[n], []).append(event)
        return event


def said(tokens: Sequence[str]) -> list[int]:
    """The places of the tokens with letters and without values, after the level and the names of
    components; if there are none, of all."""
    start = int(_level(tokens) != "")
    while start < len(tokens) and tokens[start][-1:] == ":":
        start += 1
    says = [WILDCARD not in token and LETTER.search(token) is not None for token in tokens]
    places = [at for at in range(start, len(tokens)) if says[at]]
    return (places or [*range(len(tokens))])[:MOST_WORDS]


def _level(tokens: Sequence[str]) -> str:
    return tokens[0] if tokens and tokens[0] in SEVERE else ""
