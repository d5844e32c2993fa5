"""Training as a whole: golden first step, resume equals uninterrupted, nothing compiles later."""

import dataclasses
import json
import pickle

import jax
import numpy as np
import optax
import other_devices
import pytest
from rows import unique as rows_of

from glx.embed.alarm import Meanings
from glx.errors import InputError
from glx.nn import descend
from glx.profile import fit_profile
from glx.zerolog import episodes, inputs, meta, train
from glx.zerolog.model import ModelConfig, ZeroLog

CONFIG = train.TrainConfig(
    model=ModelConfig(hidden=8), steps=4, episodes=2, batch=4, max_events=6, log_every=1,
    checkpoint_every=1,
)  # fmt: skip


def system(seed):
    """Inputs of 40 sequences over 5 templates with fixed vectors."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 9, 40)
    ids = rng.integers(0, 5, lengths.sum())
    unique = rows_of(*np.split(ids, np.cumsum(lengths)[:-1]))
    vectors = rng.normal(size=(5, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    read = Meanings([""] * len(vectors), vectors, np.linspace(-1, 1, 5, dtype=np.float32))
    return inputs.system_inputs(read, fit_profile(unique, 5), unique, CONFIG.max_events), unique


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


@pytest.fixture
def compiled():
    """A growing list of what XLA compiles."""
    found = []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("count", [1, 2])  # one episode alone, and halves
def test_the_first_step_compiles_for_all(problem, compiled, count):
    packed, pools = problem
    config = dataclasses.replace(CONFIG, episodes=count, beta=3e-3)  # of no other test
    step = train.make_step(config)
    state = train.init_state(config, packed, 0)
    for n in range(3):
        before = len(compiled)
        state, _ = step(state, packed, *episodes.draw(pools, 0, n, count, 4))
        assert (len(compiled) == before) == (n > 0)


def test_halves_of_the_episodes_are_as_good_as_all_at_once(problem):
    packed, pools = problem
    config = dataclasses.replace(CONFIG, episodes=6)
    rows = episodes.draw(pools, 0, 0, 6, 4)
    state = train.init_state(config, packed, 0)

    @jax.jit
    def at_once(state):
        def one(*sets):
            return meta.episode_direction(
                ZeroLog(config.model), state["params"], packed.table, *sets, alpha=config.alpha,
                mu=config.mu, lam=0.0, gamma=config.gamma, second_order=True,
            )  # fmt: skip

        each = jax.vmap(one)(*(train.gather(packed, r) for r in rows))
        grads, metrics = jax.tree.map(lambda x: x.mean(axis=0), each)
        return descend(state, grads, config.beta, config.steps), optax.tree.norm(grads), metrics

    expected, norm, metrics = at_once(state)
    stepped, of_step = train.make_step(config)(state, packed, *rows)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        stepped["params"],
        expected["params"],
    )
    of_metrics = metrics | {"gradient_norm": norm, "lambda": 0.0}
    assert jax.tree.map(float, of_step) == pytest.approx(jax.tree.map(float, of_metrics), rel=1e-5)


def test_training_learns_the_source(problem):
    # Without a bound on what the source adds: here it is to learn all of it.
    model = dataclasses.replace(CONFIG.model, source_limit=0.0)
    config = dataclasses.replace(CONFIG, model=model, steps=60, mu=0.0, log_every=30, beta=1e-2)
    _, rows = run(problem, config)
    assert rows[-1]["support_loss_cls"] < 0.7 * rows[0]["support_loss_cls"]


def test_a_loss_that_is_not_a_number_is_fatal(problem):
    config = dataclasses.replace(CONFIG, alpha=float("inf"))
    jax.config.update("jax_debug_nans", False)  # of all threads, where a context is of its own
    try:
        with pytest.raises(InputError, match="diverged"):
            run(problem, config)
    finally:
        jax.config.update("jax_debug_nans", True)


SHARED = """
import pickle, sys
from pathlib import Path
import jax
from glx.zerolog import train
folder = Path(sys.argv[1])
config, tables, pools = pickle.loads((folder / "problem").read_bytes())
rows = []
state = train.train(config, train.Packed(*tables), pools, seed=0, log=rows.append)
found = jax.device_count(), jax.device_get(state["params"]), rows
(folder / f"out{jax.process_index()}").write_bytes(pickle.dumps(found))
"""


def elsewhere(problem, config, folder, script=SHARED, **devices):
    """The number of devices, parameters and rows of each process."""
    packed, pools = problem
    tables = jax.device_get((packed.table, packed.ids, packed.lengths, packed.statistics))
    (folder / "problem").write_bytes(pickle.dumps((config, tables, pools)))
    other_devices.run(script, str(folder), **devices)
    return [pickle.loads(path.read_bytes()) for path in sorted(folder.glob("out*"))]


def test_eight_devices_train_as_one_does(problem, tmp_path):
    config = dataclasses.replace(CONFIG, episodes=8)
    [(count, *found)] = elsewhere(problem, config, tmp_path, count=8)
    assert count == 8
    same(*run(problem, config), *found)


ON_AN_ACCELERATOR = SHARED.replace(
    "rows = []", "from glx import devices\nrows = []\ndevices.on_cpu = lambda: False"
)


@pytest.mark.parametrize("count", [1, 8])
def test_an_accelerator_trains_as_a_cpu_does(problem, tmp_path, count):
    """Several steps in a call; rows of three steps, and of what is left before a checkpoint."""
    changes = {"episodes": 8, "steps": 7, "log_every": 3, "checkpoint_every": 5}
    config = dataclasses.replace(CONFIG, **changes)
    [(found, *trained)] = elsewhere(problem, config, tmp_path, ON_AN_ACCELERATOR, count=count)
    assert found == count
    params, rows = run(problem, config)
    assert [row["step"] for row in rows] == [3, 5, 6, 7]
    same(params, rows, *trained)


def test_two_processes_train_as_one_does(problem, whole, tmp_path):
    both = elsewhere(problem, CONFIG, tmp_path, pair=True)
    assert [count for count, *_ in both] == [2, 2]
    for _, *found in both:
        same(*whole, *found)


def same(params, rows, shared, of_shared):
    """To rounding: the mean over episodes is summed in another order."""
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), params, shared)
    for row, other in zip(rows, of_shared, strict=True):
        kept = {k: v for k, v in row.items() if not k.endswith("_seconds")}
        assert {k: other[k] for k in kept} == pytest.approx(kept, rel=1e-3, abs=1e-5)
