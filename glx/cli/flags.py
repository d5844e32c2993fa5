"""Command-line flags made from settings, and the exit codes of every entry point.

0 done, 2 the user's input or a flag is wrong, 3 something outside is missing or gave up, 130
interrupted, 1 a bug.
"""

import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_origin

from absl import flags
from absl.flags import FlagValues

import glx
from glx import config as settings
from glx.errors import InputError, OutsideError, Paused, forbidden, is_disk_full
from glx.interrupts import CODE, SAID, interruptible
from glx.terminal import standard_streams, tell, trace

KINDS = {int: "integer", float: "float", bool: "boolean", tuple: "multi_string"}
SHOWS = ("help", "version")  # flags with which nothing else is done
VERSION = f"glx {glx.__version__}"
# An empty text means none of it, or is told where it is read; else it is a variable of the shell
# that was not set, and an empty path would be the folder of wherever the command runs.
MAY_BE_EMPTY = ("cache", "methods", "pairs", "taus", "ks", "target", "source")
HALF = re.compile("[\ud800-\udfff]")  # what Python makes of bytes that are not UTF-8
# Of these the system takes any bytes; other texts meet libraries that take UTF-8 alone.
PATHS = {
    *("answers", "cache", "data_dir", "detector", "embed_cache_dir", "embed_model", "knowledge"),
    *("labels", "llm_tokenizer", "logs", "metrics_file", "out", "panel", "responses", "run_dir"),
    *("since", "source", "study_dir", "target", "write_questions"),
}
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # that texts have in place of a hyphen


def add(values: FlagValues, kind: str, name: str, default: Any, *spec: Any, **bounds: Any) -> None:
    """Define one flag by absl's `DEFINE_<kind>`."""
    getattr(flags, f"DEFINE_{kind}")(name, default, *spec, flag_values=values, **bounds)


def define(values: FlagValues, cls: type, presets: Mapping[str, Any] | None = None) -> None:
    """Define a flag for every setting below `cls`; unset, it takes the value of the preset."""
    for leaf in settings.leaves(cls):
        defaults = {n: _shown(settings.get(p, leaf.path)) for n, p in (presets or {}).items()}
        default = ", ".join(f"{name}: {value}" for name, value in defaults.items())
        if len(set(defaults.values())) < 2:
            default = _shown(settings.get(cls(), leaf.path))
        doc, among = leaf.field.metadata["doc"], ", ".join(leaf.field.metadata["among"] or ())
        notes = "; ".join(filter(None, [among, default and f"default {default}"]))
        add(values, _kind(leaf.type), leaf.name, None, "")
        values[leaf.name].help = doc + (f" ({notes})" if notes else "")  # absl's has more words


def _kind(annotation: Any) -> str:
    """The kind of flag for a type, for `X | None` that for X, else for `X | Y` a text; it may be
    given several times where a tuple is among them."""
    kinds = {KINDS.get(one, "string") for one in settings.kinds_of(annotation) - {NoneType}}
    if len(kinds) > 1:
        return KINDS[tuple] if KINDS[tuple] in kinds else "string"
    return kinds.pop()


def build(values: FlagValues, base: Any) -> Any:
    """`base` with every flag that was given, checked against the bounds."""
    for leaf in settings.leaves(type(base)):
        if leaf.name in values and values[leaf.name].present:
            value = values[leaf.name].value
            if isinstance(value, list):
                one = len(value) == 1 and get_origin(leaf.type) in (Union, UnionType)
                value = value[0] if one else tuple(value)
            base = settings.change(base, leaf.path, settings.read(leaf, value))
    settings.check(base)
    return base


def given(values: FlagValues, cls: type) -> dict[str, Any]:
    """The settings below `cls` that were given, by the names of their flags."""
    names = [leaf.name for leaf in settings.leaves(cls)]
    return {name: values[name].value for name in names if values[name].present}


def command(config: Any, base: Any) -> list[str]:
    """The flags that make `config` of `base`: `build` the other way round."""
    out = []
    for leaf in settings.leaves(type(config)):
        value = settings.get(config, leaf.path)
        if value == settings.get(base, leaf.path):
            continue
        if isinstance(value, bool):
            out.append(f"--{'' if value else 'no'}{leaf.name}")
        else:
            several = value if isinstance(value, tuple) else (value,)
            out += [f"--{leaf.name}={_shown(v)}" for v in several]
    return out


def run(
    work: Callable[..., None],
    values: FlagValues,
    usage: str,
    argv: list[str],
    *,
    names: bool = False,
) -> int:
    """Parse the command line, call `work`, and say in one sentence what went wrong.

    Args:
      values: the flags, defined and not yet parsed.
      usage: what `--help` prints above the flags.
      argv: the command line, its first word the program.
      names: words that are no flags are wanted, and given to `work` as a list.

    Returns:
      The exit code.
    """
    add(values, "boolean", "help", False, "Show this and exit.", short_name="h")
    add(values, "boolean", "version", False, "Show the version of glx and exit.")

    def parsed() -> None:
        rest = _parse(values, argv)
        for name, text in (("help", _help(usage, values)), ("version", VERSION)):
            if values[name].value:
                tell(text)
                return
            if values[name].present:  # `--nohelp` asks for nothing
                raise InputError(f"--{name}: takes no value; give it alone, or leave it out")
        if rest and not names:
            raise InputError(_no_flag(rest[0]))
        with interruptible():
            work(values, *([rest] if names else []))

    return ended(parsed)


def ended(work: Callable[[], None]) -> int:
    """Call `work`, and say in one sentence what went wrong; the exit code."""
    sys.excepthook = trace  # a bug quotes what it choked on
    with standard_streams():
        try:
            try:
                work()
            except Paused as e:
                tell(" ".join(str(e).split()))
            sys.stdout.flush()
        except InputError as e:
            return _fail(2, str(e))
        except OutsideError as e:
            return _fail(3, str(e))
        except PermissionError as e:
            return _fail(2, forbidden(e))
        except Exception as e:
            if not is_disk_full(e):
                raise
            place = getattr(e, "filename", None) or "the output"
            return _fail(3, f"{place}: no space left on the disk; free some and repeat the command")
        except KeyboardInterrupt as e:
            tell(str(e) or SAID, sys.stderr)
            return CODE
    return 0


def _parse(values: FlagValues, argv: list[str]) -> list[str]:
    """Parse the flags; what is left of the command line is returned."""
    try:
        rest = values(argv)[1:]
        for name in values:
            times, several = values[name].present, isinstance(values[name], flags.MultiFlag)
            # absl would keep the last and drop the others.
            if times > 1 and not several and values[name].name not in SHOWS:
                raise InputError(f"--{name}: given {times} times; give it once")
            value = values[name].value
            if times and name not in MAY_BE_EMPTY and _is_empty(value):
                raise InputError(f"--{name}=: is empty; give it a value, or leave it out")
            listed = value if value and isinstance(values[name].parser, flags.ListParser) else ()
            if len(set(listed)) < len(listed):
                raise InputError(f"--{name}={','.join(listed)}: give each once")
        _check_utf8(values)
        return rest
    except flags.IllegalFlagValueError as e:
        given, _, why = str(e).removeprefix("flag ").partition(": ")
        kind = values[given.strip("-").partition("=")[0]].flag_type()
        if kind in settings.NEEDS and " is not " not in why:  # else a number, but out of bounds
            why = f"must be {settings.NEEDS[kind]}"
        raise InputError(f"{given}: {why}; see --help") from e
    except flags.Error as e:
        raise InputError(f"{str(e).removeprefix('ERROR:: ')}; see --help") from e
    except UnicodeError as e:
        raise InputError("--flagfile: is not UTF-8; name a file of flags, one a line") from e
    except ValueError as e:  # absl has no error of its own for a switch such as --nobf16=1
        given = str(e).partition(" does not")[0]
        switch = given.removeprefix("--no").partition("=")[0]
        raise InputError(f"{given}: takes no value; give --{switch} or --no{switch}") from e


def _is_empty(value: Any) -> bool:
    return "" in value or not value if isinstance(value, list) else value == ""


def _check_utf8(values: FlagValues) -> None:
    """Raise InputError for a text that is not UTF-8 and no path."""
    for name in set(values) - PATHS:
        given = values[name].value
        for text in given if isinstance(given, list) else [given]:
            if HALF.search(str(text)):
                raise InputError(f"--{name}={text}: is not UTF-8; give another text")


def _no_flag(word: str) -> str:
    """What is wrong with a word that stands where a flag should."""
    if word[:1] in DASHES:
        return f"{word}: begins with a dash that is no hyphen; flags look like --name=value"
    return f"{word}: not a flag; flags look like --name=value, see --help"


def _fail(code: int, text: str) -> int:
    """Say on standard error what went wrong, in one sentence; the exit code."""
    tell(f"error: {' '.join(text.split())}", sys.stderr)
    return code


def _help(usage: str, values: FlagValues) -> str:
    lines = [usage.strip(), "", "Flags:"]
    for name in values:  # in the order of their definition
        flag = values[name]
        if name != flag.name:  # its short name
            continue
        lines.append(f"  --{'[no]' if flag.boolean and name not in SHOWS else ''}{name}")
        text = flag.help + (f" (default {_shown(flag.default)})" if flag.default else "")
        lines += textwrap.wrap(text, 88, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    """A default as one would type it; nothing where there is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
