"""Requests as the JSON of an OpenAI-compatible server, and its JSON as answers.

In: requests, and what a server (or `vllm run-batch`) made of them. Out: request bodies for both
endpoints with the same decoding settings, and answers read in the same way from either. Field names
beyond OpenAI's are vLLM's.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any

from scipy.special import expit

from glx.llm.chat import SETTINGS as TEMPLATE_SETTINGS
from glx.llm.plain import plain_choice
from glx.llm.request import (
    ANOMALOUS,
    CHOICES,
    MAX_TOKENS,
    TOP,
    Answer,
    ChoiceTokens,
    Costs,
    Request,
)

ONE_LINE = r"[^\n\r]+"  # MAX_TOKENS bounds its length
MAX_CHARACTERS = 400  # of an answer's text that are kept
NO_LOGPROB = -9999.0  # what servers write for minus infinity
TOKEN_ID = "token_id:"
NO_ANSWER = Answer(None, False, "", 0, 0)  # an abstention of ours: no server wrote it
BROKEN_OFF = ("abort", "error")  # a server that goes down ends its answers like this, with 200


class Mixed(ValueError):
    """A list of answers that cannot be given to its questions."""


def completions_body(requests: Sequence[Request]) -> dict[str, Any]:
    """One call to `/completions` for requests of one model and kind."""
    return {
        "model": requests[0].model,
        "prompt": [request.rendered for request in requests],
        "add_special_tokens": False,  # the chat template has put them in
        **({"logprobs": TOP} if requests[0].kind == "choice" else {}),
        **decoding(requests[0].kind),
    }


def chat_body(request: Request) -> dict[str, Any]:
    """One call to `/chat/completions`, whose server applies the chat template itself."""
    return {
        "model": request.model,
        "messages": [{"role": role, "content": content} for role, content in request.messages],
        "chat_template_kwargs": TEMPLATE_SETTINGS,
        **({"logprobs": True, "top_logprobs": TOP} if request.kind == "choice" else {}),
        **decoding(request.kind),
    }


def decoding(kind: str) -> dict[str, Any]:
    """The settings that both endpoints share; greedy, whatever the model's own defaults are."""
    form = {"choice": list(CHOICES)} if kind == "choice" else {"regex": ONE_LINE}
    return {
        "max_tokens": MAX_TOKENS[kind],
        "temperature": 0,
        "repetition_penalty": 1,
        "structured_outputs": form,
        "return_tokens_as_token_ids": True,
    }


def read_answers(body: Any, requests: Sequence[Request], words: ChoiceTokens) -> dict[str, Answer]:
    """The answers in a response to `requests`; one that was broken off is left out.

    Tokens are the server's counts, shared out over the requests of one call. A response without a
    choice has no answers.

    Raises:
      Mixed: it does not say for each request which choice is its own.
      ValueError: it is not a response of either endpoint, or every answer was broken off.
    """
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        raise ValueError("its answer has no list of choices")
    choices = in_order(body["choices"], len(requests)) if body["choices"] else []
    whole = [choice.get("finish_reason") not in BROKEN_OFF for choice in choices]
    if choices and not any(whole):
        raise ValueError("it broke its answer off")
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens_in = shared(usage.get("prompt_tokens"), [len(r.rendered) for r in requests])
    tokens_out = shared(usage.get("completion_tokens"), [*map(written_tokens, choices)])
    rows = zip(requests, choices, whole, tokens_in, tokens_out, strict=False)  # or no choice at all
    return {
        request.key: Answer(*read_choice(choice, request.kind, words), *tokens)
        for request, choice, there, *tokens in rows
        if there
    }


def in_order(choices: list[Any], n: int) -> list[dict]:
    """The choices of `n` prompts by their `index`; a single one needs none.

    Raises:
      Mixed: the indices are not 0 to `n - 1`, each once.
    """
    found = [choice for choice in choices if isinstance(choice, dict)]
    if n == 1 == len(choices) == len(found) and found[0].get("index") is None:
        return found
    by_index = {one["index"]: one for one in found if type(one.get("index")) is int}
    if len(choices) != n or by_index.keys() != {*range(n)}:
        raise Mixed(
            f"it answered {n} prompts with {len(choices)} choices that cannot be told apart"
        )
    return [by_index[place] for place in range(n)]


def read_choice(choice: dict, kind: str, words: ChoiceTokens) -> tuple[float | None, bool, str]:
    """`p`, `certain` and `text` of an `Answer`; a choice without a usable word abstains."""
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    text = text if isinstance(text, str) else ""
    line = one_line(text)
    if kind == "reason":
        return None, False, line
    if line not in CHOICES:  # its log-probabilities are those of other tokens
        said = plain_choice(text[: 2 * MAX_CHARACTERS])
        return (None, False, line) if said is None else (float(said == ANOMALOUS), False, said)
    top = alternatives(choice, words.place)
    a, n = top.get(words.anomalous), top.get(words.normal)
    if a is None or n is None:
        return float(line == ANOMALOUS), False, line
    return float(expit(a - n)), True, line


def one_line(text: str) -> str:
    """`text` without line breaks, control and format characters, of bounded length."""
    words = " ".join(text[: 2 * MAX_CHARACTERS].split())
    return "".join(c for c in words if c.isprintable())[:MAX_CHARACTERS]


def alternatives(choice: dict, place: int) -> dict[int, float]:
    """Log-probabilities by token id at one place of an answer.

    A server that does not give token ids, or nothing at that place, yields none.
    """
    try:
        logprobs = choice["logprobs"]
        if "content" in logprobs:  # the chat endpoint
            top = logprobs["content"][place]["top_logprobs"]
            pairs = [(entry["token"], entry["logprob"]) for entry in top]
        else:
            pairs = list(logprobs["top_logprobs"][place].items())
        return {
            int(token.removeprefix(TOKEN_ID)): float(logprob)
            for token, logprob in pairs
            if token.startswith(TOKEN_ID) and isfinite(logprob) and logprob > NO_LOGPROB
        }
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return {}


def written_tokens(choice: dict) -> int:
    """How many tokens a choice has, in either form."""
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content", logprobs.get("tokens")) if isinstance(logprobs, dict) else []
    return len(tokens) if isinstance(tokens, list) else 0


def shared(total: Any, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to `weights` (one of 1 each where all are 0) that sum to `total`.

    Weights that sum to `total` come back as they are. What is no count is 0.
    """
    total = total if isinstance(total, int) and total > 0 else 0
    if not sum(weights):
        weights = [1] * len(weights)
    sums = [0, *accumulate(weights)]
    return [total * b // sums[-1] - total * a // sums[-1] for a, b in pairwise(sums)]


def usable(answer: Answer, kind: str) -> bool:
    """Whether it is more than an abstention."""
    return answer.p is not None if kind == "choice" else answer.text != ""


def keep(answers: Mapping[str, Answer], kind: str) -> dict[str, Answer]:
    """Those of `answers` of one kind that may go into the answer cache.

    What is not usable is not kept: a server whose settings are mended may do better.
    """
    return {key: answer for key, answer in answers.items() if usable(answer, kind)}


def tally(answers: Mapping[str, Answer], asked: Collection[str], hits: int, kind: str) -> Costs:
    """What `answers` of one kind cost: the keys `asked` reached a model, `hits` were known."""
    return Costs(
        questions=len(answers),
        llm_calls=len(asked),
        llm_tokens_in=sum(answers[key].tokens_in for key in asked),
        llm_tokens_out=sum(answers[key].tokens_out for key in asked),
        cache_hits=hits,
        uncertain=sum(a.p is not None and not a.certain for a in answers.values()),
        abstained=sum(not usable(a, kind) for a in answers.values()),
    )
