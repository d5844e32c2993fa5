"""BERT in Flax: a checkpoint folder and token ids in, one unit vector per text out.

The encoder of Devlin et al. (arXiv 1810.04805), then the mean over the text's tokens and L2
normalisation, as in Sentence-BERT (arXiv 1908.10084). Shape letters: `B` texts, `T` tokens, `D`
width, `F` width of a layer's inner part.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from safetensors import SafetensorError
from safetensors.numpy import load_file

from glx.errors import InputError

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_new": partial(jax.nn.gelu, approximate=True),
    "relu": jax.nn.relu,
}
LAYER_NAMES = {  # our part of a layer: its name in the checkpoint, after `encoder.layer.<i>.`
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "mix_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}


@dataclass(frozen=True)
class BertConfig:
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
        x_BxTxD = table(c.vocab_size, name="words")(ids_BxT)
        x_BxTxD += table(c.max_position_embeddings, name="positions")(
            jnp.arange(ids_BxT.shape[1])[None, :]
        )
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
        # The mean's divisor is gone in the normalisation: the sum has the same direction.
        sum_BxD = x_BxTxD.sum(axis=1)
        return sum_BxD / jnp.linalg.norm(sum_BxD, axis=1, keepdims=True)


@partial(jax.jit, static_argnames="config")
def encode(params: Any, ids: jax.Array, mask: jax.Array, config: BertConfig) -> Any:
    """`ids <int32>[B, T]`, `mask <bool>[B, T]` (True for tokens) -> `<float32>[B, D]` unit vectors.

    Compiles once for each shape and configuration. A text's vector depends on no other row.
    """
    # Accelerators would round float32 factors to tf32 or bfloat16.
    with jax.default_matmul_precision("highest"):
        return Bert(config).apply({"params": params}, ids, mask)


def load_config(folder: Path, dtype: str = "float32") -> BertConfig:
    """Read `config.json` of a checkpoint folder; InputError where it is not a BERT encoder's."""
    path = folder / "config.json"
    if dtype not in ("float32", "bfloat16"):
        raise InputError(f"--embed_dtype={dtype}: unknown; choose float32 or bfloat16")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        config = BertConfig(
            **{n: raw[n] for n in BertConfig.__dataclass_fields__ if n != "dtype"}, dtype=dtype
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not the configuration of a BERT checkpoint ({type(error).__name__}:"
            f" {error}); give a folder with config.json, model.safetensors and tokenizer.json."
        ) from error
    kind, positions = raw.get("model_type", "bert"), raw.get("position_embedding_type", "absolute")
    if kind != "bert" or positions != "absolute" or config.hidden_act not in ACTIVATIONS:
        raise InputError(
            f"{path} has model_type {kind!r}, position_embedding_type {positions!r} and hidden_act"
            f" {config.hidden_act!r}; use a checkpoint with 'bert', 'absolute' and one of"
            f" {', '.join(ACTIVATIONS)}."
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
            f"{path} cannot be read as BERT weights ({error}); fetch the checkpoint again."
        ) from error

    def part(name: str, weight: str) -> dict[str, np.ndarray]:
        tensor = tensors[f"{name}.weight"].astype(np.float32, copy=False)
        if weight == "embedding":
            return {weight: tensor}
        bias = tensors[f"{name}.bias"].astype(np.float32, copy=False)
        return {weight: tensor.T, "bias": bias}

    def layer(i: int) -> dict[str, dict[str, np.ndarray]]:
        return {
            ours: part(f"encoder.layer.{i}.{name}", "scale" if "norm" in ours else "kernel")
            for ours, name in LAYER_NAMES.items()
        }

    try:
        params: Any = {
            "words": part("embeddings.word_embeddings", "embedding"),
            "positions": part("embeddings.position_embeddings", "embedding"),
            "types": part("embeddings.token_type_embeddings", "embedding"),
            "norm": part("embeddings.LayerNorm", "scale"),
            "layers": jax.tree.map(
                lambda *a: np.stack(a), *(layer(i) for i in range(config.num_hidden_layers))
            ),
        }
    except KeyError as error:
        raise InputError(f"{path} has no tensor {error}; it is not a BERT encoder.") from error
    ids, mask = (jax.ShapeDtypeStruct((1, 1), dtype) for dtype in (jnp.int32, bool))
    wanted = jax.eval_shape(Bert(config).init, jax.random.key(0), ids, mask)["params"]
    for at, leaf in jax.tree_util.tree_leaves_with_path(wanted):
        found = params
        for key in at:
            found = found[key.key]
        if found.shape != leaf.shape:
            raise InputError(
                f"{path} disagrees with config.json: {jax.tree_util.keystr(at)} is {found.shape},"
                f" not {leaf.shape}; take both from one checkpoint."
            )
        if not np.isfinite(found).all():
            raise InputError(
                f"{path} has values that are not finite in {jax.tree_util.keystr(at)}; fetch the"
                " checkpoint again."
            )
    return params


def with_low_rank(params: Any, low_rank: Any) -> Any:
    """The parameters with `A B` added to matrices of the layers (LoRA, arXiv 2106.09685).

    Args:
      low_rank: by the name of our part of a layer `a <float32>[layers, in, r]` and
        `b <float32>[layers, r, out]`.
    """
    layers = dict(params["layers"])
    for name, change in low_rank.items():
        layers[name] = {
            **layers[name],
            "kernel": layers[name]["kernel"] + change["a"] @ change["b"],
        }
    return {**params, "layers": layers}


def tidy_name(name: str) -> str:
    """The checkpoint's name of a tensor, without the prefix and the older LayerNorm spellings."""
    name = name.removeprefix("bert.")
    return name.replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias")
