"""BERT in Flax: a checkpoint folder and token ids in, one unit vector per text out.

The encoder of Devlin et al. (arXiv 1810.04805), then the mean over the text's tokens and L2
normalisation, as in Sentence-BERT (arXiv 1908.10084). `B` texts, `T` tokens; `F` is the width of a
layer's inner part here.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh
from safetensors import SafetensorError
from safetensors.numpy import load_file

from glx import devices
from glx.errors import InputError

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_new": partial(jax.nn.gelu, approximate=True),
    "relu": jax.nn.relu,
}
NAMES = {  # our parts of the model: their names in the checkpoint
    "words": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
}
LAYER_NAMES = {  # and those of a layer, after `encoder.layer.<i>.`
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "mix_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}


class BertConfig(msgspec.Struct, frozen=True):
    """Sizes of a checkpoint, by the names of its `config.json`.

    `dtype` (`float32` or `bfloat16`) is what layers compute in; parameters, softmax, normalisation
    statistics and pooling stay float32.
    """

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    hidden_act: str
    dtype: str = "float32"


class Layer(nn.Module):
    """One transformer layer, normalised after each residual sum."""

    config: BertConfig

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array, mask_Bx1x1xT: jax.Array) -> tuple[jax.Array, None]:
        c = self.config
        dense = partial(nn.Dense, dtype=c.dtype)
        norm = partial(
            nn.LayerNorm, epsilon=c.layer_norm_eps, use_fast_variance=False, dtype=c.dtype
        )
        by_head = (*x_BxTxD.shape[:2], c.num_attention_heads, -1)
        q, k, v = (
            dense(c.hidden_size, name=name)(x_BxTxD).reshape(by_head)
            for name in ("query", "key", "value")
        )
        a_BxTxD = jax.nn.dot_product_attention(q, k, v, mask=mask_Bx1x1xT).reshape(x_BxTxD.shape)
        x_BxTxD = norm(name="mix_norm")(x_BxTxD + dense(c.hidden_size, name="mix")(a_BxTxD))
        h_BxTxF = ACTIVATIONS[c.hidden_act](dense(c.intermediate_size, name="up")(x_BxTxD))
        return norm(name="norm")(x_BxTxD + dense(c.hidden_size, name="down")(h_BxTxF)), None


class Bert(nn.Module):
    """`ids <int32>[B, T]`, `mask <bool>[B, T]` -> `<float32>[B, D]` unit vectors."""

    config: BertConfig

    @nn.compact
    def __call__(self, ids_BxT: jax.Array, mask_BxT: jax.Array) -> jax.Array:
        c = self.config
        table = partial(nn.Embed, features=c.hidden_size)
        positions = jnp.arange(ids_BxT.shape[1])[None, :]
        x_BxTxD = table(c.vocab_size, name="words")(ids_BxT)
        x_BxTxD += table(c.max_position_embeddings, name="positions")(positions)
        x_BxTxD += table(c.type_vocab_size, name="types")(jnp.zeros((1, 1), jnp.int32))
        x_BxTxD = nn.LayerNorm(
            epsilon=c.layer_norm_eps, use_fast_variance=False, dtype=c.dtype, name="norm"
        )(x_BxTxD)
        # A scan compiles one layer instead of all of them, and there is a compilation per length.
        layers = nn.scan(
            Layer,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=c.num_hidden_layers,
        )
        x_BxTxD, _ = layers(c, name="layers")(x_BxTxD, mask_BxT[:, None, None, :])
        x_BxTxD = jnp.where(mask_BxT[:, :, None], x_BxTxD.astype(jnp.float32), 0.0)
        # The sum has the direction of the mean.
        sum_BxD = x_BxTxD.sum(axis=1)
        return sum_BxD / jnp.linalg.norm(sum_BxD, axis=1, keepdims=True)


@partial(jax.jit, static_argnames=("config", "mesh"))
def encode(
    params: Any, ids: jax.Array, mask: jax.Array, config: BertConfig, mesh: Mesh | None = None
) -> Any:
    """`ids <int32>[B, T]`, `mask <bool>[B, T]` (True for tokens) -> `<float32>[B, D]` unit vectors.

    Compiles once for each shape and configuration. A text's vector depends on no other row; given a
    mesh, each device has a part of the rows.
    """

    def texts(params: Any, ids: jax.Array, mask: jax.Array) -> Any:
        # Accelerators would round float32 factors to tf32 or bfloat16.
        with jax.default_matmul_precision("highest"):
            return Bert(config).apply({"params": params}, ids, mask)

    return (devices.spread(texts, mesh) if mesh else texts)(params, ids, mask)


def load_config(folder: Path, dtype: str = "float32") -> BertConfig:
    """Read `config.json` of a checkpoint folder; InputError where it is not a BERT encoder's."""
    path = folder / "config.json"
    if dtype not in ("float32", "bfloat16"):
        raise InputError(f"--embed_dtype={dtype}: unknown; choose float32 or bfloat16")
    try:
        raw = json.loads(path.read_bytes())
        config = msgspec.convert(raw | {"dtype": dtype}, BertConfig)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: not the configuration of a BERT checkpoint ({type(error).__name__}: {error});"
            " give a folder with config.json, model.safetensors and tokenizer.json"
        ) from error
    kind, positions = raw.get("model_type", "bert"), raw.get("position_embedding_type", "absolute")
    if kind != "bert" or positions != "absolute" or config.hidden_act not in ACTIVATIONS:
        raise InputError(
            f"{path}: model_type {kind!r}, position_embedding_type {positions!r} and hidden_act"
            f" {config.hidden_act!r}; use a checkpoint with 'bert', 'absolute' and one of"
            f" {', '.join(ACTIVATIONS)}"
        )
    return config


def load_params(folder: Path, config: BertConfig) -> Any:
    """Read `model.safetensors` as the parameters of `Bert`: a pytree of `<float32>` NumPy arrays.

    Names may start with `bert.`; layers are stacked along a new first axis. InputError where the
    file is missing, damaged, lacks a tensor, has a value that is not finite, or disagrees with
    `config` on a shape.
    """
    path = folder / "model.safetensors"
    try:
        tensors = {tidy_name(name): tensor for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: cannot be read as BERT weights ({error}); fetch the checkpoint again"
        ) from error

    def load(at: tuple, wanted: jax.ShapeDtypeStruct) -> np.ndarray:
        *layers, part, kind = (key.key for key in at)
        weight = "bias" if kind == "bias" else "weight"
        if layers:
            names = [f"encoder.layer.{i}.{LAYER_NAMES[part]}" for i in range(wanted.shape[0])]
            found = np.stack([tensors[f"{name}.{weight}"] for name in names])
        else:
            found = tensors[f"{NAMES[part]}.{weight}"]
        found = found.astype(np.float32, copy=False)
        if kind == "kernel":
            found = found.swapaxes(-1, -2)
        where = jax.tree_util.keystr(at)
        if found.shape != wanted.shape:
            raise InputError(
                f"{path}: {where} is {found.shape}, by config.json {wanted.shape}; take both from"
                " one checkpoint"
            )
        if not np.isfinite(found).all():
            raise InputError(f"{path}: {where} is not finite; fetch the checkpoint again")
        return found

    ids, mask = (jax.ShapeDtypeStruct((1, 1), dtype) for dtype in (jnp.int32, bool))
    shapes = jax.eval_shape(Bert(config).init, jax.random.key(0), ids, mask)["params"]
    try:
        return jax.tree_util.tree_map_with_path(load, shapes)
    except KeyError as error:
        raise InputError(f"{path}: no tensor {error}; give a BERT encoder's weights") from error


def with_low_rank(params: Any, low_rank: Any) -> Any:
    """The parameters with `A B` added to matrices of the layers (LoRA, arXiv 2106.09685).

    Args:
      low_rank: by the name of our part of a layer `a <float32>[layers, in, r]` and
        `b <float32>[layers, r, out]`.
    """
    layers = dict(params["layers"])
    for name, change in low_rank.items():
        kernel = layers[name]["kernel"] + change["a"] @ change["b"]
        layers[name] = {**layers[name], "kernel": kernel}
    return {**params, "layers": layers}


def tidy_name(name: str) -> str:
    """The checkpoint's name of a tensor, without the prefix and the older LayerNorm spellings."""
    name = name.removeprefix("bert.")
    return name.replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias")
