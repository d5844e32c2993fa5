"""Fetches loghub's public archives of raw logs and unpacks them; a partial download is resumed.

In: the name of a system and a data folder. Out: `DATA_DIR/SYSTEM/NAME/`, the unpacked archive. An
interrupted download leaves `NAME.part`, from which the same call continues (pooch, which verifies
checksums too, cannot resume). What else there is, and the licences: `docs/data.md`.

Source: Zhu et al., "Loghub", ISSRE 2023; Zenodo record 8196385.
"""

import hashlib
import http.client
import string
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from glx.errors import InputError, OutsideError, is_disk_full
from glx.files import locked
from glx.parse.unpack import unpack

RECORD = "https://zenodo.org/records/8196385/files"
CHUNK = 1 << 20  # bytes read at once
TIMEOUT = 60.0  # seconds without a byte after which a server counts as gone
SCHEMES = ("http", "https", "ftp")
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")

Progress = Callable[[int, int | None], None]  # called with (bytes so far, bytes in all or None)


@dataclass(frozen=True)
class Archive:
    """One archive.

    Attributes:
      name: its file name here.
      url: where it is.
      size: bytes, as the record states it, or None.
      checksum: `ALGORITHM:HEX`, or None to accept any file.
      verified: whether the checksum was given by the user; those below were only read in the
        public record, and messages say so.
    """

    name: str
    url: str
    size: int | None = None
    checksum: str | None = None
    verified: bool = False


ARCHIVES: dict[str, Archive] = {
    system: Archive(name, f"{RECORD}/{name}", size, f"md5:{md5}")
    for system, name, size, md5 in (
        ("hdfs", "HDFS_v1.zip", 186_645_559, "76a24b4d9a6164d543fb275f89773260"),
        ("bgl", "BGL.zip", 57_489_019, "4452953c470f2d95fcb32d5f6e733f7a"),
        ("openstack", "OpenStack.tar.gz", 5_394_691, "66bd42c07837a094d9b0ea2d036b5713"),
        ("thunderbird", "Thunderbird.tar.gz", 2_016_100_298, "0891b048df2919dc78c99c4428686b44"),
    )
}


def download(
    system: str,
    data_dir: Path,
    *,
    url: str | None = None,
    checksum: str | None = None,
    keep_archive: bool = False,
    progress: Progress = lambda done, total: None,
) -> str:
    """Fetches and unpacks the archive of a system into `data_dir / system`.

    Args:
      system: one of `ARCHIVES`.
      url: another place of the same archive.
      checksum: expected one as `ALGORITHM:HEX`, or `none` to accept any file.
      keep_archive: whether the archive stays beside the unpacked folder.
      progress: called after every chunk.

    Returns:
      The checksum and the files there are now, a few lines for the user.

    Raises:
      InputError: an argument is wrong, the folder cannot be made, another process is at work in it,
        or the archive holds a link or a path outside of its folder.
      OutsideError: see `fetch`; or the archive is damaged.
    """
    archive = _archive(system, url, checksum)
    folder = data_dir / system
    target = folder / archive.name.split(".")[0]
    if target.exists():
        return f"{target} is already there; remove it to fetch it again."
    with locked(folder, "--data_dir"):  # two would write to one part
        path, found = fetch(archive, folder, progress)
        files = unpack(path, target)
        if not keep_archive:
            path.unlink()
    if archive.checksum is None:
        note = "no checksum is known to compare it with"
    elif archive.verified:
        note = "as expected"
    else:
        note = "as the public record states, which no download by this project has verified"
    return "\n".join([f"checksum {found} ({note})", *(f"{target / file}" for file in files)])


def _archive(system: str, url: str | None, checksum: str | None) -> Archive:
    """The archive to fetch, with the changes that the user asks for."""
    if system not in ARCHIVES:
        raise InputError(f"--system={system}: unknown; choose one of {', '.join(ARCHIVES)}")
    archive = ARCHIVES[system]
    if url:
        archive = replace(archive, url=url, size=None)
    if not _is_address(archive.url):
        raise InputError(f"--url={url}: not an address; give one like https://HOST/FILE")
    if checksum == "none":
        return replace(archive, checksum=None)
    if checksum:
        algorithm, _, digest = checksum.lower().partition(":")
        if algorithm not in ALGORITHMS or not _is_digest(digest, algorithm):
            raise InputError(f"--checksum={checksum}: give it like sha256:HEX or md5:HEX, or none")
        return replace(archive, checksum=f"{algorithm}:{digest}", verified=True)
    return archive


def _is_address(url: str) -> bool:
    """Whether a text is the address of a file that can be fetched."""
    try:
        parts = urlsplit(url)
        port = parts.port  # which is looked at only now
    except ValueError:
        return False
    named = parts.scheme == "file" or (parts.scheme in SCHEMES and parts.hostname and port != 0)
    return bool(named) and url.isascii() and url.isprintable() and " " not in url


def _is_digest(text: str, algorithm: str) -> bool:
    size = 2 * hashlib.new(algorithm).digest_size
    return len(text) == size and set(text) <= set(string.hexdigits)


def fetch(archive: Archive, folder: Path, progress: Progress) -> tuple[Path, str]:
    """Downloads the archive into `folder`, resuming where an earlier attempt stopped.

    Returns:
      The file, and its checksum as `ALGORITHM:HEX` (sha256 where none is known beforehand).

    Raises:
      InputError: a folder that cannot be made.
      OutsideError: the server cannot be reached, refuses, or breaks off: what came is kept in
        `NAME.part`. Or the bytes have another checksum: then they are removed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another") from None
    path, part = folder / archive.name, folder / f"{archive.name}.part"
    if not path.exists():
        _receive(archive, part, progress)
    complete = path if path.exists() else part
    algorithm = (archive.checksum or "sha256:").split(":")[0]
    with complete.open("rb") as file:
        found = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
    if archive.checksum and found != archive.checksum:
        complete.unlink()
        doubt = "" if archive.verified else " (by the public record, not verified by a download)"
        raise OutsideError(
            f"{archive.url}: the file has the checksum {found}, not {archive.checksum}{doubt}, and "
            f"was removed; try again, or pass --checksum={found} if you trust the file"
        )
    complete.replace(path)
    return path, found


def _receive(archive: Archive, part: Path, progress: Progress) -> None:
    """Appends to `part` what it lacks; a server that ignores the range starts it anew."""
    start = part.stat().st_size if part.exists() else 0
    if archive.size is not None and start == archive.size:
        return
    request = urllib.request.Request(archive.url, headers={"User-Agent": "glx"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumed = answer.status == 206
            if resumed and not answer.headers.get("Content-Range", "").startswith(
                f"bytes {start}-"
            ):
                part.unlink()
                raise OutsideError(f"{archive.url}: sent another part than asked for; run it again")
            done = start if resumed else 0
            length = answer.headers.get("Content-Length")
            total = done + int(length) if length else archive.size
            with part.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, total)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:
                if error.headers.get("Content-Range", "") == f"bytes */{start}":
                    return
                part.unlink()
        raise OutsideError(
            f"{archive.url}: answered {error.code} {error.reason}; try again, or pass another --url"
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:  # of odd headers
        if isinstance(error, OSError) and is_disk_full(error):
            raise OutsideError(
                f"{part}: no space left on the disk; free some and repeat the command"
            ) from None
        kept = part.stat().st_size if part.exists() else 0
        raise OutsideError(
            f"{archive.url}: cannot be read ({getattr(error, 'reason', None) or error}); {kept} "
            f"bytes are kept in {part.parent}, repeat the command once the server can be reached"
        ) from None
    if total is not None and done < total:
        raise OutsideError(
            f"{archive.url}: broke off after {done} of {total} bytes, which are kept in {part}; "
            "repeat the command to resume"
        )
