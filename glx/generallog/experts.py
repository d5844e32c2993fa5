"""The experts by name, and how a language model becomes one.

In: settings, knowledge. Out: an `Expert`. With a model (`vllm`, `batch`, `replay`) they differ only
in how requests get there and answers come back.
"""

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np

from glx.config import nested, setting
from glx.detector import Report, silent
from glx.errors import InputError, Paused
from glx.files import given_path
from glx.generallog import answers, retrieval
from glx.generallog.entries import EVENT, NOTE
from glx.generallog.expert import Expert, ExpertAnswers, ExpertInput
from glx.generallog.knowledge import Knowledge
from glx.generallog.prompt import PromptConfig, reason_messages, writer
from glx.generallog.questions import Questions, collapse, fold
from glx.generallog.wordings import WORDINGS, average, reason
from glx.llm import batch, wire
from glx.llm.answer_cache import AnswerCache
from glx.llm.chat import ChatFormat
from glx.llm.chat import load as load_chat
from glx.llm.client import ask
from glx.llm.request import ANOMALOUS, Answer, Costs, Request
from glx.llm.server import LLMConfig, connect, model_of

EXPERTS = ("retrieval", "vllm", "batch", "replay", "answers")
PROMPTS = "prompts.jsonl"
LoadModel = Callable[[], tuple[str, ChatFormat]]  # the model's name and chat format


@dataclass(frozen=True)
class ExpertConfig:
    """Who judges proprietary sequences."""

    expert: str = setting(
        "retrieval",
        "`retrieval` needs no language model: how alarming an event reads, and its labelled "
        "neighbours; `vllm` asks a server; `batch` writes the same questions to a file and stops; "
        "`replay` goes on with the file of their answers; `answers` reads probabilities per "
        "template.",
        among=EXPERTS,
    )
    responses: str | None = setting(
        None, "the file of answers, for `replay` (JSONL) and `answers` (CSV)."
    )
    prompt: PromptConfig = nested(PromptConfig)
    llm: LLMConfig = nested(LLMConfig)


@dataclass(frozen=True)
class ExpertContext:
    """Where an expert works.

    Attributes:
      knowledge: what it may look up.
      k: known entries that it looks up for an event.
      numbers: `<int64>[V]` event numbers of the target's template table, or None.
      folder: where `batch` writes its requests; None where it cannot be used.
      report: gets questions done, questions in all, tokens so far.
    """

    knowledge: Knowledge
    k: int
    numbers: np.ndarray | None = None
    folder: Path | None = None
    report: Report = silent


def check(config: ExpertConfig) -> None:
    """Raise InputError for what the expert lacks."""
    if config.expert in ("replay", "answers"):
        path = _responses(config)
        if not os.path.isfile(path):  # never an error itself, unlike Path.is_file
            raise InputError(f"--responses={path}: no such file; give the file of answers")
    if config.expert in ("batch", "replay") and config.llm.llm_model is None:
        raise InputError(f"--expert={config.expert}: no server tells the model; give --llm_model")


def prepare(config: ExpertConfig) -> None:
    """Find now, rather than after the work, what is wrong with files, tokenizer, URL and cache.

    Raises:
      InputError, OutsideError: as `check`, `chat.load`, `server.connect` and `AnswerCache` say.
    """
    check(config)
    if config.expert in ("vllm", "batch", "replay"):
        connect(config.llm).close()
        name = config.llm.llm_tokenizer or config.llm.llm_model
        if name is not None:  # else the server tells
            load_chat(name)
        AnswerCache(config.llm.cache).close()


def make_expert(config: ExpertConfig, context: ExpertContext) -> Expert:
    """The expert that the settings name.

    All its calls are one run: they share an open answer cache, which is closed when nobody holds
    the expert any more, and the model, which is loaded when the first question comes.

    Raises:
      InputError: it lacks something, or cannot be used here.
    """
    check(config)
    if config.expert == "batch" and context.folder is None:
        raise InputError(
            "--expert=batch: stops to be answered, which a stream cannot; choose another --expert"
        )
    if config.expert == "retrieval":
        return partial(retrieval.judge, knowledge=context.knowledge, k=context.k)
    if config.expert == "answers":
        path, numbers = _responses(config), context.numbers
        # Of a stream hardly any batch brings a new template.
        read = lru_cache(maxsize=1)(lambda texts: answers.read(path, [*texts], numbers))
        return lambda inputs: answers.judge(inputs, read(tuple(inputs.texts)))
    kept, model = AnswerCache(config.llm.cache), cache(partial(load_model, config.llm))
    expert = partial(ask_model, config=config, context=context, model=model, kept=kept)
    weakref.finalize(expert, kept.close)
    return expert


def load_model(config: LLMConfig) -> tuple[str, ChatFormat]:
    """The name and chat format of the model that the settings, or the server, name."""
    model = model_of(config)
    return model, load_chat(config.llm_tokenizer or model)


def ask_model(
    inputs: ExpertInput,
    config: ExpertConfig,
    context: ExpertContext,
    model: LoadModel,
    kept: AnswerCache,
) -> ExpertAnswers:
    """Ask a language model each distinct question once; see `glx/generallog/questions.py`."""
    name, chat = model()
    questions = collapse(inputs, config.prompt.context)
    requests, dropped = to_requests(inputs, questions, config, context, chat, name)
    by_key, costs = _answers_to([*chain(*requests)], chat, config, context, kept)
    keys = [tuple(request.key for request in votes) for votes in zip(*requests, strict=True)]
    found = [average([by_key[key] for key in votes]) for votes in keys]
    reasons = [reason([by_key[key] for key in votes]) for votes in keys]
    distinct = dict(zip(keys, found, strict=True))
    abstained = sum(answer.p is None for answer in distinct.values())
    costs = replace(costs, questions=len(distinct), abstained=abstained, dropped_events=dropped)
    if config.llm.llm_reason and config.expert == "vllm":
        anomalous = [q for q, answer in enumerate(found) if answer.text == ANOMALOUS]
        follow_ups = [_reason_request(requests[0][q], chat) for q in anomalous]
        explained, more = _answers_to(follow_ups, chat, config, context, kept)
        costs = costs + replace(more, questions=0, uncertain=0, abstained=0)
        for q, request in zip(anomalous, follow_ups, strict=True):
            reasons[q] = explained[request.key].text or reasons[q]
    p = np.array([np.nan if a.p is None else a.p for a in found], dtype=np.float32)
    return ExpertAnswers(*fold(questions, p, reasons, inputs.beside), costs)


def to_requests(
    inputs: ExpertInput,
    questions: Questions,
    config: ExpertConfig,
    context: ExpertContext,
    chat: ChatFormat,
    model: str,
) -> tuple[list[list[Request]], int]:
    """For each wording a request for each of `Q` questions; how many events were left out."""
    events, of_event = np.unique(questions.events, return_inverse=True)
    known = context.knowledge.only(EVENT, NOTE)
    _, rows = known.search(inputs.vectors[events], context.k)
    near = [[known.entries[row] for row in of_one if row >= 0] for of_one in rows]
    requests, left_out = [], 0
    for wording in WORDINGS[: config.prompt.votes]:
        write = writer(inputs, questions, chat, config.prompt, wording)
        written = [write(q, near[event]) for q, event in enumerate(of_event.tolist())]
        requests.append([Request(asked, chat.render(asked), model) for asked, _ in written])
        left_out += sum(dropped for _, dropped in written)
    return requests, left_out


def _reason_request(request: Request, chat: ChatFormat) -> Request:
    messages = reason_messages(request.messages, ANOMALOUS)
    return Request(messages, chat.render(messages), request.model, "reason")


def _answers_to(
    requests: list[Request],
    chat: ChatFormat,
    config: ExpertConfig,
    context: ExpertContext,
    kept: AnswerCache,
) -> tuple[dict[str, Answer], Costs]:
    """Answers by key and what they cost, by the server, a file of responses or the cache alone.

    Raises:
      Paused: with `batch`, unless every answer is in the cache.
    """
    if config.expert == "vllm":
        return ask(requests, chat.words(), config.llm, kept, context.report)
    wanted = {request.key: request for request in requests}
    known, fresh = kept.get(wanted), dict[str, Answer]()
    missing = [request for key, request in wanted.items() if key not in known]
    if config.expert == "replay":
        fresh = batch.read(_responses(config), requests, chat.words(), known)
        kept.put(wire.keep(fresh, "choice"))
    elif missing and context.folder is not None:
        path = context.folder / PROMPTS
        batch.write(missing, path)
        tokens = sum(chat.count(request.rendered) for request in missing)
        raise Paused(
            f"{len(missing):,} requests of {tokens:,} tokens are in {path} ({len(known):,} answers "
            "are known already); have them answered, as by `.venv-vllm/bin/python -m "
            f"vllm.entrypoints.openai.run_batch -i {path} -o FILE --model MODEL "
            "--generation-config=vllm`, and repeat the command with --expert=replay "
            "--responses=FILE"
        )
    hits = len(known.keys() - fresh.keys())
    return known | fresh, wire.tally(known | fresh, fresh, hits, "choice")


def _responses(config: ExpertConfig) -> Path:
    if config.responses is None:
        raise InputError(f"--expert={config.expert}: needs the file of answers, --responses=FILE")
    return given_path(config.responses)
