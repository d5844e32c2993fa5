"""Shapes: lines that differ in nothing but their digits' values are one; a log has few.

In: a block of raw lines. Out: `Shapes`, its distinct ones and which one each line has. Where a
pattern finds something in a line depends on the line's shape alone, so it looks at the distinct
ones; what it found is then cut out of all lines at once.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

CHUNK = 1 << 17  # bytes: the arrays of one chunk stay in the cache
WIDEST = 256  # bytes of what is cut out at once
# A regular expression (Rust syntax) to which one digit is as good as another: it names none but in
# counts and as all of them.
BLIND = re.compile(
    r"(?:\\[^0-9xuUpP]|\{[0-9,]*\}|\[(?:\\[^0-9xuUpP]|(?<!-)0-9|[^\]\\0-9])*\]|[^0-9\\\[{])*",
    re.DOTALL,
)


@dataclass(frozen=True)
class Shapes:
    """The lines of a block by their shape.

    Attributes:
      raw: the block, clean UTF-8.
      distinct: `D` shapes (str) in order of first appearance; their digits are all 9.
      codes: u32, for each of the `N` lines the place of its shape among them.
    """

    raw: bytes
    distinct: pl.Series
    codes: pl.Series

    @classmethod
    def of(cls, raw: bytes) -> "Shapes":
        """The shapes of the lines of `raw`."""
        return cls(raw, *distinct_codes(split_lines(level_digits(raw))))

    @property
    def many(self) -> bool:
        """Whether shapes are so many that it does not pay to look at them before the lines."""
        return 2 * len(self.distinct) > len(self.codes)

    @cached_property
    def starts(self) -> np.ndarray:
        """`<int64>[N]` the byte at which each line starts, where none ends in CR."""
        lengths = self.distinct.str.len_bytes().gather(self.codes).to_numpy()
        return np.cumsum(np.append(0, lengths[:-1].astype(np.int64) + 1))

    @cached_property
    def lines(self) -> pl.Series:
        """The lines themselves."""
        return split_lines(self.raw)

    def extract(self, pattern: str, group: int = 0) -> pl.Series:
        """A group of the first match in each line (str), null where there is none."""
        spans = self.spans(pattern, group)
        return self.lines.str.extract(pattern, group) if spans is None else self.cut(*spans)

    def spans(self, pattern: str, group: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Where the group is in `raw`: `<int64>[N]` its first byte and its bytes, -1 if nowhere.

        None where the lines had better be looked at themselves: because the pattern can tell
        digits apart, shapes are many, a place is not certain, what was found is long, or there are
        CRs, which Polars leaves out at the end of a line.
        """
        if self.many or not BLIND.fullmatch(pattern) or b"\r" in self.raw:
            return None
        line = pl.col("line")
        at, match, part = self.distinct.to_frame("line").select(
            line.str.find(pattern),
            line.str.extract(pattern, 0).alias("match"),
            line.str.extract(pattern, group).alias("part"),
        )
        before = [_only_place(*pair) for pair in zip(match.to_list(), part.to_list(), strict=True)]
        length = part.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy()
        if None in before or length.max(initial=0) > WIDEST:
            return None
        start = at.cast(pl.Int64).fill_null(0).to_numpy() + np.array(before, dtype=np.int64)
        codes = self.codes.to_numpy()
        return self.starts + start[codes], length[codes]

    def cut(self, starts: np.ndarray, lengths: np.ndarray) -> pl.Series:
        """`raw[start : start + length]` for each start (str), null where the length is negative."""
        if not len(starts):
            return pl.Series([], dtype=pl.String)
        ends = np.maximum(lengths, 0)
        width = int(ends.max()) + 1  # a line break after each
        raw = self.raw if len(self.raw) > width else self.raw + bytes(width)
        windows = np.ndarray(len(raw) - width + 1, f"V{width}", raw, strides=(1,))
        texts = windows[np.minimum(starts, len(windows) - 1)]
        texts = texts.view(np.uint8).reshape(len(starts), width)
        for row in np.flatnonzero(starts >= len(windows)):  # the last few
            text = raw[starts[row] : starts[row] + ends[row]]
            texts[row, : len(text)] = np.frombuffer(text, np.uint8)
        texts[np.arange(len(texts)), ends] = ord("\n")
        if ends.min() < width - 1:
            texts = texts[np.arange(width) <= ends[:, None]]
        cut = split_lines(texts.tobytes())
        if lengths.min() >= 0:
            return cut
        return cut.zip_with(pl.Series(lengths >= 0), pl.Series([None], dtype=pl.String))


def _only_place(match: str | None, part: str | None) -> int | None:
    """The byte of `match` at which `part` starts; None if it could be at two. Nothing is at 0."""
    if match is None or part is None or part == match:
        return 0
    at = match.find(part)
    return len(match[:at].encode()) if at == match.rfind(part) else None


def level_digits(raw: bytes) -> bytes:
    """Every digit becomes a 9. With arrays: NumPy is slow at the maximum of one and a number."""
    characters = np.frombuffer(raw, dtype=np.uint8)
    level, nine = np.empty_like(characters), np.full(CHUNK, 9, dtype=np.uint8)
    for start in range(0, len(characters), CHUNK):
        out = level[start : start + CHUNK]
        np.subtract(characters[start : start + CHUNK], 48, out=out)  # below "0" wraps around
        np.maximum(out, nine[: len(out)], out=out)
        np.add(out, 48, out=out)
    return level.tobytes()


def split_lines(raw: bytes) -> pl.Series:
    """The lines of `raw` (UTF-8) as a series of str."""
    if len(raw) < CHUNK:  # Polars is slow to start
        return pl.Series(raw.decode().removesuffix("\n").split("\n"), dtype=pl.String)
    return pl.read_lines(raw).to_series()


def distinct_codes(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Distinct values in order of first appearance, and each value's place among them (u32)."""
    if not len(values):
        return values, pl.Series([], dtype=pl.UInt32)
    codes = values.cast(pl.Categorical(pl.Categories.random())).to_physical()
    return values.gather(first_places(codes)), codes


def first_places(codes: pl.Series) -> np.ndarray:
    """`<int64>[D]` where each of the codes 0 to `D - 1` stands first."""
    place = codes.to_numpy()
    first = np.empty(int(place.max()) + 1 if len(place) else 0, dtype=np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]  # the last to be written is the first
    return first
