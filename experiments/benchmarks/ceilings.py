"""What this machine can do at most: a large matrix product, a large copy of memory.

Out: `Prepared` whose amount is in floating point operations, or bytes read and written.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.measure import Prepared

COPIED = 1 << 28  # bytes of each thread


def matrix_product(size: int = 2048, dtype: str = "float32") -> Prepared:
    """A square product: on a CPU by the BLAS that NumPy brings, elsewhere by XLA."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), dtype=np.float32) for _ in range(2))
    if jax.default_backend() == "cpu":
        out = np.empty_like(a)
        return Prepared(lambda: np.matmul(a, b, out=out), 2.0 * size**3)
    x, y = (jax.device_put(jnp.asarray(m, dtype)) for m in (a, b))
    product = jax.jit(jnp.matmul)
    return Prepared(lambda: product(x, y).block_until_ready(), 2.0 * size**3)


def memory_copy() -> Prepared:
    """A thread on each core copies; on an accelerator its own memory is copied."""
    if jax.default_backend() != "cpu":
        array = jnp.zeros(COPIED, jnp.uint8)
        copy = jax.jit(lambda x: x + jnp.uint8(1))
        return Prepared(lambda: copy(array).block_until_ready(), 2.0 * COPIED)
    threads = os.cpu_count() or 1
    pairs = [(np.ones(COPIED, np.uint8), np.zeros(COPIED, np.uint8)) for _ in range(threads)]
    pool = ThreadPoolExecutor(threads)
    return Prepared(
        lambda: list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs)),
        2.0 * COPIED * threads,
    )
