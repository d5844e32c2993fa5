"""Questions to a self-hosted LLM server, and its answers, whatever happens in between.

In: requests and a answer cache. Out: an answer to each distinct one, and what they cost. Threads
talk to the server, a prompt list (`/completions`) or a chat at a time; the caller's thread alone
writes the cache, as answers arrive. What may pass is tried again with exponential backoff and full
jitter; a server without a usable answer for `llm_patience` seconds is given up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from glx.errors import InputError
from glx.llm import wire
from glx.llm.answer_cache import AnswerCache
from glx.llm.request import Answer, Costs, Request, Words
from glx.llm.server import (
    LLMConfig,
    Refused,
    Trouble,
    backoff,
    connect,
    exchange,
    given_up,
)

LISTS_AT_ONCE = 4  # prompt lists under way: the server batches within each already
HEAVY = 3  # times that a list may end in an error of the server's before it is halved
LOST = 3  # times that a question comes back without any choice before it abstains
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
    cache: AnswerCache,
    report: Callable[[int, int, int], None] = silent,
) -> tuple[dict[str, Answer], Costs]:
    """An answer to each distinct one of `requests`, by key, and what they cost.

    Known answers come from the cache; others go there as they arrive, whatever ends the call. A
    question that the server refuses (a prompt that is too long, say) or leaves without any choice
    abstains, but not for good: it is not kept, since a server with other settings may answer. For
    the same reason unusable answers wait until one is usable (`wire.keep`).

    Args:
      requests: of one model and one kind.
      cache: may stay open over many calls, which makes them one run.
      report: called with questions done, questions in all, and tokens read and written so far.

    Raises:
      InputError: the server refuses the key, the path, the model, or every question.
      OutsideError: no answer for `llm_patience` seconds, or none with a choice.
      OSError: the disk of the cache is full.
    """
    if len({(request.model, request.kind) for request in requests}) > 1:
        raise ValueError("requests of one call have one model and one kind")
    kind = requests[0].kind if requests else "choice"
    wanted = {request.key: request for request in requests}
    answers = cache.get(wanted)
    hits, fresh, tokens = len(answers), dict[str, Answer](), 0
    refused: dict[str, Answer] = {}
    held: dict[str, Answer] = {}  # answers that the cache has not got yet
    missing = [request for key, request in wanted.items() if key not in answers]
    report(hits, len(wanted), 0)
    heard = cache.heard or any(wire.usable(answer, kind) for answer in answers.values())
    with calls(missing, words, config, heard) as arrived:
        coming = arrivals(arrived, config)
        try:
            while len(fresh) + len(refused) < len(missing):
                item = next(coming)
                if isinstance(item, Refusal):
                    refused[item.request.key] = wire.NO_ANSWER
                    if not hits + len(fresh) and len(refused) >= min(REFUSED, len(missing)):
                        raise refuses_all(config, item.why)
                else:
                    fresh |= item
                    held |= item
                    if kept := wire.keep(held, kind, cache.heard):
                        cache.put(kept)
                        held = {}
                    tokens += sum(a.tokens_in + a.tokens_out for a in item.values())
                report(hits + len(fresh) + len(refused), len(wanted), tokens)
        except BaseException:  # Ctrl-C too: what has come in meanwhile is kept
            for item in rest(arrived):
                held |= item if isinstance(item, dict) else {}
            cache.put(wire.keep(held, kind, cache.heard))
            raise
    answers |= fresh | refused
    return answers, wire.tally(answers, fresh, hits, kind)


@contextmanager
def calls(
    missing: list[Request], words: Words, config: LLMConfig, heard: bool
) -> Iterator["SimpleQueue[Any]"]:
    """Threads that ask `missing`; the queue has what comes back; `heard` as of `Desk`.

    In it: answers by key (dict), `Refusal`, troubles on the way (str), and an exception that
    ends the run.
    """
    desk = Desk(words, config, heard)
    for start in range(0, len(missing), desk.size):
        desk.pending.put(Piece(missing[start : start + desk.size]))
    lists = config.llm_endpoint == "completions"
    most = min(LISTS_AT_ONCE, config.llm_concurrency) if lists else config.llm_concurrency
    with connect(config) as client:
        for _ in range(min(most, desk.pending.qsize())):
            # A daemon: one that waits for a server that hangs must not keep the process.
            threading.Thread(target=desk.work, args=(client,), daemon=True).start()
        try:
            yield desk.arrived
        finally:
            desk.over.set()
            desk.pending.put(None)


@dataclass(frozen=True)
class Piece:
    """Requests to make in one call; how often it was too heavy, or came back without a choice."""

    requests: list[Request]
    heavy: int = 0
    lost: int = 0

    def halves(self) -> list["Piece"]:
        """What one prompt cannot have must not cost the others."""
        middle = (len(self.requests) + 1) // 2
        parts = self.requests[:middle], self.requests[middle:]
        return [Piece(part, lost=self.lost) for part in parts if part]


class Desk:
    """What the threads share: pieces to do, what came back, whether it is over.

    `size` is how many prompts go into one call; it shrinks when one is not done in time. `heard`
    tells whether any answer was usable yet.
    """

    def __init__(self, words: Words, config: LLMConfig, heard: bool):
        self.words, self.config, self.heard = words, config, heard
        self.pending: SimpleQueue[Piece | None] = SimpleQueue()
        self.arrived: SimpleQueue[Any] = SimpleQueue()
        self.over = threading.Event()
        self.size = config.llm_batch if config.llm_endpoint == "completions" else 1

    def work(self, client: httpx.Client) -> None:
        """One thread: piece after piece, until it is over."""
        failures = 0
        try:
            while piece := self.take():
                again, trouble = self.see_to(client, piece)
                if trouble is None:
                    failures = 0
                else:
                    self.arrived.put(str(trouble))
                    self.over.wait(backoff(failures, trouble.wait, self.config.llm_patience))
                    failures += 1
                for part in again:  # behind the others, which it must not hold up
                    self.pending.put(part)
        except Exception as error:  # it ends the run, in the thread that waits for it
            self.arrived.put(error)

    def take(self) -> Piece | None:
        """The next piece, waiting for one; None when it is over."""
        piece = self.pending.get()
        if piece is None:
            self.pending.put(None)  # for the other threads
            return None
        size = self.size
        if len(piece.requests) <= size:
            return piece
        self.pending.put(replace(piece, requests=piece.requests[size:]))
        return replace(piece, requests=piece.requests[:size])

    def see_to(self, client: httpx.Client, piece: Piece) -> tuple[list[Piece], Trouble | None]:
        """Make the call once; what is to be asked again, and the trouble there was."""
        try:
            answers = self.call(client, piece.requests)
        except Refused as refused:
            if len(piece.requests) > 1:
                return piece.halves(), None
            self.arrived.put(Refusal(piece.requests[0], str(refused)))
            return [], None
        except Trouble as trouble:
            if trouble.slow:
                self.size = max(1, len(piece.requests) // 2)
            if trouble.slow or piece.heavy + trouble.heavy == HEAVY:
                return piece.halves(), trouble
            return [replace(piece, heavy=piece.heavy + trouble.heavy)], trouble
        left = [request for request in piece.requests if request.key not in answers]
        kind = piece.requests[0].kind
        self.heard = self.heard or any(wire.usable(a, kind) for a in answers.values())
        # Of a server that has answered nothing yet, the fault is not the question's.
        if left and self.heard and piece.lost + 1 >= LOST:
            answers |= {request.key: wire.NO_ANSWER for request in left}
            left = []
        if answers:
            self.arrived.put(answers)
        if not left:
            return [], None
        return [Piece(left, lost=piece.lost + 1)], Trouble("it answered without a choice")

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
