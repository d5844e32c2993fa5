"""Strict numerics for every test, and the folder of real data where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def strict_numerics():
    import jax

    jax.config.update("jax_disable_most_optimizations", True)  # most of a test is compiling
    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_debug_nans", True)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that docs/data.md describes; tests that need it are left out without it."""
    folder = os.environ.get("GLX_DATA")
    if not folder:
        pytest.skip("set GLX_DATA to the data folder of docs/data.md")
    return Path(folder)
