"""The network against its equations, and what must not matter: padding, batch, compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glx.sequences import Distinct
from glx.zerolog import score as scoring
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog

V, E, H, F = 9, 6, 5, 3
MODEL = ZeroLog(ModelConfig(hidden=H))
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(V, E)).astype(np.float32)


@pytest.fixture
def params():
    shape = jax.jit(MODEL.init)(
        jax.random.key(0), TABLE, jnp.zeros((1, 3), jnp.int32), jnp.ones(1, jnp.int32),
        jnp.zeros((1, F)),
    )["params"]  # fmt: skip
    return jax.tree.map(lambda x: jnp.asarray(RNG.normal(size=x.shape) * 0.4, jnp.float32), shape)


def encode(params, ids, lengths, statistics):
    return MODEL.apply(
        {"params": params}, TABLE, jnp.asarray(ids, jnp.int32), jnp.asarray(lengths, jnp.int32),
        jnp.asarray(statistics, jnp.float32), method=ZeroLog.encode,
    )  # fmt: skip


def gru_by_hand(gru, k, events):
    """One direction of a GRU (Cho et al., 2014; reset after the product), event by event."""
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    h, out = np.zeros(H), []
    for x in events:
        i = x @ gru["w_input"][k] + gru["bias"][k]
        a = h @ gru["w_hidden"][k]
        r = sigmoid(i[:H] + a[:H])
        u = sigmoid(i[H : 2 * H] + a[H : 2 * H])
        n = np.tanh(i[2 * H :] + r * (a[2 * H :] + gru["bias_candidate"][k]))
        h = (1 - u) * n + u * h
        out.append(h)
    return np.array(out)


def test_encoder_equals_its_equations(params):
    p = jax.tree.map(np.asarray, params)
    ids, statistics = np.array([4, 1, 7]), np.array([0.5, -1.0, 2.0])
    events = TABLE[ids]
    h = np.concatenate(
        [gru_by_hand(p["gru"], 0, events), gru_by_hand(p["gru"], 1, events[::-1])[::-1]], axis=1
    )
    key = np.tanh(h @ p["attention"]["Dense_0"]["kernel"] + p["attention"]["Dense_0"]["bias"])
    logits = (key @ p["attention"]["Dense_1"]["kernel"])[:, 0]
    a = np.exp(logits) / np.exp(logits).sum()
    pooled = np.concatenate([a @ h, statistics])
    expected = np.tanh(pooled @ p["project"]["kernel"] + p["project"]["bias"])
    z, weights = encode(params, [[4, 1, 7, 0, 0]], [3], statistics[None])
    np.testing.assert_allclose(z[0], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights[0], [*a, 0, 0], rtol=1e-5, atol=1e-6)


def test_padding_never_counts(params):
    statistics = np.zeros((1, F))
    short, _ = encode(params, [[4, 1, 7]], [3], statistics)
    long, _ = encode(params, [[4, 1, 7, 8, 2, 5]], [3], statistics)
    np.testing.assert_allclose(short, long, rtol=1e-5, atol=1e-6)


def test_bfloat16_is_close_and_keeps_float32_outside(params):
    half = ZeroLog(ModelConfig(hidden=H, bf16=True))
    args = (
        TABLE,
        jnp.asarray([[4, 1, 7]], jnp.int32),
        jnp.asarray([3], jnp.int32),
        np.zeros((1, F)),
    )
    z, _ = MODEL.apply({"params": params}, *args, method=ZeroLog.encode)
    z_half, _ = half.apply({"params": params}, *args, method=ZeroLog.encode)
    assert z_half.dtype == jnp.float32
    np.testing.assert_allclose(z, z_half, atol=0.05)


def judged(params, z, statistics, limit=1.0):
    model = ZeroLog(ModelConfig(hidden=H, source_limit=limit))
    return model.apply({"params": params}, z, statistics, method=ZeroLog.anomaly)


def test_evidence_is_added_as_it_is(params):
    z, statistics = RNG.normal(size=(4, H)), RNG.normal(size=(4, F))
    before = judged(params, z, statistics)
    np.testing.assert_allclose(judged(params, z, statistics + [0, 0, 7]), before + 7, rtol=1e-5)
    np.testing.assert_array_equal(judged(params, z, statistics + [7, 7, 0]), before)


@pytest.mark.parametrize("limit", [1.0, 0.5])
def test_what_sources_teach_stays_within_its_limit(params, limit):
    z, statistics = 100 * RNG.normal(size=(50, H)), RNG.normal(size=(50, F))
    around = params["anomaly_head"]["bias"] + statistics[:, -1]
    assert np.abs(judged(params, z, statistics, limit) - around).max() == pytest.approx(limit)
    assert np.abs(judged(params, z, statistics, 0.0) - around).max() > 10


def test_before_training_evidence_is_all():
    shape = jax.jit(MODEL.init)(
        jax.random.key(0), TABLE, jnp.zeros((1, 3), jnp.int32), jnp.ones(1, jnp.int32),
        jnp.zeros((1, F)),
    )["params"]  # fmt: skip
    statistics = RNG.normal(size=(4, F)).astype(np.float32)
    found = judged(shape, RNG.normal(size=(4, H)), statistics)
    np.testing.assert_array_equal(found, statistics[:, -1])


def sequences(lengths):
    lengths = np.asarray(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = RNG.integers(0, V, offsets[-1]).astype(np.int32)
    n = len(lengths)
    unique = Distinct(ids, offsets, np.ones(n, np.int64), np.arange(n))
    return Inputs(TABLE, unique, np.arange(len(ids)), RNG.normal(size=(n, F)).astype(np.float32))


def test_scores_do_not_depend_on_bucket_or_batch(params):
    inputs = sequences([3, 8, 9, 30, 1, 128])
    scores, attention = scoring.score(MODEL.config, params, inputs, events=32)
    for n in range(6):
        a, b = inputs.distinct.offsets[n : n + 2]
        z, weights = encode(params, inputs.distinct.ids[None, a:b], [b - a], inputs.statistics[[n]])
        logit = MODEL.apply({"params": params}, z, inputs.statistics[[n]], method=ZeroLog.anomaly)
        assert scores[n] == pytest.approx(float(jax.nn.sigmoid(logit[0])), abs=1e-5)
        np.testing.assert_allclose(attention[a:b], weights[0], atol=1e-5)


def test_nothing_compiles_in_steady_state(params):
    scoring.score(MODEL.config, params, sequences([3, 12, 20]), events=32)
    programs = scoring._gates, scoring._score_batch
    compiled = [program._cache_size() for program in programs]
    scoring.score(MODEL.config, params, sequences([8, 9, 1, 17, 24, 5, 6, 7, 2, 3]), events=32)
    assert [program._cache_size() for program in programs] == compiled
