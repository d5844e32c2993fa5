"""An OpenAI-compatible server: its settings, one exchange with it, and when to try again.

In: a body to send. Out: the JSON of the answer, or an exception: `Trouble` for what may pass (no
server, or one that is loading, time-outs, closed connections, 408, 425, 429, 5xx, no JSON),
`Refused` for a request that the server will never take.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from glx.config import setting
from glx.errors import InputError, OutsideError
from glx.llm import wire
from glx.llm.answer_cache import default_cache

KEY_VARIABLE = "GLX_LLM_API_KEY"
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0  # seconds, bounds of the backoff
CONNECT_SECONDS = 10.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MEND = {  # statuses that the user must see to
    401: f"set {KEY_VARIABLE} to a key it takes",
    403: f"set {KEY_VARIABLE} to a key it takes",
    404: "mend --llm_url or --llm_model",
}


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
        600.0, "seconds without a usable answer after which the server is given up.", low=0.1
    )
    llm_tokenizer: str | None = setting(
        None, "folder or hub name of the model's tokenizer; None for the model's name."
    )
    llm_concurrency: int = setting(32, "calls under way at once with `chat`.", low=1, high=1024)
    llm_batch: int = setting(64, "prompts in one call with `completions`.", low=1, high=4096)
    llm_timeout: float = setting(
        180.0, "seconds that one call may be silent before it is made again.", low=0.05
    )
    llm_reason: bool = setting(
        False, "ask also for a reason, one line for each sequence found anomalous."
    )
    cache: str | None = setting(
        default_cache,
        "file of the answers so far, so that no question is asked twice; empty for no file.",
    )


class Trouble(Exception):
    """An exchange to try again.

    Attributes:
      wait: seconds that the server asks to wait.
      heavy: it may have been too much at once.
      slow: it was not done in time.
    """

    def __init__(self, what: str, *, wait: float = 0.0, heavy: bool = False, slow: bool = False):
        super().__init__(what)
        self.wait, self.heavy, self.slow = wait, heavy, slow


class Refused(Exception):
    """The server understood, and will not answer this."""


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


def model_of(config: LLMConfig) -> str:
    """The name of the model: `llm_model`, or the first that the server names.

    Waits for a server that is not there yet or still loading.

    Raises:
      InputError: what answers is no such server.
      OutsideError: nothing named a model within `llm_patience` seconds.
    """
    if config.llm_model:
        return config.llm_model
    patience, began = config.llm_patience, time.monotonic()

    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, max(began + patience - time.monotonic(), 0)))

    again = retrying(patience, sleep, stop=tenacity.stop_after_delay(patience), reraise=True)
    with connect(config) as client:
        try:
            return again(lambda: first_model(exchange(client, "models")))
        except Trouble as trouble:
            raise given_up(config, str(trouble)) from trouble
        except Refused as refused:
            raise InputError(
                f"--llm_url={config.llm_url}: it names no models ({refused}); give the URL of"
                " an OpenAI-compatible server, up to /v1"
            ) from refused


def first_model(body: Any) -> str:
    """The first name in an answer of `/models`; a server may name none while it loads."""
    models = body.get("data") if isinstance(body, dict) else None
    for model in models if isinstance(models, list) else []:
        if isinstance(model, dict) and isinstance(model.get("id"), str):
            return model["id"]
    raise Trouble("it names no model yet")


def connect(config: LLMConfig) -> httpx.Client:
    """One pooled session; no call outlasts the patience.

    Raises:
      InputError: `llm_url` or the key cannot be used.
    """
    headers = {"Content-Type": "application/json"}
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key:
        if not (key.isascii() and key.isprintable()):
            raise InputError(f"{KEY_VARIABLE} has characters that no key has; set it again")
        headers["Authorization"] = f"Bearer {key}"
    flag = f"--llm_url={config.llm_url}: not the URL of a server"
    try:
        url = httpx.URL(config.llm_url)
    except httpx.InvalidURL as error:
        raise InputError(f"{flag} ({error}); mend it") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"{flag}; it must begin with http:// or https:// and a host")
    if url.userinfo:  # the URL goes into config.json and messages
        raise InputError(f"--llm_url: leave the password out of it and set {KEY_VARIABLE}")
    seconds = min(config.llm_timeout, config.llm_patience)
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        trust_env=url.host not in LOOPBACK,  # no proxy leads to this machine
    )


def exchange(client: httpx.Client, path: str, body: Any = None) -> Any:
    """The JSON of one call, GET without a body and POST with one.

    Raises:
      Trouble: it may succeed another time.
      Refused: not this request.
      InputError: not with this key, URL or model.
    """
    try:
        content = None if body is None else json.dumps(body)
        response = client.request("GET" if body is None else "POST", path, content=content)
    except httpx.RequestError as error:
        slow = isinstance(error, httpx.ReadTimeout)
        raise Trouble(f"{type(error).__name__}: {error}".rstrip(": "), slow=slow) from error
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        raise Trouble(f"it answered {status}", wait=retry_after(response), heavy=status == 500)
    if status >= 300:
        message = f"{status} {complaint(response)}".strip()
        if status < 400 or status in MEND:
            raise InputError(f"{response.url} answered {message}: {MEND.get(status, MEND[404])}")
        raise Refused(message)
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise Trouble("its answer is not JSON") from error


def complaint(response: httpx.Response) -> str:
    """What the server says is wrong, on one short line."""
    try:
        text = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = response.text
    return wire.one_line(str(text))[:200]


def retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait: `Retry-After`, a number or a date; 0 without one."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def given_up(config: LLMConfig, trouble: str) -> OutsideError:
    return OutsideError(
        f"--llm_url={config.llm_url}: no answer for {config.llm_patience:g} seconds (last:"
        f" {trouble}); start the server (launch/serve_vllm.sh MODEL) and run the same command"
        " again: answers so far are kept"
    )
