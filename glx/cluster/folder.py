"""The folder of verdicts that a cluster writes: which run it is of, and which files are done.

run.json           the settings of the run
verdicts/NAME      the verdicts on a file, of a session by the file of its first line
done/NAME.json     that these are whole, and what was read: written after them
work/              a copy of the detector, and what is read so far of a log with sessions; it goes
                   at the end
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glx import files
from glx.cluster.files import File
from glx.errors import InputError, OutsideError
from glx.files import LOCK, beside, locked, whole

RUN = "run.json"
STAGES = ("verdicts", "done", "work")


@dataclass(frozen=True)
class Folder:
    """See above; every node finds it at `path`."""

    path: Path

    def verdicts(self, file: File, kind: str) -> Path:
        return self.path / "verdicts" / f"{file.name}.{kind}"

    def record(self, file: File, stage: str) -> Path:
        """Of `stage`: `done`, or `work`."""
        return self.path / stage / f"{file.name}.json"

    @property
    def detector(self) -> Path:
        return self.path / "work" / "detector"

    def take(self, detector: Path) -> None:
        """Put a copy of the detector where every node sees it."""
        if not self.detector.is_dir():
            copy = beside(self.detector)
            shutil.copytree(detector, copy)
            os.replace(copy, self.detector)

    def check(self) -> None:
        """Raise OutsideError where this node does not see the folder."""
        if not (self.path / RUN).is_file():
            raise OutsideError(
                f"--out={self.path}: the node {socket.gethostname()} does not see this folder; "
                "name one on a file system that all nodes share"
            )

    def write(self, file: File, stage: str, **record: Any) -> dict[str, Any]:
        """Keep that a stage of a file is over, after all it wrote; the record."""
        record = {"file": file.shown, "size": file.size} | record
        path = self.record(file, stage)
        with whole(path) as out:
            json.dump(record, out)
        return record

    def read(self, file: File, stage: str) -> dict[str, Any] | None:
        """What `write` kept; None where nothing is, or the file is another one by now."""
        try:
            record = json.loads(self.record(file, stage).read_text())
        except FileNotFoundError:
            return None
        except ValueError as e:
            raise InputError(f"{self.record(file, stage)}: is damaged; remove it") from e
        return record if record["size"] == file.size else None


@contextmanager
def opened(out: str, settings: dict[str, Any]) -> Iterator[Folder]:
    """The folder for this process alone, new or of the same run.

    Raises:
      InputError: it is of another run, another process is at work in it, or it cannot be written.
    """
    if out == "-":
        raise InputError("--out=-: a cluster writes a folder; name one that every node sees")
    path = files.folder(out, "--out").absolute()
    there = [*os.listdir(path)] if path.is_dir() else []
    if path.exists() and not path.is_dir():
        raise InputError(f"--out={out}: is a file; a cluster writes a folder, name one")
    if {*there} - {LOCK} and RUN not in there:
        raise InputError(f"--out={out}: holds what is no run of a cluster; name another folder")
    if RUN in there:
        try:
            known = dict(json.loads((path / RUN).read_text()))
        except ValueError as e:
            raise InputError(f"{path / RUN}: is damaged; name another folder") from e
        now = json.loads(json.dumps(settings))
        for name in [*now, *known]:
            if known.get(name) != now.get(name):
                raise InputError(
                    f"--out={out}: holds a run with {name}={known.get(name)}, not "
                    f"{now.get(name)}; name another folder"
                )
    with locked(path, "--out"):
        if RUN not in there:
            with whole(path / RUN) as file:
                json.dump(settings, file, indent=1)
        for stage in STAGES:
            (path / stage).mkdir(exist_ok=True)
        try:
            yield Folder(path)
        except (InputError, OutsideError):
            kept = [*path.glob("done/*"), *path.glob("work/*.*")]
            if RUN not in there and not kept:
                _clear(path)
            raise


def _clear(path: Path) -> None:
    """Leave nothing behind of a new run that did nothing."""
    for stage in STAGES:
        shutil.rmtree(path / stage)
    (path / RUN).unlink()
    (path / LOCK).unlink(missing_ok=True)
    with suppress(OSError):  # somebody put something there meanwhile
        path.rmdir()
