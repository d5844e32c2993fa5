"""Lines of a log as they stand in its files, by their numbers.

In: files, their layout, numbers of lines. Out: the text of each. Files are read from their
beginnings, packed ones too, and no more of them than is needed.
"""

import re
from collections.abc import Collection
from contextlib import closing

import numpy as np

from glx.parse.digits import split_lines
from glx.parse.formats import block_parser
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts, blocks, clean, line_count
from glx.parse.sources import LogPath
from glx.parse.table_log import rows_of

WORD = re.compile(r"[^\W\d_]{3,}")
ALIKE = 0.5  # share of an event's words that a line of it has at least


def raw_lines(path: LogPath, layout: Layout, wanted: Collection[int]) -> dict[int, str]:
    """The lines `wanted` of a file (rows of a table, without its header), those that are there.

    Raises:
      InputError: it cannot be read.
    """
    left = np.array(sorted(wanted), dtype=np.int64)
    quoted = layout.format == "csv" and layout.quote
    found: dict[int, str] = {}
    first = 0
    with closing(blocks(path, quoted=quoted)) as raw:
        _, body = block_parser(path, layout, raw)
        for block in body:
            if not len(left):
                break
            rows = None
            if quoted:
                rows = rows_of(_lines(block, quoted))
            n = line_count(block) if rows is None else len(rows)
            inside = left[left < first + n]
            if len(inside):
                rows = rows or _lines(block, quoted)
                found |= {row: rows[row - first] for row in inside.tolist()}
                left = left[len(inside) :]
            first += n
    return found


def says(event: str, line: str) -> bool:
    """Whether a line may be of an event: it has half of its words, if it has any."""
    words = WORD.findall(event)
    return sum(word in line for word in words) >= ALIKE * len(words)


def row_count(path: LogPath, layout: Layout) -> int:
    """The lines of a file (rows of a table, without its header).

    Raises:
      InputError: it cannot be read.
    """
    quoted = layout.format == "csv" and layout.quote
    with closing(blocks(path, quoted=quoted)) as raw:
        _, body = block_parser(path, layout, raw)
        return sum(_rows(block, quoted) for block in body)


def _rows(block: bytes, quoted: bool) -> int:
    return len(rows_of(_lines(block, quoted))) if quoted else line_count(block)


def _lines(block: bytes, quoted: bool) -> list[str]:
    return split_lines(clean(block, ReadCounts(), quoted)).to_list()
