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

from glx.sequences import WILDCARD

Mask = Callable[[str], str]  # what a text becomes where it is shown

# Letters, marks and symbols that show nothing, or stick to what stands before them, by code point.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)

# A value is in quotes, which may be escaped within it (group d or a), or in quotes that were
# themselves escaped (JSON) or doubled (CSV) on the way (group e), or ends where a word does.
VALUE = (
    r"(?:(?P<d>\")|(?P<a>')|(?P<e>\\{1,7}[\"']|(?P<two>[\"'])(?P=two)(?=[^\s\"',;:)}\]>&])))?"
    r"(?P<s>(?(d)(?:[^\"\\]|\\[\s\S])+|(?(a)(?:[^'\\]|\\[\s\S])+"
    r"|(?(e)(?:(?!(?<!\\)(?P=e))[\s\S])+"
    r"|(?:[^\s\"'\\&<>;,]|\\+(?![\"'])|[\"'](?=\w)|[&;,](?![\s\"'&;,]|[\w.-]{1,40}\s?[:=]|\Z))+))))"
)

# Every pattern finds the secret as its group `s`, in time that grows with the length of the text.
FORMS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "private key",
            r"(?s)(?P<s>-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----.*?"
            r"(?:-----END [A-Z0-9 ]{0,40}-----|\Z))",
        ),
        ("password", r"(?i)\b[a-z][a-z0-9+.-]{1,30}://(?P<s>[^\s/@:]{0,99}:[^\s/]{1,200})@"),
        (
            "credentials",
            r"(?i)\bauthorization\W{0,3}[:=]\W{0,4}"
            r"(?P<s>(?:basic|bearer|token|negotiate|ntlm|apikey)\s[^\"'\r\n]{3,}"
            r"|(?:digest|aws\S{0,30})\s[^\r\n]{3,})",
        ),
        ("cookie", r"(?i)\bcookie\W{0,2}:\s{0,3}(?P<s>[^\s=;:]{1,99}=[^\"'\r\n]+)"),
        ("token", r"(?i)\bbearer\s{1,3}(?P<s>(?=\S{0,99}[0-9])[\w.~+/-]{6,}={0,2})(?![\w=])"),
        ("token", r"\b(?P<s>eyJ[\w-]{8,}(?:\.[\w-]*){0,4})"),  # JSON web token
        ("key", r"\b(?P<s>A(?:KI|SI|GP|ID|RO|NP|NV|BI|CC)A(?=[A-Z]{0,23}[0-9])[A-Z0-9]{9,24})\b"),
        ("token", r"\b(?P<s>gh[pousr]_\w{12,}|github_pat_\w{12,}|gl[a-z]{1,5}[-0][\w-]{16,})"),
        ("token", r"\b(?P<s>xox[a-z][-.0][\w.-]{8,}|xapp[-0][\w-]{8,})"),  # Slack
        ("token", r"hooks\.slack\.com/(?P<s>[\w/]{8,})"),
        ("token", r"\b(?P<s>[srp]k_(?:live|test)_\w{8,}|whsec_\w{12,}|sk[-0][\w-]{16,})"),
        (
            "token",
            r"\b(?P<s>AIza[\w-]{16,}|ya(?:29\.|0\.?)[\w-]{10,}|GOCSPX[-0][\w-]{10,}|hf_\w{16,})",
        ),
        (
            "token",
            r"\b(?P<s>npm_\w{16,}|pypi[-0][\w-]{16,}|hv[bs]\.[\w-]{16,}|do[opr]_v[01]_?\w{9,})",
        ),
        ("token", r"\b(?P<s>SG\.[\w-]{10,}\.[\w-]{10,}|shp(?:at|ca|pa|ss)_\w{9,})"),
        (
            "password",
            r"(?i)\bcurl\s(?:.{0,99}\s)?(?:-u|--user)[\s=]{0,3}(?P<o>[\"'])?[^\s:]{1,99}?[:0]"
            r"(?P<s>(?!\[masked)(?(o)(?:(?!(?P=o))[\s\S])+|\S+))",
        ),
        (
            "password",
            r"(?i)\b(?:mysql\w{0,9}\s(?:.{0,99}\s)?-p(?!ort|id)|sshpass\s{1,3}-p\s{0,3})"
            rf"(?!\[masked){VALUE}",
        ),
        ("e-mail", r"(?i)\bmailto:(?P<s>[^\s\"'<>?&;,@]{1,99}@[^\s\"'<>?&;,]{1,200})"),
        (
            "e-mail",
            r"(?<![\w.+-])(?P<s>[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}"
            r"(?!(?:service|slice|socket|scope|target|timer|mount|device|path|conf|log)\b)"
            r"[A-Za-z]{2,24})(?![\w-])",
        ),
        # The host was masked. A name with a capital is a Java object and its address.
        (
            "e-mail",
            r"(?<![\w.+/-])(?=[0-9_.+-]{0,64}[a-z])(?P<s>[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64}){0,4}@0)(?![\w.])",
        ),
    )
)

# A name that says that what follows is secret: `db_password=`, "apiKey": ", --token, secret => .
PASSWORD = r"pass(?:word|wd|phrase|code)|pwd"
NAME = (
    rf"(?P<name>(?:{PASSWORD}|secret|token|credential"
    r"|(?:api|access|private|account|encryption|session|signing|auth|master|shared)[_-]?key"
    r"|(?:[?&]sig)|(?<!by)(?<!com)(?<!tres)pass(?![a-z_.-])|pw(?![a-z_.-])|(?:jsession|phpsess)id)"
    r"s?(?P<of>[_.-]\w{1,30}|(?-i:[A-Z])\w{0,30}|[0-9]{1,3})?)"
)
WHOSE = rf"\b(?P<name>{PASSWORD})(?P<of>s?)\s{{1,3}}(?:for|of)(?:\s{{1,3}}\S{{1,64}}?){{1,3}}?"
LIST = r"(?:[\[({]{1,2}\s{0,2}(?=[\\\"']))?"
NAMED = tuple(
    re.compile(rf"(?i){before}{VALUE}")
    for before in (
        rf"{NAME}[\\\"']{{0,8}}(?:\s{{0,3}}(?:[=-]>|[:=]?=|:)\s{{0,3}}|>){LIST}",
        rf"(?<!\S)--?{NAME}\s{{1,3}}(?!-)",
        rf"{WHOSE}\s?[:=]\s{{1,3}}",
    )
)
# In prose a plain word is no secret: "the password is too short", "password authentication".
IS = r"(?:\s{1,3}(?:is|was|(?:re)?set to|changed to)\s{1,3})"
PROSE = tuple(
    re.compile(rf"(?i){before}(?={VALUE})")
    for before in (
        rf"\b{NAME}{IS}",
        rf"{WHOSE}(?:{IS}|[:=](?!//))",
        rf"\b(?P<name>{PASSWORD})(?P<of>s?)\s{{1,3}}",
        # `pass 2 of 3`, `pass 'x' to it`
        r"(?<![\w-])(?P<name>pass|pw)(?P<of>)\s{1,3}(?=[a-z])",
    )
)
ABOUT = re.compile(  # `token_type`, `passwordLength`: of a secret, but not the secret
    r"[_.-]?(?:name|type|count|len(?:gth)?|size|exp\w*|ttl|path|file\w*|dir|policy|status|state|ur[il]"
    r"|endpoint|limit|used|age|version|field|valid\w*|enabled|required|error|code|provider|format"
    r"|manager|service|class|min\w*|max\w*)",
    re.IGNORECASE,
)
STATE = re.compile(  # `token: expired`
    r"null|none|nil|true|false|yes|no|empty|missing|expired|(?:in)?valid|(?:in)?correct|wrong|denied"
    r"|rejected|accepted|required|unknown|undefined|failed|failure|error|ok|not|is|was|has|for|the|an?"
    r"|authentication|unauthorized|mismatch|changed|updated|(?:re|un)?set|disabled|enabled|bearer"
    r"|basic|string|str|int|bytes|object|default|redacted|masked|hidden|removed|token"
    r"|permission|must|cannot|too|please|already|successful(?:ly)?",
    re.IGNORECASE,
)
CARD = re.compile(r"(?<![\w.-])(?P<s>[3-6][0-9](?:[ -]?[0-9]){11,17})(?![\w-]|\.[0-9])")
LONG = re.compile(r"(?<![\w+/=-])(?P<s>[A-Za-z0-9_+/-]{32,}={0,2})(?![\w+/-])")


def mask_of(secrets: bool) -> Mask:
    """What texts become where they are shown; `secrets`: those in them are masked."""
    return redact if secrets else str


def redact(text: str) -> str:
    """`text` with every secret found in it replaced by `[masked password]` and the like."""
    plain, starts, ends = _plain(text)
    out, done = [], 0
    for start, end, kind in _merged(sorted(_found(plain), key=itemgetter(0))):
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
    for kind, pattern in FORMS:
        for m in pattern.finditer(plain):
            yield *m.span("s"), kind
    for pattern in (*NAMED, *PROSE):
        for m in pattern.finditer(plain):
            name = m["name"].lower()
            if pattern in PROSE and not (m["d"] or m["a"] or m["e"] or _is_telling(m["s"])):
                continue
            if not _is_ordinary(name, m["of"] or "", m["s"]):
                yield *m.span("s"), "password" if name.startswith(("pass", "pw")) else "secret"
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
