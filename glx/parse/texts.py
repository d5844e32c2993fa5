"""Collapsed lines (`glx/parse/digits.py`) to masked texts without header, but with severe levels.

In: distinct collapsed lines of a block and the header of its layout. Out: of each the masked text
with the level before it from WARN up, the level, and whether the header fits.
"""

import re

import numpy as np
import polars as pl

from glx.parse.digits import HIDDEN, distinct_codes, first_places
from glx.parse.levels import SEVERE, standard_levels
from glx.parse.mask import mask_collapsed

TEXT = "(?P<text>.*)$"  # what most headers end in
NAMED = re.compile(r"(?<!\\)\(\?P<\w+>")  # the start of a named group
DIGIT = f"[0-9{HIDDEN[0]}-{HIDDEN[9]}]"  # of a collapsed line, also if its number is kept
# The request of an access log whose status, in its usual place, says that the server failed.
FAILED_REQUEST = (
    r"\b(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) \S+ (?:\S+\" )?5[0-9][0-9](?:\s|$)"
    r"| 5[0-9][0-9] \S+ \S+ \S+ [A-Za-z\-]{4} <\*> "  # HAProxy
)
MAX_CACHED = 50_000  # collapsed lines
TextCache = dict[str, tuple[str, str | None, bool]]  # collapsed line -> text, level, header fits


def cached_texts(
    collapsed: pl.Series, header: str | None, cache: TextCache
) -> tuple[pl.Series, pl.Series, np.ndarray]:
    """`masked_texts` of the lines that `cache` lacks, which is added to; the others from there."""
    lines = collapsed.to_list()
    new = [line for line in lines if line not in cache]
    added: TextCache = {}
    if new:
        parts = masked_texts(pl.Series(new, dtype=pl.String), header)
        added = dict(zip(new, zip(*parts, strict=True), strict=True))
    if len(cache) < MAX_CACHED:
        cache.update(added)
    found = [added[line] if line in added else cache[line] for line in lines]
    masked, levels, fits = zip(*found, strict=True) if found else ((), (), ())
    text = pl.Series(masked, dtype=pl.String)
    return text, pl.Series(levels, dtype=pl.String), np.array(fits, dtype=bool)


def masked_texts(lines: pl.Series, header: str | None) -> tuple[pl.Series, pl.Series, np.ndarray]:
    """Masked text, level and whether the header fits, of each; if it does not, all is text.

    A request that a server failed to answer (a status from 500 on, in an access log) is at ERROR.
    """
    fits = pl.repeat(True, len(lines), eager=True)
    levels = pl.repeat(None, len(lines), dtype=pl.String, eager=True)
    if header is not None:
        rest, levels, fits = cut_headers(lines, collapsed_pattern(header))
        lines = rest.zip_with(fits, lines)
    texts = mask_collapsed(lines)
    failed = texts.str.contains(FAILED_REQUEST) & levels.is_null()
    if failed.any():
        levels = pl.repeat("ERROR", len(texts), dtype=pl.String, eager=True).zip_with(
            failed, levels
        )
    return with_level(texts, levels), levels, fits.to_numpy()


def cut_headers(lines: pl.Series, header: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Text, level and whether the header fits, of each line.

    Regular expressions with groups are slow. Where the text is the end of the pattern, few lines
    differ in what precedes it: groups are searched for in one line of each such kind.
    """
    before = header.removesuffix(TEXT)
    if before == header:
        return header_groups(lines, header)
    heads = lines.str.extract(f"^(?:{NAMED.sub('(?:', before)})", 0)
    if lines.filter(heads.is_null()).str.contains(header).any():  # it fits further on
        return header_groups(lines, header)
    length = heads.str.len_chars()
    # The next character belongs to the kind: a pattern may depend on it (`\b`, `$`).
    kinds = heads + "\n" + lines.str.slice(length, 1)
    codes = distinct_codes(kinds.fill_null("\n\n"))[1]
    _, levels, fits = header_groups(lines.gather(first_places(codes)), header)
    return lines.str.slice(length.fill_null(0)), levels.gather(codes), fits.gather(codes)


def header_groups(lines: pl.Series, header: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """`cut_headers`, line by line."""
    parts: pl.DataFrame = lines.str.extract_groups(header).struct.unnest()
    none = pl.repeat(None, len(lines), dtype=pl.String, eager=True)
    levels = standard_levels(parts["level"]) if "level" in parts.columns else none
    return parts["text"], levels, parts["text"].is_not_null()


def with_level(texts: pl.Series, levels: pl.Series) -> pl.Series:
    """Texts with the level before them from WARN up: the same words at ERROR are another event."""
    severe = levels.is_in(SEVERE).fill_null(False)
    return (levels + " " + texts).str.strip_chars_end().zip_with(severe, texts)


def collapsed_pattern(pattern: str) -> str:
    """A pattern that fits a collapsed line where `pattern` fits the line itself."""
    digit = r"(?:\\d|\[[0-9-]+\]|[0-9])"
    count = r"(?:\{[^}]*\}|[+*?])"
    other = r"\\.|\[(?:\\.|[^\]])*\]|\{[^}]*\}|\(\?P<\w+>"
    parts = re.compile(rf"(?P<run>(?:{digit}{count}?)+)|{other}")
    may_miss = re.compile(rf"{digit}(?:[*?]|\{{0?,[0-9]*\}})")

    def one(match: re.Match) -> str:
        run = match["run"]
        return match[0] if not run else DIGIT + "*+"[may_miss.fullmatch(run) is None]

    return parts.sub(one, pattern)
