"""Prompts: a question about an event in its context, and what is known of events like it.

In: questions, the known events nearest to each, a chat format. Out: messages that never take more
tokens than allowed, and how many events were left out for that.

A prompt goes from what is shared by most questions to what is shared by least, so that a server
computes a shared beginning once: instructions, the same for all; known events, the same for all
questions on one event; the context. Every text that came from a log, a note or a name stands
between tags that no such text can hold (`sanitize`), and secrets in it are masked (`glx.redact`).

How often the target logs an event is not told: that is evidence of its own, which the answer is
added to.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from glx.config import setting
from glx.errors import InputError
from glx.generallog.entries import Entry
from glx.generallog.expert import ExpertInput
from glx.generallog.knowledge import Knowledge
from glx.generallog.questions import CONTEXTS, Questions
from glx.generallog.wordings import WORDINGS, Wording
from glx.llm.chat import ChatFormat, Messages
from glx.llm.request import ANOMALOUS, CHOICES, Request
from glx.llm.sanitize import CUT, neutral, special_pattern
from glx.parse.levels import SEVERE

REASON_QUESTION = "Say why in one line, naming what in the logs it rests on."
MARK = ">>>"
LEAST = 20  # characters that are left of an event's text that is cut


@dataclass(frozen=True)
class PromptConfig:
    """What a language model gets to read."""

    prompt_tokens: int = setting(
        1000,
        "tokens of a prompt at most, as the model's tokenizer counts the rendered text; the "
        "question for a reason included.",
        low=256,
    )
    context: str = setting(
        "neighbours",
        "what is shown around a proprietary event and makes questions distinct: `event` "
        "(nothing), `neighbours` (the events before and after) or `sequence` (all of it).",
        among=CONTEXTS,
    )
    votes: int = setting(
        1,
        "in how many wordings a model is asked each question; their log-odds are averaged.",
        low=1,
        high=len(WORDINGS),
    )


@dataclass(frozen=True)
class Shown:
    """An event of a context: its safe text, how familiar it is, and what the program calls it."""

    text: str
    similarity: float
    asked: bool
    logged: str = ""


@dataclass(frozen=True)
class Question:
    """The content of one prompt.

    Attributes:
      known: a line on each known event.
      left_out: events of the context that the prompt leaves out.
    """

    known: tuple[str, ...]
    events: tuple[Shown, ...]
    left_out: int = 0

    def messages(self, wording: Wording = WORDINGS[0]) -> Messages:
        """The instructions and the question."""
        known = [f"{i}. {line}" for i, line in enumerate(self.known, 1)]
        events = [
            f"{MARK if event.asked else '-'} {tagged('event', event.text)}{event.logged}"
            for event in self.events
        ]
        left_out = [f"({self.left_out} familiar events left out)"] if self.left_out else []
        lines = [
            *(
                ["Known events of other systems and from notes, the most similar first:"]
                if known
                else []
            ),
            *known,
            f"Events of the system in question, in order; the one to judge is marked {MARK}:",
            *events,
            *left_out,
            wording.question,
        ]
        return (("system", wording.system), ("user", "\n".join(lines)))


def writer(
    inputs: ExpertInput,
    questions: Questions,
    chat: ChatFormat,
    config: PromptConfig,
    wording: Wording = WORDINGS[0],
) -> Callable[[int, Sequence[Entry]], tuple[Messages, int]]:
    """`write(question, known) -> messages, dropped` for the questions about `inputs`.

    `known` are the nearest known events and notes, the most similar first. To keep within
    `config.prompt_tokens`, the events of the context with the highest similarity are left out first
    (never the asked one), then known events, the least similar first; then the asked text is cut.
    `dropped` counts the events left out or cut. `write` raises InputError where the fixed part
    leaves no room.
    """
    special = special_pattern(chat.special_tokens())

    @cache  # the same few texts are in most prompts
    def safe(text: str) -> str:
        return neutral(inputs.mask(text), special)

    def fits(question: Question) -> bool:
        messages = question.messages(wording)
        requests = (messages, *(reason_messages(messages, choice) for choice in CHOICES))
        return all(chat.count(chat.render(m)) <= config.prompt_tokens for m in requests)

    def write(question: int, known: Sequence[Entry] = ()) -> tuple[Messages, int]:
        whole = compose(inputs, questions, question, known, safe)
        fitted = fit(whole, fits)
        if fitted is None:
            raise InputError(
                f"--prompt_tokens={config.prompt_tokens}: too few for the fixed part of a prompt"
                " with this model's tokenizer; raise it"
            )
        cut = sum(event.text.endswith(CUT) for event in fitted.events)
        return fitted.messages(wording), fitted.left_out + cut

    return write


def to_requests(
    inputs: ExpertInput,
    questions: Questions,
    chat: ChatFormat,
    config: PromptConfig,
    known: Knowledge,
    k: int,
    model: str,
) -> tuple[list[list[Request]], int]:
    """For each wording a request for each of `Q` questions; how many events were left out.

    Args:
      known: what to look up for each event, `k` of it.
    """
    events, of_event = np.unique(questions.events, return_inverse=True)
    _, rows = known.search(inputs.vectors[events], k)
    near = [[known.entries[row] for row in of_one if row >= 0] for of_one in rows]
    requests, left_out = [], 0
    for wording in WORDINGS[: config.votes]:
        write = writer(inputs, questions, chat, config, wording)
        written = [write(q, near[event]) for q, event in enumerate(of_event.tolist())]
        requests.append([Request(asked, chat.render(asked), model) for asked, _ in written])
        left_out += sum(dropped for _, dropped in written)
    return requests, left_out


def reason_messages(messages: Messages, choice: str) -> Messages:
    """The messages of a `reason` request: the question, its answer `choice`, and why."""
    return (*messages, ("assistant", choice), ("user", REASON_QUESTION))


def compose(
    inputs: ExpertInput,
    questions: Questions,
    question: int,
    known: Sequence[Entry],
    safe: Callable[[str], str],
) -> Question:
    """The question with nothing left out; `safe` makes texts fit for a prompt."""
    start, end = questions.offsets[question : question + 2]

    def shown(place: int, v: int) -> Shown:
        level, text = parted(inputs.texts[v])
        asked = place == questions.asked[question]
        origin = "".join(f" {tagged('source', safe(one))}" for one in inputs.origins[v])
        return Shown(safe(text), float(inputs.similarity[v]), asked, logged(level) + origin)

    return Question(
        known=tuple(describe(one, safe) for one in known),
        events=tuple(shown(place, v) for place, v in enumerate(questions.ids[start:end].tolist())),
    )


def describe(known: Entry, safe: Callable[[str], str]) -> str:
    """One line on a known event or note."""
    system = tagged("system", "notes" if known.system is None else safe(known.system))
    level, text = parted(known.text)
    event = tagged("event", safe(text)) + logged(level)
    line = f"{event} in {system}: {known.label or 'no label'}"
    if total := known.normal + known.anomalous:
        line += f"; {known.anomalous} of {total} sequences with it were {ANOMALOUS}"
    return line + (f"; {tagged('note', safe(known.note))}" if known.note else "")


def fit(whole: Question, fits: Callable[[Question], bool]) -> Question | None:
    """The most of a question that fits; None where nothing does."""
    if fits(whole):
        return whole
    most = len(whole.events) - 1 + len(whole.known)
    n = bisect_left(range(most + 1), True, lo=1, key=lambda n: fits(without(whole, n)))
    return without(whole, n) if n <= most else cut_asked(without(whole, most), fits)


def without(whole: Question, n: int) -> Question:
    """The question without the first `n` things in the order of `writer`: events, then known."""
    rest = [i for i, event in enumerate(whole.events) if not event.asked]
    order = sorted(rest, key=lambda i: (-whole.events[i].similarity, i))
    gone = set(order[:n])
    return replace(
        whole,
        events=tuple(event for i, event in enumerate(whole.events) if i not in gone),
        known=whole.known[: len(whole.known) - max(n - len(order), 0)],
        left_out=len(gone),
    )


def cut_asked(question: Question, fits: Callable[[Question], bool]) -> Question | None:
    """A question that is left with the asked event alone, with as much of its text as fits."""
    (event,) = question.events
    text = event.text.removesuffix(CUT)

    def cut(n: int) -> Question:
        return replace(question, events=(replace(event, text=text[: len(text) - n] + CUT),))

    most = len(text) - LEAST
    n = bisect_left(range(most + 1), True, lo=1, key=lambda n: fits(cut(n))) if most > 0 else 1
    return cut(n) if n <= most else None


def parted(text: str) -> tuple[str | None, str]:
    """The level that a template begins with, from WARN up, and the rest; None where it has none."""
    head, _, rest = text.partition(" ")
    return (head, rest) if head in SEVERE and rest else (None, text)


def logged(level: str | None) -> str:
    """How severe the program itself calls an event."""
    return f" logged as {level}" if level else ""


def tagged(name: str, text: str) -> str:
    """`text`, which must be neutral, between tags."""
    return f"<{name}>{text}</{name}>"
