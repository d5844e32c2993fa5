"""From what a user names to `System`s: known names, simulated ones (made on demand), own files.

In: `--target`, `--source`, `--labels` as given. Out: descriptions; simulated files on disk.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from glx.errors import InputError
from glx.logs import systems
from glx.logs.load import DataConfig
from glx.logs.simulate import SimConfig, write
from glx.logs.systems import SIMULATED, System


@dataclass(frozen=True)
class Cast:
    """The systems of a run."""

    target: System
    sources: list[System]


def resolve(
    target: str, sources: tuple[str, ...], labels: tuple[str, ...], config: DataConfig
) -> Cast:
    """The systems that a command line names.

    Raises:
      InputError: an unknown name, a labels file for no system, a source twice or of the target's
        family.
    """
    label_files = {}
    for given in labels:
        name, _, path = given.partition("=")
        if not path:
            raise InputError(f"--labels={given}: give it as NAME=FILE")
        label_files[name] = Path(path)
    names = [name for given in sources for name in ([given] if "=" in given else given.split(","))]
    cast = Cast(
        _system(target, label_files, config), [_system(n, label_files, config) for n in names]
    )
    if label_files:
        raise InputError(
            f"--labels={next(iter(label_files))}=...: no own file of that name among --target and "
            "--source"
        )
    if not cast.sources:
        raise InputError("--source: give at least one labelled system to learn from")
    for n, source in enumerate(cast.sources):
        if source.name in [s.name for s in cast.sources[:n]]:
            raise InputError(f"--source={source.name}: given twice")
    systems.check_family(cast.target, cast.sources)
    for system in (cast.target, *cast.sources):
        if system.name in SIMULATED:
            _simulate(system, config)
    return cast


def cache_dir(config: DataConfig) -> Path:
    """The folder of simulated systems and compiled programs."""
    if config.cache_dir is not None:
        return Path(config.cache_dir)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glx"


def _system(given: str, label_files: dict[str, Path], config: DataConfig) -> System:
    name, has_file, path = given.partition("=")
    if not has_file:
        if given in SIMULATED:
            folder = cache_dir(config) / "simulated" / f"{config.sim_lines}-{config.sim_seed}"
            return systems.simulated(given, folder)
        if given in systems.known(Path()):
            return _known(given, config)
        if "/" not in given and "." not in given and not Path(given).exists():
            known = ", ".join([*systems.known(Path()), *SIMULATED])
            raise InputError(
                f"{given}: neither a known system ({known}) nor a file; give NAME=FILE for your own"
            )
        name, path = Path(given).name.split(".")[0], given
    elif name in systems.known(Path()) or name in SIMULATED:
        raise InputError(f"{given}: {name} is a known system; give your own file another name")
    return systems.own(name, Path(path), label_files.pop(name, None))


def _known(name: str, config: DataConfig) -> System:
    folder = config.data_dir or os.environ.get("GLX_DATA")
    if folder is None:
        raise InputError(
            f"{name}: a real data set; say where it is by --data_dir=DIR (or GLX_DATA); "
            "docs/data.md says how to get it"
        )
    if not Path(folder).is_dir():
        raise InputError(f"--data_dir={folder}: no such folder; docs/data.md gives its layout")
    return systems.known(Path(folder))[name]


def _simulate(system: System, config: DataConfig) -> None:
    """Write the system's files unless they are there: a name, length and seed give equal bytes."""
    if not (system.path.exists() and system.labels and system.labels.path.exists()):
        write(
            SimConfig(system.name, lines=config.sim_lines, seed=config.sim_seed), system.path.parent
        )
