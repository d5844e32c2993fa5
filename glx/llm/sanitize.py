"""Log text made fit for a prompt, whoever wrote it.

In: a template text, a note, a name; anybody who can make a system log a line may have written it.
Out: one line without `<` and `>` that every tokenizer and chat template takes for plain text, so
that it cannot end, imitate or open a part between tags.
"""

import re
import unicodedata
from collections.abc import Sequence

from glx.redact import hidden
from glx.sequences import WILDCARD

LIMIT = 1000  # characters of a neutral text
CUT = "…"  # ends a text that was cut; as normalised text has no such character, nothing else does

NOT_PLAIN = re.compile(r"[^ -;=?-~]")  # not printable ASCII, or one of < and >
ESCAPE = r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
ESCAPE_CHARACTERS = frozenset("\\xuU0123456789abcdefABCDEF")

ROLES = (
    "system|developer|user|human|assistant|gpt|chatgpt|claude|ai|bot|model|tool|function"
    "|instructions?|prompt|response|answer|verdict|label"
)
BRACKETS = (  # control tokens that stand in square brackets; whatever stands in < and > is broken
    "INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK"
    "|MODEL_SETTINGS|PREFIX|MIDDLE|SUFFIX|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO"
    "|BOS|EOS|PAD|UNK|CLS|SEP|MASK|gMASK|sMASK|unused_?[0-9]+|control_[0-9]+|BE|EOT"
    r"|\|[^\[\]|]{1,20}\|"
)
# A turn as a plain transcript writes it: at the start, or behind a line break, real or spelled.
TURN = re.compile(rf"((?:^|{ESCAPE}|\\[nr])[\s#*=>\-({{\[\"']*(?:{ROLES})[\s)}}\]*\"']*):", re.I)
BRACKETED = re.compile(rf"\[(/?\s*(?:{BRACKETS})\s*\])", re.I)
FENCE = re.compile(r"([#`~\"'])\1{2,}")  # of Markdown and of Python

NOTHING = re.compile("(?!)")


def special_pattern(special_tokens: Sequence[str]) -> re.Pattern[str]:
    """Finds the tokens of a tokenizer that are more than text, for `neutral`.

    Tokens with `<` or `>` cannot occur in neutral text, nor can those of white space alone; those
    that are made of the characters of an escape (`dead`, `0`) cannot be broken and are words.
    """
    tokens = {" ".join(unicodedata.normalize("NFKC", token).split()) for token in special_tokens}
    tokens = {t for t in tokens if not set(t) <= ESCAPE_CHARACTERS and not {"<", ">"} & set(t)}
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first)), re.I) if tokens else NOTHING


def neutral(text: str, special: re.Pattern[str] = NOTHING, limit: int = LIMIT) -> str:
    """`text` as one line of at most `limit` characters that changes nothing around it.

    - `<*>` becomes `*`, white space one space; compatibility forms become plain (NFKC), as some
      tokenizers would make them.
    - `<`, `>`, line breaks and all control, format, bidirectional, zero-width, tag, private-use,
      surrogate and unassigned characters are escaped as Python does: `\\x3c`, `\\u202e`.
    - The beginnings of turns (`Assistant:`), runs of `#` and of quotes, and control tokens in
      square brackets are broken, as is every match of `special` (of `special_pattern`).
    - The end of a longer text is cut off and `…` put in its place.
    """
    head = text[: 8 * limit]  # the rest of a megabyte is not worth reading
    plain = unicodedata.normalize("NFKC", head.replace(WILDCARD, "*"))
    plain = re.sub(" +", " ", NOT_PLAIN.sub(lambda m: _shown(m[0]), plain)).strip(" ")
    cut = len(plain) > limit or len(text) > len(head)
    plain = FENCE.sub(lambda m: " ".join(m[0]), plain[:limit])
    plain = BRACKETED.sub(lambda m: _escape("[") + m[1], plain)
    plain = TURN.sub(lambda m: m[1] + _escape(":"), plain)
    while (found := special.search(plain)) is not None:  # each turn takes a character for good
        at = next(i for i in range(*found.span()) if plain[i] not in ESCAPE_CHARACTERS)
        plain = plain[:at] + _escape(plain[at]) + plain[at + 1 :]
    cut = cut or len(plain) > limit
    return plain[: limit - len(CUT)] + CUT if cut else plain


def _shown(character: str) -> str:
    """A character that is not plain ASCII as it may stand in a prompt."""
    if character == "\t" or unicodedata.category(character) == "Zs":
        return " "
    # Some tokenizers take characters apart: what would leave a < or > behind counts as one.
    if hidden(character) or {"<", ">"} & set(unicodedata.normalize("NFKD", character)):
        return _escape(character)
    return character


def _escape(character: str) -> str:
    """`\\x3c`, `\\u202e` or `\\U000e0041`."""
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
