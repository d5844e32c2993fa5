"""One of the two choices, said in other words by a server that does not hold to them.

In: the text of an answer. Out: the choice that it plainly names, or None.
"""

import re
import unicodedata
from itertools import chain

from glx.llm.request import ANOMALOUS, NORMAL

SAID = {NORMAL: NORMAL, ANOMALOUS: ANOMALOUS, "anomaly": ANOMALOUS, "abnormal": ANOMALOUS}
BESIDE = {"a", "an", "the", "is", "it", "this", "that", "my", "final", "marked", "event"}
BESIDE |= {"answer", "verdict", "label", "result", "classification", "class", "category", "output"}
BESIDE |= {"response", "assistant", "choice", "judgment", "judgement", "json", "text", "markdown"}
NEGATIONS = {"not", "no", "nor", "never", "neither", "isn't", "isn’t", "wasn't", "false", "wrong"}

THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
TAG = re.compile(r"<(?!/?think)[^<>]*>")  # a thought without an end is no answer
SENTENCE_END = re.compile(r"[.!]+(?=\s|$)|\n|\bbecause\b")
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[!?~¬≠]")  # these signs are words: they may negate


def plain_choice(text: str) -> str | None:
    """The choice that free words come down to; None where they do not plainly.

    Tags and what a model thought count for nothing. Up to the end of the sentence that names a
    choice there may only be that choice and words that mean nothing beside it (`Answer: normal`);
    what follows may say why, but neither name the other choice nor negate. So `not anomalous` is
    none.
    """
    said = unicodedata.normalize("NFKC", text).casefold()
    sentences = SENTENCE_END.split(TAG.sub(" ", THOUGHT.sub(" ", said)))
    words = [WORD.findall(sentence) for sentence in sentences]
    named = next((n for n, those in enumerate(words) if SAID.keys() & those), len(words))
    head, tail = {*chain(*words[: named + 1])}, {*chain(*words[named + 1 :])}
    choices = {SAID[word] for word in SAID.keys() & head}
    if len(choices) != 1 or head - SAID.keys() - BESIDE:
        return None
    others = {SAID[word] for word in SAID.keys() & tail} - choices
    negated = NEGATIONS & tail and (SAID.keys() & tail or not tail - NEGATIONS)
    return None if others or negated else choices.pop()
