"""What every method beside ours is: from labelled sources and an unlabelled target to scores.

A method is a function `fit(task, config, log) -> Fitted`. The sequences that are scored reach it
after it is fitted, and no argument could carry a label of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from glx.detector import Log
from glx.sequences import Distinct


@dataclass(frozen=True)
class Source:
    """A labelled system.

    Attributes:
      sequences: its `U` distinct sequences.
      anomalous: `<int64>[U]` how many of the occurrences of each are anomalous.
      vectors: `<float32>[S, D]` of its template texts, each of length 1.
    """

    sequences: Distinct
    anomalous: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Task:
    """What a method may see.

    Attributes:
      sources: labelled systems; many methods need none.
      adapt: the target's distinct adaptation sequences, unlabelled; they hold anomalies.
      vectors: `<float32>[V, D]` of the target's template texts, each of length 1.
      seed: of everything random.
    """

    sources: list[Source]
    adapt: Distinct
    vectors: np.ndarray
    seed: int


class Scores(NamedTuple):
    """The scores that a method gives `U` distinct sequences with `E` events in all.

    Attributes:
      scores: `<float32>[U]` in [0, 1], higher is more anomalous.
      weights: `<float32>[E]` how much each event speaks for an anomaly, at least 0; all 0 where
        the method does not tell.
    """

    scores: np.ndarray
    weights: np.ndarray


class Fitted(Protocol):
    """A fitted method: a frozen dataclass of `config`, its settings, and of arrays.

    Attributes:
      cut: the paper's own cut on the scores, where it needs no label of the target; None for the
        common one (`glx.threshold`) on the scores of the adaptation sequences.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    cut: ClassVar[float | None] = None

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """Scores of distinct sequences of the target.

        Args:
          vectors: `<float32>[W, D]` of all its templates, `W >= V`: those beyond `V` were never
            seen in adaptation.
        """


class Method(NamedTuple):
    """What reports call a method, what fits it, what that gives, whether it needs sources too."""

    name: str
    fit: Callable[[Task, Any, Log], Fitted]
    fitted: Callable[..., Fitted]
    needs_sources: bool = False
