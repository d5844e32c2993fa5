"""Small files and archives, and blocks of a few lines in place of those of `glx.parse.read`."""

import io
import tarfile
import zipfile
from pathlib import Path


def write(folder: Path, content: str | bytes, name: str = "a.log") -> Path:
    """A file in `folder`; surrogates of a text stand for bytes that are not UTF-8."""
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
    path.write_bytes(data)
    return path


def in_blocks(n: int):
    """In place of `blocks`: `n` lines at a time."""

    def blocks(path, size=0, quoted=False):
        lines = path.read_bytes().splitlines(keepends=True)
        return (b"".join(lines[i : i + n]) for i in range(0, len(lines), n))

    return blocks


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz", format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=format) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
