r"""Show how a log is read: its format, time, level and sessions, some texts and templates.

Examples:
  glx inspect shop.log
  glx inspect --session='order=(\w+)' shop.log /var/log/nginx
  kubectl logs shop-7f | glx inspect -
  glx inspect --json shop.log

Looks at the first lines only, and learns nothing. Its flags are those of `glx generallog`.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from absl.flags import FlagValues
from rich.console import Console

from glx.cli.flags import add, build, define
from glx.data.inputs import paths_of
from glx.data.inspect import inspect
from glx.data.load import WINDOW, DataConfig, raw_layout
from glx.data.systems import System
from glx.errors import InputError
from glx.report.inspection import table

READ = 8 << 20  # bytes of what can be read only once
FLAGS = ("format", "session", "window", "text_field", "time_field", "level_field", "max_record")


def declare() -> FlagValues:
    """The flags; files may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    define(values, DataConfig)
    for name in set(values) - {*FLAGS}:
        delattr(values, name)
    add(values, "boolean", "json", False, "Print a JSON object for each file.")
    return values


@contextmanager
def _file(name: str) -> Iterator[Path]:
    """A file that can be read more than once: the path, or what begins the input or pipe."""
    path = Path(name).expanduser()
    if name != "-" and not path.is_fifo():
        yield path
        return
    with NamedTemporaryFile() as file, sys.stdin.buffer if name == "-" else path.open("rb") as pipe:
        file.write(pipe.read(READ))
        file.flush()
        yield Path(file.name)


def work(values: FlagValues, names: list[str]) -> None:
    """The table of each file."""
    if not names:
        raise InputError("no file is given; name one or more logs, see --help")
    config, console = build(values, DataConfig()), Console()
    for name in paths_of("FILE", names):
        with _file(name) as path:
            layout = raw_layout(System(name, path), config)
            one = replace(inspect(path, layout, config.window or WINDOW), file=name)
        if values.json:
            print(json.dumps(asdict(one), ensure_ascii=False))
        else:
            console.print(table(one))
