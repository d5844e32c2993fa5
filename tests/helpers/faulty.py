"""A small OpenAI-compatible server with scripted faults, and questions for it.

Each POST takes the next of `faults` (None or none left: it answers well). `answered` holds the
prompts that it answered in full, `bodies` all that it was sent. The question before the work is
apart: it is counted in `first`, and has a fault of its own.
"""

import gzip
import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from glx.generallog.experts import FIRST
from glx.llm.request import ChoiceTokens, Request

WORDS = ChoiceTokens(place=0, normal=10, anomalous=11)
ENDPOINTS = ("completions", "chat")
WRONG_LISTS: dict[str, Callable[[list[dict]], list[dict]]] = {  # of at least two choices in order
    "one lacks": lambda choices: choices[1:],
    "one twice": lambda choices: [*choices, choices[0]],
    "one for another": lambda choices: [choices[0], *choices[:-1]],
    "no index": lambda choices: [
        {name: one[name] for name in one if name != "index"} for one in choices
    ],
    "from one on": lambda choices: [one | {"index": one["index"] + 1} for one in choices],
    "an index in words": lambda choices: [one | {"index": str(one["index"])} for one in choices],
    "one too many": lambda choices: [*choices, choices[0] | {"index": len(choices)}],
    "one is none": lambda choices: [None, *choices[1:]],
}
# Every answer; or by the prompt: a text without log-probabilities, or those of both choices.
Said = str | Callable[[str], str | tuple[float, float]] | None


def question(n: int, kind: str = "choice") -> Request:
    """Question `n`, which the server below answers with `logprobs_of(n)`."""
    messages = (("system", "Judge."), ("user", f"event {n}"))
    return Request(messages, render(messages), model="tiny", kind=kind)


def render(messages: Iterable[tuple[str, str]]) -> str:
    """The chat template of the server."""
    return "".join(f"<{role}>{text}" for role, text in messages) + "<assistant>"


def logprobs_of(n: int) -> tuple[float, float]:
    """Log-probabilities of `normal` and `anomalous`: odd questions are anomalous."""
    return (-2.0, -0.25) if n % 2 else (-0.5, -1.0 - n / 8)


def number(prompt: str) -> int:
    return int(re.search(r"event (\d+)", prompt)[1])


class Faulty(ThreadingHTTPServer):
    """Serves from the moment it is made; `with` stops it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        faults: Iterable[str | None] = (),
        *,
        port: int = 0,
        models: Iterable[str] = (),
        bad: Callable[[list[str]], str | None] = lambda prompts: None,
        said: Said = None,
        at_first: str | None = None,
    ):
        self.at_first, self.first = at_first, 0
        self.faults, self.models, self.bad, self.said = deque(faults), deque(models), bad, said
        self.answered: list[str] = []
        self.bodies: list[dict] = []
        self.keys: list[str | None] = []
        self.connections: list[socket.socket] = []
        self.lock, self.stopped = threading.Lock(), threading.Event()
        super().__init__(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def stop(self) -> None:
        """As a killed process: nobody listens any more, open connections break."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def handle_error(self, request, client_address) -> None:
        """A client that has gone is no error of the server's."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Faulty

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def log_message(self, *_: object) -> None:
        """Tests read `answered`, not stderr."""

    def do_GET(self) -> None:
        with self.server.lock:
            model = self.server.models.popleft() if self.server.models else "tiny"
        if model == "503":
            self.reply(503, b"loading")
        else:
            self.reply_json({"data": [{"id": model}] if model else []})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompts = prompts_of(body)
        server = self.server
        first = all(FIRST[-1][1] in prompt for prompt in prompts)
        with server.lock:
            server.keys.append(self.headers["Authorization"])
            if first:
                server.first += 1
                fault = server.at_first
            else:
                server.bodies.append(body)
                fault = server.faults.popleft() if server.faults else None
        fault = fault or (None if first else server.bad(prompts))
        if fault == "hang":
            server.stopped.wait(5)
            self.close_connection = True
        elif fault == "die":
            threading.Thread(target=server.stop).start()
            server.stopped.wait(5)
            self.close_connection = True
        elif fault == "close":
            self.close_connection = True
        elif fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
        elif fault == "drip":
            self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 9999)
        elif fault == "drip body":
            self.drip(b"x" * 9999, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        elif fault == "drip on":  # a body whose end is that of the connection
            self.drip(b" " * 9999, b"HTTP/1.1 200 OK\r\n\r\n{}")
        elif fault == "endless":
            self.drip(b" " * (1 << 20), b"HTTP/1.1 200 OK\r\n\r\n", size=1 << 20, wait=0, times=99)
        elif fault == "packed":
            content = gzip.compress(b" " * (1 << 20))
            self.reply(200, content, {"Content-Encoding": "gzip"})
        elif fault == "page":
            self.reply(200, b"<!DOCTYPE html><html>welcome</html>", {"Content-Type": "text/html"})
        elif fault in WRONG_LISTS:
            whole = answer(body, prompts, server.said)
            self.reply_json(whole | {"choices": WRONG_LISTS[fault](whole["choices"][::-1])})
        elif fault and fault.startswith("30"):
            self.reply(int(fault), b"", {"Location": "/elsewhere"})
        elif fault == "garbage":
            self.reply(200, b'{"choices": [{"te')
        elif fault == "list":
            self.reply_json([1, 2])
        elif fault == "no choice":
            self.reply_json({"choices": []})
        elif fault == "abort":
            broken = {"text": "", "message": {"content": None}, "finish_reason": "abort"}
            self.reply_json({"choices": [broken | {"index": n} for n in range(len(prompts))]})
        elif fault and fault.isdigit():
            self.reply(int(fault), b'{"error": {"message": "no\\nway"}}')
        elif fault and fault.startswith("429 "):
            self.reply(429, b"", {"Retry-After": fault[4:]})
        else:
            said = "who knows" if fault == "other" else server.said
            if first:
                said = said if isinstance(said, str) else "normal"
            else:
                with server.lock:
                    server.answered += prompts
            self.reply_json(answer(body, prompts, said))

    def drip(
        self, content: bytes, head: bytes = b"", size: int = 1, wait: float = 0.05, times: int = 1
    ) -> None:
        """Send `content` a little at a time, until nobody listens."""
        self.close_connection = True
        with suppress(OSError):
            self.wfile.write(head)
            for start in [*range(0, len(content), size)] * times:
                self.wfile.write(content[start : start + size])
                if self.server.stopped.wait(wait):
                    return

    def reply_json(self, value: object) -> None:
        self.reply(200, json.dumps(value).encode())

    def reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def prompts_of(body: dict) -> list[str]:
    if "prompt" in body:
        return body["prompt"]
    return [render((m["role"], m["content"]) for m in body["messages"])]


def answer(body: dict, prompts: list[str], said: Said) -> dict:
    """A whole response, in the shapes of vLLM 0.32."""
    choices = [choice(n, prompt, "prompt" in body, said) for n, prompt in enumerate(prompts)]
    usage = {"prompt_tokens": sum(map(len, prompts)), "completion_tokens": 2 * len(prompts)}
    return {"object": "x", "model": body["model"], "choices": choices[::-1], "usage": usage}


def work_off(path: Path, said: Said = None) -> list[str]:
    """The responses to a batch file, a line each, as `vllm run-batch` writes them."""
    lines = []
    for line in path.read_text().splitlines():
        request = json.loads(line)
        body = answer(request["body"], prompts_of(request["body"]), said)
        response = {"status_code": 200, "request_id": "r", "body": body}
        row = {"id": "x", "custom_id": request["custom_id"], "response": response, "error": None}
        lines.append(json.dumps(row))
    return lines


def choice(index: int, prompt: str, completion: bool, said: Said) -> dict:
    told = said(prompt) if callable(said) else said
    if isinstance(told, tuple):
        text, (normal, anomalous) = None, told
    else:
        text = told
        numbered = not callable(said) and re.search(r"event \d", prompt)
        normal, anomalous = logprobs_of(number(prompt)) if numbered else (-9999.0, -9999.0)
    text = ("anomalous" if anomalous > normal else "normal") if text is None else text
    top = {"token_id:10": normal, "token_id:11": anomalous, "token_id:12": -9999.0}
    last = {"token_id:2": 0.0}
    if completion:
        logprobs = {"tokens": ["token_id:10", "token_id:2"], "top_logprobs": [top, last]}
        return {"index": index, "text": text, "finish_reason": "stop", "logprobs": logprobs}
    content = [
        {
            "token": next(iter(step)),
            "logprob": 0.0,
            "top_logprobs": [{"token": t, "logprob": p, "bytes": [0]} for t, p in step.items()],
        }
        for step in (top, last)
    ]
    message = {"role": "assistant", "content": text}
    return {
        "index": index,
        "message": message,
        "finish_reason": "stop",
        "logprobs": {"content": content},
    }
