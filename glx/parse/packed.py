"""Packed files: gzip and Zstandard, as `gzip`, `zstd`, `pzstd` and rotation write them.

In: a path, or the first bytes. Out: what they are, and unpacked bytes.
"""

import gzip
import re
from typing import IO

import zstandard

GZIP = b"\x1f\x8b"
# A frame of data, or one to be skipped, such as pzstd puts in front of each.
ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
WIDEST = 1 << 31  # bytes that a frame may look back, the most that `zstd --long=31` asks for


def zstd_decompressor() -> zstandard.ZstdDecompressor:
    """What unpacks any frame; it takes as much memory as the frame looks back."""
    return zstandard.ZstdDecompressor(max_window_size=WIDEST)


def opened(path: str) -> IO[bytes] | gzip.GzipFile | zstandard.ZstdDecompressionReader:
    """The bytes of a file, unpacked, all of its frames; by its name."""
    if path.endswith(".gz"):
        return gzip.open(path)
    if path.endswith(".zst"):
        return zstd_decompressor().stream_reader(open(path, "rb"), read_across_frames=True)
    return open(path, "rb")
