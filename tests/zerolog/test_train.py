"""Training as a whole: golden first step, resume equals uninterrupted, one compilation."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from glx import surprise
from glx.embed.alarm import Meanings
from glx.errors import InputError
from glx.logs.sequences import Sequences, csr_offsets, distinct
from glx.zerolog import episodes, inputs, train
from glx.zerolog.model import ModelConfig

CONFIG = train.TrainConfig(
    model=ModelConfig(hidden=8), steps=4, episodes=2, batch=4, max_events=6, log_every=1,
    checkpoint_every=1,
)  # fmt: skip


def system(seed):
    """Inputs of 40 sequences over 5 templates with fixed vectors."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 9, 40)
    offsets = csr_offsets(lengths)
    rows = np.arange(40)
    unique = distinct(
        Sequences(rng.integers(0, 5, offsets[-1]).astype(np.int32), offsets, rows, rows)
    )
    vectors = rng.normal(size=(5, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    read = Meanings(vectors, np.linspace(-1, 1, 5, dtype=np.float32))
    return inputs.system_inputs(read, surprise.fit(unique, 5), unique, CONFIG.max_events), unique


@pytest.fixture(scope="module")
def problem():
    (source, a), (target, b) = system(1), system(2)
    label = (a.ids[a.offsets[:-1]] == 0).astype(np.int64)  # anomalous: begins with event 0
    pools = episodes.make_pools([a.counts * (1 - label)], [a.counts * label], b.counts, seed=0)
    return train.pack([source, target], CONFIG.max_events), pools


def run(problem, config=CONFIG, folder=None):
    rows = []
    state = train.train(config, *problem, seed=0, folder=folder, log=rows.append)
    return jax.device_get(state["params"]), rows


@pytest.fixture(scope="module")
def whole(problem):
    """Parameters and logged rows of an uninterrupted run."""
    return run(problem)


def test_golden_first_step(whole):
    """A change here means that the method changed: losses, draws, initialisation or inputs."""
    _, rows = whole
    got = {k: v for k, v in rows[0].items() if not k.endswith("_seconds")}
    assert got == pytest.approx(GOLDEN, rel=1e-3, abs=1e-6)


GOLDEN = {
    "step": 1,
    "gradient_norm": 0.155024,
    "lambda": 0.0,
    "query_domain_accuracy": 0.375,
    "query_loss_cls": 0.547048,
    "query_loss_dom": 0.703503,
    "support_domain_accuracy": 0.5,
    "support_loss_cls": 0.595331,
    "support_loss_dom": 0.692087,
}


def test_resumed_equals_uninterrupted(problem, whole, tmp_path):
    params, rows = whole

    class Killed(Exception):
        pass

    def kill(row):
        if row["step"] == 3:
            raise Killed

    with pytest.raises(Killed):
        train.train(CONFIG, *problem, seed=0, folder=tmp_path / "killed", log=kill)
    assert [p.name for p in (tmp_path / "killed").iterdir()] == ["2"]
    resumed, later = run(problem, folder=tmp_path / "killed")
    assert [row["step"] for row in later] == [3, 4]
    jax.tree.map(np.testing.assert_array_equal, params, resumed)
    for row, again in zip(rows[2:], later, strict=True):
        same = {k: v for k, v in row.items() if not k.endswith("_seconds")}
        assert same == {k: again[k] for k in same}
    json.dumps(rows)


def test_one_compilation_for_all_steps(problem):
    packed, pools = problem
    step = train.make_step(CONFIG)
    state = train.init_state(CONFIG, packed, 0)
    for n in range(3):
        state, _ = step(state, packed, *episodes.draw(pools, 0, n, 2, 4))
    assert step._cache_size() == 1


def test_training_learns_the_source(problem):
    # Without a bound on what the source adds: here it is to learn all of it.
    model = dataclasses.replace(CONFIG.model, source_limit=0.0)
    config = dataclasses.replace(CONFIG, model=model, steps=60, mu=0.0, log_every=30, beta=1e-2)
    _, rows = run(problem, config)
    assert rows[-1]["support_loss_cls"] < 0.7 * rows[0]["support_loss_cls"]


def test_a_loss_that_is_not_a_number_is_fatal(problem):
    config = dataclasses.replace(CONFIG, alpha=float("inf"))
    with pytest.raises(InputError, match="diverged"), jax.debug_nans(False):
        run(problem, config)
