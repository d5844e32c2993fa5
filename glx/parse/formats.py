"""The formats of log files, one function each: a block of raw bytes to the fields of its lines.

A new format needs a function here, its name in `block_parser`, and, if files of it shall be
recognised, a layout in `detect_layout` (`glx/parse/header.py`).
"""

from collections.abc import Callable, Iterator
from functools import partial

import polars as pl

from glx.errors import InputError
from glx.parse.digits import Block, ascii_digits
from glx.parse.fields import Fields, groups
from glx.parse.jsonl import read_json
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts
from glx.parse.sources import LogPath
from glx.parse.table_log import columns_of, read_table_log, table_start

BlockParser = Callable[[bytes, ReadCounts], Fields]  # of a clean block; adds to the counts


def block_parser(
    path: LogPath, layout: Layout, blocks: Iterator[bytes]
) -> tuple[BlockParser, Iterator[bytes]]:
    """The function that reads blocks of this layout, and the blocks without a table's header line.

    Raises:
      InputError: a pattern of the layout is wrong, or a column is missing.
    """
    for name, pattern in (("the header", layout.header), ("--session", layout.session)):
        try:
            groups(pattern or "")
        except (pl.exceptions.ComputeError, UnicodeEncodeError) as e:
            why = "not UTF-8" if isinstance(e, UnicodeEncodeError) else str(e).splitlines()[-1]
            raise InputError(
                f"{path}: {name} {pattern!r} is not a regular expression ({why}); correct it"
            ) from e
    if layout.format == "csv":
        names, blocks = table_start(blocks, layout)
        columns = columns_of(path, layout, names)
        width = len(names)
        read_rows = partial(read_table_log, layout=layout, path=path, columns=columns, width=width)
        return read_rows, blocks
    read = {"lines": _read_lines, "jsonl": read_json}[layout.format]
    return partial(read, layout=layout), blocks


def _read_lines(raw: bytes, counts: ReadCounts, layout: Layout) -> Fields:
    block = Block.of(raw)
    if layout.session is None:
        return Fields(block)
    pattern = ascii_digits(layout.session)
    return Fields(block, key=block.extract(pattern, 1 if groups(pattern) else 0))
