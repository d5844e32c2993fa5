"""Questions to a self-hosted LLM server, and its answers, whatever happens in between.

In: requests and a verdict cache. Out: an answer to each distinct one, and what they cost. Threads
talk to the server, a prompt list (`/completions`) or a chat at a time; the caller's thread alone
writes the cache, as answers arrive. What may pass is tried again with exponential backoff and full
jitter; a server without a usable answer for `llm_patience` seconds is given up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from glx.errors import InputError
from glx.generallog import wire
from glx.generallog.cache import VerdictCache
from glx.generallog.expert import Costs
from glx.generallog.request import Answer, Request, Words
from glx.generallog.server import (
    LLMConfig,
    Refused,
    Trouble,
    backoff,
    connect,
    exchange,
    given_up,
)

LISTS_AT_ONCE = 4  # prompt lists under way: the server batches within each already
LOST = 3  # times that a question comes back without any choice before it abstains
ABSTAINED = Answer(None, False, "", 0, 0)
REFUSED = 16  # questions refused before any was answered: the server, not a prompt, is at fault


@dataclass(frozen=True)
class Refusal:
    """A request that the server will not answer, and why."""

    request: Request
    why: str


def silent(done: int, total: int, tokens: int) -> None:
    """Reports nothing."""


def ask(
    requests: list[Request],
    words: Words,
    config: LLMConfig,
    cache: VerdictCache,
    report: Callable[[int, int, int], None] = silent,
) -> tuple[dict[str, Answer], Costs]:
    """An answer to each distinct one of `requests`, by key, and what they cost.

    Known answers come from the cache; others go there as they arrive, whatever ends the call. A
    question that the server refuses (a prompt that is too long, say) abstains, but not for good:
    it is not kept, since a server with other settings may take it.

    Args:
      requests: of one model and one kind.
      report: called with questions done, questions in all, and tokens read and written so far.

    Raises:
      InputError: the server refuses the key, the path, the model, or every question.
      OutsideError: no answer for `llm_patience` seconds.
      OSError: the disk of the cache is full.
    """
    if len({(request.model, request.kind) for request in requests}) > 1:
        raise ValueError("requests of one call have one model and one kind")
    wanted = {request.key: request for request in requests}
    answers = cache.get(wanted)
    hits, fresh, tokens = len(answers), dict[str, Answer](), 0
    refused: dict[str, Answer] = {}
    missing = [request for key, request in wanted.items() if key not in answers]
    report(hits, len(wanted), 0)
    with calls(missing, words, config) as arrived:
        coming = arrivals(arrived, config)
        try:
            while len(fresh) + len(refused) < len(missing):
                item = next(coming)
                if isinstance(item, Refusal):
                    refused[item.request.key] = ABSTAINED
                    if not hits + len(fresh) and len(refused) >= min(REFUSED, len(missing)):
                        raise refuses_all(config, item.why)
                else:
                    fresh |= item
                    cache.put(item)
                    tokens += sum(a.tokens_in + a.tokens_out for a in item.values())
                report(hits + len(fresh) + len(refused), len(wanted), tokens)
        except BaseException:  # Ctrl-C too: what has come in meanwhile is kept
            for item in rest(arrived):
                fresh |= item if isinstance(item, dict) else {}
            cache.put(fresh)
            raise
    answers |= fresh | refused
    return answers, wire.tally(answers, fresh, hits, requests[0].kind if requests else "choice")


@contextmanager
def calls(missing: list[Request], words: Words, config: LLMConfig) -> Iterator["SimpleQueue[Any]"]:
    """Threads that ask `missing`; the queue has what comes back.

    In it: answers by key (dict), `Refusal`, troubles on the way (str), and an exception that
    ends the run.
    """
    desk = Desk(words, config)
    for request in missing:
        desk.pending.put(request)
    lists = config.llm_endpoint == "completions"
    most = min(LISTS_AT_ONCE, config.llm_concurrency) if lists else config.llm_concurrency
    with connect(config) as client:
        for _ in range(min(most, len(missing))):
            # A daemon: one that waits for a server that hangs must not keep the process.
            threading.Thread(target=desk.work, args=(client,), daemon=True).start()
        try:
            yield desk.arrived
        finally:
            desk.over.set()
            desk.pending.put(None)


class Desk:
    """What the threads share: requests to make, what came back, whether it is over.

    `size` is how many prompts go into one call; it shrinks when one is not done in time.
    """

    def __init__(self, words: Words, config: LLMConfig):
        self.words, self.config = words, config
        self.pending: SimpleQueue[Request | None] = SimpleQueue()
        self.arrived: SimpleQueue[Any] = SimpleQueue()
        self.over = threading.Event()
        self.size = config.llm_batch if config.llm_endpoint == "completions" else 1

    def work(self, client: httpx.Client) -> None:
        """One thread: batch after batch, until it is over."""
        try:
            while batch := self.take():
                self.see_to(client, batch)
        except Exception as error:  # it ends the run, in the thread that waits for it
            self.arrived.put(error)

    def take(self) -> list[Request]:
        """The next requests, waiting for one; none when it is over."""
        batch: list[Request] = []
        while len(batch) < self.size:
            try:
                request = self.pending.get(block=not batch)
            except Empty:
                break
            if request is None:
                self.pending.put(None)  # for the other threads
                break
            batch.append(request)
        return batch

    def see_to(self, client: httpx.Client, batch: list[Request]) -> None:
        """Ask until each request has its answer or is known to get none."""
        attempt = lost = 0
        while batch and not self.over.is_set():
            try:
                answers = self.call(client, batch)
            except Refused as refused:
                if len(batch) == 1:
                    self.arrived.put(Refusal(batch[0], str(refused)))
                    return
                return self.halve(client, batch)
            except Trouble as trouble:
                self.arrived.put(str(trouble))
                self.over.wait(backoff(attempt, trouble.wait, self.config.llm_patience))
                attempt += 1
                if trouble.slow:
                    self.size = max(1, len(batch) // 2)
                if len(batch) > 1 and (trouble.slow or (trouble.heavy and attempt > 2)):
                    return self.halve(client, batch)
                continue
            if answers:
                self.arrived.put(answers)
            batch = [request for request in batch if request.key not in answers]
            if batch and (lost := lost + 1) == LOST:
                self.arrived.put({request.key: ABSTAINED for request in batch})
                return
            if batch:
                self.arrived.put("it answered without a choice")
                self.over.wait(backoff(lost, 0, self.config.llm_patience))

    def halve(self, client: httpx.Client, batch: list[Request]) -> None:
        """Both halves for themselves: what one prompt cannot have must not cost the others."""
        self.see_to(client, batch[: len(batch) // 2])
        self.see_to(client, batch[len(batch) // 2 :])

    def call(self, client: httpx.Client, batch: list[Request]) -> dict[str, Answer]:
        """One call to the server; raises as `exchange` does."""
        if self.config.llm_endpoint == "completions":
            body = exchange(client, "completions", wire.completions_body(batch))
        else:
            body = exchange(client, "chat/completions", wire.chat_body(batch[0]))
        try:
            return wire.read_answers(body, batch, self.words)
        except ValueError as error:
            raise Trouble(str(error)) from error


def arrivals(
    arrived: "SimpleQueue[Any]", config: LLMConfig
) -> Iterator[dict[str, Answer] | Refusal]:
    """What came back, as it comes; raises what ends the run, or when patience does."""
    trouble, last = "nothing came back", time.monotonic()
    while True:
        left = last + config.llm_patience - time.monotonic()
        try:
            item = arrived.get(timeout=max(left, 0))
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
            yield item


def rest(arrived: "SimpleQueue[Any]") -> Iterator[Any]:
    """What lies in the queue now."""
    while not arrived.empty():
        yield arrived.get()


def refuses_all(config: LLMConfig, why: str) -> InputError:
    return InputError(
        f"--llm_url={config.llm_url}: the server refuses every question ({why}); see its log,"
        " --llm_model and --prompt_tokens."
    )
