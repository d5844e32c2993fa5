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
    """The answers in a response to `requests`; one that is missing or was broken off is left out.

    Tokens are the server's counts, shared out over the requests of one call.

    Raises:
      ValueError: it is not a response of either endpoint, or every answer was broken off.
    """
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        raise ValueError("its answer has no list of choices")
    choices: dict[int, dict] = {}
    for place, choice in enumerate(body["choices"]):
        if isinstance(choice, dict) and choice.get("finish_reason") not in BROKEN_OFF:
            index = choice.get("index")
            choices[index if isinstance(index, int) else place] = choice
    if body["choices"] and not choices:
        raise ValueError("it broke its answer off")
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    written = [written_tokens(choices.get(n, {})) for n in range(len(requests))]
    tokens_in = shared(usage.get("prompt_tokens"), [len(r.rendered) for r in requests])
    tokens_out = shared(usage.get("completion_tokens"), written)
    return {
        request.key: Answer(*read_choice(choices[n], request.kind, words), *tokens)
        for n, (request, *tokens) in enumerate(zip(requests, tokens_in, tokens_out, strict=True))
        if n in choices
    }


def read_choice(choice: dict, kind: str, words: ChoiceTokens) -> tuple[float | None, bool, str]:
    """`p`, `certain` and `text` of an `Answer`; a choice without a usable word abstains."""
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    text = one_line(text if isinstance(text, str) else "")
    if kind == "reason" or text not in CHOICES:
        return None, False, text
    top = alternatives(choice, words.place)
    a, n = top.get(words.anomalous), top.get(words.normal)
    if a is None or n is None:
        return float(text == ANOMALOUS), False, text
    return float(expit(a - n)), True, text


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


def keep(answers: Mapping[str, Answer], kind: str, any_usable: bool = False) -> dict[str, Answer]:
    """Those of one run's `answers` of one kind that may go into the answer cache.

    An abstention that a server wrote is its verdict only if the server can do better: where nothing
    was usable, its settings are at fault, and once they are mended it is to be asked again.

    Args:
      any_usable: a usable answer came earlier in this run.
    """
    if not any_usable and not any(usable(answer, kind) for answer in answers.values()):
        return {}
    return {key: answer for key, answer in answers.items() if answer != NO_ANSWER}


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
