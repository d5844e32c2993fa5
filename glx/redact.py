"""Secrets in log text are masked before a prompt leaves the process or a person reads it.

In: a text as it was logged, or its template. Out: the text with `[masked ...]` where a password, a
token, a key, a one-time code, an e-mail address or a card number stood.

Patterns search a plain copy of the text: without invisible characters, compatibility forms made
plain, and `<*>` as the digit 0, since in a template the digits of a token are masked
(`ghp_aB<*>dE...`), and signs beside them too (`xoxb-1` is `xoxb<*>`). Where signs are coded
(`password%3DX`) they search what these stand for too. What they find is masked in the text itself.
A value that is nothing but `<*>` stays, and so does what only looks like a secret: hashes,
identifiers, `token: expired`. Not found are secrets of no known form that are neither named by the
word before them nor long and random, and plain words in prose: `password sesame` may be `password
authentication`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from html import unescape
from itertools import pairwise
from operator import itemgetter

from glx.secret_forms import CARD, FORMS, LONG
from glx.secret_names import (
    ABOUT,
    HEAD,
    IN_LIST,
    IN_ROW,
    IN_STEAD,
    LINKED,
    NAMED,
    PASSWORDS,
    PROSE,
    STATE,
    TABLE,
    TELLING,
)
from glx.sequences import WILDCARD

Mask = Callable[[str], str]  # what a text becomes where it is shown

# Letters, marks and symbols that show nothing, or stick to what stands before them, by code point.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")  # what of ASCII shows nothing and is no space
# Signs as URLs, JSON and HTML write them, perhaps more than once.
CODED = re.compile(
    r"(?:%(?:25)*|\\{1,8}x|\\{1,8}u00)(?P<hex>[2-7][0-9A-Fa-f])|\\{1,8}(?P<space>[nrt])"
    r"|&(?:amp;)*(?P<name>#?\w{2,6};)"
    # In a template their digits are masked: `%3D` is `%0D`, and `%22%3A%22` is `%0%0A%0`.
    r"|(?P<link>(?:%0(?:[AD]|(?![0-9\s]|\Z))){2,}|%0[AD]|\\{1,8}[ux]0d)"
    r"|%0(?![0-9\s]|\Z)|\\{1,8}[ux]0(?![0-9])|&(?:amp;)*#x?0;"
)
AROUND = ".,:;!?()[]{}"  # signs that are no part of a word
NEEDED = sorted({*TELLING, *(letters for _, needs, _ in FORMS for letters in needs)})


def mask_of(secrets: bool) -> Mask:
    """What texts become where they are shown; `secrets`: those in them are masked."""
    return redact if secrets else str


def redact(text: str) -> str:
    """`text` with every secret found in it replaced by `[masked password]` and the like."""
    simple = text.isascii() and not CONTROL.search(text)
    plain = text.replace(WILDCARD, "0") if simple else _plain(text)[0]
    found = [*_found(plain)]
    if any(sign in plain for sign in "%\\&") and CODED.search(plain):
        decoded, at = _decoded(plain)
        found += [(at[start], at[end], kind) for start, end, kind in _found(decoded)]
    if not found:
        return text
    _, starts, ends = _plain(text)
    out, done = [], 0
    for start, end, kind in _merged(sorted(found, key=itemgetter(0))):
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


def _decoded(plain: str) -> tuple[str, list[int]]:
    """A text with its coded signs read, and where each of its characters begins in `plain`."""
    out, places, done = [], [], 0
    for m in CODED.finditer(plain):
        out += [plain[done : m.start()], _sign(m)]
        places += [*range(done, m.start()), *[m.start()] * len(out[-1])]
        done = m.end()
    return "".join([*out, plain[done:]]), [*places, *range(done, len(plain) + 1)]


def _sign(m: re.Match[str]) -> str:
    """What a coded sign stands for; of masked ones, what may stand between a name and a value."""
    if m["hex"]:
        return chr(int(m["hex"], 16))
    return unescape(f"&{m['name']}") if m["name"] else "=" if m["link"] else " "


def _found(plain: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind of each secret; they may overlap."""
    small = plain.lower()
    held = {letters for letters in NEEDED if letters in small}
    for kind, needs, pattern in FORMS:
        if not needs or not held.isdisjoint(needs):
            for m in pattern.finditer(plain):
                yield *m.span("s"), kind
    if not held.isdisjoint(TELLING):
        yield from _named(plain)
        yield from _columns(plain)
    for m in CARD.finditer(plain):
        if _is_card(re.sub("[ -]", "", m["s"])):
            yield *m.span("s"), "card number"
    for m in LONG.finditer(plain):
        if _is_random(m["s"]):
            yield *m.span("s"), "key"


def _named(plain: str) -> Iterator[tuple[int, int, str]]:
    """What a telling name stands before: a value or several."""
    listed = 0  # where the latest list ends: what is in it was looked at
    for pattern in (*NAMED, *PROSE):
        in_prose = pattern in PROSE
        for m in pattern.finditer(plain):
            name = m["name"].lower()
            if in_prose and not (m["d"] or m["a"] or m["e"] or _is_telling(m["s"])):
                continue
            if _is_ordinary(name, m["of"] or "", m["s"]):
                continue
            items = [m]
            if pattern is LINKED and m.start() >= listed:
                items += _others(plain, m)
                listed = items[-1].end()
            for item in items:
                if not _is_ordinary(name, item.groupdict().get("key") or "", item["s"]):
                    yield *item.span("s"), _kind(name)


def _others(plain: str, first: re.Match[str]) -> Iterator[re.Match[str]]:
    """The further items of a list, after the first, or what took its place (`a -> b`)."""
    pattern = IN_LIST if first["list"] else IN_ROW if first["many"] else IN_STEAD
    item = pattern.match(plain, first.end())
    while item:
        yield item
        item = pattern.match(plain, item.end())


def _columns(plain: str) -> Iterator[tuple[int, int, str]]:
    """What stands in a table below a telling name."""
    for table in TABLE.finditer(plain):
        names = [HEAD.fullmatch(cell) for cell in re.split("[|│]", table["head"])]
        for row in re.finditer(r"[^\r\n]+", table["rows"]):
            at = table.start("rows") + row.start()
            for name, cell in zip(names, re.split("[|│]", row[0]), strict=False):
                if name and not _is_ordinary(name["name"].lower(), name["of"] or "", cell.strip()):
                    start = at + len(cell) - len(cell.lstrip())
                    yield start, start + len(cell.strip()), _kind(name["name"])
                at += len(cell) + 1


def _kind(name: str) -> str:
    return "password" if PASSWORDS.match(name.lower()) else "secret"


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
    word = value.strip(AROUND)
    return (
        re.fullmatch(r"[\W_0]*(?:[\w.-]{0,40}\W{0,9}\[masked(?: [a-z -]+\])?)?", value) is not None
        or STATE.fullmatch(word) is not None
        or ABOUT.fullmatch(of) is not None
        or (name == "pwd" and value[0] in "/~")
        or (word.isdigit() and not name.startswith(("pass", "pw", "secret")))
        or (word.isdigit() and name == "pass" and len(word) < 4)
    )


def _is_telling(value: str) -> bool:
    """Whether a value in prose is neither a plain word nor a count: `hunter2`, `Summer!Rain`."""
    word = value.strip(AROUND)
    # `bad password uid=0`, an address, a date
    if re.match(r"[A-Za-z_]+[=:]|[0-9]+(?:[.:/-][0-9]+)+\Z", word):
        return False
    letters, digits = re.search("[A-Za-z]", word), re.findall("[0-9]", word)
    return (
        len(digits) > 3
        or (letters is not None and digits != [])
        or re.search(r"[a-z][A-Z]|[^\w\s.,;'/()-]", word) is not None
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
    if text.islower() or text.isupper() or text.isdigit():
        return False
    kinds = [
        "a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "/" for c in text
    ]
    changes = sum(a != b for a, b in pairwise(kinds))
    return (
        {"a", "A", "0"} <= set(kinds)
        and changes >= 0.45 * len(text)
        and kinds.count("/") < len(text) / 12
    )
