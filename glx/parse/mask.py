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
LABEL = r"[A-Za-z0-9_\-]+"
ALNUM = "[A-Za-z0]"
ODD = "(?:[A-Z0][a-z][A-Z0]|[a-z][A-Z]0|[a-z][A-Z][a-z]?[A-Z])"  # as in aZ09bQ, not in camelCase
BASE64 = "[A-Za-z0+/]"
CONSONANT = "[bcdfghjklmnpqrstvwxz0]"  # what Kubernetes makes names of
NUMBER = r"0(?:[.,]0)*"
BYTES = r"(?:[kKMGTP]i?[Bb]|[Bb]ytes?|B)"
LONG_TIME = r"(?:[mu]s|µs|ns|msecs?|secs?|seconds?|mins?|minutes?|hrs?|hours|days|m[a-z]+seconds?)"
UUID = rf"{EDGE}(?:[a-z]+_)?[0-9a-fA-F]+(?:-[0-9a-fA-F]+){{4}}{EDGE}"
NUMBERED = "|".join(  # the first that matches; a sign before it is part of it
    (
        UUID,
        # Date in words, date and time.
        rf"{EDGE}(?:{DAY},? )?(?:{MONTH} +0|0 {MONTH})(?: 0:0:0(?: 0)?| 0(?: 0:0:0)?)?{EDGE}",
        rf"{EDGE}0-0-0[T ]0:0:0(?:[.,]0)?(?:Z|[+\-]0(?::0)?)?",
        rf"{EDGE}eyJ{LABEL}(?:\.{LABEL})+",  # JSON web token
        # IPv6 address, MAC address.
        rf"{EDGE}(?:[a-f0]+:)+:(?:[a-f0]+:)*[a-f]*0[a-f0]*{EDGE}",
        rf"{EDGE}(?:[a-fA-F0]+[:\-]){{5,7}}[a-fA-F0]+{EDGE}",
        rf"{EDGE}0x[0-9a-fA-F]+{EDGE}",
        # Id of letters and digits.
        rf"{EDGE}[a-z]+_{ALNUM}+{ODD}{ALNUM}{{4,}}{EDGE}",
        rf"{EDGE}(?:[a-z]+_)?{ALNUM}*0[A-Za-z]+0{ALNUM}*{EDGE}",
        rf"{EDGE}[A-Za-z]*0{ALNUM}*{ODD}{ALNUM}{{3,}}{EDGE}",
        rf"{EDGE}{ALNUM}{{2,}}{ODD}{ALNUM}*0{ALNUM}*{EDGE}",
        rf"{EDGE}(?:[a-f]*0[a-f]+|[A-F]*0[A-F]+|[a-f]{{4,}}0|[A-F]{{4,}}0){EDGE}",
        # Size, in bytes and in words; a length of time.
        rf"{NUMBER} ?{BYTES}{EDGE}(?: \({NUMBER} ?{BYTES}\))?",
        rf"{NUMBER} ?{LONG_TIME}{EDGE}",
        rf"(?:0(?:[.,]0)?(?:[dhms]|ms))+{EDGE}",
        rf"0(?:[.:,]0{EDGE})*",  # number, address, port, clock time
    )
)
VALUES = "|".join(  # the same
    (
        r"[a-z][a-z0-9+]*://[^\s\"'<>\]\),;]+",  # URL
        rf"{EDGE}[A-Za-z0-9.+_\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+",  # e-mail
        rf"@{ALNUM}*0{ALNUM}*",  # what Java prints of an object after its class
        r"(?:\b[A-Za-z]:\\|\\\\[\w.\-]+\\)[^\s\"'<>|,;)\]]*",  # path of Windows
        rf"(?:{WORD}*/)+{WORD}*0(?:{WORD}|/)*(?:\?[^\s\"']*)?",  # path with a number, and a query
        rf"{EDGE}{WORD}+\.exe{EDGE}(?: \*0)?",  # program of Windows, of 32 bits
        rf"-{UUID}",  # before the next two, which a part of one may look like
        # Name of a pod: of its deployment the rest remains.
        rf"-{CONSONANT}+-{CONSONANT}*0{CONSONANT}*{EDGE}",
        rf"-{CONSONANT}*0{CONSONANT}*-{CONSONANT}+{EDGE}",
        rf"{EDGE}(?:{LABEL}\.)+(?:{DOMAIN})(?:\.[a-z]{{2}})?(?::0)?{EDGE}",  # host name
        rf"[-+]?(?:{NUMBERED})",
    )
)
NESTED = r"(?:[^\[\]]|\[[^\[\]]*\])"  # in brackets
ITEM = r"(?:[A-Za-z]{0,8}[_\-]?<\*>)"
# A pattern; a part without which it cannot match, which is found faster, or None; what takes its
# place. Few patterns: Polars remembers some 30 that were compiled.
MASKS = (
    # A thread's name before a logger's, or a class and line.
    (rf"^\[{NESTED}*\] +([\w$]+(?:\.[\w$]+)+ ?:)", "[", "[<*>] ${1}"),
    (rf"^\[{NESTED}*:([\w$]+[@:]0\] )", "[", "[<*>:${1}"),
    (rf"([ (=:])<({NUMBER})", "<0", "${1}${2}"),  # less than a second
    (  # base64
        rf"{EDGE}(?:{BASE64}*0{BASE64}{{8,}}|{BASE64}{{8,}}0{BASE64}*)={{1,2}}([^\w=]|$)",
        "=",
        "<*>${1}",
    ),
    (VALUES, None, WILDCARD),
    (r"\b((?:for|of|by|as|to) user )[A-Za-z][\w.\-]*", " user ", "${1}<*>"),
    (r"<\*>(?:[.:,/_+\-]?<\*>)+", "<*>", WILDCARD),  # what of it is left in pieces
    (rf"\b(?:{ITEM}[,;]? ){{2,}}{ITEM}|(?:<\*>[,;]? ){{2,}}{ITEM}", "<*>", WILDCARD),  # list
    # A bracket of nothing but ids and what stands for one that is not there.
    (r"\[(?:[a-z]{1,8}-?)?(?:<\*>|-)(?: (?:<\*>|-))*\]", "[", "[<*>]"),
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
        if part is None or texts.str.contains(part, literal=True).any():
            texts = texts.str.replace_all(pattern, value)
    texts = texts.str.replace_many(HIDDEN, DIGITS)
    return texts.str.replace_all(SPACES, " ").str.strip_chars()
