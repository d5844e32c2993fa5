"""A detector's folder and the training state: to disk and back, and what damage does."""

import errno
import json
import re
import shutil
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import polars as pl
import pytest

from glx.checkpoint import load, restore_newest, save, save_step
from glx.errors import InputError
from glx.state import State

ARRAYS = {
    "params": {"gru": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}},
    "profile": {"n": np.asarray(7, np.int64), "lengths": np.array([2, 2**40])},
}
TABLES = {"templates": pl.DataFrame({"text": ["a <*>", "größer"], "count": [3, None]})}
SETTINGS = {"threshold": 0.1, "layout": None, "time": ["a", "b"], "name": "größer"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "checkpoint"
    save(folder, State(ARRAYS, TABLES, SETTINGS))
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "checkpoint")


def test_what_is_saved_is_read_again(saved):
    arrays, tables, settings = load(saved)
    for (path, a), (_, b) in zip(
        jax.tree_util.tree_leaves_with_path(ARRAYS),
        jax.tree_util.tree_leaves_with_path(arrays),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b, err_msg=str(path))
        assert (a.dtype, a.shape) == (b.dtype, b.shape), path
    assert jax.tree.structure(arrays) == jax.tree.structure(ARRAYS)
    assert tables["templates"].equals(TABLES["templates"])
    assert settings == SETTINGS


def test_it_can_be_moved(saved, tmp_path):
    moved = shutil.copytree(saved, tmp_path / "else" / "where")
    assert load(moved).settings == SETTINGS


def test_nothing_is_pickled(saved):
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert path.suffix not in (".pkl", ".pickle", ".npy")
        assert not path.read_bytes().startswith(b"\x80\x04")


def test_a_folder_that_is_there_is_not_written_over(saved):
    with pytest.raises(FileExistsError):
        save(saved, State(ARRAYS, TABLES, SETTINGS))


def test_each_changed_or_missing_file_is_found(copy):
    checked = [p for p in copy.rglob("*") if p.is_file() and p.name != "detector.json"]
    assert copy / "templates.parquet" in checked
    assert len(checked) > 3
    for path in checked:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if whole else b"x")
        with pytest.raises(InputError, match=f"{re.escape(str(path))}: changed"):
            load(copy)
        path.unlink()
        with pytest.raises(InputError, match=f"{re.escape(str(path))}: missing"):
            load(copy)
        path.write_bytes(whole)
    load(copy)


MANIFEST = "detector.json"


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("notes.txt", lambda text: "mine", r"notes\.txt: changed or not of this detector"),
        (MANIFEST, lambda text: text.replace("0.1", "0.9"), r"detector\.json: changed"),
        *(
            (MANIFEST, lambda text, n=n: json.dumps(json.loads(text) | {"version": n}), f"n {n}")
            for n in (1, 99)
        ),
        *(
            (MANIFEST, lambda text, damaged=damaged: damaged, r"detector\.json: damaged")
            for damaged in ("", "{", "[]", "{}", '{"version": 1}', "\x00")
        ),
    ],
)
def test_what_is_not_as_it_was_saved_is_refused(copy, name, change, match):
    path = copy / name
    path.write_text(change(path.read_text() if path.exists() else ""))
    with pytest.raises(InputError, match=f"{re.escape(str(copy))}.*{match}"):
        load(copy)


@pytest.mark.parametrize("name", ["", "absent"])
def test_no_detector(tmp_path, name):
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path / name))}: not a detector"):
        load(tmp_path / name)


def state(value: float):
    params = {"w": jnp.full((2, 2), value), "b": jnp.zeros(2)}
    return {
        "params": params,
        "optimiser": optax.adam(0.1).init(params),
        "step": jnp.asarray(int(value), jnp.int32),
        "key": jax.random.PRNGKey(int(value)),
    }


def test_training_goes_on_from_the_newest_state(tmp_path):
    fresh, folder = state(0), tmp_path / "training"
    assert restore_newest(folder, fresh) is fresh
    for step in (9, 10):
        save_step(folder, step, state(step))
    assert [path.name for path in folder.iterdir()] == ["10"]
    found = restore_newest(folder, fresh)
    assert jax.tree.structure(found) == jax.tree.structure(fresh)
    jax.tree.map(np.testing.assert_array_equal, found, state(10))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))
    assert [leaf.dtype for leaf in jax.tree.leaves(found)] == [
        leaf.dtype for leaf in jax.tree.leaves(fresh)
    ]


def test_a_state_that_was_being_written_when_the_run_was_killed_does_not_count(tmp_path):
    save_step(tmp_path, 10, state(10))
    (tmp_path / "20.orbax-checkpoint-tmp").mkdir()
    assert int(restore_newest(tmp_path, state(0))["step"]) == 10


def test_a_request_to_end_waits_until_the_state_is_saved(tmp_path, monkeypatch):
    patch = "glx.checkpoint._require_space"
    monkeypatch.setattr(patch, lambda folder, tree: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        save_step(tmp_path, 10, state(10))
    assert int(restore_newest(tmp_path, state(0))["step"]) == 10
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("name", ["sv[1]", "a*", "a?", "a\\b", "b\\", "s3:"])
def test_a_folder_that_could_not_be_read_again_is_not_written(name, tmp_path):
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path / name))}.*: .* folder"):
        save(tmp_path / name / "checkpoint", State(ARRAYS, TABLES, SETTINGS))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/proc/sv", "/dev/null/sv", "a\0b", "\ud800", "x" * 300])
def test_where_no_folder_can_be_made(path):
    with pytest.raises(InputError, match=r"^[^\n]*choose another"):
        save(Path(path), State(ARRAYS, TABLES, SETTINGS))


@pytest.mark.parametrize("name", ["sv[1]", "a*", "a?"])
def test_it_can_be_moved_to_a_folder_of_any_name(name, saved, tmp_path):
    assert load(shutil.copytree(saved, tmp_path / name)).settings == SETTINGS


@pytest.mark.parametrize("name", ["a\\b", "s3:"])
def test_a_folder_that_is_misread_is_named(name, saved, tmp_path):
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path / name))}: .* move "):
        load(shutil.copytree(saved, tmp_path / name))


def test_a_detector_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    def full(folder, tree):
        raise OSError(errno.ENOSPC, "full", str(folder))

    monkeypatch.setattr("glx.checkpoint._require_space", full)
    with pytest.raises(OSError, match="full"):
        save(tmp_path / "checkpoint", State(ARRAYS, TABLES, SETTINGS))
    assert list(tmp_path.iterdir()) == []
