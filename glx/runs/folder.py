"""A run's folder: begun as `RUN_DIR.partial`, resumed there, moved into place when whole.

In: settings. Out: a folder with `config.json` and what the run writes.
"""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import jax

from glx.errors import InputError, OutsideError

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
      may_differ: top-level settings that may change between a run and its resumption.

    Raises:
      InputError: the run is finished already, or its settings differ (naming the first).
      OutsideError: the disk is full; all work is kept.
    """
    partial = run_dir.with_name(run_dir.name + ".partial")
    if run_dir.exists() and not overwrite:
        raise InputError(
            f"{run_dir}: a finished run is there; choose another --run_dir or give --overwrite"
        )
    if overwrite:
        shutil.rmtree(partial, ignore_errors=True)
    resumed = partial.exists()
    config = partial / "config.json"
    if (partial / "config.json").exists():
        _check_same(json.loads(config.read_text())["settings"], settings, partial, may_differ)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps(describe(settings), indent=1) + "\n")
        yield partial
        if run_dir.exists():
            shutil.rmtree(run_dir)
        os.replace(partial, run_dir)
    except InputError:
        if not resumed:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    except OSError as e:
        if isinstance(e, PermissionError | NotADirectoryError):
            raise InputError(f"{e.filename}: {e.strerror}; choose another --run_dir") from e
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OutsideError(
            f"{e.filename or partial}: {e.strerror}; work so far is kept in {partial}, free some "
            "space and repeat the command to go on from there"
        ) from e


def describe(settings: dict) -> dict:
    """What `config.json` holds: every setting, package versions, device, commit."""
    return {
        "settings": json.loads(json.dumps(settings, default=str)),
        "packages": {"glx": version("glx")} | {name: version(name) for name in PACKAGES},
        "device": jax.devices()[0].device_kind,
        "commit": _commit(),
    }


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


def _check_same(old: dict, new: dict, partial: Path, may_differ: tuple[str, ...]) -> None:
    old, new = _flat(old), _flat(json.loads(json.dumps(new, default=str)))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name) and name.split(".")[0] not in may_differ:
            raise InputError(
                f"{partial}: begun with {name}={old.get(name)!r}, now it is {new.get(name)!r}; "
                "repeat the earlier settings to go on, or give --overwrite to begin anew"
            )


def _flat(tree: dict, prefix: str = "") -> dict:
    out = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out
