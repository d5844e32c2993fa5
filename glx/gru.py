"""A bidirectional GRU, and for accelerators its derivatives: by a kernel, or by hand.

In: a table of gate inputs and ids into it. Out: the states after each event.

A kernel (`recurrence.py`) keeps the state on the chip. Without it derivatives are by hand: that of
a GRU is a linear recurrence, and so is the derivative of that, so that gradients of any order need
three loops (`loop`, `pull_back` and the transpose of the latter), whose turns hold one product with
`W_h` each. All else is computed for many events at once. Automatic differentiation keeps every
intermediate value of every event instead, and carries the gradients of `W_h` and of the whole table
through each turn; a CPU, whose caches hold those, is faster so (docs/notes/speed.md).

Shape letters beside those of the package: `K` directions (2), `G` gates (`3 H`: reset, update,
candidate).
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from glx import devices, recurrence

Both = tuple[jax.Array, jax.Array]
KEPT = "cotangents of states"
AT_ONCE = 8  # events whose gates are computed again at once: more need more memory


def states(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype) -> Both:
    """States after each event, of each direction in the order in which it reads.

    The cell of Cho et al. (arXiv 1406.1078), the reset after the product as in cuDNN.

    Args:
      x_KxVxG: `<float>` `W_x e_v + b` of each template.
      w_KxHxG: `<float>` `W_h`.
      bias_KxH: `<float>` of the candidate, within its reset.
      ids_LxKxB: `<int32>` rows of `x`.
      dtype: of the factors of products and of what is kept; None: as the arguments are.

    Returns:
      Two `<float>[L, B, H]`.
    """
    (L, _, B), H = ids_LxKxB.shape, bias_KxH.shape[1]
    given = x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype
    if devices.on_cpu():
        return loop(*given)
    kernel = recurrence.fits(H, L, B, dtype or x_KxVxG.dtype)
    return fused(*given) if kernel else lean_loop(*given)


def loop(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype) -> Both:
    """`states`, differentiated automatically."""
    w = narrow(w_KxHxG, dtype)

    def turn(h_KxBxH, ids_KxB):
        # Rows are gathered in each turn: gathered at once they would go to memory and back.
        _, update, candidate, _ = _gates(x_KxVxG, w, bias_KxH, dtype, ids_KxB, h_KxBxH)
        h_KxBxH = (1 - update) * candidate + update * h_KxBxH
        return h_KxBxH, (narrow(h_KxBxH[0], dtype), narrow(h_KxBxH[1], dtype))

    start_KxBxH = jnp.zeros((*ids_LxKxB.shape[1:], bias_KxH.shape[1]), bias_KxH.dtype)
    return jax.lax.scan(turn, start_KxBxH, ids_LxKxB)[1]


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def fused(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype) -> Both:
    """`states`, whose derivatives of any order are kernels. It has no forward mode."""
    return loop(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype)


def _fused_forward(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype):
    def kernel(x_KxVxG, w_KxHxG, bias_KxH):
        x_LxKxBxG = narrow(jax.vmap(_rows_of_one, (0, 1), 1)(x_KxVxG, ids_LxKxB), dtype)
        turns = recurrence.Turns(partial(_turn, dtype), (0,), (0,), False, writes_state=True)
        shared = w_KxHxG, bias_KxH[:, None, :]
        (h_LxKxBxH,), _ = recurrence.run(turns, bias_KxH.shape[1], shared, (x_LxKxBxG,))
        return h_LxKxBxH[:, 0], h_LxKxBxH[:, 1]

    return jax.vjp(kernel, x_KxVxG, w_KxHxG, bias_KxH)


def _fused_backward(_, pull_back, d_h: Both):
    return (*pull_back(d_h), None)


fused.defvjp(_fused_forward, _fused_backward)


def _turn(dtype, shared, h_BxH, read):
    """An event of one direction."""
    (w_HxH, (bias_1xH,)), ((reset, update, candidate),) = shared, read
    by_reset, by_update, recalled = (recurrence.product(h_BxH, w, 1, 0, dtype) for w in w_HxH)
    reset, update = jax.nn.sigmoid(reset + by_reset), jax.nn.sigmoid(update + by_update)
    candidate = jnp.tanh(candidate + reset * (recalled + bias_1xH))
    h_BxH = (1 - update) * candidate + update * h_BxH
    return h_BxH, ((h_BxH,),), ()


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def lean_loop(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype) -> Both:
    """`states`, whose derivatives of any order need little memory. It has no forward mode."""
    return loop(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype)


def _forward(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype):
    h = lean_loop(x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, dtype)
    return h, (x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, h)


def _backward(dtype, given, d_h: Both):
    # Of the second order's backward pass the loop's result is kept; all else, several times as
    # large, is computed again.
    keep = jax.checkpoint_policies.save_only_these_names(KEPT)
    return (*jax.checkpoint(partial(_gradients, dtype), policy=keep)(given, d_h), None)


def _gradients(dtype, given, d_h: Both):
    x_KxVxG, w_KxHxG, bias_KxH, ids_LxKxB, h = given
    before_LxKxBxH, H = _before(jnp.stack(h, axis=1)), bias_KxH.shape[1]
    linear = jax.checkpoint(partial(_linear, x_KxVxG, narrow(w_KxHxG, dtype), bias_KxH, dtype))
    by_LxKxBxG, by_x_LxKxBxH, update_LxKxBxH = jax.lax.map(
        linear, (ids_LxKxB, before_LxKxBxH), batch_size=AT_ONCE
    )
    d_LxKxBxH = pull_back(by_LxKxBxG, update_LxKxBxH, w_KxHxG, jnp.stack(d_h, axis=1), dtype)
    d_a_LxKxBxG = _thrice(d_LxKxBxH) * by_LxKxBxG
    d_x_LxKxBxG = jnp.concatenate([d_a_LxKxBxG[..., : 2 * H], d_LxKxBxH * by_x_LxKxBxH], axis=-1)
    d_x_KxVxG = jax.vmap(_sum_rows, in_axes=(0, 1, 1))(x_KxVxG, ids_LxKxB, d_x_LxKxBxG)
    d_w_KxHxG = product("lkbh,lkbg->khg", before_LxKxBxH, d_a_LxKxBxG, dtype)
    d_bias_KxH = d_a_LxKxBxG[..., 2 * H :].sum((0, 2), dtype=bias_KxH.dtype)
    return d_x_KxVxG, d_w_KxHxG, d_bias_KxH


def _linear(x_KxVxG, w_KxHxG, bias_KxH, dtype, of_event):
    """How a state changes: with what `W_h` gives to each gate, with the candidate, by itself."""
    ids_KxB, h_KxBxH = of_event
    gates = _gates(x_KxVxG, w_KxHxG, bias_KxH, dtype, ids_KxB, h_KxBxH)
    reset, update, candidate, recalled = gates
    by_candidate = (1 - update) * (1 - candidate**2)
    by_update = (h_KxBxH - candidate) * update * (1 - update)
    by_reset = by_candidate * recalled * reset * (1 - reset)
    by_KxBxG = jnp.concatenate([by_reset, by_update, by_candidate * reset], axis=-1)
    return narrow(by_KxBxG, dtype), narrow(by_candidate, dtype), narrow(update, dtype)


lean_loop.defvjp(_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def pull_back(by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_h_LxKxBxH, dtype):
    """The cotangent of each state, from those of what reads the states, last event first.

    `d_t = d_h_t + update_{t+1} d_{t+1} + W_h (by_{t+1} d_{t+1})`.

    Args:
      by_LxKxBxG: `<float>` the derivative of each state by what `W_h` gives to each gate.
      update_LxKxBxH: `<float>` the derivative of each state by the one before it, by itself.
      w_KxHxG: `<float>` `W_h`.
      d_h_LxKxBxH: `<float>`.
      dtype: of the factors of products and of the result; None: as the arguments are.

    Returns:
      `<float>[L, K, B, H]`.
    """
    return _pull_back(by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_h_LxKxBxH, dtype)


def _pull_back(by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_h_LxKxBxH, dtype):
    w = narrow(w_KxHxG, dtype)

    def turn(later_KxBxH, of_event):
        by_KxBxG, update_KxBxH, d_h_KxBxH = of_event
        d_KxBxH = d_h_KxBxH + later_KxBxH
        earlier = product("kbg,khg->kbh", _thrice(d_KxBxH) * by_KxBxG, w, dtype)
        return update_KxBxH * d_KxBxH + earlier, narrow(d_KxBxH, dtype)

    start_KxBxH = jnp.zeros(d_h_LxKxBxH.shape[1:], w_KxHxG.dtype)
    of_events = by_LxKxBxG, update_LxKxBxH, d_h_LxKxBxH
    return jax.lax.scan(turn, start_KxBxH, of_events, reverse=True)[1]


def _pull_back_forward(by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_h_LxKxBxH, dtype):
    d_LxKxBxH = _pull_back(by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_h_LxKxBxH, dtype)
    d_LxKxBxH = checkpoint_name(d_LxKxBxH, KEPT)
    return d_LxKxBxH, (by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_LxKxBxH)


def _pull_back_backward(dtype, given, c_LxKxBxH):
    """The transpose of the linear recurrence: the same, first event first."""
    by_LxKxBxG, update_LxKxBxH, w_KxHxG, d_LxKxBxH = given
    w = narrow(w_KxHxG, dtype)

    def turn(earlier_KxBxH, of_event):
        by_KxBxG, update_KxBxH, c_KxBxH = of_event
        p_KxBxG = product("kbh,khg->kbg", earlier_KxBxH, w, dtype)
        later = c_KxBxH + update_KxBxH * earlier_KxBxH + _sum_of_three(p_KxBxG * by_KxBxG)
        return later, (narrow(later, dtype), narrow(p_KxBxG, dtype))

    start_KxBxH = jnp.zeros(c_LxKxBxH.shape[1:], w_KxHxG.dtype)
    of_events = by_LxKxBxG, update_LxKxBxH, c_LxKxBxH
    _, (e_LxKxBxH, p_LxKxBxG) = jax.lax.scan(turn, start_KxBxH, of_events)
    before_LxKxBxH, d_LxKxBxG = _before(e_LxKxBxH), _thrice(d_LxKxBxH)
    d_w_KxHxG = product("lkbh,lkbg->khg", before_LxKxBxH, d_LxKxBxG * by_LxKxBxG, dtype)
    return d_LxKxBxG * p_LxKxBxG, before_LxKxBxH * d_LxKxBxH, d_w_KxHxG, e_LxKxBxH


pull_back.defvjp(_pull_back_forward, _pull_back_backward)


def _gates(x_KxVxG, w_KxHxG, bias_KxH, dtype, ids_KxB, h_KxBxH):
    """Reset, update, candidate, and what is within the reset: `<float>[K, B, H]` each."""
    x_KxBxG, a_KxBxG = _rows(x_KxVxG, ids_KxB), product("kbh,khg->kbg", h_KxBxH, w_KxHxG, dtype)
    two = 2 * bias_KxH.shape[1]
    reset_update = jax.nn.sigmoid(x_KxBxG[..., :two] + a_KxBxG[..., :two])
    reset, update = jnp.split(reset_update, 2, axis=-1)
    recalled = a_KxBxG[..., two:] + bias_KxH[:, None, :]
    return reset, update, jnp.tanh(x_KxBxG[..., two:] + reset * recalled), recalled


def _before(h_LxKxBxH):
    """Of each event what is there before it; zeros before the first."""
    return jnp.concatenate([jnp.zeros_like(h_LxKxBxH[:1]), h_LxKxBxH[:-1]])


def _thrice(h_H):
    return jnp.concatenate([h_H] * 3, axis=-1)


def _sum_of_three(a_G):
    return sum(jnp.split(a_G, 3, axis=-1))


def _rows(x_KxVxG, ids_KxB):
    """Rows of each direction's table, without a check that they exist."""
    return jax.vmap(_rows_of_one)(x_KxVxG, ids_KxB)


def _rows_of_one(x_VxG, ids):
    return x_VxG.at[ids].get(mode="promise_in_bounds")


def _sum_rows(x_VxG, ids_LxB, d_x_LxBxG):
    """The transpose of `_rows`."""
    sums = jnp.zeros_like(x_VxG)
    return sums.at[ids_LxB].add(d_x_LxBxG.astype(x_VxG.dtype), mode="promise_in_bounds")


def product(equation: str, a: Any, b: Any, dtype: Any) -> jax.Array:
    """An einsum; in bfloat16 with float32 sums where `dtype` asks for it."""
    if dtype is None:
        return jnp.einsum(equation, a, b)
    return jnp.einsum(
        equation, a.astype(dtype), b.astype(dtype), preferred_element_type=jnp.float32
    )


def narrow(x: jax.Array, dtype: Any) -> jax.Array:
    """As factors of products and what is kept of a loop are stored: see `states`."""
    return x if dtype is None else x.astype(dtype)
