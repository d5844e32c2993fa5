"""Exact search: for each of many unit vectors the nearest of many others, in flat memory.

In: unit vectors. Out: the largest cosine of each, and whose it is. All work is done in blocks. On
one CPU NumPy's BLAS multiplies them: that keeps 0.9 of the speed of a large matrix product, XLA's
product and argmax 0.4 to 0.8 (docs/benchmarks.md). Accelerators, or several devices of whatever
kind, run one compiled program on every block, each device on its share of the source's rows.

Shape letters: `C` target rows and `K` source rows of a block, `N` devices.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from glx import devices

CHUNK = 2048  # rows of a block; memory beside the inputs is some blocks of CHUNK x CHUNK or x D
LEAST, STEP = 256, 16  # rows of the smallest block of the BLAS, and what they are a multiple of


def nearest(
    target: np.ndarray, source: np.ndarray, chunk: int = CHUNK, skip: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The largest cosine of each target vector to a source vector, and that vector's row.

    Args:
      target: `<float32>[V, D]` of length 1.
      source: `<float32>[S, D]` of length 1; at least one.
      chunk: rows of a block, at most (of `LEAST` at least, on one CPU).
      skip: `<int>[V]` for each target a row of `source` to leave out, -1 for none.

    Returns:
      `<float32>[V]` cosine and `<int32>[V]` row, of equal ones the first; -inf and 0 where `skip`
      leaves nothing. Where the first of several equal rows is skipped, any of the others.
    """
    skip = np.full(len(target), -1) if skip is None else skip
    one_cpu = jax.default_backend() == "cpu" and jax.device_count() == 1
    return (by_blas if one_cpu else by_xla)(target, source, chunk, skip.astype(np.int32))


def by_blas(
    target: np.ndarray, source: np.ndarray, chunk: int, skip: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`nearest` on the CPU; no block is smaller than `LEAST`.

    How a BLAS rounds may depend on a row's place: so that equal rows tie, the row is the first that
    equals the one found, and the cosine is taken again, alike for all.
    """
    height, width = _even(len(target), chunk), _even(len(source), chunk)
    sources = [(at, _block(source, at, width)) for at in range(0, len(source), width)]
    seen: dict[bytes, int] = {}
    alike = (seen.setdefault(row.tobytes(), n) for n, row in enumerate(source))
    first_alike = np.fromiter(alike, np.int32, len(source))
    cos_CxK = np.empty((height, width), np.float32)
    sim, row = np.full(len(target), -np.inf, np.float32), np.zeros(len(target), np.int32)
    for at in range(0, len(target), height):
        target_CxD, skip_C = _block(target, at, height), skip[at : at + height]
        sim_C, row_C = sim[at : at + height], row[at : at + height]  # views
        for first, source_KxD in sources:
            np.matmul(target_CxD, source_KxD.T, out=cos_CxK)
            real = cos_CxK[: len(sim_C), : len(source) - first]
            left_out = np.flatnonzero((skip_C >= first) & (skip_C < first + width))
            real[left_out, skip_C[left_out] - first] = -np.inf
            at_C = real.argmax(axis=1)
            best_C = real[np.arange(len(real)), at_C]
            better_C = best_C > sim_C
            sim_C[better_C], row_C[better_C] = best_C[better_C], first + at_C[better_C]
        first_C = first_alike[row_C]
        row_C[:] = np.where(first_C == skip_C, row_C, first_C)
        found_C = np.isfinite(sim_C)
        sim_C[found_C] = (target_CxD[: len(row_C)] * source[row_C]).sum(axis=1)[found_C]
    return sim, row


def by_xla(
    target: np.ndarray, source: np.ndarray, chunk: int, skip: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`nearest` on all devices: one compilation per `D`, `chunk` and number of devices."""
    mesh = devices.make_mesh()
    everywhere = devices.replicated(mesh)
    put = partial(devices.put, sharding=everywhere)
    step = mesh.size * chunk
    sources = []
    for at in range(0, len(source), step):
        part = _block(source, at, step).reshape(mesh.size, chunk, -1)
        limits = put((np.int32(at), np.int32(len(source))))
        sources.append((devices.put(part, devices.sharded(mesh)), *limits))
    nothing = put((np.full(chunk, -np.inf, np.float32), np.zeros(chunk, np.int32)))
    sim, row = np.empty(len(target), np.float32), np.empty(len(target), np.int32)
    for at in range(0, len(target), chunk):
        target_CxD, skip_C = put((_block(target, at, chunk), _block(skip, at, chunk)))
        best = nothing
        for source_NxKxD, first, end in sources:
            best = fold(best, target_CxD, skip_C, source_NxKxD, first, end, everywhere)
        here = slice(at, at + chunk)
        sim[here], row[here] = (x[: len(sim[here])] for x in jax.device_get(best))
    return sim, row


@partial(jax.jit, static_argnames="everywhere")
def fold(best, target_CxD, skip_C, source_NxKxD, first, end, everywhere):
    """The better of `best` and one more block of sources, whose rows are from `first` on."""
    n, k, _ = source_NxKxD.shape
    row_Nx1xK = (first + jnp.arange(n * k, dtype=jnp.int32)).reshape(n, 1, k)
    # Accelerators would round float32 factors to tf32 or bfloat16.
    highest = jax.lax.Precision.HIGHEST
    cos_NxCxK = jnp.einsum("cd,nkd->nck", target_CxD, source_NxKxD, precision=highest)
    allowed = (row_Nx1xK < end) & (row_Nx1xK != skip_C[None, :, None])
    cos_NxCxK = jnp.where(allowed, cos_NxCxK, -jnp.inf)
    at_NxC = first + jnp.arange(n, dtype=jnp.int32)[:, None] * k + jnp.argmax(cos_NxCxK, axis=2)
    # Each device has its best by now; what is left to exchange are N x C numbers.
    sim_NxC = cos_NxCxK.max(axis=2)
    device_1xC = jnp.argmax(sim_NxC, axis=0)[None]
    sim_C, at_C = (jnp.take_along_axis(x, device_1xC, axis=0)[0] for x in (sim_NxC, at_NxC))
    better_C = sim_C > best[0]
    best = jnp.where(better_C, sim_C, best[0]), jnp.where(better_C, at_C, best[1])
    return jax.lax.with_sharding_constraint(best, everywhere)


def _even(rows: int, chunk: int) -> int:
    """Rows of a block where as few as possible of at most `chunk` are of one size."""
    even = -(-rows // -(-rows // chunk)) if rows else 0
    return max(LEAST, -(-even // STEP) * STEP)


def _block(rows: np.ndarray, at: int, chunk: int) -> np.ndarray:
    """The rows from `at` on, filled up to `chunk` with zeros."""
    rows = rows[at : at + chunk]
    if len(rows) == chunk:
        return rows
    return np.pad(rows, [(0, chunk - len(rows))] + [(0, 0)] * (rows.ndim - 1))
