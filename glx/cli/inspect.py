r"""Show how a log is read: its format, time, level and sessions, some texts and templates.

Examples:
  glx inspect shop.log
  glx inspect --session='order=(\w+)' shop.log shop.log.1.gz
  glx inspect --json shop.log

Looks at the first lines only, and learns nothing. Its flags are those of `glx generallog`.
"""

import json
from dataclasses import asdict
from pathlib import Path

from absl.flags import FlagValues
from rich.console import Console

from glx.cli.flags import add, build, define
from glx.data.inspect import inspect
from glx.data.load import WINDOW, DataConfig, raw_layout
from glx.data.systems import System
from glx.errors import InputError
from glx.report.inspection import table

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


def work(values: FlagValues, names: list[str]) -> None:
    """The table of each file."""
    if not names:
        raise InputError("no file is given; name one or more logs, see --help")
    config, console = build(values, DataConfig()), Console()
    for name in names:
        path = Path(name).expanduser()
        one = inspect(path, raw_layout(System(path.name, path), config), config.window or WINDOW)
        if values.json:
            print(json.dumps(asdict(one), ensure_ascii=False))
        else:
            console.print(table(one))
