"""What every expert is: a function of proprietary sequences, and what it says of them.

In: the distinct sequences that the router found to be like nothing the sources have. Out: for each
the probability of an anomaly, the event it turned on and why, and what the answers cost. An expert
never sees a label of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from glx.logs.sequences import Distinct


@dataclass(frozen=True)
class Proprietary:
    """`U` distinct proprietary sequences of a target and what is known of its `V` events.

    Attributes:
      sequences: ids are below `V`; none is empty.
      texts: `V` template texts, `<*>` where a value was masked. Untrusted: they come from logs.
      vectors: `<float32>[V, D]` of the texts, each of length 1 (`glx.embed`).
      alarm: `<float32>[V]` log-odds that a line of the template deserves attention, by its text.
      rarity: `<float32>[V]` log-odds that the presence of the event adds (`glx.evidence`); they are
        added to the answer, so that an expert answers for the text alone.
      share: `<float64>[V]` share of the target's usual adaptation sequences that hold the event.
      seen: `<bool>[V]` whether any adaptation sequence held it.
      similarity: `<float32>[V]` `sim_i` of the router: to the nearest source template.
      tau: the router's cut; an event below it is proprietary.
      deciding: `<int64>[U]` place in its sequence of the event with the least similarity.
    """

    sequences: Distinct
    texts: list[str]
    vectors: np.ndarray
    alarm: np.ndarray
    rarity: np.ndarray
    share: np.ndarray
    seen: np.ndarray
    similarity: np.ndarray
    tau: float
    deciding: np.ndarray


@dataclass(frozen=True)
class Costs:
    """What answers cost; sums of whole numbers.

    Attributes:
      questions: distinct ones that the sequences came down to.
      llm_calls: requests that reached a model, retries not counted.
      llm_tokens_in, llm_tokens_out: as the model's server counts them.
      cache_hits: questions answered from the verdict cache.
      dropped_events: events left out of prompts to keep within the limit of tokens.
      uncertain: answers without both log-probabilities, so that the choice alone counts.
      abstained: questions without a usable answer.
    """

    questions: int = 0
    llm_calls: int = 0
    llm_tokens_in: int = 0
    llm_tokens_out: int = 0
    cache_hits: int = 0
    dropped_events: int = 0
    uncertain: int = 0
    abstained: int = 0

    def __add__(self, other: "Costs") -> "Costs":
        return Costs(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Judgement:
    """What an expert says of `U` sequences.

    Attributes:
      p: `<float32>[U]` probability of an anomaly in [0, 1]; NaN for an abstention.
      places: `<int64>[U]` place in its sequence of the event that the probability turned on.
      reasons: `U` short texts: what it leaned on, or why it abstained.
      costs: of all answers together.
    """

    p: np.ndarray
    places: np.ndarray
    reasons: list[str]
    costs: Costs


Expert = Callable[[Proprietary], Judgement]
