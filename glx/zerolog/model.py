"""The ZeroLog network: sequences of template ids to one vector each, and two heads on it.

In: a table of template inputs, ids into it, structural statistics of each sequence.
Out: `z`, attention weights, the anomaly and the domain log-odds.
Source: ZeroLog (arXiv 2511.05862): bidirectional GRU, attention pooling, anomaly and domain head.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from glx.config import setting


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network."""

    hidden: int = setting(32, "`H`, units of each GRU direction and of `z`.", low=1)
    source_limit: float = setting(
        0.25,
        "most that the sources may add to the log-odds that the target's own profile and the "
        "reading of its texts give, or take off them; 0: any amount.",
        low=0,
    )
    bf16: bool = setting(
        False, "matrix products in bfloat16 with float32 parameters and sums (for accelerators)."
    )


class Gates(NamedTuple):
    """A bidirectional GRU for the templates of one table.

    Attributes:
      input: `<float>[2, V + 1, 3 H]` `W_x e_v + b` of each template, and of padding: reset, update
        and candidate of both directions.
      recurrent: `<float>[2, H, 3 H]` `W_h`.
      bias_candidate: `<float>[2, H]` within the reset of the candidate.
    """

    input: jax.Array
    recurrent: jax.Array
    bias_candidate: jax.Array


class ZeroLog(nn.Module):
    """Encoder and heads; `encode`, `anomaly` and `domain` are applied apart by `meta.py`."""

    config: ModelConfig

    def setup(self):
        dtype = jnp.bfloat16 if self.config.bf16 else None  # None: as the parameters are
        self.gru = BiGRU(self.config.hidden, dtype)
        self.attention = AttentionPooling(self.config.hidden, dtype)
        self.project = nn.Dense(self.config.hidden, dtype=dtype)
        self.anomaly_head = AnomalyHead(self.config.hidden, self.config.source_limit, dtype)
        self.domain_head = Head(self.config.hidden, dtype)

    def encode(self, table_VxE, ids_BxL, lengths_B, statistics_BxF):
        """Encode sequences.

        Args:
          table_VxE: `<float32>[V, E]` template vectors and structural inputs of each template.
          ids_BxL: `<int32>[B, L]` rows of the table; what stands after the length is ignored.
          lengths_B: `<int32>[B]`, at least 1.
          statistics_BxF: `<float32>[B, F]` structural statistics of each sequence.

        Returns:
          `z <float32>[B, H]` and the attention weights `<float32>[B, L]`, which sum to 1.
        """
        return self.encode_gated(self.gates(table_VxE), ids_BxL, lengths_B, statistics_BxF)

    def gates(self, table_VxE):
        """What `encode_gated` needs of the table, the same for all sequences."""
        return self.gru.gates(table_VxE)

    def encode_gated(self, gates: Gates, ids_BxL, lengths_B, statistics_BxF):
        """`encode`, where the gates of the table are known."""
        h_LxBxH = self.gru(gates, ids_BxL, lengths_B)
        pooled_BxH2, weights_BxL = self.attention(h_LxBxH, lengths_B)
        z_BxH = jnp.tanh(self.project(jnp.concatenate([pooled_BxH2, statistics_BxF], axis=-1)))
        return _widen(z_BxH), weights_BxL

    def anomaly(self, z_BxH, statistics_BxF):
        """`g(z)`: log-odds of an anomaly, `<float32>[B]`."""
        return self.anomaly_head(z_BxH, statistics_BxF)

    def domain(self, z_BxH):
        """`d(z)`: log-odds that the sequence is of the target, `<float32>[B]`. No reversal here."""
        return self.domain_head(z_BxH)

    def __call__(self, table_VxE, ids_BxL, lengths_B, statistics_BxF):
        """Both log-odds; used to initialise every parameter in one call."""
        z_BxH, _ = self.encode(table_VxE, ids_BxL, lengths_B, statistics_BxF)
        return self.anomaly(z_BxH, statistics_BxF), self.domain(z_BxH)


def apply(model: ZeroLog, params: Any, method: Callable, *args: Any) -> Any:
    """`method` of the network under `params`."""
    return model.apply({"params": params}, *args, method=method)


class BiGRU(nn.Module):
    """A GRU in both directions, run as one scan over a leading axis of 2.

    Inputs are rows of a small table, so their part of the gates, `W_x e_v`, is computed once per
    template and gathered: exactly the same numbers, without a matrix product per token.
    """

    hidden: int
    dtype: jnp.dtype | None

    @nn.compact
    def gates(self, table_VxE) -> Gates:
        """The gates of each template, and what a step needs besides."""
        H, E = self.hidden, table_VxE.shape[1]
        per_direction = nn.initializers.variance_scaling(
            1.0, "fan_in", "truncated_normal", batch_axis=(0,)
        )
        w_input = self.param("w_input", per_direction, (2, E, 3 * H))
        w_hidden = self.param("w_hidden", nn.initializers.orthogonal(), (2, H, 3 * H))
        bias = self.param("bias", nn.initializers.zeros, (2, 3 * H))
        bias_candidate = self.param("bias_candidate", nn.initializers.zeros, (2, H))

        gates_2xVxG = _product("ve,keg->kvg", table_VxE, w_input, self.dtype) + bias[:, None, :]
        # Padding has its update gate all open, so that `h` stays as it was.
        open_2x1xG = jnp.zeros((2, 1, 3 * H), gates_2xVxG.dtype).at[..., H : 2 * H].set(1e9)
        gates_2xVxG = jnp.concatenate([gates_2xVxG, open_2x1xG], axis=1)
        return Gates(gates_2xVxG, w_hidden, bias_candidate)

    def __call__(self, gates: Gates, ids_BxL, lengths_B):
        """States after reading to each event from the start, and from the end: two `[L, B, H]`.

        What stands at or after the length means nothing.
        """
        H, padding = self.hidden, gates.input.shape[1] - 1
        B, L = ids_BxL.shape
        inside_BxL = jnp.arange(L)[None, :] < lengths_B[:, None]
        ids_LxB = jnp.where(inside_BxL, ids_BxL, padding).T

        def step(h_2xBxH, ids_2xB):
            # Gathered here: all inputs at once would go to memory and back.
            x_2xBxG = jax.vmap(_rows)(gates.input, ids_2xB)
            a_2xBxG = _product("kbh,khg->kbg", h_2xBxH, gates.recurrent, self.dtype)
            reset_update = nn.sigmoid(x_2xBxG[..., : 2 * H] + a_2xBxG[..., : 2 * H])
            reset, update = jnp.split(reset_update, 2, axis=-1)
            recalled = a_2xBxG[..., 2 * H :] + gates.bias_candidate[:, None, :]
            candidate = jnp.tanh(x_2xBxG[..., 2 * H :] + reset * recalled)
            h_2xBxH = (1 - update) * candidate + update * h_2xBxH
            return h_2xBxH, (h_2xBxH[0], h_2xBxH[1])

        ids_Lx2xB = jnp.stack([ids_LxB, ids_LxB[::-1]], axis=1)
        start_2xBxH = jnp.zeros((2, B, H), gates.recurrent.dtype)
        _, (forward_LxBxH, backward_LxBxH) = jax.lax.scan(step, start_2xBxH, ids_Lx2xB)
        return forward_LxBxH, backward_LxBxH[::-1]


class AttentionPooling(nn.Module):
    """`sum_i a_i h_i` with `a = softmax(v . tanh(W h + b))` over the events of a sequence."""

    hidden: int
    dtype: jnp.dtype | None

    @nn.compact
    def __call__(self, h_LxBxH: tuple[jax.Array, jax.Array], lengths_B):
        """`<float>[B, 2 H]` and the weights `<float32>[B, L]`, of both directions of a `BiGRU`."""
        H = self.hidden
        kernel, bias = Dense(2 * H, H, name="Dense_0")()
        last, _ = Dense(H, 1, use_bias=False, name="Dense_1")()
        forward, backward = (
            _product("lbh,hk->lbk", h, w, self.dtype)
            for h, w in zip(h_LxBxH, jnp.split(kernel, 2), strict=True)
        )
        key_LxBxH = jnp.tanh(forward + backward + bias[None, None, :])
        # As a sum, not as a product: a product would have its input written to memory.
        logits_LxB = jnp.sum(key_LxBxH * last.T[None], axis=-1)
        inside_LxB = jnp.arange(len(logits_LxB))[:, None] < lengths_B[None, :]
        weights_LxB = nn.softmax(jnp.where(inside_LxB, logits_LxB, -jnp.inf), axis=0)
        # As a product, not as a sum: a sum would compute the softmax again for each unit.
        pooled = [jnp.einsum("lb,lbh->bh", weights_LxB, h) for h in h_LxBxH]
        return jnp.concatenate(pooled, axis=-1), weights_LxB.T


class Dense(nn.Module):
    """The parameters of an `nn.Dense`, for who multiplies by them in another way."""

    inputs: int
    features: int
    use_bias: bool = True

    @nn.compact
    def __call__(self) -> tuple[Any, Any]:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (self.inputs, self.features))
        if not self.use_bias:
            return kernel, None
        return kernel, self.param("bias", nn.initializers.zeros, (self.features,))


class AnomalyHead(nn.Module):
    """`g(z) = c tanh(head(z) / c) + b + e`, `e` the evidence, the last of the statistics.

    The last term is beyond the paper. What is unusual for its own system and reads alarming is
    so in every system: it needs no source. What the sources teach does not always carry over: `z`
    starts without a say and never has more than `c` (in log-odds; 0: no bound). `b` is for how
    common anomalies are in the sources; the label-free cut takes it off again. With the
    structural inputs off, the first term is all there is.
    """

    hidden: int
    limit: float
    dtype: jnp.dtype | None

    @nn.compact
    def __call__(self, z_BxH, statistics_BxF):
        bias = self.param("bias", nn.initializers.zeros, ())
        taught_B = Head(self.hidden, self.dtype, last_init=nn.initializers.zeros)(z_BxH)
        if self.limit:
            taught_B = self.limit * jnp.tanh(taught_B / self.limit)
        return taught_B + bias + statistics_BxF[:, -1]


class Head(nn.Module):
    """One hidden layer, one logit."""

    hidden: int
    dtype: jnp.dtype | None
    last_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, z_BxH):
        a_BxH = nn.relu(nn.Dense(self.hidden, dtype=self.dtype)(z_BxH))
        last = nn.Dense(1, dtype=self.dtype, kernel_init=self.last_init)
        return _widen(last(a_BxH)[..., 0])


def _rows(table_VxG, ids_B):
    """Rows of a table, which are known to be there."""
    return table_VxG.at[ids_B].get(mode="promise_in_bounds")


def _product(equation, a, b, dtype):
    """An einsum; in bfloat16 with float32 sums where `dtype` asks for it."""
    if dtype is None:
        return jnp.einsum(equation, a, b)
    return jnp.einsum(
        equation, a.astype(dtype), b.astype(dtype), preferred_element_type=jnp.float32
    )


def _widen(x):
    """bfloat16 to float32; sums and losses are never in bfloat16."""
    return x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x
