"""Secrets in log text are masked before a prompt leaves the process or a person reads it.

In: a text as it was logged, or its template. Out: the text with `[masked ...]` where a password, a
token, a key, an e-mail address or a card number stood.

Patterns search a plain copy of the text: without invisible characters, compatibility forms made
plain, and `<*>` as the digit 0, since in a template the digits of a token are masked
(`ghp_aB<*>dE...`), and signs beside them too (`xoxb-1` is `xoxb<*>`). What they find is masked in
the text itself. A value that is nothing but `<*>` stays, and so does what only looks like a secret:
hashes, identifiers, `token: expired`. Not found are secrets of no known form that are neither named
by the word before them nor long and random, and plain words in prose: `password sesame` may be
`password authentication`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from operator import itemgetter

from glx.secret_forms import (
    ABOUT,
    CARD,
    FORMS,
    LONG,
    NAMED,
    NEEDED,
    PASSWORDS,
    PROSE,
    STATE,
    TELLING,
)
from glx.sequences import WILDCARD

Mask = Callable[[str], str]  # what a text becomes where it is shown

# Letters, marks and symbols that show nothing, or stick to what stands before them, by code point.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def mask_of(secrets: bool) -> Mask:
    """What texts become where they are shown; `secrets`: those in them are masked."""
    return redact if secrets else str


def redact(text: str) -> str:
    """`text` with every secret found in it replaced by `[masked password]` and the like."""
    simple = text.isascii() and text.isprintable()
    plain = text.replace(WILDCARD, "0") if simple else _plain(text)[0]
    if not (found := sorted(_found(plain), key=itemgetter(0))):
        return text
    _, starts, ends = _plain(text)
    out, done = [], 0
    for start, end, kind in _merged(found):
        out += [text[done : starts[start]], f"[masked {kind}]"]
        done = ends[end - 1]
    return "".join([*out, text[done:]])


def hidden(character: str) -> bool:
    """Whether it shows nothing, or is not certain to: none of it reaches a prompt as it is."""
    return unicodedata.category(character)[0] in "CZ" or UNSEEN.match(character) is not None


def _plain(text: str) -> tuple[str, list[int], list[int]]:
    """The text that patterns read, and where each of its characters begins and ends in `text`."""
    characters, starts, ends = [], [], []
    at = 0
    while at < len(text):
        if text.startswith(WILDCARD, at):
            shown, width = "0", len(WILDCARD)
        elif hidden(text[at]) and not text[at].isspace():
            shown, width = "", 1
        else:
            shown, width = unicodedata.normalize("NFKC", text[at]), 1
        characters.append(shown)
        starts += [at] * len(shown)
        ends += [at + width] * len(shown)
        at += width
    return "".join(characters), starts, ends


def _found(plain: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind of each secret; they may overlap."""
    small = plain.lower()
    held = {letters for letters in NEEDED if letters in small}
    for kind, needs, pattern in FORMS:
        if not needs or not held.isdisjoint(needs):
            for m in pattern.finditer(plain):
                yield *m.span("s"), kind
    for pattern in () if held.isdisjoint(TELLING) else (*NAMED, *PROSE):
        for m in pattern.finditer(plain):
            name = m["name"].lower()
            if pattern in PROSE and not (m["d"] or m["a"] or m["e"] or _is_telling(m["s"])):
                continue
            if not _is_ordinary(name, m["of"] or "", m["s"]):
                yield *m.span("s"), "password" if PASSWORDS.match(name) else "secret"
    for m in CARD.finditer(plain):
        if _is_card(re.sub("[ -]", "", m["s"])):
            yield *m.span("s"), "card number"
    for m in LONG.finditer(plain):
        if _is_random(m["s"]):
            yield *m.span("s"), "key"


def _merged(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Sorted spans, those that overlap made one, of the kind of the first."""
    merged: list[tuple[int, int, str]] = []
    for start, end, kind in spans:
        if merged and start < merged[-1][1]:
            before = merged.pop()
            start, end, kind = before[0], max(before[1], end), before[2]
        merged.append((start, end, kind))
    return merged


def _is_ordinary(name: str, of: str, value: str) -> bool:
    """Whether the value after a telling name tells nothing: masked, a state, a count, a folder."""
    word = value.strip(".,:;!?()[]{}")
    return (
        re.fullmatch(r"[\W_0]*|\[masked(?: [a-z -]+\])?", value) is not None
        or STATE.fullmatch(word) is not None
        or ABOUT.fullmatch(of) is not None
        or (name == "pwd" and value[0] in "/~")
        or (word.isdigit() and not name.startswith(("pass", "pw", "secret")))
        or (word.isdigit() and name == "pass" and len(word) < 4)
    )


def _is_telling(value: str) -> bool:
    """Whether a value in prose is neither a plain word nor a count: `hunter2`, `Summer!Rain`."""
    word = value.strip(".,:;!?()[]{}")
    if re.match(r"[A-Za-z_]+[=:]", word):  # `bad password uid=0`
        return False
    letters, digits = re.search("[A-Za-z]", word), re.findall("[0-9]", word)
    return (
        len(digits) > 3
        or (letters is not None and digits != [])
        or re.search(r"[a-z][A-Z]|[^\w\s.'/()-]", word) is not None
    )


def _is_card(digits: str) -> bool:
    """By length, issuer and the check digit of Luhn (ISO/IEC 7812-1, annex B)."""
    issued = r"4\d{12}(?:\d{3})?|5[1-5]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}"
    if re.fullmatch(issued, digits) is None:
        return False
    doubled = [sum(divmod(2 * int(d), 10)) for d in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _is_random(text: str) -> bool:
    """Whether a long run of letters and digits is no name, path or hash, but like a key in base 64.

    A key changes between small letters, capitals and digits at two of three places; a name in camel
    case or a path at one of three. Hashes and identifiers in hexadecimal have letters of one case.
    """
    kinds = [
        "a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "/" for c in text
    ]
    changes = sum(a != b for a, b in pairwise(kinds))
    return (
        {"a", "A", "0"} <= set(kinds)
        and changes >= 0.45 * len(text)
        and kinds.count("/") < len(text) / 12
    )
