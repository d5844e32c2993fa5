"""Keeps compiled programs on disk, so that a second run on a machine does not compile again."""

import jax

from glx.data.catalogue import cache_dir
from glx.data.load import DataConfig


def keep_compilations(config: DataConfig) -> None:
    """Turn on JAX's persistent compilation cache, in the cache folder; for entry points.

    One that is on already (`JAX_COMPILATION_CACHE_DIR`) stays as it is.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_dir(config) / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
