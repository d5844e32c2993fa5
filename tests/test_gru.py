"""The GRU whose derivatives are written by hand, beside the one that is differentiated by JAX."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from curved import loss, squared_gradient

from glx import devices, gru
from glx.nn import initial
from glx.zerolog import meta
from glx.zerolog.model import ModelConfig, ZeroLog

K, V, H, B, N = 2, 5, 3, 4, 3


def problem(events: int, dtype=np.float64):
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(K, V, 3 * H)), rng.normal(size=(K, H, 3 * H)), rng.normal(size=(K, H))
    ids = jnp.asarray(rng.integers(0, V, (events, K, B)), jnp.int32)
    read = rng.normal(size=(2, events, B, H))
    return [jnp.asarray(x, dtype) for x in arrays], ids, jnp.asarray(read, dtype)


@pytest.mark.parametrize("events", [1, 8, 19])  # a part, one, and some of `gru.AT_ONCE`
@pytest.mark.parametrize("of", [loss, squared_gradient], ids=["first order", "second order"])
def test_gradients_are_those_of_automatic_differentiation(of, events):
    with jax.enable_x64(True):
        given, ids, read = problem(events)
        by_hand, automatic = (
            jax.jit(jax.value_and_grad(partial(of, run, ids, read, None)))(given)
            for run in (gru.lean_loop, gru.loop)
        )
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-11), by_hand, automatic)


def test_gradients_in_bfloat16_are_near():
    given, ids, read = problem(12, np.float32)
    by_hand, exact = (
        jax.jit(jax.grad(partial(squared_gradient, run, ids, read, dtype)))(given)
        for run, dtype in ((gru.lean_loop, jnp.bfloat16), (gru.loop, None))
    )
    for near, true in zip(by_hand, exact, strict=True):
        assert near.dtype == true.dtype
        assert np.linalg.norm(near - true) < 0.05 * np.linalg.norm(true)


@pytest.mark.parametrize("kernel", [False, True], ids=["scan", "kernel"])
def test_an_accelerators_meta_step_is_that_of_a_cpu(monkeypatch, kernel):
    monkeypatch.setenv("GLX_KERNEL", "auto" if kernel else "off")
    model, rng = ZeroLog(ModelConfig(hidden=4)), np.random.default_rng(0)
    with jax.enable_x64(True):
        table = jnp.asarray(rng.normal(size=(7, 5)))
        sets = meta.Batch(
            ids=jnp.asarray(rng.integers(0, 7, (2 * N, 6, 4)), jnp.int32),
            lengths=jnp.asarray(rng.integers(1, 5, (2 * N, 6)), jnp.int32),
            statistics=jnp.asarray(rng.normal(size=(2 * N, 6, 3))),
            label=jnp.asarray(rng.integers(0, 2, (2 * N, 6)), float),
            target=jnp.tile(jnp.asarray([0.0, 0, 0, 0, 1, 1]), (2 * N, 1)),
            log_odds=jnp.zeros((2 * N, 6)),
        )
        supports, queries = (jax.tree.map(lambda x, n=n: x[n : n + N], sets) for n in (0, N))
        params = initial(model, 0, table, sets.ids[0], sets.lengths[0], sets.statistics[0])

        def direction(platform: str):
            settings = {"alpha": 0.2, "mu": 0.3, "lam": 0.7, "gamma": 1.0, "second_order": True}
            with devices.compiling_for(platform):
                step = jax.jit(partial(meta.meta_direction, model, **settings))
                kernels = str(step.trace(params, table, supports, queries).jaxpr).count(
                    "pallas_call"
                )
                assert bool(kernels) == (kernel and platform != "cpu")
                return step(params, table, supports, queries)[0]

        jax.tree.map(
            partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-11),
            *(direction(platform) for platform in (devices.INTERPRETED, "cpu")),
        )
