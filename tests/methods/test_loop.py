"""The training loop on a line, what it logs and refuses, and the batches that scoring reads."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows import unique

from glx.errors import InputError
from glx.methods import loop

MODEL = nn.Dense(1, use_bias=False)  # y = w x
CONFIG = loop.LoopConfig(steps=120, batch=4, rate=0.1)


def loss(model, params, shared, batch):
    y = model.apply({"params": params}, batch[:, None])[:, 0]
    return jnp.square(y - shared * batch).mean()


def slope(log=lambda row: None, target=3.0, seed=0):
    """What `w` becomes where `y = target x`."""

    def draw(rng):
        return rng.normal(size=CONFIG.batch).astype(np.float32)

    params = {"kernel": jnp.zeros((1, 1))}
    shared = jnp.float32(target)
    found = loop.minimise(loss, MODEL, CONFIG, params, shared, draw, seed, log)
    return float(found["kernel"][0, 0])


def test_a_slope_is_learned_and_logged():
    rows = []
    assert slope(rows.append) == pytest.approx(3.0, abs=0.05)
    assert [row["step"] for row in rows] == [50, 100, 120]
    assert rows[0]["loss"] > 10 * rows[-1]["loss"] >= 0


def test_draws_are_a_function_of_the_seed():
    one, two, other = [], [], []
    assert slope(one.append) == slope(two.append)
    assert one == two
    slope(other.append, seed=1)
    assert other[0]["loss"] != one[0]["loss"]


def test_training_again_compiles_nothing():
    slope()
    before = loop._step._cache_size()
    slope(target=2.0, seed=5)
    assert loop._step._cache_size() == before


def test_a_loss_that_is_not_a_number_is_fatal():
    with pytest.raises(InputError, match="diverged before step 50"), jax.debug_nans(False):
        slope(target=float("nan"))


def test_occurrences_count_copies():
    assert loop.occurrences(unique([0, 2, 2], [0, 2, 2], [1]), 4).tolist() == [2, 1, 4, 0]


def test_a_cut_keeps_the_rarest_events_and_those_never_seen():
    short, kept = loop.shortened(unique([0, 1, 2, 0, 5], [0, 1]), np.array([9, 4, 1]), 2)
    assert short.ids.tolist() == [0, 1, 2, 5]
    assert kept.tolist() == [0, 1, 4, 6]


def test_a_table_keeps_rows_and_its_shape_repeats():
    a, b = np.eye(2, 4, dtype=np.float32), np.eye(3, 4, k=1, dtype=np.float32)
    rows = np.asarray(loop.table(a, b))
    assert rows.shape == (256, 4)
    np.testing.assert_array_equal(rows[:5], 2 * np.concatenate([a, b]))
    assert not rows[5:].any()
    assert loop.table(np.ones((256, 4), np.float32)).shape == (256, 4)
