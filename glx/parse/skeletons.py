"""Skeletons (a line with a run of digits as one `0`) to header, level and masked text.

In: distinct skeletons of a block (`glx/parse/mask.py`) and the header of its layout. Out: of each
the masked text with the level before it, the level, and whether the header fits.
"""

import re

import numpy as np
import polars as pl

from glx.parse.mask import mask_skeletons
from glx.parse.shapes import distinct_codes, first_places

SEVERE = (
    *("WARN", "WARNING", "ERROR", "ERR", "SEVERE", "FAILURE", "CRITICAL", "CRIT", "ALERT"),
    *("EMERG", "FATAL", "W", "E", "F", "C"),
)
TEXT = "(?P<text>.*)$"  # what most headers end in
NAMED = re.compile(r"(?<!\\)\(\?P<\w+>")  # the start of a named group
MAX_KNOWN = 50_000  # skeletons whose reading is remembered
Known = dict[str, tuple[str, str | None, bool]]  # skeleton -> masked text, level, header fits


def known_skeletons(
    skeletons: pl.Series, header: str | None, known: Known
) -> tuple[pl.Series, pl.Series, np.ndarray]:
    """`read_skeletons` of those that are not in `known`, which is added to."""
    lines = skeletons.to_list()
    new = [line for line in lines if line not in known]
    fresh: Known = {}
    if new:
        parts = read_skeletons(pl.Series(new, dtype=pl.String), header)
        fresh = dict(zip(new, zip(*parts, strict=True), strict=True))
    if len(known) < MAX_KNOWN:
        known.update(fresh)
    read = [fresh[line] if line in fresh else known[line] for line in lines]
    masked, levels, fits = zip(*read, strict=True) if read else ((), (), ())
    text = pl.Series(masked, dtype=pl.String)
    return text, pl.Series(levels, dtype=pl.String), np.array(fits, dtype=bool)


def read_skeletons(text: pl.Series, header: str | None) -> tuple[pl.Series, pl.Series, np.ndarray]:
    """Masked text, level and whether the header fits, of each; if it does not, all is text."""
    fits = pl.repeat(True, len(text), eager=True)
    levels = pl.repeat(None, len(text), dtype=pl.String, eager=True)
    if header is not None:
        rest, levels, fits = cut_headers(text, over_skeletons(header))
        text = rest.zip_with(fits, text)
    return with_level(mask_skeletons(text), levels), levels, fits.to_numpy()


def cut_headers(lines: pl.Series, header: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Text, level in capitals and whether the header fits, of each line.

    Groups take long to find. Where a header ends in the text, what stands before it differs little
    from line to line: groups are looked for in one line of each kind.
    """
    before = header.removesuffix(TEXT)
    if before == header:
        return header_groups(lines, header)
    heads = lines.str.extract(f"^(?:{NAMED.sub('(?:', before)})", 0)
    if lines.filter(heads.is_null()).str.contains(header).any():  # it fits, further on
        return header_groups(lines, header)
    length = heads.str.len_chars()
    # What follows is part of the kind: a pattern may ask for it (`\b`, `$`).
    kinds = heads + "\n" + lines.str.slice(length, 1)
    codes = distinct_codes(kinds.fill_null("\n\n"))[1]
    _, levels, fits = header_groups(lines.gather(first_places(codes)), header)
    return lines.str.slice(length.fill_null(0)), levels.gather(codes), fits.gather(codes)


def header_groups(lines: pl.Series, header: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """`cut_headers`, line by line."""
    parts: pl.DataFrame = lines.str.extract_groups(header).struct.unnest()
    none = pl.repeat(None, len(lines), dtype=pl.String, eager=True)
    levels = parts["level"].str.to_uppercase() if "level" in parts.columns else none
    return parts["text"], levels, parts["text"].is_not_null()


def with_level(texts: pl.Series, levels: pl.Series) -> pl.Series:
    """Texts with the level before them from WARN up: the same words at ERROR are another event."""
    severe = levels.is_in(SEVERE).fill_null(False)
    return (levels + " " + texts).str.strip_chars_end().zip_with(severe, texts)


def over_skeletons(pattern: str) -> str:
    """The pattern, matching a skeleton where it matched the line: a run of digits is one digit."""
    digit = r"(?:\\d|\[[0-9-]+\]|[0-9])"
    count = r"(?:\{[^}]*\}|[+*?])"
    other = r"\\.|\[(?:\\.|[^\]])*\]|\{[^}]*\}|\(\?P<\w+>"
    parts = re.compile(rf"(?P<run>(?:{digit}{count}?)+)|{other}")
    may_miss = re.compile(rf"{digit}(?:[*?]|\{{0?,[0-9]*\}})")

    def one(match: re.Match) -> str:
        run = match["run"]
        return match[0] if not run else "[0-9]*" if may_miss.fullmatch(run) else "[0-9]+"

    return parts.sub(one, pattern)
