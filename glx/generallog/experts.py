"""The experts by name, and how a language model becomes one.

In: settings, knowledge. Out: an `Expert`. With a model (`vllm`, `batch`, `replay`) they differ only
in how requests get there and answers come back.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np

from glx.config import leaves, nested, setting
from glx.detector import Report, silent
from glx.embed.embed import find_model
from glx.errors import InputError, OutsideError, Paused
from glx.files import check_plain, given_path
from glx.generallog import answers, retrieval
from glx.generallog.entries import EVENT, NOTE
from glx.generallog.expert import Expert, ExpertAnswers, ExpertInput
from glx.generallog.knowledge import Knowledge
from glx.generallog.prompt import PromptConfig, reason_messages, to_requests
from glx.generallog.questions import collapse, fold
from glx.generallog.wordings import average, reason
from glx.llm import batch, wire
from glx.llm.answer_cache import AnswerCache
from glx.llm.chat import ChatFormat
from glx.llm.chat import load as load_chat
from glx.llm.client import Ask, ask
from glx.llm.request import ANOMALOUS, Answer, Costs, Request
from glx.llm.sanitize import neutral
from glx.llm.server import LLMConfig, connect, first_question, model_of, wrong_is

EXPERTS = ("retrieval", "vllm", "batch", "replay", "answers")
MODELS = ("vllm", "batch", "replay")  # of these
PROMPTS = "prompts.jsonl"
FIRST = (("system", "Answer with one word, normal or anomalous."), ("user", "Is all well?"))
UNNAMED = "any"  # the model of requests for which none is named
STANDS_IN = (
    "prompts are measured by the tokenizer that ships with glx, not by the model's (name it with "
    "--llm_tokenizer); the words of answers count, without their log-probabilities"
)
MOST_UNUSABLE = 1 / 3  # of the questions may have no usable answer
ENOUGH = 50  # questions of a stream before that is asked
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
      ask: asks the server; another may ask for many processes.
    """

    knowledge: Knowledge
    k: int
    numbers: np.ndarray | None = None
    folder: Path | None = None
    report: Report = silent
    ask: Ask = ask


def check_read(config: ExpertConfig, given: Iterable[str]) -> None:
    """Raise InputError for the first of the settings `given` that is an expert's, but not read."""
    read = {leaf.name: config.expert in MODELS for leaf in leaves(ExpertConfig)}
    read |= {"expert": True, "responses": config.expert in ("replay", "answers")}
    for name in given:
        if not read.get(name, True):
            raise InputError(
                f"--{name}: --expert={config.expert} does not read it; leave it out, or choose "
                "another --expert"
            )


def check(config: ExpertConfig) -> None:
    """Raise InputError for what the expert lacks."""
    if config.expert in ("replay", "answers"):
        path = _responses(config)
        check_plain(f"--responses={path}", path)


def prepare(config: ExpertConfig, say: Callable[[str], None] = lambda text: None) -> None:
    """Find now, rather than after the work, what is wrong with files, tokenizer, cache and server.

    A server is asked a question that costs next to nothing, just as all others will be.

    Args:
      say: is told of what takes time, or is odd.

    Raises:
      InputError, OutsideError: as `check`, `AnswerCache`, `load_model` and `server.first_question`
        say.
    """
    check(config)
    if config.expert not in MODELS:
        return
    connect(config.llm).close()
    with wrong_is(InputError), AnswerCache(config.llm.cache) as kept:
        model, chat = load_model(config, say)
        if chat.stands_in:
            say(STANDS_IN)
        if config.expert == "vllm":
            first = Request(FIRST, chat.render(FIRST), model)
            first_question(first, chat.words(), config.llm, kept, say)


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
    return ModelExpert(config, context)


def load_model(
    config: ExpertConfig, say: Callable[[str], None] = lambda text: None
) -> tuple[str, ChatFormat]:
    """The name and chat format of the model that the settings, or the server, name.

    Requests in a file need no server and no hub: the model may be unnamed, and the tokenizer that
    ships stands in for one that is out of reach.
    """
    llm = config.llm
    if config.expert == "vllm":
        model = model_of(llm, say)
        return model, load_chat(llm.llm_tokenizer or model)
    model, name = llm.llm_model or UNNAMED, llm.llm_tokenizer or llm.llm_model
    if name is not None:
        try:
            return model, load_chat(name)
        except OutsideError:
            if llm.llm_tokenizer is not None:
                raise
    return model, replace(load_chat(str(find_model("minilm"))), stands_in=True)


class ModelExpert:
    """A language model as an expert, over many calls.

    Attributes:
      config, context: what it was made of.
      kept: the answer cache; it is closed when nobody holds the expert any more.
      model: loads the model's name and chat format, at the first call.
      questions: that it was asked so far.
      unusable: what came back on those without a usable answer, and how often.
    """

    def __init__(self, config: ExpertConfig, context: ExpertContext):
        self.config, self.context = config, context
        self.kept, self.model = AnswerCache(config.llm.cache), cache(partial(load_model, config))
        self.questions, self.unusable = 0, Counter[str]()
        weakref.finalize(self, self.kept.close)

    def __call__(self, inputs: ExpertInput) -> ExpertAnswers:
        """Ask each distinct question once; see `glx/generallog/questions.py`."""
        answers, found = ask_model(inputs, self.config, self.context, self.model, self.kept)
        self.questions += len(found)
        self.unusable.update(neutral(answer.text) for answer in found if answer.p is None)
        if self.context.folder is not None or self.questions >= ENOUGH:
            self.finish()
        return answers

    def finish(self) -> None:
        """Raise OutsideError where so few answers are usable that verdicts would say little."""
        abstained = self.unusable.total()
        if abstained <= MOST_UNUSABLE * self.questions:
            return
        came = ", ".join(f"{text!r} ({n:,} times)" for text, n in self.unusable.most_common(3))
        where = f"--llm_url={self.config.llm.llm_url}"
        if self.config.expert == "replay":
            where = f"--responses={_responses(self.config)}"
        raise OutsideError(
            f"{where}: {abstained:,} of {self.questions:,} questions have no usable answer, more "
            f"than a third; what came back: {came}; have them answered by a server that holds to "
            "structured outputs, or by another model, and run the same command again: usable "
            "answers are kept"
        )


def ask_model(
    inputs: ExpertInput,
    config: ExpertConfig,
    context: ExpertContext,
    model: LoadModel,
    kept: AnswerCache,
) -> tuple[ExpertAnswers, list[Answer]]:
    """A language model's answers on sequences, and those to the distinct questions behind them."""
    with wrong_is(OutsideError):
        name, chat = model()
    questions = collapse(inputs, config.prompt.context)
    requests, dropped = to_requests(
        inputs, questions, chat, config.prompt, context.knowledge.only(EVENT, NOTE), context.k, name
    )
    by_key, costs = _answers_to([*chain(*requests)], chat, config, context, kept)
    keys = [tuple(request.key for request in votes) for votes in zip(*requests, strict=True)]
    found = [average([by_key[key] for key in votes]) for votes in keys]
    reasons = [reason([by_key[key] for key in votes]) for votes in keys]
    distinct = [*dict(zip(keys, found, strict=True)).values()]
    abstained = sum(answer.p is None for answer in distinct)
    costs = replace(costs, questions=len(distinct), abstained=abstained, dropped_events=dropped)
    if config.llm.llm_reason and config.expert == "vllm":
        anomalous = [q for q, answer in enumerate(found) if answer.text == ANOMALOUS]
        follow_ups = [_reason_request(requests[0][q], chat) for q in anomalous]
        explained, more = _answers_to(follow_ups, chat, config, context, kept)
        costs = costs + replace(more, questions=0, uncertain=0, abstained=0)
        for q, request in zip(anomalous, follow_ups, strict=True):
            reasons[q] = explained[request.key].text or reasons[q]
    p = np.array([np.nan if a.p is None else a.p for a in found], dtype=np.float32)
    return ExpertAnswers(*fold(questions, p, reasons, inputs.beside), costs), distinct


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
        return context.ask(requests, chat.words(), config.llm, kept, context.report)
    wanted = {request.key: request for request in requests}
    known, fresh = wire.keep(kept.get(wanted), "choice"), dict[str, Answer]()
    missing = [request for key, request in wanted.items() if key not in known]
    if config.expert == "replay":
        fresh = batch.read(_responses(config), requests, chat.words(), known)
        kept.put(wire.keep(fresh, "choice"))
    elif missing and context.folder is not None:
        path = context.folder / PROMPTS
        batch.write(missing, path)
        tokens = sum(chat.count(request.rendered) for request in missing)
        named = "" if config.llm.llm_model else f" --served-model-name={UNNAMED}"
        raise Paused(
            f"{len(missing):,} requests of {tokens:,} tokens are in {path} ({len(known):,} answers "
            "are known already); have them answered, as by `.venv-vllm/bin/python -m "
            f"vllm.entrypoints.openai.run_batch -i {path} -o FILE --model MODEL{named} "
            "--generation-config=vllm`, and repeat the command with --expert=replay "
            f"--responses=FILE{f' ({STANDS_IN})' if chat.stands_in else ''}"
        )
    hits = len(known.keys() - fresh.keys())
    return known | fresh, wire.tally(known | fresh, fresh, hits, "choice")


def _responses(config: ExpertConfig) -> Path:
    if config.responses is None:
        raise InputError(f"--expert={config.expert}: needs the file of answers, --responses=FILE")
    return given_path(config.responses)
