"""The update rule against finite differences, in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glx.zerolog import meta
from glx.zerolog.model import ModelConfig, ZeroLog

V, E, B, L, F = 7, 5, 6, 4, 3
MODEL = ZeroLog(ModelConfig(hidden=4))


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
    shapes = MODEL.init(jax.random.key(0), table, support.ids, support.lengths, support.statistics)[
        "params"
    ]
    leaves, tree = jax.tree.flatten(shapes)
    params = tree.unflatten([jnp.asarray(rng.normal(size=x.shape) * 0.5) for x in leaves])
    return params, table, support, query


@jax.jit
def inner(params, table, support):
    return meta.inner_step(MODEL, params, table, support, 0.2, 0.3, 0.7)


@partial(jax.jit, static_argnames="second_order")
def episode(params, table, support, query, mu, gamma, second_order=True):
    grads, _ = meta.episode_direction(
        MODEL, params, table, support, query,
        alpha=0.2, mu=mu, lam=0.7, gamma=gamma, second_order=second_order,
    )  # fmt: skip
    return grads


@jax.jit
def losses(params, table, batch):
    """`L_cls` and `L_dom`, written without any of `direction`'s machinery."""
    variables = {"params": params}
    z, _ = MODEL.apply(
        variables, table, batch.ids, batch.lengths, batch.statistics, method=ZeroLog.encode
    )
    cls = meta.classification_loss(
        MODEL.apply(variables, z, batch.statistics, method=ZeroLog.anomaly), batch
    )
    dom = meta.domain_loss(MODEL.apply(variables, z, method=ZeroLog.domain), batch)
    return cls, dom


def random_like(params, seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), params)


def along(params, step, t):
    return jax.tree.map(lambda p, s: p + t * s, params, step)


def dot(a, b):
    return sum(float(jnp.vdot(x, y)) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))


def difference(f, eps=1e-5):
    """Central difference of `f(t)` at 0."""
    return jax.tree.map(lambda hi, lo: (hi - lo) / (2 * eps), f(eps), f(-eps))


def only(tree, names):
    return {k: v if k in names else jax.tree.map(jnp.zeros_like, v) for k, v in tree.items()}


ENCODER = ("gru", "attention", "project")


@pytest.mark.parametrize(
    ("part", "weight_cls", "weight_dom"),
    [
        (ENCODER, 1.0, -0.3 * 0.7),
        (("anomaly_head",), 1.0, 0.0),
        (("domain_head",), 0.0, 0.3),
    ],
)
def test_direction_is_the_reversed_gradient_of_each_loss(problem, part, weight_cls, weight_dom):
    params, table, support, _ = problem
    grads, _ = meta.direction(MODEL, params, table, support, mu=0.3, lam=0.7)
    for seed in range(3):
        step = only(random_like(params, seed), part)
        d_cls, d_dom = difference(lambda t, s=step: losses(along(params, s, t), table, support))
        expected = weight_cls * d_cls + weight_dom * d_dom
        assert dot(grads, step) == pytest.approx(float(expected), rel=1e-6, abs=1e-8)


def test_reversal_changes_sign_and_nothing_else(problem):
    params, table, support, _ = problem
    at = [meta.direction(MODEL, params, table, support, 0.3, lam)[0] for lam in (-1.0, 0.0, 1.0)]
    plain, none, reversed_ = at
    for name in ENCODER:
        jax.tree.map(
            lambda p, n, r: np.testing.assert_allclose(r - n, -(p - n), atol=1e-12),
            plain[name],
            none[name],
            reversed_[name],
        )
    jax.tree.map(np.testing.assert_array_equal, plain["domain_head"], reversed_["domain_head"])


def test_meta_gradient_without_domain_loss_is_a_gradient(problem):
    params, table, support, query = problem

    @jax.jit
    def objective(params):
        grads = jax.grad(lambda p: losses(p, table, support)[0])(params)
        adapted = jax.tree.map(lambda p, g: p - 0.2 * g, params, grads)
        return losses(params, table, support)[0] + 0.9 * losses(adapted, table, query)[0]

    got = episode(params, table, support, query, mu=0.0, gamma=0.9)
    for seed in range(3):
        step = random_like(params, seed)
        expected = difference(lambda t, s=step: objective(along(params, s, t)))
        assert dot(got, step) == pytest.approx(float(expected), rel=1e-6)


def test_meta_gradient_with_reversal_is_the_transposed_jacobian(problem):
    """`<J^T g, v> = <g, J v>` with `J v` by finite differences of the inner step itself."""
    params, table, support, query = problem
    got = episode(params, table, support, query, mu=0.3, gamma=1.0)
    adapted, (d_support, _) = inner(params, table, support)
    d_query, _ = meta.direction(MODEL, adapted, table, query, 0.3, 0.7)
    pulled = jax.tree.map(lambda g, s: g - s, got, d_support)
    for seed in range(3):
        v = random_like(params, seed)
        jacobian_v = difference(lambda t, v=v: inner(along(params, v, t), table, support)[0])
        assert dot(pulled, v) == pytest.approx(dot(d_query, jacobian_v), rel=1e-6)
    # It is not what a custom-derivative reversal would give: the pull-back is felt.
    assert abs(dot(pulled, v) - dot(d_query, v)) > 1e-3


def test_first_order_takes_the_query_direction_as_it_is(problem):
    params, table, support, query = problem
    got = episode(params, table, support, query, mu=0.3, gamma=0.5, second_order=False)
    adapted, (d_support, _) = inner(params, table, support)
    d_query, _ = meta.direction(MODEL, adapted, table, query, 0.3, 0.7)
    expected = jax.tree.map(lambda s, q: s + 0.5 * q, d_support, d_query)
    jax.tree.map(lambda g, e: np.testing.assert_allclose(g, e, rtol=1e-10), got, expected)


def test_schedule_runs_from_zero_to_one():
    assert float(meta.reversal_schedule(0, 100)) == 0.0
    assert float(meta.reversal_schedule(100, 100)) == pytest.approx(1.0, abs=1e-4)


def test_domain_loss_weighs_both_sides_equally():
    batch = meta.Batch(None, None, None, None, jnp.asarray([0.0, 1, 1, 1]), None)
    wrong_source = meta.domain_loss(jnp.asarray([20.0, 20, 20, 20]), batch)
    assert float(wrong_source) == pytest.approx(10.0, abs=1e-3)  # half of 20
