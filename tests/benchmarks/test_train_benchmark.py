"""Ours and torch's meta step compute the same."""

import jax
import numpy as np
import pytest

from experiments.benchmarks import train as benchmark
from glx.zerolog import meta, train
from glx.zerolog.model import ZeroLog


def test_torch_computes_the_same_direction():
    pytest.importorskip("torch")
    of = benchmark.config(episodes=2, hidden=8, events=5, batch=4)
    packed, *rows = benchmark.problem(of, width=6)
    params = train.init_state(of, packed, 0)["params"]
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: x + np.float32(0.1) * rng.normal(size=x.shape), params)
    params = jax.tree.map(lambda x: x.astype(np.float32), params)

    @jax.jit
    def ours(params):
        return meta.meta_direction(
            ZeroLog(of.model), params, packed.table, *(train.gather(packed, r) for r in rows),
            alpha=of.alpha, mu=of.mu, lam=0.5, gamma=of.gamma, second_order=True,
        )[0]  # fmt: skip

    given = params, packed.table, *benchmark.batches(packed, *rows)
    theirs = benchmark.torch_direction(of, lam=0.5)(*benchmark.as_torch(jax.device_get(given)))
    theirs = jax.tree.map(lambda t: t.numpy(), theirs)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), ours(params), theirs
    )
