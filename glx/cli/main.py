"""The command `glx`: its first word names a module here. In: a command line. Out: an exit code."""

import sys
from functools import partial
from importlib import import_module

from glx.cli.flags import VERSION, ended, run
from glx.errors import InputError
from glx.terminal import tell

COMMANDS = {
    "inspect": "show how a log is read, in a second",
    "statements": "print the log statements of source code",
    "zerolog": "train ZeroLog on labelled systems and judge an unlabelled one",
    "generallog": "the same with GeneralLog: an expert judges what no labelled system resembles",
    "detect": "judge more logs of a system with a fitted detector",
    "refresh": "let a fitted detector learn its system's habits from newer logs",
    "causes": "show what was flagged by cause, with its lines",
    "serve": "judge lines that are posted over HTTP, and show causes",
    "mcp": "let an agent ask for causes, over standard input and output",
    "mute": "mark causes as known",
    "note": "keep what people know of a cause",
    "study": "every method on every system, and a report",
    "ablate": "GeneralLog with one component off at a time, and a report",
    "method": "fit a published method and judge an unlabelled system",
    "report": "write the pages of finished runs and studies, or print their tables",
    "download": "fetch a public archive of raw logs",
}
WITH_WORDS = (
    "causes",
    "inspect",
    "mcp",
    "mute",
    "note",
    "report",
    "statements",
)  # that are no flags
# Which several processes can share.
DISTRIBUTED = ("zerolog", "generallog", "method", "detect", "refresh", "study", "ablate")
ONE_PROCESS = (
    "--distributed: glx {} is one process; leave it out, several processes share glx "
    f"{', '.join(DISTRIBUTED)}"
)
HELP = "\n".join(
    [
        "Find anomalies in the logs of a system for which nobody has labelled a single line.",
        "",
        *(f"  glx {name:<11} {what}" for name, what in COMMANDS.items()),
        "",
        "`glx COMMAND --help` says more of each, `glx --version` its version.",
    ]
)


def main(words: list[str] | None = None) -> int:
    """Do what the words after `glx` say; None stands for those of this process."""
    name, *rest = (sys.argv[1:] if words is None else words) or [""]
    if name == "help" and rest:  # `glx help detect`
        name, rest = rest[0], ["--help"]
    if name not in COMMANDS:
        return ended(partial(_no_command, name))
    if name not in DISTRIBUTED and any(one.startswith("--distributed") for one in rest):
        return ended(partial(_refuse, ONE_PROCESS.format(name)))
    module = import_module(f"glx.cli.{name}")
    usage, names = module.__doc__ or "", name in WITH_WORDS
    return run(module.work, module.declare(), usage, [name, *rest], names=names)


def _refuse(what: str) -> None:
    raise InputError(what)


def _no_command(name: str) -> None:
    """The help, the version, or what is wrong with a first word."""
    if name in ("--help", "-h", "help"):
        tell(HELP)
    elif name in ("--version", "version"):
        tell(VERSION)
    else:
        what = f"{name}: no such command" if name else "no command is given"
        raise InputError(f"{what}; choose of {', '.join(COMMANDS)}, see glx --help")
