"""The network against its equations, and what must not matter: padding, batch, compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import other_devices
import pytest

from glx.nn import apply, initial
from glx.sequences import Distinct, csr_offsets
from glx.zerolog import score as scoring
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog

V, E, H, F = 9, 6, 5, 3
MODEL = ZeroLog(ModelConfig(hidden=H))
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(V, E)).astype(np.float32)
FIRST = TABLE, np.zeros((1, 3), np.int32), np.ones(1, np.int32), np.zeros((1, F), np.float32)


@pytest.fixture
def params():
    shape = initial(MODEL, 0, *FIRST)
    return jax.tree.map(lambda x: jnp.asarray(RNG.normal(size=x.shape) * 0.4, jnp.float32), shape)


def encode(params, ids, lengths, statistics, model=MODEL):
    given = np.int32(ids), np.int32(lengths), np.float32(statistics)
    return apply(model, params, TABLE, *given, method=ZeroLog.encode)


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
    given = params, [[4, 1, 7]], [3], np.zeros((1, F))
    z, _ = encode(*given)
    z_half, _ = encode(*given, ZeroLog(ModelConfig(hidden=H, bf16=True)))
    assert z_half.dtype == jnp.float32
    np.testing.assert_allclose(z, z_half, atol=0.05)


def log_odds(params, z, statistics, limit=1.0):
    model = ZeroLog(ModelConfig(hidden=H, source_limit=limit))
    return apply(model, params, z, statistics, method=ZeroLog.anomaly)


def test_evidence_is_added_as_it_is(params):
    z, statistics = RNG.normal(size=(4, H)), RNG.normal(size=(4, F))
    before = log_odds(params, z, statistics)
    np.testing.assert_allclose(log_odds(params, z, statistics + [0, 0, 7]), before + 7, rtol=1e-5)
    np.testing.assert_array_equal(log_odds(params, z, statistics + [7, 7, 0]), before)


@pytest.mark.parametrize("limit", [1.0, 0.5])
def test_what_sources_teach_stays_within_its_limit(params, limit):
    z, statistics = 100 * RNG.normal(size=(50, H)), RNG.normal(size=(50, F))
    around = params["anomaly_head"]["bias"] + statistics[:, -1]
    assert np.abs(log_odds(params, z, statistics, limit) - around).max() == pytest.approx(limit)
    assert np.abs(log_odds(params, z, statistics, 0.0) - around).max() > 10


def test_before_training_evidence_is_all():
    statistics = RNG.normal(size=(4, F)).astype(np.float32)
    found = log_odds(initial(MODEL, 0, *FIRST), RNG.normal(size=(4, H)), statistics)
    np.testing.assert_array_equal(found, statistics[:, -1])


def sequences(lengths):
    n, ids = len(lengths), RNG.integers(0, V, sum(lengths)).astype(np.int32)
    unique = Distinct(ids, csr_offsets(np.array(lengths)), np.ones(n, np.int64), np.arange(n))
    return Inputs(TABLE, unique, np.arange(len(ids)), RNG.normal(size=(n, F)).astype(np.float32))


def few(length):
    return max(32 // length, 1)


def test_scores_do_not_depend_on_bucket_or_batch(params):
    inputs = sequences([3, 8, 9, 30, 1, 128])
    scores, attention = scoring.score(MODEL.config, params, inputs, few)
    for n in range(6):
        a, b = inputs.distinct.offsets[n : n + 2]
        z, weights = encode(params, inputs.distinct.ids[None, a:b], [b - a], inputs.statistics[[n]])
        logit = log_odds(params, z, inputs.statistics[[n]], MODEL.config.source_limit)
        assert scores[n] == pytest.approx(float(jax.nn.sigmoid(logit[0])), abs=1e-5)
        np.testing.assert_allclose(attention[a:b], weights[0], atol=1e-5)


def test_nothing_compiles_in_steady_state(params):
    scoring.score(MODEL.config, params, sequences([3, 12, 20]), few)
    programs = scoring.table_gates, scoring.score_batch
    compiled = [program._cache_size() for program in programs]
    scoring.score(MODEL.config, params, sequences([8, 9, 1, 17, 24, 5, 6, 7, 2, 3]), few)
    assert [program._cache_size() for program in programs] == compiled


ON_EIGHT = """
import sys
import jax
import numpy as np
from glx import devices
from glx.zerolog import score
from tests.zerolog.test_model import MODEL, TABLE, few, initial, FIRST, sequences
assert jax.device_count() == 8
params = jax.tree.map(lambda x: x + 0.3, initial(MODEL, 0, *FIRST))
inputs = sequences([3, 8, 9, 30, 1, 128, 4, 4, 4, 5, 7])
eight = score.score(MODEL.config, params, inputs, few)
score.score_batch.clear_cache()
with devices.compiling_for("tpu"):  # in blocks
    blocks = score.score(MODEL.config, params, inputs, few)
only = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("devices",))
devices.make_mesh = lambda: only
one = score.score(MODEL.config, params, inputs, few)
for name in (0, 1):
    np.testing.assert_allclose(eight[name], one[name], atol=1e-6)
    np.testing.assert_allclose(blocks[name], one[name], atol=1e-6)
"""


def test_eight_devices_score_as_one_does():
    other_devices.run(ON_EIGHT, count=8)
