"""What every expert is: a function from proprietary sequences to answers.

In: the distinct sequences that resemble nothing in the sources. Out: for each the probability of an
anomaly, the event that decided it, a reason, and what the answers cost. An expert never sees a
label of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glx.llm.request import Costs
from glx.redact import Mask, redact
from glx.sequences import Distinct


@dataclass(frozen=True)
class ExpertInput:
    """`U` distinct proprietary sequences of a target and what is known of its `V` events.

    Attributes:
      sequences: ids are below `V`; none is empty.
      texts: `V` template texts, `<*>` where a value was masked. Untrusted: they come from logs.
      vectors: `<float32>[V, D]` of the texts, each of length 1 (`glx.embed`).
      alarm: `<float32>[V]` log-odds that a line of the template deserves attention, by its text.
      reading: `<float64>[V]` the same within bounds, and that the event is new (`glx.evidence`).
      beside: `<float32>[V]` log-odds that are added to what the expert says of the event's text, by
        how rare it and its level are (`glx.evidence`).
      evidence: `<float32>[V]` log-odds of the event where nobody is asked (`glx.evidence`).
      share: `<float64>[V]` share of the inliers among the adaptation sequences that hold the event.
      seen: `<bool>[V]` whether any adaptation sequence held it.
      similarity: `<float32>[V]` `sim_i` of the router: to the nearest source template.
      tau: the router's cut; an event below it is proprietary.
      deciding: `<int64>[U]` place in its sequence of the event with the least similarity.
      origins: `V` lists: in words, where in the source code the event is logged and at what level;
        empty where that is not known. Untrusted.
      mask: what becomes of a text where it is shown, to a person or a model.
    """

    sequences: Distinct
    texts: list[str]
    vectors: np.ndarray
    alarm: np.ndarray
    reading: np.ndarray
    beside: np.ndarray
    evidence: np.ndarray
    share: np.ndarray
    seen: np.ndarray
    similarity: np.ndarray
    tau: float
    deciding: np.ndarray
    origins: list[list[str]]
    mask: Mask = redact


@dataclass(frozen=True)
class ExpertAnswers:
    """An expert's answers on `U` sequences.

    Attributes:
      log_odds: `<float64>[U]` of an anomaly, of the event that decided; NaN for an abstention.
      places: `<int64>[U]` place in its sequence of the event that decided.
      reasons: `U` short texts: what the answer rests on, or why there is none.
      costs: of all answers together.
      share_answered: of the lines of all the sequences; None where an expert answers any.
    """

    log_odds: np.ndarray
    places: np.ndarray
    reasons: list[str]
    costs: Costs
    share_answered: float | None = None

    def take(self, rows: np.ndarray) -> "ExpertAnswers":
        """Those on the sequences `rows` (`<int>[M]`), at the costs of all."""
        reasons = [self.reasons[row] for row in rows]
        log_odds, places = self.log_odds[rows], self.places[rows]
        return replace(self, log_odds=log_odds, places=places, reasons=reasons)


Expert = Callable[[ExpertInput], ExpertAnswers]
