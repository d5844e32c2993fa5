"""A recurrence as one kernel of Pallas, whose state stays on the chip; so are its derivatives.

In: what each turn does, what all turns share, and what each turn reads. Out: what each turn writes,
and sums over the turns.

The derivative of such a recurrence is one as well: it turns in the other direction, its state is
the cotangent of the state, and the derivative of what is shared is a sum over the turns. So one
kernel serves for every order; its turn is the derivative of a turn, by automatic differentiation.

Shape letters: `K` recurrences side by side, `L` turns, `B` rows, `H` columns of the state. A turn
is given wider arrays in parts of `H` columns, which need not be cut and joined again on the chip.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from glx import devices

Arrays = tuple[jax.Array, ...]
ROWS, LEAST = 64, 16  # of a block, at most and at least: those of a tile of bfloat16
TILE = 128  # columns that a TPU gives to a narrower array, too
BLOCKS = 10 << 20  # bytes of the blocks of a kernel, of 16 MB that one has on the chip
WIDTHS = 15  # times `H`, that a second derivative reads and writes in a turn
FACTOR = 512  # bytes of a row of a factor at most


class Turns(NamedTuple):
    """What a recurrence does.

    Attributes:
      turn: `shared, state, read -> state, written, summed`; but for the state, `[B, H]`, tuples of
        tuples: the parts of each array.
      reads: how many rows of `L` after its own a turn reads, of each array that is read.
      writes: likewise, where it writes.
      backwards: whether the last turn is the first.
      writes_state: whether the last array that is written is the state after each turn.
    """

    turn: Callable
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    backwards: bool
    writes_state: bool


def fits(H: int, L: Any, B: Any, dtype: Any) -> bool:
    """Whether a kernel is written for the devices at hand that has room for these sizes.

    Args:
      L, B: no number where a program is traced for any.
      dtype: of what is read and written.
    """
    if not (devices.kernels() and isinstance(L, int) and isinstance(B, int)):
        return False
    size = jnp.dtype(dtype).itemsize
    return H * size <= FACTOR and _bytes(L, LEAST, [H] * WIDTHS, size) <= BLOCKS


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def run(turns: Turns, H: int, shared: Arrays, read: Arrays) -> tuple[Arrays, Arrays]:
    """All turns, from a state of zeros.

    Args:
      shared: `<float>[K, ?, n H]` each; rounded to the type of what is read.
      read: `<float>[L, K, B, n H]` each; before the first row and after the last are zeros.

    Returns:
      What is written, `<float>[L, K, B, n H]` each, of the type of what is read, and the sums,
      `<float>[K, ?, n H]` each, of the type of what is shared, in which turns compute.
    """
    return _run(turns, H, shared, read)


def _forward(turns, H, shared, read):
    keeping = turns if turns.writes_state else _keeping(turns)
    written, summed = run(keeping, H, shared, read)  # which has derivatives in turn
    return (written[: len(turns.writes)], summed), (shared, read, written[-1])


def _keeping(turns: Turns) -> Turns:
    """The same, which also writes the state after each turn."""

    def turn(shared, state, read):
        state, written, summed = turns.turn(shared, state, read)
        return state, (*written, (state,)), summed

    return turns._replace(turn=turn, writes=(*turns.writes, 0), writes_state=True)


def _backward(turns, H, given, cotangents):
    (shared, read, states), (d_written, d_summed) = given, cotangents

    def turn(shared_, d_state, read_):
        own, d_sums = shared_[: len(shared)], shared_[len(shared) :]
        before, (state,), d_out = read_[: len(read)], read_[len(read)], read_[len(read) + 1 :]
        _, pull_back = jax.vjp(turns.turn, own, state, before)
        d_own, d_state, d_read = pull_back((d_state, d_out, d_sums))
        return d_state, d_read, d_own

    before = 1 if turns.backwards else -1
    reads = (*turns.reads, before, *turns.writes)
    back = Turns(turn, reads, turns.reads, not turns.backwards, writes_state=False)
    d_read, d_shared = run(back, H, (*shared, *d_summed), (*read, states, *d_written))
    return d_shared, d_read


run.defvjp(_forward, _backward)


def _run(turns: Turns, H: int, shared: Arrays, read: Arrays) -> tuple[Arrays, Arrays]:
    (L, K, B, _), wide, narrow = read[0].shape, shared[0].dtype, read[0].dtype

    def parts(arrays: Arrays) -> tuple:
        """The shapes of the parts of each."""
        return tuple(
            (jax.ShapeDtypeStruct((x.shape[-2], H), wide),) * (x.shape[-1] // H) for x in arrays
        )

    state = jax.ShapeDtypeStruct((B, H), wide)
    _, written, summed = jax.eval_shape(turns.turn, parts(shared), state, parts(read))
    widths = [len(x) * H for x in written]
    shapes = [(x[0].shape[0], len(x) * H) for x in summed]
    rows = _rows(L, B, [*(x.shape[-1] for x in read), *widths], narrow.itemsize)
    read = tuple(jnp.pad(x, [(0, 0), (0, 0), (0, -B % rows), (0, 0)]) for x in read)
    blocks = read[0].shape[2] // rows

    def kernel(*refs):
        lists = len(shared), len(read), len(widths), len(shapes)
        shared_refs, read_refs, written_refs, sum_refs = _cut(refs, lists)
        for ref in sum_refs:
            for n in range(0, ref.shape[-1], H):
                ref[:, pl.ds(n, H)] = jnp.zeros((ref.shape[0], H), wide)

        def turn(i, state):
            t = L - 1 - i if turns.backwards else i
            own = tuple(_load(ref, H, wide) for ref in shared_refs)
            now = tuple(
                _load(ref, H, wide, *_row(t, shift, L))
                for ref, shift in zip(read_refs, turns.reads, strict=True)
            )
            state, written, summed = turns.turn(own, state, now)
            for ref, shift, x in zip(written_refs, turns.writes, written, strict=True):
                row, inside = _row(t, shift, L)
                for n, part in enumerate(x):
                    ref[row, :, pl.ds(n * H, H)] = (part * inside).astype(narrow)
            for ref, x in zip(sum_refs, summed, strict=True):
                for n, part in enumerate(x):
                    ref[:, pl.ds(n * H, H)] += part
            return state

        lax.fori_loop(0, L, turn, jnp.zeros((rows, H), wide))

    def block(width: int) -> pl.BlockSpec:
        return pl.BlockSpec((L, None, rows, width), lambda k, b: (0, k, b, 0))

    found = pl.pallas_call(
        kernel,
        grid=(K, blocks),
        in_specs=[
            *[pl.BlockSpec((None, *x.shape[1:]), lambda k, _: (k, 0, 0)) for x in shared],
            *[block(x.shape[-1]) for x in read],
        ],
        out_specs=[
            *map(block, widths),
            *[pl.BlockSpec((None, None, *shape), lambda k, b: (k, b, 0, 0)) for shape in shapes],
        ],
        out_shape=[
            *[jax.ShapeDtypeStruct((*read[0].shape[:3], width), narrow) for width in widths],
            *[jax.ShapeDtypeStruct((K, blocks, *shape), wide) for shape in shapes],
        ],
        interpret=devices.kind() != "tpu",
        name="recurrence",
    )(*(x.astype(narrow) for x in shared), *read)
    n = len(widths)
    return tuple(x[:, :, :B] for x in found[:n]), tuple(x.sum(1) for x in found[n:])


def _cut(items: Sequence, sizes: Sequence[int]) -> list[Sequence]:
    ends = list(accumulate(sizes))
    return [items[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _rows(L: int, B: int, widths: Sequence[int], size: int) -> int:
    """Of a block: as many as there is room for."""
    rows = min(ROWS, -(-B // LEAST) * LEAST)
    while rows > LEAST and _bytes(L, rows, widths, size) > BLOCKS:
        rows -= LEAST
    return rows


def _bytes(L: int, rows: int, widths: Sequence[int], size: int) -> int:
    """That blocks of arrays so wide take: what is worked on, and beside it the next or the last."""
    return 2 * L * rows * size * sum(-(-width // TILE) * TILE for width in widths)


def _load(ref: Any, H: int, dtype: Any, *of_row: Any) -> tuple[jax.Array, ...]:
    """The parts of an array, or of a row of it."""
    row, inside = of_row[:1], of_row[1] if of_row else 1
    parts = (ref[(*row, slice(None), pl.ds(n, H))] for n in range(0, ref.shape[-1], H))
    return tuple(part.astype(dtype) * inside for part in parts)


def _row(t: Any, shift: int, L: int) -> tuple[Any, Any]:
    """Where a turn reads or writes, and 1; where that is outside a row of its own, and 0."""
    row = t + shift
    return (lax.rem(row + L, L), ((row >= 0) & (row < L)).astype(int)) if shift else (t, 1)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def product(a: jax.Array, b: jax.Array, of_a: int, of_b: int, dtype: Any) -> jax.Array:
    """Two matrices, summed over these of their axes; in derivatives, too, with factors of `dtype`.

    Args:
      dtype: None: as they are.
    """
    narrow = a.dtype if dtype is None else dtype
    dims = ((of_a,), (of_b,)), ((), ())
    return lax.dot_general(a.astype(narrow), b.astype(narrow), dims, preferred_element_type=a.dtype)


def _product(a, b, of_a, of_b, dtype):
    return product(a, b, of_a, of_b, dtype), (a, b)


def _product_back(of_a, of_b, dtype, given, d):
    a, b = given
    d_a = product(d, b, 1, 1 - of_b, dtype) if of_a else product(b, d, 1 - of_b, 1, dtype)
    d_b = product(d, a, 0, 1 - of_a, dtype) if of_b else product(a, d, 1 - of_a, 0, dtype)
    return d_a, d_b


product.defvjp(_product, _product_back)
