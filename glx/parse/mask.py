"""Masks: the parts of a text that vary become `<*>`.

In: texts, or collapsed lines (`glx/parse/digits.py`), which are few. Out: masked texts.
"""

import polars as pl

from glx.parse.digits import DIGITS, HIDDEN, Block, join_lines
from glx.sequences import WILDCARD

MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
DOMAIN = "com|net|org|edu|gov|io|cn|de|uk|jp|kr|fr|br|ru|it|nl|hk|tw|in"
EDGE = r"(?-u:\b)"  # of a word in ASCII: there is one between a Chinese character and a digit
WORD = r"[A-Za-z0-9_.\-$]"
ALNUM = "[A-Za-z0]"
ODD = "(?:[A-Z0][a-z][A-Z0]|[a-z][A-Z]0|[a-z][A-Z][a-z]?[A-Z])"  # as in aZ09bQ, not in camelCase
CONSONANT = "[bcdfghjklmnpqrstvwxz0]"  # what Kubernetes makes names of
NUMBER = r"[-+]?0(?:[.,]0)*"
BYTES = r"(?:[kKMGTP]i?[Bb]|[Bb]ytes?|B)"
LONG_TIME = r"(?:ms|us|µs|ns|msecs?|secs?|seconds?|mins?|minutes?|hrs?|hours|days|m\w+seconds?)"
ITEM = r"(?:[A-Za-z]{0,8}[_\-]?<\*>)"
NESTED = r"(?:[^\[\]]|\[[^\[\]]*\])"  # in brackets
# A pattern; a part without which it cannot match, which is found faster; what takes its place.
MASKS = (
    # A thread's name before a logger's, or a class and line.
    (r"^\[[^\[\]]*\] +([\w$]+(?:\.[\w$]+)+ ?:)", r"^\[", "[<*>] ${1}"),
    (rf"^\[{NESTED}*:([\w$]+[@:]0\] )", r"^\[", "[<*>:${1}"),
    (r"\b[a-z][a-z0-9+]*://[^\s\"'<>\]\),;]+", "://", WILDCARD),  # URL
    (rf"{EDGE}[A-Za-z0-9.+_\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+", "@", WILDCARD),  # e-mail
    (rf"@{ALNUM}*0{ALNUM}*", "@", WILDCARD),  # what Java prints of an object after its class
    (r"(?:\b[A-Za-z]:\\|\\\\[\w.\-]+\\)[^\s\"'<>|,;)\]]*", r"\\", WILDCARD),  # path of Windows
    (  # path with a number in it, and a query
        rf"(?:{WORD}*/)+{WORD}*0(?:{WORD}|/)*(?:\?[^\s\"']*)?",
        "/",
        WILDCARD,
    ),
    (rf"{EDGE}{WORD}+\.exe{EDGE}(?: \*0)?", r"\.exe", WILDCARD),  # program of Windows, 32 bits
    (r"\b[0-9a-fA-F]+(?:-[0-9a-fA-F]+){4}\b", "-", WILDCARD),  # UUID
    (  # date in words
        rf"\b(?:{DAY},? )?(?:{MONTH} +0|0 {MONTH})(?: 0:0:0(?: 0)?| 0(?: 0:0:0)?)?\b",
        MONTH,
        WILDCARD,
    ),
    (rf"{EDGE}eyJ[\w\-]+(?:\.[\w\-]+)+", "eyJ", WILDCARD),  # JSON web token
    (rf"{EDGE}[A-Za-z+/]*0[A-Za-z0+/]{{8,}}={{1,2}}([^\w=]|$)", "=", "<*>${1}"),  # base64
    (rf"{EDGE}0-0-0[T ]0:0:0(?:[.,]0)?(?:Z|[+\-]0(?::0)?)?", "0-0-0", WILDCARD),  # date and time
    (  # IPv6 address, MAC address
        rf"{EDGE}(?:[a-f0]{{1,8}}:)+:(?:[a-f0]+:)*[a-f]*0[a-f0]*{EDGE}"
        rf"|{EDGE}(?:[a-fA-F0]{{1,8}}[:\-]){{5,7}}[a-fA-F0]{{1,8}}{EDGE}",
        "[:-]",
        WILDCARD,
    ),
    (rf"{EDGE}0x[0-9a-fA-F]+{EDGE}", "0x", WILDCARD),
    (  # name of a pod: of its deployment the rest remains
        rf"-{CONSONANT}{{1,10}}-{CONSONANT}{{0,4}}0{CONSONANT}{{0,4}}{EDGE}"
        rf"|-{CONSONANT}*0{CONSONANT}*-{CONSONANT}{{1,5}}{EDGE}",
        "-.*-",
        WILDCARD,
    ),
    (  # id of letters and digits
        rf"{EDGE}[a-z]{{1,8}}_{ALNUM}{{3,}}{ODD}{ALNUM}{{2,}}{EDGE}"
        rf"|{EDGE}(?:[a-z]{{1,8}}_)?{ALNUM}*0[A-Za-z]+0{ALNUM}*{EDGE}"
        rf"|{EDGE}[A-Za-z]*0{ALNUM}*{ODD}{ALNUM}{{3,}}{EDGE}"
        rf"|{EDGE}{ALNUM}{{2,}}{ODD}{ALNUM}*0{ALNUM}*{EDGE}",
        "[A-Za-z]",
        WILDCARD,
    ),
    (rf"{EDGE}(?:[a-f]*0[a-f]+|[A-F]*0[A-F]+|[a-f]{{4,}}0|[A-F]{{4,}}0){EDGE}", "0", WILDCARD),
    (rf"\b(?:[\w-]+\.)+(?:{DOMAIN})(?:\.[a-z]{{2}})?(?::0)?\b", rf"\.(?:{DOMAIN})", WILDCARD),
    (rf"([ (=:])[<>~]({NUMBER})", "[<>~]", "${1}${2}"),  # less than a second
    (  # size, in bytes and in words
        rf"{NUMBER} ?{BYTES}{EDGE}(?: \({NUMBER} ?{BYTES}\))?",
        "0 ?[kKMGTPBb]",
        WILDCARD,
    ),
    (rf"{NUMBER} ?{LONG_TIME}{EDGE}|(?:0(?:[.,]0)?(?:[dhms]|ms)){{1,4}}{EDGE}", "0", WILDCARD),
    (r"[-+]?0(?:[.:,]0)*", "0", WILDCARD),  # number, address, port, clock time
    (r"\b((?:for|of|by|as|to) user )[A-Za-z][\w.\-]*", "user", "${1}<*>"),
    (r"<\*>(?:[.:,/_+\-]?<\*>)+", r"<\*>.?<", WILDCARD),  # what of it is left in pieces
    (
        rf"\b(?:{ITEM}[,;]? ){{2,}}{ITEM}|(?:<\*>[,;]? ){{2,}}{ITEM}",
        r"<\*>[,;]? ",
        WILDCARD,
    ),  # list
    # A bracket of nothing but ids and what stands for one that is not there.
    (r"\[(?:[a-z]{1,8}-)?(?:<\*>|-)(?: (?:<\*>|-))*\]", r"\[", "[<*>]"),
)
SPACES = r"\s{2,}|[^\S ]"  # all but a single plain space, of which most are


def mask(texts: pl.Series) -> pl.Series:
    """Masked texts, one for each text (str; null reads as empty). Runs of spaces become one."""
    if not len(texts):
        return texts
    lines, codes = Block.of(join_lines(texts)).collapsed()
    return mask_collapsed(lines).gather(codes)


def mask_collapsed(texts: pl.Series) -> pl.Series:
    """Masked texts of collapsed ones."""
    for pattern, part, value in MASKS:
        if texts.str.contains(part).any():
            texts = texts.str.replace_all(pattern, value)
    texts = texts.str.replace_many(HIDDEN, DIGITS)
    return texts.str.replace_all(SPACES, " ").str.strip_chars()
