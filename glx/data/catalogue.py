"""From `--target`, `--source` and `--labels` to `System`s: known, simulated, of a panel, or own."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glx.config import cache_home
from glx.data import panel, systems
from glx.data.inputs import in_order, paths_of
from glx.data.load import DataConfig
from glx.data.panel import Description
from glx.data.simulate import SimConfig, write
from glx.data.systems import SIMULATED, LabelPlace, System
from glx.errors import InputError, is_disk_full
from glx.files import given_path, identity
from glx.parse.log import Log
from glx.parse.read import open_text
from glx.parse.sources import LogPath
from glx.parse.table import read_header


@dataclass(frozen=True)
class Systems:
    """The systems of a run."""

    target: System
    sources: list[System]


def resolve(
    target: str | tuple[str, ...],
    sources: tuple[str, ...] | None,
    labels: tuple[str, ...],
    config: DataConfig,
) -> Systems:
    """The systems that a command line names.

    Args:
      target: a name, NAME=FILE or a file; several are the files of one log.
      sources: none given: the simulated systems; None: no source is wanted.

    Raises:
      InputError: an unknown name or one that the protocol does not read, a labels file for no
        system, a source twice or of the target's family.
    """
    label_files, described = _label_files(labels), read_panel(config)
    targets = [target] if isinstance(target, str) else list(target)
    names = split_names(sources or ())
    if not names and sources is not None:
        names = [name for name in SIMULATED if name != target]
    owners = {text.partition("=")[0] if "=" in text else None for text in targets}
    if len(owners) > 1:
        raise InputError(f"--target={targets[1]}: another system; give all files of one NAME=FILE")
    chosen = Systems(
        _system("--target", targets, label_files, described, config),
        [_system("--source", one, label_files, described, config) for one in _of_one_name(names)],
    )
    if isinstance(config.window, str) and chosen.target.window is not None:
        raise InputError(
            f"--window={config.window}: {chosen.target.name} has windows of lines; give --window=N"
        )
    if label_files:
        raise InputError(
            f"--labels={next(iter(label_files))}=...: no own file of that name among --target and "
            "--source"
        )
    for n, source in enumerate(chosen.sources):
        if source.name in [s.name for s in chosen.sources[:n]]:
            raise InputError(f"--source={source.name}: given twice")
        if family(source) == family(chosen.target):
            raise InputError(
                f"--source={source.name}: of the same family as the target {chosen.target.name}, "
                "so its labels are not those of another system; choose sources of other families"
            )
        if _share_a_file(source, chosen.target):
            raise InputError(
                f"--source={source.name}: is the target's own file; choose another system"
            )
        for other in chosen.sources[:n]:
            if family(source) != family(other) and _share_a_file(source, other):
                raise InputError(
                    f"--source={source.name}: has a file of --source={other.name}; give it once"
                )
        if source.labels is None:
            raise InputError(
                f"--source={source.name}: has no labels to learn from; give them by "
                f"--labels={source.name}=FILE, a CSV of `key,label` or `line,label`"
            )
    for system in (chosen.target, *chosen.sources):
        if system.name in SIMULATED:
            _simulate(system, config)
        for file in [*system.log.files, *([system.numbered.templates] if system.numbered else [])]:
            _check_readable(file)
    return chosen


def describe(
    names: Sequence[str], labels: tuple[str, ...], config: DataConfig
) -> dict[str, System]:
    """Each of several systems, by what names it; whether its files can be read is not looked at.

    Raises:
      InputError: as `resolve`, of each alone.
    """
    label_files, described = _label_files(labels), read_panel(config)
    found = {name: _system("--systems", [name], label_files, described, config) for name in names}
    if label_files:
        raise InputError(
            f"--labels={next(iter(label_files))}=...: no own file of that name among --systems"
        )
    return found


def read_panel(config: DataConfig) -> dict[str, Description]:
    """What `--panel` describes, by name; nothing without one."""
    if config.panel is None:
        return {}
    return panel.read(given_path(config.panel), lambda who: _data_dir(who, config))


def family(system: System) -> str:
    """What no source has in common with its target."""
    return system.family or system.name


def _share_a_file(one: System, other: System) -> bool:
    """Whether two systems are, or hold, the same file."""
    return not {identity(f) for f in one.log.files}.isdisjoint(map(identity, other.log.files))


def split_names(given: tuple[str, ...]) -> list[str]:
    """`a,b` as two names; `NAME=FILE`, which may hold a comma, as one."""
    return [name for text in given for name in ([text] if "=" in text else text.split(","))]


def _of_one_name(names: list[str]) -> list[list[str]]:
    """The files of one NAME=FILE together, all else apart."""
    groups: dict[str, list[str]] = {}
    for n, name in enumerate(names):
        own, has_file, _ = name.partition("=")
        groups.setdefault(own if has_file else f"{n}=", []).append(name)
    return list(groups.values())


def cache_dir(config: DataConfig) -> Path:
    """The folder of simulated systems and compiled programs."""
    if config.cache_dir is not None:
        return given_path(config.cache_dir)
    return cache_home()


def _label_files(labels: tuple[str, ...]) -> dict[str, Path]:
    """The files that `--labels` gives, by the name of the system."""
    found: dict[str, Path] = {}
    for given in labels:
        name, _, path = given.partition("=")
        if not name or not path:
            raise InputError(f"--labels={given}: give it as NAME=FILE")
        if name in found:
            raise InputError(f"--labels={given}: {name} has labels already; give one file each")
        found[name] = _own_path(f"--labels={given}", path)
    return found


def _system(
    flag: str,
    several: list[str],
    label_files: dict[str, Path],
    described: dict[str, Description],
    config: DataConfig,
) -> System:
    """The system that is given once, or by each file of its log."""
    given = several[0]
    name, has_file, path = given.partition("=")
    if not name or (has_file and not path):
        raise InputError(f"{flag}={given}: give the name of a system, NAME=FILE or a file")
    if config.protocol == "paper" and given not in systems.paper(Path()):
        among = ", ".join(systems.paper(Path()))
        raise InputError(
            f"{flag}={given}: --protocol=paper reads {among} only; choose --target and --source "
            "among these"
        )
    if not has_file:
        if given in described and described[given].paths:
            return _described(described[given], label_files, config)
        if given in SIMULATED:
            folder = cache_dir(config) / "simulated" / f"{config.sim_lines}-{config.sim_seed}"
            return systems.simulated(given, folder)
        if given in systems.known(Path()):
            return _known(given, config)
        if "/" not in given and "." not in given and not os.path.exists(given):
            own = [name for name, one in described.items() if one.paths]
            known = ", ".join([*systems.known(Path()), *SIMULATED, *own])
            raise InputError(
                f"{flag}={given}: neither a known system ({known}) nor a file; give NAME=FILE for "
                "your own"
            )
        name, path = re.sub(r"[^\w-]", "_", Path(given).name.split(".")[0]), given
    elif not re.fullmatch(r"[\w.-]+", name):
        raise InputError(f"{flag}={given}: a name has letters, digits, '.', '_' and '-' only")
    elif name in systems.known(Path()) or name in SIMULATED or name in described:
        raise InputError(
            f"{flag}={given}: {name} is a known system; give your own file another name"
        )
    paths = [text.partition("=")[2] if has_file else text for text in several]
    for text in paths:
        _own_path(f"{flag}={given}", text)
    return _own(f"{flag}={name}" if has_file else flag, name, paths, label_files.pop(name, None))


def _own(where: str, name: str, paths: Sequence[str], labels_in: Path | None) -> System:
    """A user's own files as a system; `where` names them in messages."""
    files = in_order(Log(paths_of(where, paths))).files
    first, *more = (Path(str(file)) for file in files)
    labels = None if labels_in is None else _own_labels(labels_in)
    if more and labels is not None and labels.by == "line":
        raise InputError(
            f"{labels.path}: labels by line, and {name} has {len(files)} files; label sessions by "
            "`key,label`, or give one file"
        )
    return System(name, first, labels=labels, more=tuple(more))


def _described(one: Description, label_files: dict[str, Path], config: DataConfig) -> System:
    """The system of a panel that has a path."""
    if one.name in systems.known(Path()) or one.name in SIMULATED:
        raise InputError(f"{one.where}: is a known system; give your own file another name")
    for path in one.paths:
        _own_path(one.where, path)
    labels = label_files.pop(one.name, one.labels)
    own = _own(one.where, one.name, one.paths, labels)
    return replace(own, family=one.family, how=one.how)


def _own_path(given: str, path: str) -> Path:
    """The path of a user's file, which a run reads more than once."""
    file = given_path(path)
    if path == "-" or (os.path.exists(file) and not (file.is_file() or file.is_dir())):
        raise InputError(f"{given}: can be read only once; write it to a file and give that")
    return file


def _check_readable(file: LogPath) -> None:
    """Raise InputError now, rather than after much work, for a file that cannot be read."""
    if not os.path.exists(file):  # unlike Path.exists, never an error itself
        raise InputError(f"{file}: no such file; check the path")
    open_text(file).close()


def _own_labels(path: Path) -> LabelPlace:
    """Where labels are in a user's CSV, by its header alone: `key` or `line` beside `label`."""
    _check_readable(path)
    columns = read_header(path)
    for by in ("key", "line"):
        if {by, "label"} <= set(columns):
            return LabelPlace(path, by, key=by)
    raise InputError(
        f"{path}: line 1: needs the columns `key,label` or `line,label`, found {', '.join(columns)}"
    )


def _known(name: str, config: DataConfig) -> System:
    named = systems.paper if config.protocol == "paper" else systems.known
    return named(_data_dir(name, config))[name]


def _data_dir(who: str, config: DataConfig) -> Path:
    """The folder of the real data sets; `who` needs it."""
    folder = config.data_dir or os.environ.get("GLX_DATA")
    if not folder:
        raise InputError(
            f"{who}: a real data set; say where it is by --data_dir=DIR (or GLX_DATA); "
            "docs/data.md says how to get it"
        )
    if not given_path(folder).is_dir():
        raise InputError(f"--data_dir={folder}: no such folder; docs/data.md gives its layout")
    return given_path(folder)


def _simulate(system: System, config: DataConfig) -> None:
    """Write the system's files unless they are there: a name, length and seed give equal bytes."""
    if system.path.exists() and system.labels and system.labels.path.exists():
        return
    folder = system.path.parent
    try:
        write(SimConfig(system.name, lines=config.sim_lines, seed=config.sim_seed), folder)
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(
            f"{folder}: cannot be written ({e.strerror}); choose another --cache_dir"
        ) from e
