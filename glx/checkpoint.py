"""A fitted detector as one folder, and the training state between two steps, by Orbax.

In: pytrees of arrays, tables, settings. Out: a folder of JSON, Parquet and array files; nothing in
it is pickled, and all of it is checked against the checksums in `detector.json` when it is read.
"""

import errno
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import jax
import orbax.checkpoint as ocp
import polars as pl

from glx import files, hosts
from glx.errors import InputError, is_disk_full
from glx.interrupts import ENDS
from glx.state import State

VERSION = 5
MANIFEST = "detector.json"
SPARE = 1 << 20  # bytes on the disk beside the arrays themselves


def save(folder: Path, state: State) -> None:
    """Write a detector to `folder`, which must not exist, whole or not at all.

    Raises:
      InputError: a folder that `load` could not read.
      FileExistsError: something is there.
    """
    folder = files.folder(folder, "folder")
    if os.path.exists(folder):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    new = files.beside(folder)
    try:
        new.mkdir(parents=True)
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(f"{folder}: cannot be written ({e.strerror}); choose another one") from e
    try:
        _save_arrays(new / "arrays", state.arrays)
        for name, table in state.tables.items():
            (new / f"{name}.parquet").write_bytes(files.parquet(table))
        sums = _checksums(new) | {MANIFEST: _checksum_of(state.settings)}
        manifest = {"version": VERSION, "settings": state.settings, "sha256": sums}
        (new / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        os.replace(new, folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def load(folder: Path) -> State:
    """Read what `save` wrote; arrays are of NumPy.

    Raises:
      InputError: the folder is no detector, is damaged, or is of another version.
    """
    if files.MISREAD.search(str(folder.absolute())):
        raise InputError(f"{folder}: a path with {files.MISREAD_IS} is misread; move the folder")
    if not files.is_file(folder / MANIFEST):
        raise InputError(
            f"{folder}: not a detector folder (no {MANIFEST}); "
            "give the `checkpoint` folder of a finished run"
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        version, settings, sums = (manifest[k] for k in ("version", "settings", "sha256"))
        sums = dict(sums)
    except OSError as e:
        raise InputError(f"{folder / MANIFEST}: cannot be read ({e.strerror}); check it") from e
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise InputError(
            f"{folder / MANIFEST}: damaged ({type(e).__name__}); fit the detector again"
        ) from e
    if version != VERSION:
        raise InputError(
            f"{folder}: written as version {version}, this program reads version {VERSION}; "
            "fit the detector again"
        )
    found = _checksums(folder) | {MANIFEST: _checksum_of(settings)}
    for name in sorted(sums.keys() | found.keys()):
        if sums.get(name) != found.get(name):
            state = "missing" if name not in found else "changed or not of this detector"
            raise InputError(f"{folder / name}: {state}; restore it or fit the detector again")
    tables = {path.stem: pl.read_parquet(path.read_bytes()) for path in folder.glob("*.parquet")}
    return State(_load_arrays(folder / "arrays"), tables, settings)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Requests to end wait for the end of the block: Orbax would lose them in its threads."""
    came: list[int] = []
    ours = current_thread() is main_thread()
    before = {one: signal.getsignal(one) for one in (*ENDS, signal.SIGALRM) if ours}
    held = {one: handler for one, handler in before.items() if callable(handler)}
    for one in held:
        signal.signal(one, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for one, handler in held.items():
            signal.signal(one, handler)
        if came:
            signal.raise_signal(came[0])


def save_step(folder: Path, step: int, state: Any) -> None:
    """Write the training state after `step` outer steps, then drop older ones."""
    with _uninterrupted(), _training(folder) as manager:
        _require_space(folder, state)
        manager.save(step, args=ocp.args.StandardSave(state))


def restore_newest(folder: Path, state: Any) -> Any:
    """The newest state in `folder`, shaped and placed like `state`; else `state` itself."""
    with _uninterrupted(), _training(folder) as manager:
        step = hosts.of_first(manager.latest_step)
        if step is None:
            return state
        return manager.restore(step, args=ocp.args.StandardRestore(state))


def _training(folder: Path) -> ocp.CheckpointManager:
    """One state at a time; it counts once Orbax has renamed its folder into place."""
    options = ocp.CheckpointManagerOptions(max_to_keep=1, enable_async_checkpointing=False)
    return ocp.CheckpointManager(folder.absolute(), options=options)


def _save_arrays(path: Path, tree: Any) -> None:
    tree = jax.device_get(tree)
    _require_space(path.parent, tree)
    with _uninterrupted(), ocp.StandardCheckpointer(**_alone()) as checkpointer:
        checkpointer.save(path.absolute(), tree)


def _alone() -> dict[str, Any]:
    """Options of Orbax for what one of several processes writes or reads without the others."""
    if not hosts.several():
        return {}
    own = jax.process_index()
    only = ocp.options.MultiprocessingOptions(
        primary_host=own, active_processes={own}, barrier_sync_key_prefix=f"process{own}"
    )
    return {"multiprocessing_options": only}


def _load_arrays(path: Path) -> Any:
    with _uninterrupted(), ocp.StandardCheckpointer(**_alone()) as checkpointer:
        return checkpointer.restore(path.absolute())


def _require_space(folder: Path, tree: Any) -> None:
    """Raise `OSError` (ENOSPC) before Orbax writes: a thread of it that fails leaves a hang."""
    if shutil.disk_usage(folder).free < sum(x.nbytes for x in jax.tree.leaves(tree)) + SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _checksum_of(settings: Any) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _checksums(folder: Path) -> dict[str, str]:
    found = [path for path in files.names_below(folder) if path.name != MANIFEST]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}
