"""Questions to a real vLLM server: ours, a bare loop over the same calls, and one call a prompt.

The model is tiny and random and the server runs on this machine, so what is measured is everything
around a model. A server keeps what it computed for a prompt: no two repeats ask the same.
"""

import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import httpx
import numpy as np

from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx.embed.alarm import primer
from glx.errors import OutsideError
from glx.generallog.prompt import Question, Shown
from glx.llm import chat, wire
from glx.llm.answer_cache import AnswerCache
from glx.llm.client import LISTS_AT_ONCE, ask
from glx.llm.request import Request
from glx.llm.server import LLMConfig

HERE = "experiments.benchmarks.llm"
ROOT = Path(__file__).parents[2]
REPEATS = 3
SETS = REPEATS + 1  # of different prompts, one for each repeat and one to warm up
KNOWN, EVENTS = 3, 3  # known events and events of the context in each prompt


def cases(settings: Settings) -> Iterator[Case]:
    """5,000 prompts, in lists; one call a prompt gets fewer."""
    prompts, alone = (512, 64) if settings.quick else (5000, 300)
    with server(settings.folder) as (url, folder):
        here = {"url": url, "folder": str(folder)}
        yield Case(
            what="llm",
            case=f"{prompts:,} prompts",
            unit="prompts/s",
            ours=Call(f"{HERE}:ours", here | {"prompts": prompts, "first": 0}),
            peers={
                "bare loop": Call(f"{HERE}:bare_loop", here | {"prompts": prompts, "first": 1}),
                "one by one": Call(f"{HERE}:one_by_one", here | {"prompts": alone, "first": 2}),
            },
            repeats=REPEATS,
        )


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a server with a tiny model, and the model's folder."""
    bash = ["bash", "-c", ". launch/environment.sh; make_vllm_environment"]
    subprocess.run(bash, check=True, cwd=ROOT)
    model = folder / "tiny_model"
    make = [".venv-vllm/bin/python", "launch/vllm/tiny_model.py", str(model)]
    subprocess.run(make, check=True, cwd=ROOT, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = ["launch/serve_vllm.sh", str(model), f"--port={port}"]
    with subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():  # it says when it answers
                raise OutsideError("the model server did not start, see above")
            yield f"http://127.0.0.1:{port}/v1", model
        finally:
            process.terminate()


def requests(folder: Path, prompts: int, first: int) -> list[list[Request]]:
    """`SETS` lists of questions, unlike those of another `first` (below 3)."""
    form, (texts, _) = chat.load(str(folder)), primer()
    rng = np.random.default_rng(first)

    def question(n: int) -> Request:
        known, events = np.split(rng.integers(len(texts), size=KNOWN + EVENTS), [KNOWN])
        shown = (Shown(texts[v], 0.5, place == 1) for place, v in enumerate(events))
        numbered = tuple(f"<event>{texts[v]} ({n})</event> in a system" for v in known)
        messages = Question(numbered, tuple(shown)).messages()
        return Request(messages, form.render(messages), str(folder))

    return [[question(n) for n in range(prompts)] for _ in range(SETS)]


def ours(url: str, folder: str, prompts: int, first: int) -> Prepared:
    """`ask`, with a answer cache on disk."""
    sets = cycle(requests(Path(folder), prompts, first))
    words, config = chat.load(folder).words(), LLMConfig(llm_url=url)

    def run() -> None:
        with tempfile.TemporaryDirectory() as kept, AnswerCache(Path(kept) / "v.sqlite") as cache:
            answers, _ = ask(next(sets), words, config, cache)
        assert all(answer.certain for answer in answers.values())

    return Prepared(run, prompts)


def bare_loop(url: str, folder: str, prompts: int, first: int) -> Prepared:
    """The same calls, as many at once, whose answers nobody reads."""
    return _post(url, folder, prompts, first, LLMConfig().llm_batch, LISTS_AT_ONCE)


def one_by_one(url: str, folder: str, prompts: int, first: int) -> Prepared:
    """A call for each prompt, one after the other."""
    return _post(url, folder, prompts, first, 1, 1)


def _post(url: str, folder: str, prompts: int, first: int, size: int, threads: int) -> Prepared:
    sets = cycle(
        [
            [
                json.dumps(wire.completions_body(asked[at : at + size])).encode()
                for at in range(0, prompts, size)
            ]
            for asked in requests(Path(folder), prompts, first)
        ]
    )
    headers = {"Content-Type": "application/json"}

    def run() -> None:  # a client for each repeat, as `ask` has it
        with (
            httpx.Client(base_url=url, headers=headers, timeout=600, trust_env=False) as client,
            ThreadPoolExecutor(threads) as pool,
        ):
            for done in pool.map(lambda body: client.post("completions", content=body), next(sets)):
                done.raise_for_status()

    return Prepared(run, prompts)
