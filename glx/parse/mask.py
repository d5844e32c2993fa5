"""Masks: the parts of a text that vary become `<*>`.

In: texts, or collapsed lines (`glx/parse/digits.py`), which are few. Out: masked texts.
"""

import polars as pl

from glx.parse.digits import DIGITS, HIDDEN, Block, join_lines
from glx.sequences import WILDCARD

MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
DOMAIN = "com|net|org|edu|gov|io|cn|de|uk|jp|kr|fr|br|ru|it|nl|hk|tw|in"
MASKS = (  # a pattern, and a part without which it cannot match, which is found faster
    (r"\b[a-z][a-z0-9+]*://[^\s\"'<>\]\),;]+", "://"),  # URL
    (r"(?:[\w.\-$]*/)+[\w.\-$]*0[\w.\-$/]*", "/"),  # path with a number in it
    (r"\b[0-9a-fA-F]+(?:-[0-9a-fA-F]+){4}\b", "-"),  # UUID
    (  # date in words
        rf"\b(?:{DAY},? )?(?:{MONTH} +0|0 {MONTH})(?: 0:0:0(?: 0)?| 0(?: 0:0:0)?)?\b",
        MONTH,
    ),
    (r"\b0x[0-9a-fA-F]+\b|\b(?:[a-fA-F]*0){3,}[a-fA-F]*\b", "0"),  # hexadecimal
    (rf"\b(?:[\w-]+\.)+(?:{DOMAIN})(?:\.[a-z]{{2}})?(?::0)?\b", rf"\.(?:{DOMAIN})"),  # host name
    (r"[-+]?0(?:[.:,]0)*", "0"),  # number, address, port, clock time
    (r"<\*>(?:[.:,/_+\-]?<\*>)+", r"<\*>.?<"),  # what of it is left in pieces
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
    for pattern, part in MASKS:
        if texts.str.contains(part).any():
            texts = texts.str.replace_all(pattern, WILDCARD)
    texts = texts.str.replace_many(HIDDEN, DIGITS)
    return texts.str.replace_all(SPACES, " ").str.strip_chars()
