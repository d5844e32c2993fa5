"""The update rule against its equation and finite differences, in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glx.nn import apply, initial
from glx.zerolog import meta
from glx.zerolog.model import ModelConfig, ZeroLog

V, E, B, L, F = 7, 5, 6, 4, 3
MODEL = ZeroLog(ModelConfig(hidden=4))
ENCODER = ("gru", "attention", "project")
MU, LAM, ALPHA = 0.3, 0.7, 0.2


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    table = jnp.asarray(rng.normal(size=(V, E)))

    def batch():
        return meta.Batch(
            ids=jnp.asarray(rng.integers(0, V, (B, L)), jnp.int32),
            lengths=jnp.asarray([4, 3, 1, 2, 4, 2], jnp.int32),
            statistics=jnp.asarray(rng.normal(size=(B, F))),
            label=jnp.asarray([0.0, 1, 0, 1, 0, 0]),
            target=jnp.asarray([0.0, 0, 0, 0, 1, 1]),
            log_odds=jnp.asarray([0.3, 0.3, 0.3, 0.3, 0, 0]),
        )

    support, query = batch(), batch()
    params = initial(MODEL, 0, table, support.ids, support.lengths, support.statistics)
    return random_like(params, rng, 0.5), table, support, query


def random_like(params, rng, scale=1.0):
    return jax.tree.map(lambda x: jnp.asarray(scale * rng.normal(size=x.shape)), params)


direction = jax.jit(lambda *args: meta.direction(MODEL, *args)[0])


@jax.jit
def inner(params, table, support):
    return meta.inner_step(MODEL, params, table, support, ALPHA, MU, LAM)


@partial(jax.jit, static_argnames="second_order")
def episode(params, table, support, query, mu, gamma, second_order=True):
    settings = {"alpha": ALPHA, "mu": mu, "lam": LAM, "gamma": gamma, "second_order": second_order}
    return meta.episode_direction(MODEL, params, table, support, query, **settings)[0]


def losses(encoder, heads, table, batch):
    """`L_cls` and `L_dom` where one set of parameters encodes and another reads `z`."""
    given = table, batch.ids, batch.lengths, batch.statistics
    z, _ = apply(MODEL, encoder, *given, method=ZeroLog.encode)
    anomaly = apply(MODEL, heads, z, batch.statistics, method=ZeroLog.anomaly)
    domain = apply(MODEL, heads, z, method=ZeroLog.domain)
    return meta.classification_loss(anomaly, batch), meta.domain_loss(domain, batch)


def equation(params, table, batch):
    """`G` as two gradients, the respective other parameters fixed."""

    def objective(encoder, heads, weight):
        cls, dom = losses(encoder, heads, table, batch)
        return cls + weight * dom

    by_encoder = jax.grad(objective, 0)(params, params, -MU * LAM)
    by_heads = jax.grad(objective, 1)(params, params, MU)
    return jax.tree.map(jnp.add, by_encoder, by_heads)


def along(params, step, t):
    return jax.tree.map(lambda p, s: p + t * s, params, step)


def dot(a, b):
    return sum(float(jnp.vdot(x, y)) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))


def derivative(f, params, step, eps=1e-5):
    """Of `f` at `params` along `step`, by a central difference."""
    high, low = f(along(params, step, eps)), f(along(params, step, -eps))
    return jax.tree.map(lambda h, l: (h - l) / (2 * eps), high, low)


def assert_close(a, b, **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


def only(tree, names):
    return {k: v if k in names else jax.tree.map(jnp.zeros_like, v) for k, v in tree.items()}


@pytest.mark.parametrize(
    ("part", "weight_cls", "weight_dom"),
    [(ENCODER, 1.0, -MU * LAM), (["anomaly_head"], 1.0, 0.0), (["domain_head"], 0.0, MU)],
)
def test_direction_is_the_reversed_gradient_of_each_loss(problem, part, weight_cls, weight_dom):
    params, table, support, _ = problem
    grads = direction(params, table, support, MU, LAM)
    for seed in range(3):
        step = only(random_like(params, np.random.default_rng(seed)), part)
        d_cls, d_dom = derivative(jax.jit(lambda p: losses(p, p, table, support)), params, step)
        expected = weight_cls * d_cls + weight_dom * d_dom
        assert dot(grads, step) == pytest.approx(float(expected), rel=1e-6, abs=1e-8)


def test_direction_and_its_jacobian_are_those_of_the_equation(problem):
    params, table, support, query = problem

    @jax.jit
    def second_order(params):
        step = lambda p: along(p, equation(p, table, support), -ALPHA)  # noqa: E731
        adapted, pull_back = jax.vjp(step, params)
        (d_query,) = pull_back(equation(adapted, table, query))
        return along(equation(params, table, support), d_query, 1.0)

    close = {"rtol": 1e-13, "atol": 1e-17}
    expected = jax.jit(equation)(params, table, support)
    assert_close(direction(params, table, support, MU, LAM), expected, **close)
    assert_close(episode(params, table, support, query, MU, 1.0), second_order(params), **close)


def test_reversal_changes_sign_and_nothing_else(problem):
    params, table, support, _ = problem
    plain, none, opposite = (direction(params, table, support, MU, lam) for lam in (-1.0, 0.0, 1.0))
    for name in ENCODER:
        change = [jax.tree.map(jnp.subtract, g[name], none[name]) for g in (plain, opposite)]
        assert_close(change[0], jax.tree.map(jnp.negative, change[1]), atol=1e-12)
    jax.tree.map(np.testing.assert_array_equal, plain["domain_head"], opposite["domain_head"])


def test_meta_gradient_without_domain_loss_is_a_gradient(problem):
    params, table, support, query = problem

    @jax.jit
    def objective(params):
        grads = jax.grad(lambda p: losses(p, p, table, support)[0])(params)
        adapted = along(params, grads, -ALPHA)
        query_loss, _ = losses(adapted, adapted, table, query)
        return losses(params, params, table, support)[0] + 0.9 * query_loss

    grads = episode(params, table, support, query, mu=0.0, gamma=0.9)
    for seed in range(3):
        step = random_like(params, np.random.default_rng(seed))
        expected = float(derivative(objective, params, step))
        assert dot(grads, step) == pytest.approx(expected, rel=1e-6)


def test_meta_gradient_with_reversal_is_the_transposed_jacobian(problem):
    """`<J^T g, v> = <g, J v>` with `J v` by finite differences of the inner step itself."""
    params, table, support, query = problem
    grads = episode(params, table, support, query, mu=MU, gamma=1.0)
    adapted, (d_support, _) = inner(params, table, support)
    d_query = direction(adapted, table, query, MU, LAM)
    pulled = jax.tree.map(jnp.subtract, grads, d_support)
    for seed in range(3):
        v = random_like(params, np.random.default_rng(seed))
        jacobian_v = derivative(lambda p: inner(p, table, support)[0], params, v)
        assert dot(pulled, v) == pytest.approx(dot(d_query, jacobian_v), rel=1e-6)
    # A reversal by a custom derivative would not pull back the query's part.
    assert abs(dot(pulled, v) - dot(d_query, v)) > 1e-3


def test_first_order_takes_the_query_direction_as_it_is(problem):
    params, table, support, query = problem
    grads = episode(params, table, support, query, mu=MU, gamma=0.5, second_order=False)
    adapted, (d_support, _) = inner(params, table, support)
    d_query = direction(adapted, table, query, MU, LAM)
    assert_close(grads, along(d_support, d_query, 0.5), rtol=1e-10)


def test_schedule_runs_from_zero_to_one():
    assert float(meta.reversal_schedule(0, 100)) == 0.0
    assert float(meta.reversal_schedule(100, 100)) == pytest.approx(1.0, abs=1e-4)


def test_domain_loss_weighs_both_sides_equally():
    batch = meta.Batch(None, None, None, None, jnp.asarray([0.0, 1, 1, 1]), None)
    wrong_source = meta.domain_loss(jnp.asarray([20.0, 20, 20, 20]), batch)
    assert float(wrong_source) == pytest.approx(10.0, abs=1e-3)  # half of 20
