"""Zstandard as its tools write it: frames to be skipped, and those that look far back."""

import pytest
import zstandard

from glx.errors import InputError
from glx.parse.packed import opened
from glx.parse.read import open_text

LOG = b"".join(b"line %d of the log\n" % i for i in range(5000))
FRAME = zstandard.compress(LOG)


def skipped(magic: int, content: bytes) -> bytes:
    return (0x184D2A50 + magic).to_bytes(4, "little") + len(content).to_bytes(4, "little") + content


def looks_back(log: int) -> bytes:
    """A frame of unknown size that asks for a window of `2 ** log` bytes."""
    wide = zstandard.ZstdCompressionParameters(window_log=log, compression_level=3)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    return packer.compress(LOG) + packer.flush()


FRAMES = {
    "skipped first": skipped(0, b"\1\2\3\4") + FRAME,
    "of pzstd": (skipped(0, b"size") + FRAME) * 3,
    "skipped last": FRAME + skipped(15, b""),
    "of a long window": looks_back(31),
    "all of it": skipped(7, b"x" * 9999) + looks_back(29) + FRAME + skipped(1, b"y"),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_frames_are_read(name, size, tmp_path, monkeypatch):
    monkeypatch.setattr("glx.parse.sources.PACKED_ZSTD", size)
    path = tmp_path / "a.log"
    path.write_bytes(FRAMES[name])
    with open_text(path) as file:
        found = file.read()
    assert found == LOG * (found.count(LOG[:99]) or 1)
    assert found.count(LOG[:99]) == {"of pzstd": 3, "all of it": 2}.get(name, 1)


@pytest.mark.parametrize("name", FRAMES)
def test_a_rotated_file_is_read_likewise(name, tmp_path):
    path = tmp_path / "a.log.1.zst"
    path.write_bytes(FRAMES[name])
    with opened(str(path)) as file:
        found = file.read()
    assert found == LOG * found.count(LOG[:99])
    assert found.count(LOG[:99]) == {"of pzstd": 3, "all of it": 2}.get(name, 1)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (skipped(0, b"1234")[:6], "cut short"),
        (skipped(0, b"1234") + FRAME[:-9], "cut short"),
        (looks_back(31)[:-9], "cut short"),
        (skipped(0, b"1234") + FRAME[:9] + b"damage" * 9, "damaged"),
        (skipped(0, b"1234"), "empty"),
    ],
)
def test_frames_that_are_damaged(content, what, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(content)
    with pytest.raises(InputError, match=what), open_text(path) as file:
        file.read()
