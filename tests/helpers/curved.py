"""What gradients of a recurrence are compared by: curved, so that no second derivative is zero."""

from functools import partial

import jax
import jax.numpy as jnp


def loss(run, ids, read, dtype, given):
    h = jnp.stack(run(*given, ids, dtype)).astype(read.dtype)
    return jnp.sum(jnp.sin(h * read) * h)


def squared_gradient(run, ids, read, dtype, given):
    gradient = jax.grad(partial(loss, run, ids, read, dtype))(given)
    return sum(jnp.sum(jnp.tanh(g) ** 2) for g in gradient)
