r"""Show how a log is read: its format, time, level and sessions, some texts and templates.

Examples:
  glx inspect shop.log
  glx inspect --session='order=(\w+)' shop.log /var/log/nginx
  kubectl logs shop-7f | glx inspect -
  glx inspect --json shop.log

Looks at the first lines only, and learns nothing. Its flags are those of `glx generallog`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from absl.flags import FlagValues

from glx.cli.flags import add, build, define
from glx.data.inputs import paths_of
from glx.data.inspect import inspect
from glx.data.load import REDACT, raw_layout, window_in
from glx.data.systems import ReadConfig, System
from glx.errors import InputError
from glx.files import given_path, whole
from glx.parse.sources import standard_input
from glx.redact import mask_of
from glx.report.inspection import masked, table
from glx.terminal import Screen, escaped, tell

READ = 8 << 20  # bytes of what can be read only once
TABLES = 20  # that a person looks at


def declare() -> FlagValues:
    """The flags; files may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    define(values, ReadConfig)
    add(values, "boolean", "redact", True, REDACT)
    add(values, "boolean", "json", False, "Print a JSON object for each file.")
    return values


@contextmanager
def _file(name: str) -> Iterator[Path]:
    """A file that can be read more than once: the path, or what begins the input or pipe.

    Raises:
      InputError: it cannot be read, or what is done with it fails; by the name that was given.
    """
    path = given_path(name)
    if name != "-" and not path.is_fifo():
        yield path
        return
    shown = "standard input" if name == "-" else name
    try:
        with nullcontext(standard_input()) if name == "-" else path.open("rb") as pipe:
            begun = pipe.read(READ)
    except OSError as e:
        raise InputError(f"{shown}: cannot be read ({e.strerror}); check it") from e
    with NamedTemporaryFile() as file:
        with whole(Path(file.name), "wb") as copy:  # which names it where the disk is full
            copy.write(begun)
        try:
            yield Path(file.name)
        except InputError as e:
            raise InputError(str(e).replace(file.name, shown)) from e


def work(values: FlagValues, names: list[str]) -> None:
    """The table of each file."""
    if not names:
        raise InputError("no file is given; name one or more logs, see --help")
    config, console = build(values, ReadConfig()), Screen()
    found = paths_of("FILE", names)
    for name in found if values.json else found[:TABLES]:
        with _file(name) as path:
            system = System(name, path)
            layout, window = raw_layout(system, config), window_in(system, config)
            one = masked(inspect(path, layout, window), mask_of(values.redact))
            one = replace(one, file=name)
        if values.json:
            tell(escaped(json.dumps(asdict(one), ensure_ascii=False)))
        else:
            console.print(table(one))
    if len(found) > TABLES and not values.json:
        tell(f"{len(found) - TABLES:,} more files; --json looks at all of them")
