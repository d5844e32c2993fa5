"""What goes to a language model and what comes back, whichever way it travels.

A request's key is a hash of all that its answer depends on: the rendered text (the chat template
applied), the model and the decoding settings. It is the key of the answer cache and the name of
the request in a batch file, the same for every endpoint.
"""

import hashlib
import json
from dataclasses import dataclass, fields

NORMAL, ANOMALOUS = "normal", "anomalous"
CHOICES = (NORMAL, ANOMALOUS)
MAX_TOKENS = {"choice": 16, "reason": 64}  # of an answer, by the kind of request
TOP = 20  # log-probabilities asked for at each token


@dataclass(frozen=True)
class Request:
    """One question to a model.

    Attributes:
      messages: (role, content) of each; the roles are `system`, `user` and `assistant`.
      rendered: the messages with the model's chat template, ready for an answer.
      model: its name at the server.
      kind: `choice`, answered by one of `CHOICES`; `reason`, by one line of text.
    """

    messages: tuple[tuple[str, str], ...]
    rendered: str
    model: str
    kind: str = "choice"

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        settings = [self.rendered, self.model, self.kind, MAX_TOKENS[self.kind], TOP]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()


@dataclass(frozen=True)
class ChoiceTokens:
    """The first place at which the tokens of the two choices differ, and those tokens.

    Attributes:
      place: tokens that both words begin with.
      normal, anomalous: token ids there.
    """

    place: int
    normal: int
    anomalous: int


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
      p: probability of an anomaly, `exp(a) / (exp(a) + exp(n))`; None where no choice was usable.
      certain: both log-probabilities were among those returned; else the choice alone counts, with
        p 1 or 0.
      text: the words of the answer: the choice, or the reason.
      tokens_in, tokens_out: as the server counts them.
    """

    p: float | None
    certain: bool
    text: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Costs:
    """What answers cost; sums of whole numbers.

    Attributes:
      questions: distinct ones that the sequences came down to, in however many wordings.
      llm_calls: requests that reached a model, each wording of a question one; no retries.
      llm_tokens_in, llm_tokens_out: as the model's server counts them.
      cache_hits: requests answered from the answer cache.
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
