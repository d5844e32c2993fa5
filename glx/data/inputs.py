"""Which files a user means by paths, folders and globs, in the order of time; and live logs.

In: what a flag says. Out: the paths of one log.
"""

import os
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from glob import glob
from stat import S_ISREG

from glx.errors import InputError
from glx.files import given_path, identity, is_file, plain
from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.names import NOTHING_GIVEN, Given
from glx.parse.read import HEAD, ReadCounts
from glx.parse.records import NOTHING, records
from glx.parse.sources import STDIN, Live, LogPath, standard_input
from glx.parse.times import has_year

PACKED = (".gz", ".zst")
# What logrotate and others append to the name of a log that is full: a number that counts up as it
# gets older, or the day on which it was full.
NUMBER = re.compile(r"(.*?)[.-](\d{1,4})")
DAY = re.compile(r"(.*?)[._-](\d{4}-?\d\d-?\d\d\S*)")


def paths_of(flag: str, given: Sequence[str]) -> list[str]:
    """The files that are meant, each once: a path as it is, the files of a folder or of a glob.

    Of folders and globs what is empty is left out, and of a folder what is hidden. A file that has
    several names, as by a link, has the first of them.

    Raises:
      InputError: a folder or a glob without a file, or a file twice, under one name or two.
    """
    found: dict[tuple[int, int] | str, str] = {}
    named: dict[tuple[int, int] | str, str] = {}  # those that are no folder's and no glob's
    for text in given:
        path = os.path.expanduser(text)
        given_path(path)  # what no path can be is told
        if os.path.isdir(path):
            names = sorted(name for name in os.listdir(path) if not name.startswith("."))
            among = [os.path.join(path, name) for name in names]
        elif not os.path.exists(path) and set("*?[") & set(path):
            among = sorted(glob(path, recursive=True))
            os.listdir(_above(path))  # an error where a glob finds nothing because one may not look
        else:
            which = path if path == str(STDIN) else identity(path)
            if which in named:
                also = "" if named[which] == path else f", also as {named[which]}"
                raise InputError(f"{flag}: {path} is given twice{also}; give it once")
            named[which] = path
            found.setdefault(which, path if path == str(STDIN) else plain(path))
            continue
        filled = [one for one in among if is_file(one) and os.path.getsize(one)]
        if not filled:
            kind = "a directory" if os.path.isdir(path) else "a glob"
            raise InputError(f"{flag}={text}: {kind} without a file that has a line; name a file")
        for one in filled:
            found.setdefault(identity(one), plain(one))
    return list(found.values())


def _above(pattern: str) -> str:
    """The folder that is there in which a glob begins to look."""
    folder = os.path.dirname(re.split(r"[*?[]", pattern)[0])
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder or "."


def in_order(log: Log, layout: Layout | None = None) -> Log:
    """The files of a log in the order of time: by the first time in each, else as rotation names.

    The names decide where a file has no time, or times have no year.

    Args:
      layout: of their lines; None: that of each is detected.

    Raises:
      InputError: a file cannot be read.
    """
    paths = log.files
    if len(paths) < 2:
        return log
    times = []
    for path in paths:
        own = layout or layout_of(path)
        dated = own.time_format is not None and has_year(own.time_format)
        times.append(_first_time(path, own) if dated else None)
    return Log([paths[n] for n in by_time(paths, times)])


def by_time(paths: Sequence[LogPath], times: Sequence[float | None]) -> list[int]:
    """The places of files in the order of time.

    Args:
      times: the first time in each, seconds since the epoch; None where it is not known.
    """
    named = sorted(range(len(paths)), key=lambda n: rotation(os.path.basename(paths[n])))
    known = [time for time in times if time is not None]
    if len(known) == len(paths):
        named.sort(key=known.__getitem__)
    return named


def _first_time(path: LogPath, layout: Layout) -> float | None:
    """The first time in the beginning of a file, seconds since the epoch."""
    with closing(records(path, layout, ReadCounts(), threads=1, size=HEAD)) as frames:
        times = next(frames, NOTHING)["time"].drop_nulls()
    return float(times[0]) if len(times) else None


def rotation(name: str) -> tuple:
    """What sorts the names of rotated files from old to new: `a.log.10.gz a.log.2 a.log.1 a.log`,
    `a.log-20240501 a.log-20240502.gz a.log`."""
    for end in PACKED:
        name = name.removesuffix(end)
    if day := DAY.fullmatch(name):
        return day[1], 0, day[2], 0
    if number := NUMBER.fullmatch(name):
        return number[1], 1, "", -int(number[2])
    return name, 2, "", 0


def layout_of_all(
    paths: Sequence[LogPath], format: str = "auto", given: Given = NOTHING_GIVEN
) -> Layout:
    """The detected layout of the first file, and beside it those of the others that differ.

    Args:
      given: fields that the user named.

    Raises:
      InputError: tables among files of other kinds, or of other columns.
    """
    found: dict[Layout, Layout] = {}
    for path in paths:
        layout = layout_of(path, format, given)
        # Fields are read by name: what the first lines of a file have of them makes no difference.
        found.setdefault(replace(layout, outcomes=(), varied=(), fields=()), layout)
    first, *others = found.values()
    if others and "csv" in (first.format, *(other.format for other in others)):
        raise InputError(
            f"{paths[0]}: read with {len(paths) - 1} more as one log, and not all are tables of "
            "the same columns; give those apart"
        )
    return replace(first, also=tuple(dict.fromkeys((*first.also, *others))))


def given_log(given: Sequence[str], latency: float, follow: bool) -> Log:
    """The log that `--logs` and `--follow` mean, its files as they were given.

    Args:
      latency: seconds after which at the latest what comes of a live log is to be judged.

    Raises:
      InputError: a file that is not there, a live log beside others, or no file to follow.
    """
    files = paths_of("--logs", given)
    once = [path for path in files if path == str(STDIN) or _is_live(path)]
    if len(files) > 1 and (once or follow):
        raise InputError(f"--logs={[*once, *files][0]}: is read alone; give one --logs")
    if follow and once:
        raise InputError(f"--follow: follows a file, and --logs={files[0]} is none; leave it out")
    if follow or _is_live(files[0]):
        # A quarter for what came to be given, one for log time to be told, and half to judge.
        return Log([Live(files[0], latency / 4, follow)])
    for path in files:
        if path not in once and not os.path.exists(path):  # never an error, unlike Path.exists
            raise InputError(f"{path}: no such file; check the path")
    return Log([STDIN if path in once else path for path in files])


def _is_live(given: str) -> bool:
    """Whether a path is read as it comes: a pipe, a socket or a terminal."""
    if given != str(STDIN):
        return os.path.exists(given) and not (os.path.isfile(given) or os.path.isdir(given))
    try:
        return not S_ISREG(os.fstat(standard_input().fileno()).st_mode)
    except (OSError, ValueError):  # an object of Python
        return False
