"""Fetch and unpack a public archive of raw logs (loghub); an interrupted download is resumed.

Example:
  glx download --system=hdfs --data_dir=DIR
"""

from absl.flags import FlagValues
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from glx.cli.flags import add
from glx.data.download import ARCHIVES, download
from glx.errors import InputError
from glx.files import given_path
from glx.terminal import Screen, tell


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    for name, doc in (
        ("system", f"What to fetch: {', '.join(ARCHIVES)}."),
        ("data_dir", "Folder of the data sets."),
        ("url", "Another place of the same archive."),
        ("checksum", "Expected checksum as ALGORITHM:HEX, or `none` to accept any file."),
    ):
        add(own, "string", name, None, doc)
    keep = "Keep the archive beside the unpacked folder."
    add(own, "boolean", "keep_archive", False, keep)
    return own


def work(values: FlagValues) -> None:
    """Download, as the flags have it."""
    if not values.data_dir:
        raise InputError("--data_dir: missing; give the folder of the data sets")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns, console=Screen(stderr=True)) as bar:
        task = bar.add_task(str(values.system), total=None)
        message = download(
            str(values.system),
            given_path(values.data_dir),
            url=values.url,
            checksum=values.checksum,
            keep_archive=values.keep_archive,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    tell(message)
