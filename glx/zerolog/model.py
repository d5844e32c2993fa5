"""The ZeroLog network: sequences of template ids to one vector each, and two heads on it.

In: a table of template inputs, ids into it, structural statistics of each sequence.
Out: `z`, attention weights, the anomaly and the domain log-odds.
Source: ZeroLog (arXiv 2511.05862): bidirectional GRU, attention pooling, anomaly and domain head.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from glx.config import setting


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network.

    Attributes:
      hidden: `H`, units of each GRU direction and of `z`.
      source_limit: most that the sources may add to the log-odds that the target's own habits and
        the reading of its texts give, or take off them; 0: any amount.
      bf16: matrix products in bfloat16 with float32 parameters and sums (for accelerators).
    """

    hidden: int = setting(32, low=1)
    source_limit: float = setting(0.25, low=0)
    bf16: bool = False


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
        h_BxLxH2 = self.gru(table_VxE, ids_BxL, lengths_B)
        pooled_BxH2, weights_BxL = self.attention(h_BxLxH2, lengths_B)
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
    def __call__(self, table_VxE, ids_BxL, lengths_B):
        """`<float>[B, L, 2 H]`; positions at or after the length hold no meaning."""
        H, E = self.hidden, table_VxE.shape[1]
        per_direction = nn.initializers.variance_scaling(
            1.0, "fan_in", "truncated_normal", batch_axis=(0,)
        )
        w_input = self.param("w_input", per_direction, (2, E, 3 * H))
        w_hidden = self.param("w_hidden", nn.initializers.orthogonal(), (2, H, 3 * H))
        bias = self.param("bias", nn.initializers.zeros, (2, 3 * H))
        bias_candidate = self.param("bias_candidate", nn.initializers.zeros, (2, H))

        gates_2xVxG = _product("ve,keg->kvg", table_VxE, w_input, self.dtype) + bias[:, None, :]

        # The backward direction reads each sequence's own events in reverse, padding stays last.
        B, L = ids_BxL.shape
        steps_1xL = jnp.arange(L)[None, :]
        last_Bx1 = lengths_B[:, None] - 1
        mirror_BxL = jnp.where(steps_1xL <= last_Bx1, last_Bx1 - steps_1xL, steps_1xL)
        ids_2xBxL = jnp.stack([ids_BxL, jnp.take_along_axis(ids_BxL, mirror_BxL, axis=1)])
        inputs_Lx2xBxG = jax.vmap(lambda gates, ids: gates[ids])(
            gates_2xVxG, ids_2xBxL.swapaxes(1, 2)
        ).swapaxes(0, 1)

        def step(h_2xBxH, x_2xBxG):
            a_2xBxG = _product("kbh,khg->kbg", h_2xBxH, w_hidden, self.dtype)
            reset_update = nn.sigmoid(x_2xBxG[..., : 2 * H] + a_2xBxG[..., : 2 * H])
            reset, update = jnp.split(reset_update, 2, axis=-1)
            recalled = a_2xBxG[..., 2 * H :] + bias_candidate[:, None, :]
            candidate = jnp.tanh(x_2xBxG[..., 2 * H :] + reset * recalled)
            h_2xBxH = (1 - update) * candidate + update * h_2xBxH
            return h_2xBxH, h_2xBxH

        _, h_Lx2xBxH = jax.lax.scan(step, jnp.zeros((2, B, H), w_hidden.dtype), inputs_Lx2xBxG)
        forward_BxLxH = h_Lx2xBxH[:, 0].swapaxes(0, 1)
        backward_BxLxH = jnp.take_along_axis(
            h_Lx2xBxH[:, 1].swapaxes(0, 1), mirror_BxL[:, :, None], axis=1
        )
        return jnp.concatenate([forward_BxLxH, backward_BxLxH], axis=-1)


class AttentionPooling(nn.Module):
    """`sum_i a_i h_i` with `a = softmax(v . tanh(W h + b))` over the events of a sequence."""

    hidden: int
    dtype: jnp.dtype | None

    @nn.compact
    def __call__(self, h_BxLxH2, lengths_B):
        key_BxLxH = jnp.tanh(nn.Dense(self.hidden, dtype=self.dtype)(h_BxLxH2))
        logits_BxL = nn.Dense(1, use_bias=False, dtype=self.dtype)(key_BxLxH)[..., 0]
        inside_BxL = jnp.arange(h_BxLxH2.shape[1])[None, :] < lengths_B[:, None]
        logits_BxL = jnp.where(inside_BxL, _widen(logits_BxL), -jnp.inf)
        weights_BxL = nn.softmax(logits_BxL)
        return jnp.einsum("bl,blh->bh", weights_BxL, h_BxLxH2), weights_BxL


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
