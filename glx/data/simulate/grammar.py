"""Small probabilistic grammars, from which an episode's steps are drawn, and edits of such steps.

A node is the name of an event, a tuple of nodes one after the other, or what `maybe`, `times`,
`parallel` and `choice` give. An edit (`insert`, `cut`, `drop`, `swap`) plants a fault.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Step: TypeAlias = tuple[float, str]
"""A time in seconds since the start of the log, and the name of an event."""

Node: TypeAlias = "str | tuple[Node, ...] | Callable[[Walk, float], float]"

Edit: TypeAlias = Callable[[list[Step], float, Random], list[Step]]
"""Steps, mean seconds between those it adds, and a generator, to the steps of a faulty episode.

ValueError if the steps lack an event that it names.
"""


@dataclass
class Walk:
    """An episode being drawn.

    Attributes:
      pace: mean seconds between two steps (exponentially distributed).
      share: of the log that precedes these steps, in [0, 1].
      steps: drawn so far; parallel ones are not in order of time.
    """

    pace: float
    share: float
    rng: Random
    steps: list[Step] = field(default_factory=list)

    def __call__(self, node: Node, time: float) -> float:
        """Draws the steps of `node` from `time` on; gives the time of the last."""
        if isinstance(node, str):
            time -= self.pace * math.log(1.0 - self.rng.random())
            self.steps.append((time, node))
            return time
        if isinstance(node, tuple):
            for part in node:
                time = self(part, time)
            return time
        return node(self, time)


def unroll(node: Node, start: float, pace: float, share: float, rng: Random) -> list[Step]:
    """Draws the steps of `node` from the time `start` on, in order of time (see `Walk`)."""
    walk = Walk(pace, share, rng)
    walk(node, start)
    return sorted(walk.steps, key=lambda step: step[0])


def maybe(p: float, node: Node, since: float = 0.0) -> Node:
    """`node` with probability `p`, and only in the part of the log after `since` (share of it)."""
    return lambda walk, time: (
        walk(node, time) if walk.share >= since and walk.rng.random() < p else time
    )


def times(low: int, high: int, node: Node) -> Node:
    """`node` again and again, `low` to `high` times, each number equally likely."""
    return lambda walk, time: walk((node,) * between(low, high, walk.rng), time)


def parallel(low: int, high: int, node: Node) -> Node:
    """`low` to `high` (at least one) copies of `node` that start together and interleave."""
    return lambda walk, time: max([walk(node, time) for _ in range(between(low, high, walk.rng))])


def choice(*options: tuple[float, Node]) -> Node:
    """One of the options, each a weight and a node."""
    return lambda walk, time: walk(weighted(options, walk.rng), time)


def insert(after: str, node: Node) -> Edit:
    """Put `node` after a random occurrence of the event `after`; later events are delayed."""

    def edit(steps: list[Step], pace: float, rng: Random) -> list[Step]:
        place = _after(after, steps, rng)
        time = steps[place - 1][0]
        added = unroll(node, time, pace, 1.0, rng)
        delay = added[-1][0] - time if added else 0.0
        return steps[:place] + added + [(t + delay, event) for t, event in steps[place:]]

    return edit


def cut(after: str) -> Edit:
    """Nothing more after a randomly chosen occurrence of the event `after`."""
    return lambda steps, pace, rng: steps[: _after(after, steps, rng)]


def drop(event: str) -> Edit:
    """Every occurrence of the event is missing."""

    def edit(steps: list[Step], pace: float, rng: Random) -> list[Step]:
        _where(event, steps)
        return [step for step in steps if step[1] != event]

    return edit


def swap(early: str, late: str) -> Edit:
    """The first occurrence of `early` and the last one of `late` change places."""

    def edit(steps: list[Step], pace: float, rng: Random) -> list[Step]:
        first, last = _where(early, steps)[0], _where(late, steps)[-1]
        swapped = steps.copy()
        swapped[first], swapped[last] = (steps[first][0], late), (steps[last][0], early)
        return swapped

    return edit


def _after(event: str, steps: list[Step], rng: Random) -> int:
    places = _where(event, steps)
    return places[between(0, len(places) - 1, rng)] + 1


def _where(event: str, steps: list[Step]) -> list[int]:
    places = [i for i, step in enumerate(steps) if step[1] == event]
    if not places:
        raise ValueError(f"a fault wants to change the event {event!r} of an episode without it")
    return places


def between(low: int, high: int, rng: Random) -> int:
    """An integer in [low, high], each equally likely."""
    return low + int(rng.random() * (high - low + 1))


def weighted(options: Sequence[tuple[float, T]], rng: Random) -> T:
    """One of the options, with probability proportional to its weight."""
    left = rng.random() * sum(weight for weight, _ in options)
    for weight, option in options:
        left -= weight
        if left < 0:
            return option
    return options[-1][1]
