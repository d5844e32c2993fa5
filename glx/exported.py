"""A program that was traced once and lowered for each kind of device, kept with a detector.

In: a function and the shapes of its arguments. Out: arrays of bytes, one for each of `PLATFORMS`,
and the function again. They hold StableHLO (`jax.export`): tracing is spared, compiling is not.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.export
import numpy as np

from glx import __version__, devices

PLATFORMS = ("cpu", "cuda", "tpu")
VERSIONS = {"glx": __version__, "jax": jax.__version__}  # a program is used by these alone


def export(function: Callable, *shapes: Any) -> dict[str, np.ndarray]:
    """`<uint8>[bytes]` for each platform, none of which has to be here.

    Args:
      shapes: of the arguments, with symbolic dimensions where they may vary.
    """
    return {platform: _lowered(function, platform, shapes) for platform in PLATFORMS}


def restore(programs: Mapping[str, np.ndarray], versions: Mapping[str, str]) -> Callable | None:
    """The function that was exported, for the devices at hand.

    Args:
      versions: `VERSIONS` when it was exported.

    Returns:
      None where it has to be traced: no program is for these devices, or one of the versions is
      another.
    """
    program = programs.get(devices.platform())
    if program is None or versions != VERSIONS:
        return None
    return jax.export.deserialize(bytearray(program)).call


def _lowered(function: Callable, platform: str, shapes: tuple) -> np.ndarray:
    # A function of its own each time: JAX would take what it traced for another platform.
    own = jax.jit(lambda *given: function(*given))
    with devices.compiling_for(platform):
        exported = jax.export.export(own, platforms=[platform])(*shapes)
    return np.frombuffer(exported.serialize(), np.uint8)
