"""Exact search: for each of many unit vectors the nearest of many others, in flat memory.

In: unit vectors. Out: the largest cosine of each, and the row that it belongs to. One
compiled program runs on chunks of the target, each device on its part of the chunk; where
`devices.use_blas`, NumPy's BLAS takes its place.

Shape letters beside those of the package: `C` target vectors of a chunk.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from glx import devices

Search = Callable[[np.ndarray, np.ndarray], np.ndarray]


def nearest(
    target: np.ndarray, source: np.ndarray, skip: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The largest cosine of each target vector to a source vector, and that vector's row.

    A product may round a row by its place. So that equal rows tie, the row is the first that equals
    the one found, and its cosine is computed again, alike for all.

    Args:
      target: `<float32>[V, D]` of length 1.
      source: `<float32>[S, D]` of length 1; at least one.
      skip: `<int>[V]` for each target a row of `source` to leave out, -1 for none.

    Returns:
      `<float32>[V]` cosine and `<int32>[V]` row, of equal ones the first; -inf and 0 where `skip`
      leaves nothing. Where the first of several equal rows is skipped, any of the others.
    """
    skip = np.full(len(target), -1, np.int32) if skip is None else skip.astype(np.int32)
    size = devices.sizes().similarities // max(source.shape)
    size = max(min(size, len(target) + -len(target) % devices.TABLE_ROWS), 1)
    search = (by_blas if devices.use_blas() else by_xla)(source, size)
    seen: dict[bytes, int] = {}
    alike = (seen.setdefault(row.tobytes(), n) for n, row in enumerate(source))
    first_alike = np.fromiter(alike, np.int32, len(source))
    cosine, row = np.empty(len(target), np.float32), np.empty(len(target), np.int32)
    for at in range(0, len(target), size):
        chunk = slice(at, at + size)
        found_C = search(target[chunk], skip[chunk])
        first_C = first_alike[found_C]
        row[chunk] = np.where(first_C == skip[chunk], found_C, first_C)
        cosine[chunk] = (target[chunk] * source[row[chunk]]).sum(axis=1)
    cosine[row == skip] = -np.inf
    return cosine, row


def by_xla(source: np.ndarray, size: int) -> Search:
    """`target_CxD, skip_C -> row_C` on all devices, for `C` up to `size`."""
    mesh = devices.make_mesh()
    everywhere, parts = devices.replicated(mesh), devices.sharded(mesh)
    rows = devices.pad_rows(source, devices.TABLE_ROWS)
    source_SxD, n = devices.put((rows, np.int32(len(source))), everywhere)
    size += -size % mesh.size

    def search(*chunk: np.ndarray) -> np.ndarray:
        filled = devices.put(tuple(devices.pad_rows(x, size) for x in chunk), parts)
        row_C = most_similar(*filled, source_SxD, n, everywhere)
        return jax.device_get(row_C)[: len(chunk[0])]

    return search


@partial(jax.jit, static_argnames="everywhere")
def most_similar(target_CxD, skip_C, source_SxD, n, everywhere):
    """The row of each target's nearest among the first `n` sources."""
    row_S = jnp.arange(len(source_SxD), dtype=jnp.int32)

    def one(event_D, skip):
        # Accelerators would round float32 factors to tf32 or bfloat16.
        cosine_S = jnp.matmul(source_SxD, event_D, precision=jax.lax.Precision.HIGHEST)
        allowed_S = (row_S < n) & (row_S != skip)
        return jnp.argmax(jnp.where(allowed_S, cosine_S, -jnp.inf))

    return jax.lax.with_sharding_constraint(jax.vmap(one)(target_CxD, skip_C), everywhere)


def by_blas(source: np.ndarray, size: int) -> Search:
    """The same on one CPU."""
    cosine_CxS = np.empty((size, len(source)), np.float32)

    def search(target_CxD: np.ndarray, skip_C: np.ndarray) -> np.ndarray:
        found_CxS = np.matmul(target_CxD, source.T, out=cosine_CxS[: len(target_CxD)])
        skips = np.flatnonzero(skip_C >= 0)
        found_CxS[skips, skip_C[skips]] = -np.inf
        return found_CxS.argmax(axis=1)

    return search
