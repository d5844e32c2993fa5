r"""Print the log statements of source code as CSV: text, level, place, function, language.

Examples:
  glx statements ~/src/shop
  glx statements --log_calls=audit_log:error shop.tar.gz lib.zip > statements.csv

What is found is what `--knowledge` tells `glx generallog` and `glx zerolog` of a system.
"""

import sys

from absl.flags import FlagValues

from glx.cli.flags import build, define
from glx.errors import InputError
from glx.files import given_path
from glx.runs.progress import Terminal
from glx.statements.known import KnownConfig
from glx.statements.table import statements, summary
from glx.terminal import visible


def declare() -> FlagValues:
    """The flags; folders and archives may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    define(values, KnownConfig)
    delattr(values, "knowledge")
    return values


def work(values: FlagValues, names: list[str]) -> None:
    """The statements of all folders and archives."""
    if not names:
        raise InputError("no folder is given; name one or more of source code, see --help")
    paths, config = [given_path(name) for name in names], build(values, KnownConfig())
    progress = Terminal()
    table = statements(paths, config.log_calls, progress.say)
    csv = table.write_csv()
    sys.stdout.write(visible(csv) if sys.stdout.isatty() else csv)  # a file is data
    progress.say(summary(table))
