"""All that depends on the hardware: memory, what runs at once, and the mesh of devices.

In: the devices that JAX sees, functions to run on them. Out: those functions, compiled for them.

Processes that called `jax.distributed.initialize` see each other's devices. Each then runs the same
program on the same host arrays; results that are `replicated` are whole in every process.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.extend.backend
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from glx import hosts
from glx.batch_sizes import CPU, Sizes, fitting
from glx.errors import InputError

AXIS = "devices"
LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container
HALVES = 2
TABLE_ROWS = 256  # a table is padded to a multiple of it, so that new templates seldom recompile
HOST_ROWS = 4096  # of a dense array that NumPy works on
BLOCKS = 4  # that an accelerator goes through one by one: they share the memory of one


INTERPRETED = "interpreted"  # an accelerator that a CPU stands in for, for tests
KERNEL = "GLX_KERNEL"  # a variable of the environment: auto, off

_elsewhere: list[str] = []  # the platform of `compiling_for`


def on_cpu() -> bool:
    """Whether programs run on CPUs."""
    return kind() == "cpu"


def kind() -> str:
    """The platform that programs are traced for: at hand, or of `compiling_for`."""
    return _elsewhere[-1] if _elsewhere else platform()


def kernels() -> bool:
    """Whether recurrences that are trained are kernels of our own (docs/accelerators.md).

    Raises:
      InputError: `GLX_KERNEL` is neither `auto` nor `off`.
    """
    asked = os.environ.get(KERNEL) or "auto"
    if asked not in ("auto", "off"):
        raise InputError(f"{KERNEL}={asked}: choose auto or off")
    return asked == "auto" and kind() in ("tpu", INTERPRETED)


@contextmanager
def compiling_for(platform: str) -> Iterator[None]:
    """Programs that are traced meanwhile suit this platform, whatever is at hand."""
    _elsewhere.append(platform)
    try:
        yield
    finally:
        _elsewhere.pop()


def platform() -> str:
    """What the devices at hand are, as `jax.export` names it: `cpu`, `cuda`, `tpu`, or another."""
    backend = jax.extend.backend.get_backend()
    cuda = backend.platform == "gpu" and "cuda" in backend.platform_version
    return "cuda" if cuda else backend.platform


def use_blas() -> bool:
    """Whether NumPy multiplies large matrices: on one CPU, where it is faster than XLA.

    About 1.3 times as fast in exact search (docs/notes/speed.md).
    """
    return on_cpu() and jax.device_count() == 1


def memory() -> int:
    """Bytes that the device, or on a CPU the machine, lets this process have.

    Of a GPU that is the share of it that `XLA_PYTHON_CLIENT_MEM_FRACTION` leaves to JAX.
    """
    if not on_cpu():
        return int((jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 2**62))
    has = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    with suppress(OSError, ValueError):  # no limit, or another system
        has.append(int(LIMIT.read_text()))
    return min(has)


def processes_at_once(gigabytes: int) -> int:
    """How many processes of so much memory fit side by side: at least one.

    By cores and memory of the host; one where there is an accelerator.
    """
    if not on_cpu():
        return 1
    limited = hasattr(os, "sched_getaffinity")  # to the cores that this process may use
    cores = len(os.sched_getaffinity(0)) if limited else os.cpu_count() or 1
    return max(1, min(cores, memory() // (gigabytes * 10**9)))


def sizes() -> Sizes:
    """What suits the devices at hand."""
    return CPU if on_cpu() else fitting(_memory_of_first())


@cache
def _memory_of_first() -> int:
    """Batches are alike in all processes, and so are their devices."""
    return hosts.of_first(memory)


def batch_size(length: int) -> int:
    """Sequences of `length` events that a device scores in one batch."""
    return _in_blocks(sizes().events // length, sizes().sequences)


def texts_at_once(length: int) -> int:
    """Texts of `length` tokens that a device encodes in one batch."""
    return _in_blocks(sizes().tokens // length, sizes().texts)


def _in_blocks(n: int, most: int) -> int:
    n = min(max(n, 1), most)
    return n if on_cpu() or n < BLOCKS else n - n % BLOCKS


def pad_rows(rows: np.ndarray, multiple: int) -> np.ndarray:
    """Zeros after the rows, up to a multiple of so many."""
    return np.pad(rows, [(0, -len(rows) % multiple)] + [(0, 0)] * (rows.ndim - 1))


def in_flight(
    begin: Callable[..., Any], finish: Callable[..., None], batches: Iterable[tuple]
) -> None:
    """Call `finish(begin(*batch), *batch)` for each batch, so many at a time that devices are busy.

    Several processes begin the batches that they share in one order, the next before the last is
    finished; one process has a thread for each, so that a CPU computes them side by side.

    Args:
      begin: sends a batch to the devices and gives what they will have computed of it.
      finish: waits for that.
    """
    if hosts.several():
        begun = deque[tuple]()
        for batch in batches:
            begun.append((begin(*batch), *batch))
            if len(begun) == sizes().batches:
                finish(*begun.popleft())
        for one in begun:
            finish(*one)
        return
    with ThreadPoolExecutor(sizes().batches) as pool:
        calls = [pool.submit(lambda *one: finish(begin(*one), *one), *batch) for batch in batches]
        try:
            for call in calls:
                call.result()
        except BaseException:  # Ctrl-C too: what has not begun must not be waited for
            pool.shutdown(cancel_futures=True)
            raise


def mapped(function: Callable) -> Callable:
    """`function` over the leading axis of its argument.

    One element after another on a CPU, whose caches hold one; all at once on an accelerator.
    """
    return partial(jax.lax.map, function) if on_cpu() else jax.vmap(function)


def spread(function: Callable, mesh: Mesh) -> Callable:
    """`function(shared, *rows)`, each device on its part of the rows, the result whole on each.

    An accelerator goes through its part in `BLOCKS`, if they are equal.
    """
    if on_cpu() and mesh.size == 1:
        return function

    def part(shared: Any, *rows: Any) -> Any:
        if on_cpu() or len(rows[0]) % BLOCKS:
            return function(shared, *rows)
        blocks = jax.tree.map(lambda x: x.reshape(BLOCKS, -1, *x.shape[1:]), rows)
        results = jax.lax.map(lambda block: function(shared, *block), blocks)
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), results)

    def whole(shared: Any, *rows: Any) -> Any:
        everywhere, split = PartitionSpec(), PartitionSpec(AXIS)
        parts = jax.shard_map(
            part,
            mesh=mesh,
            in_specs=(everywhere, *[split] * len(rows)),
            out_specs=split,
            check_vma=False,  # as in `_split`
        )
        return jax.lax.with_sharding_constraint(parts(shared, *rows), replicated(mesh))

    return whole


def step(direction: Callable, update: Callable, n: int, mesh: Mesh | None = None) -> Callable:
    """The compiled `state, data, *rows -> update(state, *direction(state, data, *rows))`.

    The state is donated. `direction` is a mean over the `n` elements of the leading axis of `rows`.
    They are split evenly and the means of the parts averaged: on a mesh of several devices each
    takes a part (`rows` are `sharded`, all else is `replicated`); on one CPU an even number is
    halved, and each half runs on a core of its own, because its products are too small for two.
    """
    if mesh is not None and mesh.size > 1:
        direction = _split(direction, mesh)
    elif on_cpu() and n % HALVES == 0:
        return _halved(direction, update)

    @partial(jax.jit, donate_argnums=0)
    def whole(state, *given):
        return update(state, *direction(state, *given))

    return whole


def several(step: Callable, most: int, mesh: Mesh) -> Callable:
    """`state, data, rows -> state, metrics` of a list of up to `most` rows, a step for each.

    An accelerator runs them in one call, and does not wait for the host between them; each of the
    metrics then has a leading axis of `most`. A CPU is given one at a time.
    """
    if on_cpu():

        def one(state: Any, data: Any, rows: list) -> Any:
            return step(state, data, *put(rows[0], sharded(mesh)))

        return one

    @partial(jax.jit, donate_argnums=0)
    def loop(state: Any, data: Any, rows: Any, n: Any) -> Any:
        def turn(i: Any, reached: tuple) -> tuple:
            state, kept = reached
            state, metrics = step(state, data, *jax.tree.map(lambda x: x[i], rows))
            return state, jax.tree.map(lambda all_, x: all_.at[i].set(x), kept, metrics)

        metrics = jax.eval_shape(step, state, data, *jax.tree.map(lambda x: x[0], rows))[1]
        kept = jax.tree.map(lambda x: jnp.zeros((most, *x.shape), x.dtype), metrics)
        return jax.lax.fori_loop(0, n, turn, (state, kept))

    def call(state: Any, data: Any, rows: list) -> Any:
        # Always as many, so that nothing compiles for a last call that is shorter.
        filled = [*rows, *[rows[-1]] * (most - len(rows))]
        stacked = jax.tree.map(lambda *x: np.stack(x), *filled)
        stacked = put(stacked, NamedSharding(mesh, PartitionSpec(None, AXIS)))
        return loop(state, data, stacked, np.int32(len(rows)))

    return call


def _halved(direction: Callable, update: Callable) -> Callable:
    """Always halves, however many cores there are: sums have the same order everywhere."""
    pool = ThreadPoolExecutor(HALVES)

    @jax.jit
    def half(state, data, rows, n):
        mine = jax.tree.map(lambda x: x.reshape(HALVES, -1, *x.shape[1:])[n], rows)
        return direction(state, data, *mine)

    @partial(jax.jit, donate_argnums=0)
    def finish(state, *halves):
        return update(state, *jax.tree.map(lambda *x: sum(x) / HALVES, *halves))

    def both(state, data, *rows):
        def one(n: int):
            return jax.block_until_ready(half(state, data, rows, n))

        return finish(state, *pool.map(one, range(HALVES)))

    return both


def _split(direction: Callable, mesh: Mesh) -> Callable:
    whole, part = PartitionSpec(), PartitionSpec(AXIS)
    return jax.shard_map(
        lambda *args: jax.lax.pmean(direction(*args), AXIS),
        mesh=mesh,
        in_specs=(whole, whole, part, part),
        out_specs=whole,
        check_vma=False,  # the zeros that a scan begins with are not marked as of one device
    )


def make_mesh(episodes: int | None = None) -> Mesh:
    """All devices in a row; or, of every process, as many as can share the episodes evenly.

    Raises:
      InputError: there are more processes than that.
    """
    processes = jax.process_count()
    each = jax.local_device_count()
    while episodes is not None and episodes % (each * processes):
        each -= 1
        if not each:
            raise InputError(
                f"--episodes={episodes}: {processes} processes cannot share them evenly; give a "
                f"multiple of {processes}"
            )
    chosen = [d for p in range(processes) for d in jax.local_devices(process_index=p)[:each]]
    return jax.make_mesh((len(chosen),), (AXIS,), axis_types=(AxisType.Auto,), devices=chosen)


def replicated(mesh: Mesh) -> NamedSharding:
    """Whole on each device."""
    return NamedSharding(mesh, PartitionSpec())


def sharded(mesh: Mesh) -> NamedSharding:
    """The first axis in equal parts, one on each device."""
    return NamedSharding(mesh, PartitionSpec(AXIS))


def put(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays, the same in every process, as arrays on the mesh."""
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    def one(x: Any) -> jax.Array:
        x = np.asarray(x)
        return jax.make_array_from_callback(x.shape, sharding, lambda part: x[part])

    return jax.tree.map(one, tree)
