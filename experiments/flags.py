"""Command-line flags made from settings, and the exit codes of every entry point.

0 done, 2 the user's input or a flag is wrong, 3 something outside is missing or gave up, 1 a bug.
"""

import sys
import textwrap
from collections.abc import Callable
from typing import Any

from absl import flags

from glx import config as settings
from glx.errors import InputError, OutsideError

FLAGS = flags.FLAGS
KINDS = {
    "int": flags.DEFINE_integer,
    "float": flags.DEFINE_float,
    "bool": flags.DEFINE_boolean,
    "tuple": flags.DEFINE_multi_string,
}


def define(cls: type, presets: dict[str, Any] | None = None) -> None:
    """Define a flag for every setting below `cls`; unset, it takes the value of the preset."""
    for leaf in settings.leaves(cls):
        kind = getattr(leaf.field.type, "__name__", str(leaf.field.type)).split(" | ")[0]
        values = {name: settings.get(p, leaf.path) for name, p in (presets or {"": cls()}).items()}
        if len(set(values.values())) == 1:
            default = f"default {next(iter(values.values()))}"
        else:
            default = ", ".join(f"{name}: {value}" for name, value in values.items())
        define_flag = KINDS.get(kind, flags.DEFINE_string)
        define_flag(leaf.name, None, f"{leaf.doc} ({default})")


def build(base: Any) -> Any:
    """`base` with every flag that was given, checked against the bounds."""
    for leaf in settings.leaves(type(base)):
        if FLAGS[leaf.name].present:
            value = FLAGS[leaf.name].value
            value = tuple(value) if isinstance(value, list) else value
            base = settings.change(base, leaf.path, value)
    settings.check(base)
    return base


def run(main: Callable[[], None], usage: str) -> None:
    """Parse the command line, call `main`, exit with the code of the contract.

    Args:
      usage: what `--help` prints above the flags; its first line begins the message.
    """
    # Absl's own flags are for programs run by `app.run`; ours are all that a user should meet.
    for name in set(FLAGS) - {"help"}:
        if FLAGS[name].help and _of_absl(name):
            delattr(FLAGS, name)
    flags.DEFINE_boolean("help", False, "Show this and exit.", short_name="h")
    sys.exit(_exit_code(main, usage))


def _exit_code(main: Callable[[], None], usage: str) -> int:
    try:
        rest = FLAGS(sys.argv)[1:]
        if FLAGS["help"].value:
            print(_help(usage))
            return 0
        if rest:
            raise InputError(f"{rest[0]}: not a flag; flags look like --name=value, see --help")
        main()
    except (InputError, flags.Error) as e:
        print(f"error: {' '.join(str(e).split())}", file=sys.stderr)
        return 2
    except OutsideError as e:
        print(f"error: {e}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _of_absl(name: str) -> bool:
    module = FLAGS.find_module_defining_flag(name) or ""
    return module.startswith("absl")


def _help(usage: str) -> str:
    lines = [usage.strip(), "", "Flags:"]
    for flag in (flag for group in FLAGS.flags_by_module_dict().values() for flag in group):
        lines.append(f"  --{flag.name}")
        lines += textwrap.wrap(flag.help, 88, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)
