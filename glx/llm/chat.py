"""A language model's chat format: from messages to the text that the model reads.

In: the folder or hub name of a tokenizer. Out: its chat template applied, tokens counted, its
special tokens, and the tokens by which the two choices differ.
"""

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from glx.errors import InputError, OutsideError
from glx.files import given_path
from glx.llm.request import CHOICES, ChoiceTokens

Messages = tuple[tuple[str, str], ...]  # (role, content) of each, as in `request.Request`

FLAG = "--llm_tokenizer"
FILES = ["*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken"]  # of a tokenizer on a hub
FIXED_DAY = date(2024, 7, 26)
SETTINGS: dict[str, Any] = {
    "enable_thinking": False,  # the answer is one of two words
    "date_string": FIXED_DAY.strftime("%d %b %Y"),  # the same question tomorrow is the same text
}
"""What chat templates get beside the messages; a server that applies one needs the same
(`chat_template_kwargs`)."""

NO_TOKENS = ChoiceTokens(0, -1, -1)

PLAIN = (
    "{% for m in messages %}{{ m['role'].capitalize() }}:\n{{ m['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:\n{% endif %}"
)
"""The template of a tokenizer that has none, as of a model that was not tuned for chats: each
message under its role and a colon, a blank line after it, and `Assistant:` before the answer."""


@dataclass(frozen=True)
class ChatFormat:
    """A tokenizer and its chat template.

    Attributes:
      tokenizer: of `transformers`.
      template: the chat template, in Jinja; None for the tokenizer's own.
      merges_system: the template knows no system role, so that the system message begins the
        user's.
      stands_in: it is not the model's own: its counts are near, its tokens are others.
    """

    tokenizer: Any
    template: str | None = None
    merges_system: bool = False
    stands_in: bool = False

    def render(self, messages: Messages) -> str:
        """The text of the messages, ready for the model to answer."""
        shown = merge_system(messages) if self.merges_system else messages
        return self.tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in shown],
            chat_template=self.template,
            tokenize=False,
            add_generation_prompt=True,
            strftime_now=FIXED_DAY.strftime,
            **SETTINGS,
        )

    def count(self, text: str) -> int:
        """Tokens of a rendered text."""
        return len(encode(self.tokenizer, text))

    def special_tokens(self) -> list[str]:
        """Every token that the tokenizer looks for before it splits text into pieces."""
        added = set(self.tokenizer.get_added_vocab()) | set(self.tokenizer.all_special_tokens)
        return sorted(added)

    def words(self) -> ChoiceTokens:
        """Where the two choices differ, as the model would write them after a prompt.

        Of a tokenizer that stands in for the model's no token is known, so that the words of an
        answer count without their log-probabilities.

        Raises:
          InputError: the tokenizer writes both the same.
        """
        if self.stands_in:
            return NO_TOKENS
        prompt = self.render((("system", "Judge."), ("user", "Which?")))
        normal, anomalous = (continuation(self.tokenizer, prompt, word) for word in CHOICES)
        for place, (a, b) in enumerate(zip(normal, anomalous, strict=False)):
            if a != b:
                return ChoiceTokens(place, a, b)
        raise InputError(
            f"{FLAG}: this tokenizer cannot tell the words {' and '.join(CHOICES)} apart; name that"
            " of the model that the server runs"
        )


def load(name: str) -> ChatFormat:
    """The chat format of a tokenizer's folder or hub name.

    A tokenizer without a chat template gets `PLAIN`. Raises InputError for a folder without a
    tokenizer, a template that no messages fit and a name that no hub knows, OutsideError where the
    hub cannot be reached.
    """
    local = given_path(name)
    folder = local if local.exists() or local.is_absolute() else download(name)
    tokenizer = open_tokenizer(folder)
    template = None if tokenizer.chat_template else PLAIN
    for chat in (ChatFormat(tokenizer, template), ChatFormat(tokenizer, template, True)):
        if shows_all(chat):
            return chat
    raise InputError(
        f"{FLAG}={name}: its chat template takes neither a system message nor a user's alone; name"
        " a tokenizer with another"
    )


def merge_system(messages: Messages) -> Messages:
    """The messages with a leading system message put before the user's, a blank line between."""
    if len(messages) < 2 or messages[0][0] != "system":
        return messages
    (_, system), (role, content), *rest = messages
    return ((role, f"{system}\n\n{content}"), *rest)


def shows_all(chat: ChatFormat) -> bool:
    """Whether the template has a place for all messages, the system's before the user's."""
    from jinja2 import TemplateError

    try:
        text = chat.render((("system", "mark-one"), ("user", "mark-two")))
    except TemplateError:  # as templates do that know no such role
        return False
    return -1 < text.find("mark-one") < text.find("mark-two")


def encode(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a text that holds the tokens at its start and end already."""
    return tokenizer.encode(text, add_special_tokens=False, verbose=False)


def continuation(tokenizer: Any, prompt: str, word: str) -> list[int]:
    """Token ids of `word` after `prompt`."""
    before, whole = encode(tokenizer, prompt), encode(tokenizer, prompt + word)
    # A model writes after the prompt's last token, even where a tokenizer would join the two.
    return whole[len(before) :] if whole[: len(before)] == before else encode(tokenizer, word)


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder."""
    transformers = import_transformers()
    try:
        return transformers.AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except Exception as error:  # one of many kinds for each file that is not there or broken
        reason = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
        raise InputError(
            f"{FLAG}={folder}: there is no tokenizer that can be read ({type(error).__name__}: "
            f"{reason}); name a folder with tokenizer.json and tokenizer_config.json, or a model's"
            " hub name"
        ) from error


def download(name: str) -> Path:
    """The folder of a hub tokenizer's files, fetched unless they are on disk already."""
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=FILES))
    except (errors.HFValidationError, errors.RepositoryNotFoundError) as error:
        raise InputError(
            f"{FLAG}={name}: neither a folder here nor known to the hub; check the name"
        ) from error
    except Exception as error:  # the client lets many kinds of network failure through
        raise OutsideError(
            f"{FLAG}={name}: no folder here, and the hub cannot be reached"
            f" ({type(error).__name__}); connect, or name a folder with the model's tokenizer"
        ) from error


def import_transformers() -> Any:
    """`transformers`, without its remark that PyTorch is missing: tokenizers need none."""
    logger = logging.getLogger("transformers")
    silence = logging.Filter("nothing")
    logger.addFilter(silence)
    try:
        import transformers
    finally:
        logger.removeFilter(silence)
    return transformers
