"""Several devices, of one process or of many: a mesh with one axis, and how arrays lie on it.

In: the devices that JAX sees. Out: shardings, with which one jitted program runs on all of them.

Processes that called `jax.distributed.initialize` see each other's devices. Each then runs the same
program on the same host arrays; results that are `replicated` are whole in every process.
"""

from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from glx.errors import InputError

AXIS = "devices"


def mesh(share: int | None = None) -> Mesh:
    """All devices in a row; or, of every process, as many as can share `share` things evenly.

    Raises:
      InputError: there are more processes than that.
    """
    processes = jax.process_count()
    each = jax.local_device_count()
    while share is not None and share % (each * processes):
        each -= 1
        if not each:
            raise InputError(f"{processes} processes cannot share {share} evenly")
    chosen = [d for p in range(processes) for d in jax.local_devices(process_index=p)[:each]]
    return jax.make_mesh((len(chosen),), (AXIS,), axis_types=(AxisType.Auto,), devices=chosen)


def replicated(over: Mesh) -> NamedSharding:
    """Whole on each device."""
    return NamedSharding(over, PartitionSpec())


def sharded(over: Mesh) -> NamedSharding:
    """The first axis in equal parts, one on each device."""
    return NamedSharding(over, PartitionSpec(AXIS))


def put(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays, the same in every process, as arrays on the mesh."""
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    def one(x: Any) -> jax.Array:
        x = np.asarray(x)
        return jax.make_array_from_callback(x.shape, sharding, lambda part: x[part])

    return jax.tree.map(one, tree)
