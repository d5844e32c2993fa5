import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from glx.embed import bert
from glx.embed import embed as module
from glx.embed.embed import EmbedConfig, encode_raw
from glx.errors import InputError
from tests.embed.conftest import SIZES, tensors

IDS = np.array([[2, 7, 30, 11, 3, 0, 0, 0], [2, 9, 3, 0, 0, 0, 0, 0]], dtype=np.int32)
MASK = np.array([[1, 1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0]], dtype=bool)


def encode(folder, dtype="float32"):
    config = bert.load_config(folder, dtype)
    return np.asarray(bert.encode(bert.load_params(folder, config), IDS, MASK, config))


def by_hand(ids):
    """BERT for one text, loop by loop, in float64: the equations of the paper and nothing else."""
    w = {name: value.astype(np.float64) for name, value in tensors(seed=0).items()}

    def dense(name, x):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    gelu = np.vectorize(lambda v: v * 0.5 * (1.0 + math.erf(v / math.sqrt(2.0))))
    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings.LayerNorm", x + w["embeddings.token_type_embeddings.weight"][0])
    for i in range(SIZES["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        q, k, v = (dense(f"{at}.attention.self.{n}", x) for n in ("query", "key", "value"))
        heads = []
        for h in np.split(np.arange(SIZES["hidden_size"]), SIZES["num_attention_heads"]):
            e = np.exp(q[:, h] @ k[:, h].T / math.sqrt(len(h)))
            heads.append(e / e.sum(-1, keepdims=True) @ v[:, h])
        a = dense(f"{at}.attention.output.dense", np.concatenate(heads, axis=-1))
        x = norm(f"{at}.attention.output.LayerNorm", x + a)
        inner = gelu(dense(f"{at}.intermediate.dense", x))
        x = norm(f"{at}.output.LayerNorm", x + dense(f"{at}.output.dense", inner))
    return x.mean(0) / np.linalg.norm(x.mean(0))


def test_encoder_equals_the_equations_worked_out_by_hand(checkpoint):
    vectors = encode(checkpoint())
    assert vectors.shape == (2, 16)
    assert vectors.dtype == np.float32
    expected = [by_hand(ids[mask]) for ids, mask in zip(IDS, MASK, strict=True)]
    np.testing.assert_allclose(vectors, expected, atol=2e-6)


@pytest.mark.parametrize(("dtype", "least"), [(None, 0.999999), ("bfloat16", 0.9999)])
def test_minilm_equals_the_stored_vectors_of_torch(dtype, least, request, monkeypatch):
    here = request.path.parent
    # Written by make_reference.py: torch's BERT over the same weights, each text alone.
    texts = json.loads((here / "minilm_reference.json").read_text(encoding="utf-8"))
    with np.load(here / "minilm_reference.npz") as file:
        expected = file["vectors"].astype(np.float64)
    monkeypatch.setattr(module, "padded_length", lambda n, most: most)  # one compilation
    config = EmbedConfig(cache_dir=None, batch_size=4, dtype=dtype)
    vectors = encode_raw(texts, config).astype(np.float64)
    cosines = (vectors * expected).sum(axis=1) / np.linalg.norm(vectors, axis=1)
    assert len(texts) == 12
    assert cosines.min() >= least


def test_names_with_prefix_and_older_layer_norm_names_are_the_same_model(checkpoint):
    plain = encode(checkpoint("plain"))
    for name, older in (("prefix", {}), ("older", {"gain": "gamma", "shift": "beta"})):
        np.testing.assert_array_equal(plain, encode(checkpoint(name, prefix="bert.", **older)))


def test_bfloat16_is_close_and_keeps_float32_parameters(checkpoint):
    folder = checkpoint()
    vectors = encode(folder, "bfloat16")
    assert vectors.dtype == np.float32
    assert (vectors * encode(folder)).sum(axis=1).min() > 0.995
    halved = {name: value.astype(jnp.bfloat16) for name, value in tensors(seed=0).items()}
    for dtype in ("bfloat16", "float32"):
        params = bert.load_params(folder, bert.load_config(folder, dtype))
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float32)}
        save_file(halved, folder / "model.safetensors")  # such weights are read as float32 too


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_type", "mpnet"),
        ("hidden_act", "swish"),
        ("position_embedding_type", "relative_key"),
    ],
)
def test_a_configuration_that_is_no_bert_is_named(checkpoint, name, value):
    with pytest.raises(InputError, match=f"{name} '{value}'"):
        bert.load_config(checkpoint(**{name: value}))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": "bert"}'])
def test_a_damaged_configuration_is_named(checkpoint, text):
    folder = checkpoint()
    (folder / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json: not the configuration"):
        bert.load_config(folder)


def with_nan(path):
    weights = tensors(seed=0)
    weights["encoder.layer.1.output.dense.bias"][3] = np.nan
    save_file(weights, path)


def cut_in_half(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("sizes", "damage", "message"),
    [
        ({"intermediate_size": 32}, lambda path: None, r"by config\.json"),
        ({"num_hidden_layers": 3}, lambda path: None, r"no tensor 'encoder\.layer\.2"),
        ({}, with_nan, r"\['layers'\]\['down'\]\['bias'\] is not finite"),
        ({}, cut_in_half, r"model\.safetensors: cannot be read"),
    ],
)
def test_weights_that_do_not_fit_are_named(checkpoint, sizes, damage, message):
    folder = checkpoint(**sizes)
    damage(folder / "model.safetensors")
    with pytest.raises(InputError, match=message):
        bert.load_params(folder, bert.load_config(folder))
