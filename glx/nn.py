"""What the networks share: a bidirectional GRU, attention pooling, a head, and their optimizer.

In: a table of template inputs and ids into it. Out: states, pooled vectors, log-odds.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from glx.gru import product, states


def apply(model: nn.Module, params: Any, *args: Any, method: Callable | None = None) -> Any:
    """`method` of the network (`__call__` if None) under `params`."""
    return model.apply({"params": params}, *args, method=method)


def initial(model: nn.Module, seed: int, *inputs: Any) -> Any:
    """Fresh parameters of a network for inputs of these shapes."""
    return _init(model, jax.random.key(seed), *inputs)


@partial(jax.jit, static_argnums=0)
def _init(model: nn.Module, key: jax.Array, *inputs: Any) -> Any:
    return model.init(key, *inputs)["params"]


def least_bytes(hidden: int, layers: int, batch: int, events: int) -> int:
    """Bytes that training a recurrent network needs, whatever the data are.

    Weights, their gradients and what Adam keeps of both, and the gates of each event, which the
    backward pass needs.
    """
    weights, gates = 6 * layers * hidden**2, 6 * layers * hidden * batch * events
    return 4 * (4 * weights + gates)


def optimizer(rate: float, steps: int) -> optax.GradientTransformation:
    """Adam over gradients of norm 1 at most; `rate` decays to a tenth along a cosine."""
    schedule = optax.cosine_decay_schedule(rate, steps, alpha=0.1)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def descend(state: dict, grads: Any, rate: float, steps: int) -> dict:
    """`state` (`params`, `opt_state` and more) after one step of `optimizer` along `-grads`."""
    updates, opt_state = optimizer(rate, steps).update(grads, state["opt_state"])
    params = optax.apply_updates(state["params"], updates)
    return state | {"params": params, "opt_state": opt_state}


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


class BiGRU(nn.Module):
    """A GRU in both directions, run as one scan over a leading axis of 2.

    Inputs are rows of a small table, so their part of the gates, `W_x e_v`, is computed once per
    template and gathered: the same numbers without a matrix product per event.
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

        gates_2xVxG = product("ve,keg->kvg", table_VxE, w_input, self.dtype) + bias[:, None, :]
        # Padding has its update gate wide open, so that it leaves `h` unchanged.
        open_2x1xG = jnp.zeros((2, 1, 3 * H), gates_2xVxG.dtype).at[..., H : 2 * H].set(1e9)
        gates_2xVxG = jnp.concatenate([gates_2xVxG, open_2x1xG], axis=1)
        return Gates(gates_2xVxG, w_hidden, bias_candidate)

    def __call__(self, gates: Gates, ids_BxL, lengths_B):
        """States after each event, read from the start and from the end: two `<float>[L, B, H]`.

        States at or after the length mean nothing.
        """
        padding = gates.input.shape[1] - 1
        inside_BxL = jnp.arange(ids_BxL.shape[1])[None, :] < lengths_B[:, None]
        ids_LxB = jnp.where(inside_BxL, ids_BxL, padding).T
        ids_Lx2xB = jnp.stack([ids_LxB, ids_LxB[::-1]], axis=1)
        forward_LxBxH, backward_LxBxH = states(*gates, ids_Lx2xB, self.dtype)
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
            product("lbh,hk->lbk", h, w, self.dtype)
            for h, w in zip(h_LxBxH, jnp.split(kernel, 2), strict=True)
        )
        key_LxBxH = jnp.tanh(forward + backward + bias[None, None, :])
        # As a sum: a product would write its input to memory.
        logits_LxB = jnp.sum(key_LxBxH * last.T[None], axis=-1)
        inside_LxB = jnp.arange(logits_LxB.shape[0])[:, None] < lengths_B[None, :]
        weights_LxB = nn.softmax(jnp.where(inside_LxB, logits_LxB, -jnp.inf), axis=0)
        # As a product: a sum would compute the softmax again for each unit.
        pooled = [jnp.einsum("lb,lbh->bh", weights_LxB, h) for h in h_LxBxH]
        return jnp.concatenate(pooled, axis=-1), weights_LxB.T


class Dense(nn.Module):
    """The parameters of an `nn.Dense` alone, for a product of another form."""

    inputs: int
    features: int
    use_bias: bool = True

    @nn.compact
    def __call__(self) -> tuple[Any, Any]:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (self.inputs, self.features))
        if not self.use_bias:
            return kernel, None
        return kernel, self.param("bias", nn.initializers.zeros, (self.features,))


class Head(nn.Module):
    """One hidden layer and one logit, `<float>[B]`."""

    hidden: int
    dtype: jnp.dtype | None
    last_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, z_BxH):
        a_BxH = nn.relu(nn.Dense(self.hidden, dtype=self.dtype)(z_BxH))
        last = nn.Dense(1, dtype=self.dtype, kernel_init=self.last_init)
        return widen(last(a_BxH)[..., 0])


def widen(x):
    """bfloat16 to float32; sums and losses are never in bfloat16."""
    return x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x
