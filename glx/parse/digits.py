"""Lines that differ only in digits are worked on once: a log has few others.

In: a block of raw lines. Out: a `Block`, its lines grouped by their *digit form* (every digit is
9, so that what a pattern finds in one line is at the same bytes of all of its group), or the still
fewer *collapsed* lines (every run of digits is one 0), of which masked texts are a function.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from glx.parse.kept_numbers import kept_digits

CHUNK = 1 << 17  # bytes: the arrays of one chunk stay in the cache
# Bytes in which runs of digits are collapsed at once. More than the cache holds: while another
# thread mines, every array operation waits for the interpreter, so few long ones are faster.
LONG_CHUNK = 1 << 22
WIDEST_PART = 256  # bytes of a part of a line that is cut out of all lines at once
# A regular expression (Rust syntax) that treats all digits alike: it names none but in counts and
# as all of them.
SAME_FOR_ALL_DIGITS = re.compile(
    r"(?:\\[^0-9xuUpP]|\{[0-9,]*\}|\[(?:\\[^0-9xuUpP]|(?<!-)0-9|[^\]\\0-9])*\]|[^0-9\\\[{])*",
    re.DOTALL,
)
# Numbers that say how something ended distinguish events: their digits are hidden while others are
# collapsed.
HIDE = 32  # from a digit to the control character that hides it
DIGITS = [str(d) for d in range(10)]
HIDDEN = [chr(ord(d) - HIDE) for d in DIGITS]


@dataclass(frozen=True)
class Block:
    """The `N` lines of a block, grouped by digit form.

    Attributes:
      raw: the block, clean UTF-8.
      forms: `D` digit forms (str) in order of first appearance.
      codes: u32, the place of each line's form among them.
    """

    raw: bytes
    forms: pl.Series
    codes: pl.Series

    @classmethod
    def of(cls, raw: bytes) -> "Block":
        """The block of the lines of `raw`."""
        return cls(raw, *distinct_codes(split_lines(digits_to_nines(raw))))

    @property
    def varied(self) -> bool:
        """Whether forms are so many that it is faster to look at the lines themselves."""
        return 2 * len(self.forms) > len(self.codes)

    @cached_property
    def starts(self) -> np.ndarray:
        """`<int64>[N]` the byte at which each line starts, where none ends in CR."""
        lengths = self.forms.str.len_bytes().gather(self.codes).to_numpy()
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

        None where the lines must be searched one by one: the pattern may distinguish digits, forms
        are many, a place is ambiguous, a part is long, or there are CRs (Polars drops those that
        end a line).
        """
        if self.varied or not SAME_FOR_ALL_DIGITS.fullmatch(pattern) or b"\r" in self.raw:
            return None
        line = pl.col("line")
        at, match, part = self.forms.to_frame("line").select(
            line.str.find(pattern),
            line.str.extract(pattern, 0).alias("match"),
            line.str.extract(pattern, group).alias("part"),
        )
        before = [_only_place(*pair) for pair in zip(match.to_list(), part.to_list(), strict=True)]
        length = part.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy()
        if None in before or length.max(initial=0) > WIDEST_PART:
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

    def collapsed(self) -> tuple[pl.Series, pl.Series]:
        """Distinct collapsed lines, outcomes' digits hidden; each line's place among them (u32)."""
        form, byte = kept_digits(self.forms)
        if len(form) and b"\r" in self.raw:
            return Block.of(self.raw.replace(b"\r", b" ")).collapsed()
        of_form = np.bincount(form, minlength=len(self.forms))  # digits of outcomes
        codes = self.codes.to_numpy()
        rows = np.flatnonzero(of_form[codes])
        n = of_form[codes[rows]]
        byte = byte[spread((np.cumsum(of_form) - of_form)[codes[rows]], n)]  # of each row
        raw = np.frombuffer(self.raw, np.uint8)
        hidden = np.repeat(self.starts[rows], n) + byte if len(rows) else rows
        if self.varied:
            raw = raw.copy()
            raw[hidden] -= HIDE
            return distinct_codes(split_lines(collapse_digits(raw.tobytes())))
        if not len(rows):
            return _collapsed(self.forms, self.codes)
        # A form with an outcome is one form for each value of it.
        texts = self.forms.gather(codes[rows])
        ends = np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1)
        characters = np.frombuffer(join_lines(texts), np.uint8).copy()
        characters[np.repeat(np.append(0, ends[:-1]), n) + byte] = raw[hidden] - HIDE
        valued, value_codes = distinct_codes(split_lines(characters.tobytes()))
        plain = np.flatnonzero(of_form == 0)
        first = np.append(first_places(self.codes)[plain], rows[first_places(value_codes)])
        order = np.argsort(first)
        place = (np.cumsum(of_form == 0) - 1)[codes]
        place[rows] = len(plain) + value_codes.to_numpy()
        forms = pl.concat([self.forms.gather(plain), valued]).gather(order)
        return _collapsed(forms, pl.Series(np.argsort(order)[place]))


def _collapsed(forms: pl.Series, codes: pl.Series) -> tuple[pl.Series, pl.Series]:
    lines, places = distinct_codes(split_lines(collapse_digits(join_lines(forms))))
    return lines, places.gather(codes)


def spread(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`<int64>[sum of lengths]` the places `start`, `start + 1`, ... of each run."""
    return np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)


def _only_place(match: str | None, part: str | None) -> int | None:
    """The byte of `match` at which `part` starts; None if it could be at two. Nothing is at 0."""
    if match is None or part is None or part == match:
        return 0
    at = match.find(part)
    return len(match[:at].encode()) if at == match.rfind(part) else None


def digits_to_nines(raw: bytes) -> bytes:
    """Every digit becomes a 9. With arrays: NumPy is slow at the maximum of one and a number."""
    characters = np.frombuffer(raw, dtype=np.uint8)
    nines, nine = np.empty_like(characters), np.full(CHUNK, 9, dtype=np.uint8)
    for start in range(0, len(characters), CHUNK):
        out = nines[start : start + CHUNK]
        np.subtract(characters[start : start + CHUNK], 48, out=out)  # below "0" wraps around
        np.maximum(out, nine[: len(out)], out=out)
        np.add(out, 48, out=out)
    return nines.tobytes()


def collapse_digits(raw: bytes) -> bytes:
    """`re.sub(rb"[0-9]+", b"0", raw)`, ten times as fast."""
    characters = np.frombuffer(raw, dtype=np.uint8)
    buffers = np.empty((3, min(LONG_CHUNK, len(raw))), dtype=np.uint8)
    pieces, in_run = [], False
    for start in range(0, len(characters), LONG_CHUNK):
        chunk = characters[start : start + LONG_CHUNK]
        changed, digit, keep = buffers[:, : len(chunk)]
        np.subtract(chunk, 48, out=changed)  # characters below "0" wrap around
        np.less(changed, 10, out=digit.view(bool))
        keep[0] = not (in_run and digit[0])
        in_run = bool(digit[-1])
        np.bitwise_and(digit[1:], digit[:-1], out=keep[1:])
        np.bitwise_xor(keep[1:], 1, out=keep[1:])
        np.multiply(digit, 15, out=digit)  # a digit is 0x30 to 0x39: drop its low bits
        np.bitwise_and(chunk, np.invert(digit, out=digit), out=changed)
        pieces.append(changed[keep.view(bool)].tobytes())
    return b"".join(pieces)


def ascii_digits(pattern: str) -> str:
    r"""The pattern with `[0-9]` for `\d`, which in Rust is every digit of Unicode, and slow."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\d", r"\1[0-9]", pattern)


def split_lines(raw: bytes) -> pl.Series:
    """The lines of `raw` (UTF-8) as a series of str."""
    if len(raw) < CHUNK:  # Polars is slow to start
        return pl.Series(raw.decode().removesuffix("\n").split("\n"), dtype=pl.String)
    return pl.read_lines(raw).to_series()


def join_lines(texts: pl.Series) -> bytes:
    """The texts as lines, null as an empty one; a line break within a text becomes a space."""
    flat = texts.fill_null("").str.replace_all("\n", " ", literal=True)
    return flat.str.join("\n")[0].encode() + b"\n"


def distinct_codes(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Distinct values in order of first appearance, and each value's place among them (u32)."""
    if not len(values):
        return values, pl.Series([], dtype=pl.UInt32)
    codes = values.cast(pl.Categorical(pl.Categories.random())).to_physical()
    return values.gather(first_places(codes)), codes


def first_places(codes: pl.Series) -> np.ndarray:
    """`<int64>[D]` where each of the codes 0 to `D - 1` occurs first."""
    place = codes.to_numpy()
    first = np.empty(int(place.max()) + 1 if len(place) else 0, dtype=np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]  # the last to be written is the first
    return first
