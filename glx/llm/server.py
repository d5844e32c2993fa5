"""An OpenAI-compatible server: its settings, a session with it, and what to do when it fails.

In: settings. Out: a session, the model's name, answers to a list of questions. Whoever asks knows
whose fault it is that a server cannot be used (`exchange.Wrong`): before any work it is the user's
(`InputError`), later the server has changed (`OutsideError`) and the same command goes on.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import tenacity

from glx.config import setting
from glx.errors import InputError, OutsideError
from glx.llm import wire
from glx.llm.answer_cache import AnswerCache, default_cache
from glx.llm.exchange import KEY_VARIABLE, Refused, Server, Trouble, Wrong, exchange, tls
from glx.llm.request import Answer, ChoiceTokens, Request
from glx.llm.sanitize import neutral

FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0  # seconds, bounds of the backoff
CONNECT_SECONDS = 10.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
T = TypeVar("T")
LONGEST_PATIENCE = 365 * 86400  # seconds; the system waits for no time without an end


@dataclass(frozen=True)
class LLMConfig:
    """Which server is asked, how, and where its answers are kept. Its key: GLX_LLM_API_KEY."""

    llm_url: str = setting(
        "http://127.0.0.1:8000/v1", "of an OpenAI-compatible server, up to and with `/v1`."
    )
    llm_model: str | None = setting(
        None, "the model's name at the server; None for the first one that it names."
    )
    llm_endpoint: str = setting(
        "completions",
        "`completions` sends lists of prompts, with the chat template applied here; `chat` sends "
        "one question a call, and the server applies its template.",
        among=("completions", "chat"),
    )
    llm_patience: float = setting(
        600.0,
        "seconds without a usable answer after which the server is given up.",
        low=0.1,
        high=LONGEST_PATIENCE,
    )
    llm_tokenizer: str | None = setting(
        None, "folder or hub name of the model's tokenizer; None for the model's name."
    )
    llm_concurrency: int = setting(32, "calls under way at once with `chat`.", low=1, high=1024)
    llm_batch: int = setting(64, "prompts in one call with `completions`.", low=1, high=4096)
    llm_timeout: float = setting(
        180.0,
        "seconds that one call may take, to its last byte, before it is made again.",
        low=0.05,
        high=LONGEST_PATIENCE,
    )
    llm_reason: bool = setting(
        False, "ask also for a reason, one line for each sequence found anomalous."
    )
    cache: str | None = setting(
        default_cache,
        "file of the answers so far, so that no question is asked twice; empty for no file.",
    )


@contextmanager
def wrong_is(error: type[InputError] | type[OutsideError]) -> Iterator[None]:
    """`Wrong` as an error of glx: InputError before any work, OutsideError later."""
    try:
        yield
    except Wrong as wrong:
        kept = "" if error is InputError else " and run the same command again: work so far is kept"
        raise error(f"{wrong}{kept}") from wrong


def retrying(patience: float, sleep: Callable[[float], Any], **more: Any) -> tenacity.Retrying:
    """Calls a function again after `Trouble`; waits are exponential with full jitter.

    Args:
      patience: seconds; bounds what a server may ask to wait.
      sleep: called with the seconds to wait.
      more: further arguments of `Retrying`.
    """
    asked = tenacity.wait_exception(lambda trouble: min(getattr(trouble, "wait", 0), patience))
    jitter = tenacity.wait_random_exponential(FIRST_WAIT, min(LONGEST_WAIT, patience / 8))
    retry = tenacity.retry_if_exception_type(Trouble)
    return tenacity.Retrying(retry=retry, wait=asked + jitter, sleep=sleep, **more)


def patiently(config: LLMConfig, call: Callable[[], T], say: Callable[[str], None]) -> T:
    """What `call` returns, made again after each `Trouble`.

    Args:
      say: is told of the first, so that somebody who waits knows why.

    Raises:
      Wrong: what answers cannot be used.
      OutsideError: nothing else for `llm_patience` seconds.
    """
    patience, began, told = config.llm_patience, time.monotonic(), False

    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, max(began + patience - time.monotonic(), 0)))

    def once() -> T:
        nonlocal told
        try:
            return call()
        except Refused as refused:
            raise Wrong(
                f"--llm_url={config.llm_url}: the server refuses the first question ({refused}); "
                "see its log, --llm_url, --llm_model and --llm_endpoint"
            ) from refused
        except Trouble as trouble:
            if trouble.mend:
                raise Wrong(f"--llm_url={config.llm_url}: {trouble}; {trouble.mend}") from trouble
            if not told:
                say(
                    f"--llm_url={config.llm_url}: {trouble}; waiting for it, {patience:g} s at most"
                )
            told = True
            raise

    again = retrying(patience, sleep, stop=tenacity.stop_after_delay(patience), reraise=True)
    try:
        return again(once)
    except Trouble as trouble:
        raise given_up(config, str(trouble)) from trouble


def model_of(config: LLMConfig, say: Callable[[str], None] = lambda text: None) -> str:
    """The name of the model: `llm_model`, or the first that the server names.

    Waits for a server that is not there yet or still loading.

    Raises:
      InputError: the URL or the key is none.
      Wrong, OutsideError: as `patiently` says.
    """
    if config.llm_model:
        return config.llm_model
    with connect(config) as server:
        return patiently(config, lambda: first_model(exchange(server, "models")), say)


def first_model(body: Any) -> str:
    """The first name in an answer of `/models`; a server may name none while it loads."""
    models = body.get("data") if isinstance(body, dict) else None
    for model in models if isinstance(models, list) else []:
        if isinstance(model, dict) and isinstance(model.get("id"), str):
            return model["id"]
    raise Trouble("it names no model yet")


def server_url(flag: str, given: str) -> httpx.URL:
    """The URL of a server that a flag names.

    Raises:
      InputError: it can be none.
    """
    wrong = f"--{flag}={given}: not the URL of a server"
    try:
        url = httpx.URL(given)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InputError(f"{wrong} ({error}); mend it") from error
    if re.search(r"\s", given):  # of a host, too, which nobody would find
        raise InputError(f"{wrong}; it has a space in it, mend it")
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"{wrong}; it must begin with http:// or https:// and a host")
    if url.port is not None and not 0 < url.port < 1 << 16:
        raise InputError(f"{wrong}; its port must be between 1 and {(1 << 16) - 1}")
    return url


def connect(config: LLMConfig) -> Server:
    """A session; no call outlasts the patience.

    Raises:
      InputError: `llm_url` or the key cannot be used.
    """
    # Nothing packed, which may be small on the way and without end here.
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key:
        if not (key.isascii() and key.isprintable()):
            raise InputError(f"{KEY_VARIABLE} has characters that no key has; set it again")
        headers["Authorization"] = f"Bearer {key}"
    url = server_url("llm_url", config.llm_url)
    if url.userinfo:  # the URL goes into config.json and messages
        raise InputError(f"--llm_url: leave the password out of it and set {KEY_VARIABLE}")
    seconds = min(config.llm_timeout, config.llm_patience)
    return Server(
        seconds,
        base_url=url,
        headers=headers,
        timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        trust_env=url.host not in LOOPBACK,  # no proxy leads to this machine
        verify=tls(),
    )


def answers_to(
    server: Server, requests: Sequence[Request], words: ChoiceTokens, config: LLMConfig
) -> dict[str, Answer]:
    """The answers of one call, by key; raises as `exchange` does."""
    if config.llm_endpoint == "completions":
        body = exchange(server, "completions", wire.completions_body(requests))
    else:
        body = exchange(server, "chat/completions", wire.chat_body(requests[0]))
    try:
        return wire.read_answers(body, requests, words)
    except ValueError as error:
        mixed = isinstance(error, wire.Mixed)
        raise Trouble(str(error), heavy=mixed, mixed=mixed) from error


def first_question(
    request: Request,
    words: ChoiceTokens,
    config: LLMConfig,
    cache: AnswerCache,
    say: Callable[[str], None],
) -> None:
    """Ask one small question before the work, as the others will be: is all as it should be?

    A server that is out of reach is waited for, but for one that has answered this question before:
    its other answers may be in the cache as well, so that it is not needed.

    Raises:
      Wrong, OutsideError: as `patiently` says.
    """
    with connect(config) as server:

        def once() -> dict[str, Answer]:
            try:
                answers = answers_to(server, [request], words, config)
                if not any(answer.text for answer in answers.values()):
                    raise Trouble("its answer is empty")
                return answers
            except Trouble as trouble:
                if trouble.mend or not cache.get([request.key]):
                    raise
                say(f"--llm_url={config.llm_url}: {trouble}; going on with the answers in --cache")
                return {}

        answers = patiently(config, once, say)
    cache.put(wire.keep(answers, request.kind))
    for answer in answers.values():
        if not wire.usable(answer, request.kind):
            what = f"its first answer is none of the two words, but {neutral(answer.text)!r}"
            say(f"--llm_url={config.llm_url}: {what}")


def given_up(config: LLMConfig, trouble: str) -> OutsideError:
    return OutsideError(
        f"--llm_url={config.llm_url}: no answer for {config.llm_patience:g} seconds (last:"
        f" {trouble}); start the server (launch/serve_vllm.sh MODEL) and run the same command"
        " again: answers so far are kept"
    )
