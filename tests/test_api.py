"""What a notebook may give: every natural form of a path, and one sentence for all else."""

import copy
import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import glx
from glx.api import LogDetector
from glx.errors import InputError

WRONG = [None, 3, 0.5, True, b"shop.log", {"shop": "shop.log"}, pl.DataFrame({"text": ["a"]}), ""]
SOME = [[], (), [None], [b"shop.log"], [["shop.log"]]]


def refused(*given, **settings) -> str:
    with pytest.raises(InputError) as e:
        glx.fit(*given, **settings)
    assert "\n" not in str(e.value)
    return str(e.value)


@pytest.mark.parametrize("target", [*WRONG, *SOME], ids=repr)
def test_a_target_that_is_none(target):
    assert refused([], target).startswith("target")


@pytest.mark.parametrize(
    "settings",
    [{"llm_url": "http://127.0.0.1:1/v1"}, {"expert": "batch", "responses": "q.jsonl"}],
)
def test_a_setting_that_the_chosen_expert_does_not_read(settings):
    assert refused([], "sim_vms", **settings).startswith(f"--{[*settings][-1]}: --expert=")


@pytest.mark.parametrize("given", WRONG, ids=repr)
@pytest.mark.parametrize("name", ["sources", "labels"])
def test_sources_and_labels_that_are_none(name, given):
    arguments = {"sources": [], "labels": []} | {name: given}
    assert refused(target="shop.log", **arguments).startswith(name)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("a\0b", "NUL"),
        ("/tmp/\0", "NUL"),
        ("a*\0", "NUL"),
        ("\ud800.log", "not UTF-8"),
        ("[\udfff]", "not UTF-8"),
        ("x" * 300, "too long"),
        ("x/" * 3000, "too long"),
        ("~nobody-of-this-name/x", "no such user"),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_what_no_path_can_be(path, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.log").write_text("id=1 came\n")
    assert refused([], path)
    assert what in refused([], f"own={path}")
    assert what in refused([f"own={path}"], "sim_vms")
    assert what in refused(["own=own.log"], "sim_vms", labels=f"own={path}")
    for name in ("cache_dir", "panel"):
        assert what in refused([], "sim_vms", **{name: path})
    with pytest.raises(InputError, match=what):
        LogDetector(None, None).detect(["own.log", path])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=what):
        glx.load(path)


@pytest.mark.parametrize("name", ["session", "text_field", "window", "llm_model", "log_calls"])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_a_setting_that_can_be_no_text(name, text):
    assert name in refused([], "sim_vms", **{name: text})


@pytest.mark.parametrize(
    "form",
    [str, Path, lambda one: [Path(one)], lambda one: (n for n in [one]), lambda one: (one,)],
    ids=["str", "Path", "list", "generator", "tuple"],
)
def test_every_form_of_a_path_is_taken(form, tmp_path):
    path = str(tmp_path / "shop.log")
    said = refused("sim_blocks", form(path))
    assert said.startswith(f"{path}: no such file")


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("seed", "1", "a whole number"),
        ("seed", 1.0, "a whole number"),
        ("hidden", True, "a whole number"),
        ("hidden", 0, "at least 1"),
        ("hidden", 10**8, "GB"),
        ("steps", float("nan"), "a whole number"),
        ("alpha", float("nan"), "finite"),
        ("alpha", float("inf"), "finite"),
        ("alpha", "0.1", "a number"),
        ("alpha", -0.1, "at least 0"),
        ("bf16", 1, "true or false"),
        ("bf16", None, "true or false"),
        ("session", 5, "a text"),
        ("session", b"x", "a text"),
        ("window", 2.5, "a text or a whole number"),
        ("window", 0, "at least 1"),
        ("threshold", ["evidence"], "a text"),
        ("threshold", "best", "one of"),
        ("knowledge", [3], "texts"),
        ("redact", "no", "true or false"),
        ("sead", 1, "no such setting"),
    ],
)
def test_settings_are_checked_as_flags_are(name, value, what):
    said = refused([], "sim_vms", **{name: value})
    assert name in said
    assert what in said


def test_numbers_of_numpy_paths_and_lists_are_settings():
    made = glx.api._config(
        "small",
        {"seed": np.int64(3), "alpha": np.float32(0.5), "cache_dir": Path("c"), "mu": 1}
        | {"knowledge": Path("k.md"), "bf16": np.True_},
    )
    assert (made.model.seed, made.model.train.alpha, made.data.cache_dir) == (3, 0.5, "c")
    assert made.model.known.knowledge == ("k.md",)
    assert made.model.train.model.bf16 is True


@pytest.mark.parametrize("preset", [None, [], "large", 3], ids=repr)
def test_a_preset_that_is_none(preset):
    assert refused([], "sim_vms", preset=preset).startswith("preset")


@pytest.mark.parametrize("idle", [-5, 0, float("nan"), float("inf"), 1e400, "soon", None, True])
def test_a_pause_that_ends_no_session(idle):
    with pytest.raises(InputError, match="idle="):
        LogDetector(None, None).detect("shop.log", idle=idle)  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", [None, 3, b"run", ["run"], ""], ids=repr)
def test_a_folder_that_is_none(folder):
    with pytest.raises(InputError, match="folder="):
        glx.load(folder)
    with pytest.raises(InputError, match="folder="):
        LogDetector(None, None).save(folder)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_detector_is_saved_not_pickled_and_can_be_copied(protocol):
    detector = LogDetector(None, ["parser"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"save.*glx\.load"):
        pickle.dumps(detector, protocol)
    for copied in (copy.copy(detector), copy.deepcopy(detector)):
        assert copied == detector
        assert copied is not detector
    assert copy.copy(detector).parser is detector.parser
    assert copy.deepcopy(detector).parser is not detector.parser
