"""A run's folder: begun as `RUN_DIR.partial`, resumed there, moved into place when whole.

In: settings. Out: a folder with `config.json` and what the run writes.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import jax

from glx import files
from glx.config import flat
from glx.errors import InputError, OutsideError, forbidden, is_disk_full
from glx.report import models

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "polars", "drain3")


@contextmanager
def run_folder(
    run_dir: Path, settings: dict, *, overwrite: bool = False, may_differ: tuple[str, ...] = ()
) -> Iterator[Path]:
    """The partial folder to work in; it becomes `run_dir` when the block ends well.

    A partial folder of an earlier, interrupted run is resumed if its settings agree. If the block
    raises InputError, the folder goes again unless it held earlier work.

    Args:
      settings: nested dicts of JSON values; all that determines the result.
      overwrite: replace a finished or disagreeing run.
      may_differ: settings, as `data.cache_dir`, that may change between a run and its resumption.

    Raises:
      InputError: the run is finished already, its settings differ (naming the first), or the folder
        cannot be made.
      OutsideError: the disk is full; all work is kept.
    """
    run_dir = files.folder(run_dir, "--run_dir")
    _check_outside(run_dir)
    _check_ours(run_dir)
    _check_free(run_dir, overwrite)
    partial = run_dir.with_name(run_dir.name + files.PARTIAL)
    if not os.path.isdir(partial) or any(map(_kept, os.listdir(partial))):
        _check_ours(partial)
    made = [one for one in partial.parents if not os.path.exists(one)]  # the deepest first
    try:
        with files.locked(partial, "--run_dir"):
            _check_free(run_dir, overwrite)  # another run may have ended just now
            with _begun(partial, settings, overwrite, may_differ):
                yield partial
            try:
                _check_ours(run_dir)
                _check_free(run_dir, overwrite)
            except InputError as e:
                raise OutsideError(
                    f"{run_dir}: something was put there while the run was at work, which is kept "
                    f"in {partial}; move what is there away and repeat the command"
                ) from e
            _take_place(partial, run_dir)
    except (InputError, PermissionError) as e:
        for one in made:
            with suppress(OSError):  # not made yet, or somebody else has put something there
                one.rmdir()
        if isinstance(e, InputError):
            raise
        raise InputError(forbidden(e)) from e
    except Exception as e:
        if not is_disk_full(e):
            raise
        raise OutsideError(
            f"{getattr(e, 'filename', None) or partial}: no space left on the disk; work so far is "
            f"kept in {partial}, free some space and repeat the command to go on from there"
        ) from e


def _check_free(run_dir: Path, overwrite: bool) -> None:
    if os.path.exists(run_dir) and not overwrite:  # unlike Path.exists, never an error itself
        raise InputError(
            f"{run_dir}: a finished run is there; choose another --run_dir or give --overwrite"
        )


@contextmanager
def _begun(
    folder: Path, settings: dict, overwrite: bool, may_differ: tuple[str, ...]
) -> Iterator[None]:
    """The partial folder begun or resumed; on InputError it goes, unless it held earlier work, and
    likewise where something may not be read before there is work."""
    for name in os.listdir(folder):
        if name != files.LOCK and (overwrite or not _kept(name)):
            _remove(folder / name)
    config = models.path_of(folder, models.Config)
    resumed = os.path.isfile(config)
    try:
        if resumed:
            _check_same(_read_settings(folder), settings, folder, may_differ)
        _begin(folder, settings)
        yield
    except (InputError, PermissionError) as e:
        work = any(name != config.name and _kept(name) for name in os.listdir(folder))
        if not resumed and (isinstance(e, InputError) or not work):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _take_place(partial: Path, run_dir: Path) -> None:
    """Move a run into place; one that was there goes once the new one is."""
    earlier = files.beside(run_dir)
    if os.path.exists(run_dir):
        os.replace(run_dir, earlier)
    os.replace(partial, run_dir)
    _remove(run_dir / files.LOCK)
    _remove(earlier)


def _kept(name: str) -> bool:
    """Whether what has this name in a partial folder is work; else a kill left it."""
    return name != files.LOCK and not name.endswith(files.PARTIAL)


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_finished(run_dir: Path, settings: dict, may_differ: tuple[str, ...] = ()) -> bool:
    """Whether a finished run with these settings is there.

    Raises:
      InputError: one with other settings is, or the folder is no run.
    """
    if not os.path.exists(run_dir):
        return False
    _check_ours(run_dir)
    _check_same(_read_settings(run_dir), settings, run_dir, may_differ)
    return True


def _begin(partial: Path, settings: dict) -> None:
    try:
        partial.mkdir(parents=True, exist_ok=True)
        models.write(partial, describe(settings))
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(
            f"{partial}: cannot be written ({e.strerror}); choose another --run_dir"
        ) from e


def describe(settings: dict) -> models.Config:
    """What `config.json` holds: every setting, package versions, device, commit."""
    return models.Config(
        settings=json.loads(json.dumps(settings, default=str)),
        packages={"glx": version("glx")} | {name: version(name) for name in PACKAGES},
        device=jax.devices()[0].device_kind,
        commit=_commit(),
    )


def _commit() -> str | None:
    """The commit of the source tree glx runs from, `+` where it was changed; None elsewhere."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        git = ["git", "-C", str(root)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    except FileNotFoundError:  # no git on this machine
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") or None


def _check_outside(run_dir: Path) -> None:
    """Raise InputError for a folder in that of another run, which would be replaced with it."""
    for one in Path(os.path.realpath(run_dir)).parents:
        if _is_run(one) or _is_run(Path(f"{one}{files.PARTIAL}")):
            raise InputError(
                f"{run_dir}: lies in the folder of another run, {one}; choose another --run_dir"
            )


def _is_run(folder: Path) -> bool:
    try:
        models.read(folder, models.Config)
    except (InputError, OSError):
        return False
    return True


def _check_ours(folder: Path) -> None:
    """Raise InputError where a folder is no run: what glx did not make it never removes."""
    config = models.path_of(folder, models.Config)
    try:
        ours = '"settings"' in config.read_text(errors="replace")
    except PermissionError as e:
        raise InputError(forbidden(e)) from e
    except OSError:  # it is not there
        ours = False
    if os.path.exists(folder) and not ours:
        raise InputError(f"{folder}: is there already and is no run; choose another --run_dir")


def _read_settings(partial: Path) -> dict:
    try:
        return models.read(partial, models.Config).settings
    except InputError as e:
        raise InputError(f"{e}; --overwrite begins it anew") from e


def _check_same(old: dict, new: dict, partial: Path, may_differ: tuple[str, ...]) -> None:
    old, new = flat(old), flat(json.loads(json.dumps(new, default=str)))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name) and name not in may_differ:
            raise InputError(
                f"{partial}: begun with {name}={old.get(name)!r}, now it is {new.get(name)!r}; "
                "repeat the earlier settings to go on, or give --overwrite to begin anew"
            )
