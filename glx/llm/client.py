"""Questions to a self-hosted LLM server, and its answers, whatever happens in between.

In: requests and an answer cache. Out: an answer to each distinct one, and what they cost. Threads
make the calls, each of a list of prompts (`/completions`) or of one chat; the caller's thread alone
writes the cache, as answers arrive. A server without a usable answer for `llm_patience` seconds is
given up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from queue import Empty, SimpleQueue
from typing import Any

from glx.detector import Report, silent
from glx.errors import OutsideError
from glx.llm import wire
from glx.llm.answer_cache import AnswerCache
from glx.llm.exchange import Refused, Server, Trouble, Wrong
from glx.llm.request import Answer, ChoiceTokens, Costs, Request
from glx.llm.server import (
    LLMConfig,
    answers_to,
    connect,
    given_up,
    retrying,
    wrong_is,
)

LISTS_AT_ONCE = 4  # prompt lists under way: the server batches within each already
MOST_ERRORS = 3  # times that a list may end in an error of the server's before it is halved
MOST_EMPTY = 3  # times that a question comes back without any choice before it abstains
REFUSED = 16  # questions refused before any was answered: the server, not a prompt, is at fault


@dataclass(frozen=True)
class Refusal:
    """A request that the server will not answer, and its reason."""

    request: Request
    reason: str


Result = dict[str, Answer] | Refusal  # answers by key


# What `ask` is, by whoever does it.
Ask = Callable[
    [list[Request], ChoiceTokens, LLMConfig, AnswerCache, Report], tuple[dict[str, Answer], Costs]
]


def ask(
    requests: list[Request],
    words: ChoiceTokens,
    config: LLMConfig,
    cache: AnswerCache,
    report: Report = silent,
) -> tuple[dict[str, Answer], Costs]:
    """An answer to each distinct one of `requests`, by key, and what they cost.

    Known answers come from the cache; usable ones go there as they arrive, whatever ends the call.
    A question that the server refuses (a prompt that is too long, say), answers unusably or leaves
    without any choice abstains, but is not kept, since a server with other settings may answer.

    Args:
      requests: of one model and one kind.
      cache: may stay open over many calls, which makes them one run.
      report: called with questions done, questions in all, and tokens read and written so far.

    Raises:
      OutsideError: no answer for `llm_patience` seconds, or none with a choice; or the server
        refuses the key, the path, the model, or every question (what is wrong from the beginning,
        `server.first_question` finds); or the disk of the cache is full.
    """
    if len({(request.model, request.kind) for request in requests}) > 1:
        raise ValueError("requests of one call have one model and one kind")
    kind = requests[0].kind if requests else "choice"
    wanted = {request.key: request for request in requests}
    known = wire.keep(cache.get(wanted), kind)
    missing = [request for key, request in wanted.items() if key not in known]
    fresh, refused, tokens = dict[str, Answer](), dict[str, Answer](), 0
    report(len(known), len(wanted), 0)
    any_usable = cache.any_usable or bool(known)
    with wrong_is(OutsideError), calls(missing, words, config, any_usable) as queue:
        try:
            for result in results(queue, len(missing), config):
                if isinstance(result, Refusal):
                    refused[result.request.key] = wire.NO_ANSWER
                    if not known and not fresh and len(refused) >= min(REFUSED, len(missing)):
                        raise Wrong(
                            f"--llm_url={config.llm_url}: the server refuses every question"
                            f" ({result.reason}); see its log, --llm_model and --prompt_tokens"
                        )
                else:
                    fresh |= result
                    tokens += sum(a.tokens_in + a.tokens_out for a in result.values())
                    cache.put(wire.keep(result, kind))
                report(len(known) + len(fresh) + len(refused), len(wanted), tokens)
        except BaseException:  # Ctrl-C too: what has come in meanwhile is kept
            while not queue.empty():
                result = queue.get()
                cache.put(wire.keep(result, kind) if isinstance(result, dict) else {})
            raise
    answers = known | fresh | refused
    return answers, wire.tally(answers, fresh, len(known), kind)


@contextmanager
def calls(
    missing: list[Request], words: ChoiceTokens, config: LLMConfig, any_usable: bool
) -> Iterator["SimpleQueue[Any]"]:
    """Threads that ask `missing`, and the queue of what comes back (`Calls.results`)."""
    shared = Calls(words, config, any_usable)
    shared.pending.put(Batch(missing))
    lists = config.llm_endpoint == "completions"
    most = min(LISTS_AT_ONCE, config.llm_concurrency) if lists else config.llm_concurrency
    servers = [connect(config) for _ in range(min(most, ceil(len(missing) / shared.size)))]
    for server in servers:
        # A daemon: one that waits for a server that hangs must not keep the process.
        threading.Thread(target=shared.work, args=(server,), daemon=True).start()
    try:
        yield shared.results
    finally:
        shared.over.set()
        shared.pending.put(None)
        for server in servers:
            server.end()


@dataclass(frozen=True)
class Batch:
    """Requests to make in one call.

    Attributes:
      errors: how often the call ended in an error of the server's.
      empty: how often it came back without a choice.
    """

    requests: list[Request]
    errors: int = 0
    empty: int = 0

    def halves(self) -> list["Batch"]:
        """What one prompt cannot have must not cost the others."""
        middle = (len(self.requests) + 1) // 2
        parts = self.requests[:middle], self.requests[middle:]
        return [Batch(part, empty=self.empty) for part in parts if part]


class Calls:
    """What the threads share.

    Attributes:
      pending: batches to ask; None ends the threads.
      results: of each call a `Result`, or the trouble there was (str); an exception ends the run.
      over: set at the end.
      size: prompts of one call at most; it falls when a call is not done in time, and to 1 when
        answers to a list cannot be told apart time and again.
      any_usable: any answer was usable so far.
    """

    def __init__(self, words: ChoiceTokens, config: LLMConfig, any_usable: bool):
        self.words, self.config, self.any_usable = words, config, any_usable
        self.pending: SimpleQueue[Batch | None] = SimpleQueue()
        self.results: SimpleQueue[Any] = SimpleQueue()
        self.over = threading.Event()
        self.size = config.llm_batch if config.llm_endpoint == "completions" else 1

    def work(self, server: Server) -> None:
        """One thread: batch after batch until all is over, with a pause after each trouble."""
        again: list[Batch] = []

        def one_call() -> bool:
            for batch in again:  # behind the others, which it must not hold up
                self.pending.put(batch)
            taken = self.take()
            again[:], trouble = self.call(server, taken) if taken else ([], None)
            if trouble:
                self.results.put(str(trouble))
                raise trouble
            return taken is not None

        try:
            retry = retrying(self.config.llm_patience, sleep=self.over.wait)
            with server:
                while retry(one_call):
                    pass
        except Exception as error:  # it ends the run, in the thread that waits for it
            self.results.put(error)

    def take(self) -> Batch | None:
        """The next batch, waiting for one; None when all is over."""
        batch = self.pending.get()
        if batch is None:
            self.pending.put(None)  # for the other threads
            return None
        size = self.size
        if len(batch.requests) <= size:
            return batch
        self.pending.put(replace(batch, requests=batch.requests[size:]))
        return replace(batch, requests=batch.requests[:size])

    def call(self, server: Server, batch: Batch) -> tuple[list[Batch], Trouble | None]:
        """Ask a batch once; what is to be asked again, and the trouble there was."""
        try:
            answers = answers_to(server, batch.requests, self.words, self.config)
        except Refused as refused:
            if len(batch.requests) > 1:
                return batch.halves(), None
            self.results.put(Refusal(batch.requests[0], str(refused)))
            return [], None
        except Trouble as trouble:
            errors = batch.errors + trouble.heavy
            if trouble.slow:
                self.size = max(1, len(batch.requests) // 2)
            if trouble.mixed and errors == MOST_ERRORS:
                self.size = 1  # this server's lists cannot be trusted
            if trouble.slow or errors == MOST_ERRORS:
                return batch.halves(), trouble
            return [replace(batch, errors=errors)], trouble
        kind = batch.requests[0].kind
        self.any_usable |= any(wire.usable(answer, kind) for answer in answers.values())
        left = [request for request in batch.requests if request.key not in answers]
        # Of a server that has answered nothing yet, the fault is not the question's.
        if left and self.any_usable and batch.empty + 1 >= MOST_EMPTY:
            answers |= {request.key: wire.NO_ANSWER for request in left}
            left = []
        if answers:
            self.results.put(answers)
        if not left:
            return [], None
        return [Batch(left, empty=batch.empty + 1)], Trouble("it answered without a choice")


def results(queue: "SimpleQueue[Any]", wanted: int, config: LLMConfig) -> Iterator[Result]:
    """What comes back for `wanted` requests, as it comes.

    Raises what ends the run, and OutsideError when patience does.
    """
    trouble, last = "nothing came back", time.monotonic()
    while wanted > 0:
        left = last + config.llm_patience - time.monotonic()
        try:
            item = queue.get(timeout=max(left, 0))
        except Empty:
            raise given_up(config, trouble) from None
        if isinstance(item, Exception):
            raise item
        if isinstance(item, str):
            trouble = item
            if left <= 0:
                raise given_up(config, trouble)
        else:
            last = time.monotonic()
            wanted -= 1 if isinstance(item, Refusal) else len(item)
            yield item
