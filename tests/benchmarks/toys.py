"""Things to time that take a given time."""

import time
from itertools import chain, repeat

from experiments.benchmarks.measure import Prepared


def sleeper(seconds: float, amount: float, first: float = 0.0) -> Prepared:
    """The first repeat takes `first` seconds longer."""
    naps = chain([seconds + first], repeat(seconds))
    return Prepared(lambda: time.sleep(next(naps)), amount)


def hungry(megabytes: int) -> Prepared:
    """Takes memory."""
    return Prepared(lambda: bytearray(b"x") * (megabytes * 1_000_000), 1)


def printing() -> Prepared:
    """Prints where it should not."""
    return Prepared(lambda: print("noise"), 1)


def missing() -> Prepared:
    """Needs what is not there."""
    import no_such_peer  # noqa: F401

    raise AssertionError


def product() -> Prepared:
    """A compiled product of matrices."""
    import jax
    import jax.numpy as jnp

    multiply, x = jax.jit(lambda x: jnp.tanh(x @ x)), jnp.ones((512, 512))
    return Prepared(lambda: [multiply(x).block_until_ready() for _ in range(20)], 1)
