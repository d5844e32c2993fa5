"""Fetches loghub's public archives of raw logs, whole or the rest of them, and unpacks them.

In: the name of a system and a data folder. Out: `DATA_DIR/SYSTEM/NAME/`, the unpacked archive. Run
`python -m glx.data.download --system=hdfs --data_dir=DIR`; an interrupted run leaves `NAME.part`,
and the same command goes on from there. What else there is, and the licences: `docs/data.md`.

Source: Zhu et al., "Loghub", ISSRE 2023; Zenodo record 8196385.
"""

import errno
import hashlib
import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from glx.errors import InputError, OutsideError
from glx.parse.unpack import unpack

RECORD = "https://zenodo.org/records/8196385/files"
CHUNK = 1 << 20
"""Bytes read at once."""
TIMEOUT = 60.0
"""Seconds without a byte after which a server counts as gone."""

Advance = Callable[[int, int | None], None]
"""Told (bytes there, bytes in all or None) after every chunk."""


@dataclass(frozen=True)
class Archive:
    """One archive.

    Attributes:
      name: the file name that it gets here.
      url: where it is.
      size: bytes, as the record states it, or None.
      checksum: `ALGORITHM:HEX` as `hashlib` names the algorithm, or None when none is known.
      verified: whether a download by this project had that checksum; if not, it was only read in
        the public record, and the program says so.
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


def _silent(done: int, total: int | None) -> None:
    """The default progress: none."""


def fetch(archive: Archive, folder: Path, advance: Advance = _silent) -> tuple[Path, str]:
    """Downloads the archive into `folder`, going on where an earlier attempt stopped.

    Args:
      advance: told of the progress.

    Returns:
      The file, and its checksum as `ALGORITHM:HEX` (sha256 where none is known beforehand).

    Raises:
      InputError: a folder that cannot be made.
      OutsideError: no server, an answer that is none, or a connection that broke: what came is
        kept in `NAME.part`. Or the bytes have another checksum: then they are removed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}); choose another.") from None
    path, part = folder / archive.name, folder / f"{archive.name}.part"
    if not path.exists():
        _receive(archive, part, advance)
    complete = path if path.exists() else part
    algorithm = (archive.checksum or "sha256:").split(":")[0]
    found = f"{algorithm}:{_digest(complete, algorithm)}"
    if archive.checksum and found != archive.checksum:
        complete.unlink()
        doubt = "" if archive.verified else " (by the public record, not verified by a download)"
        raise OutsideError(
            f"{archive.url} gave a file with the checksum {found}, not {archive.checksum}{doubt},"
            f" and it was removed; try again, or pass --checksum={found} if you trust the file."
        )
    complete.replace(path)
    return path, found


def _receive(archive: Archive, part: Path, advance: Advance) -> None:
    """Appends to `part` what it lacks; a server that ignores the range starts it anew."""
    start = part.stat().st_size if part.exists() else 0
    if archive.size is not None and start == archive.size:
        return
    request = urllib.request.Request(archive.url, headers={"User-Agent": "glx"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumed = answer.status == 206 and _first_byte(answer) == start
            if answer.status == 206 and not resumed:
                part.unlink()
                raise OutsideError(f"{archive.url} sent another part than asked; run it again.")
            done = start if resumed else 0
            length = answer.headers.get("Content-Length")
            total = done + int(length) if length else archive.size
            with part.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    advance(done, total)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and error.headers.get("Content-Range", "") == f"bytes */{start}":
                return
            if error.code == 416:
                part.unlink()
        raise OutsideError(
            f"{archive.url} answered {error.code} {error.reason}; try again, or pass another --url."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise OutsideError(_broken(archive, part, error)) from None
    if total is not None and done < total:
        raise OutsideError(
            f"{archive.url} broke off after {done} of {total} bytes, which are kept in {part}; the"
            " same command goes on from there."
        )


def _first_byte(answer: http.client.HTTPResponse) -> int:
    """Where the bytes of a partial answer begin, or -1 when it does not say."""
    first = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(first) if first.isdigit() else -1


def _broken(archive: Archive, part: Path, error: Exception) -> str:
    """One sentence on why the transfer stopped."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"There is no space left for {part}; make some, and the same command goes on."
    kept = part.stat().st_size if part.exists() else 0
    reason = getattr(error, "reason", None) or error
    return (
        f"{archive.url} could not be read ({reason}); {kept} bytes are kept in {part.parent},"
        " and the same command goes on from there once the server can be reached."
    )


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def download(
    archive: Archive, folder: Path, keep_archive: bool = False, advance: Advance = _silent
) -> str:
    """Fetches and unpacks the archive into `folder`.

    Args:
      keep_archive: whether the archive stays beside the unpacked folder.
      advance: told of the progress.

    Returns:
      What there is now, in a few lines for a person.

    Raises:
      InputError, OutsideError: see `fetch` and `unpack`.
    """
    target = folder / archive.name.split(".")[0]
    if target.exists():
        return f"{target} is already there; remove it to fetch it again."
    path, found = fetch(archive, folder, advance)
    files = unpack(path, target)
    if not keep_archive:
        path.unlink()
    if archive.checksum is None:
        checked = f"{found} (no checksum is known to compare it with)"
    elif archive.verified:
        checked = f"{found} (as expected)"
    else:
        checked = (
            f"{found} (as the public record states; no download by this project has verified"
            " that statement)"
        )
    return "\n".join([f"checksum {checked}", *(f"{target / file}" for file in files)])


def _parsed(argv: Sequence[str]) -> flags.FlagValues:
    """The flags of the command line; absl's errors become InputError."""
    values = flags.FlagValues()
    known = ", ".join(ARCHIVES)
    flags.DEFINE_string("system", None, f"What to fetch: {known}.", flag_values=values)
    flags.DEFINE_string("data_dir", None, "Folder of the data sets.", flag_values=values)
    flags.DEFINE_string("url", None, "Another place of the same archive.", flag_values=values)
    flags.DEFINE_string(
        "checksum",
        None,
        "Expected checksum as ALGORITHM:HEX, or `none` to accept any file.",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "keep_archive", False, "Keep the archive beside the unpacked folder.", flag_values=values
    )
    flags.DEFINE_boolean("help", False, "Show this help.", flag_values=values)
    try:
        rest = values(list(argv))
    except flags.Error as error:
        raise InputError(f"{error}; --help lists the flags.") from None
    if len(rest) > 1:
        raise InputError(f"The argument {rest[1]!r} is not a flag; --help lists the flags.")
    return values


def _chosen(values: flags.FlagValues) -> Archive:
    """The archive that the flags ask for."""
    if values.system not in ARCHIVES:
        known = ", ".join(ARCHIVES)
        raise InputError(
            f"There is no archive for --system={values.system}; choose one of {known}."
        )
    if not values.data_dir:
        raise InputError("The flag --data_dir is missing; give the folder of the data sets.")
    archive = ARCHIVES[values.system]
    if values.url:
        archive = replace(archive, url=values.url, size=None)
    if "://" not in archive.url:
        raise InputError(f"--url={values.url} is not an address like https://HOST/FILE.")
    if values.checksum == "none":
        return replace(archive, checksum=None)
    if values.checksum:
        algorithm, _, digest = values.checksum.lower().partition(":")
        if algorithm not in ("md5", "sha1", "sha256", "sha512") or not digest.isalnum():
            raise InputError(
                f"--checksum={values.checksum} is not like sha256:HEX, md5:HEX or none."
            )
        return replace(archive, checksum=f"{algorithm}:{digest}", verified=True)
    return archive


def main(argv: Sequence[str]) -> int:
    """Runs the command line `argv` (program name first) and returns the exit code."""
    try:
        values = _parsed(argv)
        if values.help:
            print(f"{__doc__}\n{values.get_help()}")
            return 0
        archive = _chosen(values)
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress("{task.description}", *columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(archive.name, total=archive.size)
            print(
                download(
                    archive,
                    Path(values.data_dir) / values.system,
                    values.keep_archive,
                    lambda done, total: progress.update(task, completed=done, total=total),
                )
            )
        return 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except OutsideError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from there.", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv))
