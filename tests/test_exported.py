"""A detector's program, exported: as the traced one, wherever it is used, and none where not."""

import jax
import jax.numpy as jnp
import numpy as np
import other_devices
import pytest
from rows import sequences, unique

from glx import checkpoint, devices, exported
from glx.embed.alarm import Meanings
from glx.profile import fit_profile
from glx.state import State
from glx.zerolog import score
from glx.zerolog.detector import ZeroLogConfig, ZeroLogDetector
from glx.zerolog.inputs import system_inputs
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig, init_state, pack

READ = Meanings(
    ["start", "work", "stop", "fault"], np.eye(4, dtype=np.float32), np.zeros(4, np.float32)
)
LOG = sequences([0, 1, 2], [0, 3, 1, 2], [1], [*[0, 1, 2] * 12, 3])


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "bfloat16"])
def fitted(request):
    """Of some parameters that decide; every length is met."""
    model = ModelConfig(hidden=4, source_limit=0.0, bf16=request.param)
    train = TrainConfig(model=model, max_events=40)
    adapt = unique(*[[0, 1, 2]] * 200, *[[0, 1, 1, 2]] * 100, [0, 3, 2])
    profile = fit_profile(adapt, 4)
    inputs = system_inputs(READ, profile, adapt, train.max_events)
    params = init_state(train, pack([inputs], train.max_events), 0)["params"]
    params = jax.tree.map(lambda x: x + 0.3, params)
    return ZeroLogDetector(ZeroLogConfig(train=train), params, profile, 0.5)


@pytest.fixture
def state(fitted, tmp_path):
    checkpoint.save(tmp_path / "checkpoint", fitted.to_state())
    return checkpoint.load(tmp_path / "checkpoint")


def test_a_detector_has_a_program_for_each_platform_and_scores_by_it(fitted, state):
    assert set(state.arrays["programs"]) == {"cpu", "cuda", "tpu"}
    loaded = ZeroLogDetector.from_state(state)
    assert fitted.exported is None
    assert loaded.exported is not None
    traced, by_export = fitted.judge(LOG, READ), loaded.judge(LOG, READ)
    np.testing.assert_array_equal(by_export.scores, traced.scores)
    np.testing.assert_array_equal(by_export.weights, traced.weights)


@pytest.mark.parametrize("platform", exported.PLATFORMS)
def test_a_program_is_for_its_platform_alone(fitted, state, platform, monkeypatch):
    monkeypatch.setattr(devices, "platform", lambda: platform)
    program = exported.restore(state.arrays["programs"], state.settings["programs"])
    (params, gates), *rows = score.shapes(fitted.config.train.model, state.arrays["params"])
    sizes = {"v": 9, "b": 5, "l": 8, "v + 1": 10}
    given = jax.tree.map(
        lambda x: jnp.ones([sizes.get(str(n), n) for n in x.shape], x.dtype),
        ((params, gates), *rows),
    )
    traced = jax.jit(program).trace(*given)
    assert "while" in traced.lower(lowering_platforms=(platform,)).as_text()
    other = "tpu" if platform == "cpu" else "cpu"
    with pytest.raises(ValueError, match="platform"):
        traced.lower(lowering_platforms=(other,))


ON_EIGHT = """
import jax
import numpy as np
from glx import devices, exported
from glx.zerolog import score
from tests.zerolog.test_model import FIRST, MODEL, few, initial, sequences
params = jax.tree.map(lambda x: x + 0.3, initial(MODEL, 0, *FIRST))
inputs = sequences([3, 8, 9, 30, 1, 128, 4, 4, 4, 5, 7])
config = MODEL.config
programs = exported.export(score.network(config), *score.shapes(config, params))
loaded = exported.restore(programs, exported.VERSIONS)
traced = score.score(config, params, inputs, few)
by_export = score.score(config, params, inputs, few, loaded)
score.score_batch.clear_cache()
with devices.compiling_for("tpu"):  # in blocks
    blocks = score.score(config, params, inputs, few, loaded)
for found in (by_export, blocks):
    for mine, other in zip(found, traced):
        np.testing.assert_allclose(mine, other, atol=1e-6)
"""


def test_each_of_eight_devices_runs_it_on_its_part():
    other_devices.run(ON_EIGHT, count=8)


def test_it_is_traced_where_versions_or_devices_differ_or_no_program_is_there(state, monkeypatch):
    arrays, tables, settings = state
    old = settings | {"programs": settings["programs"] | {"jax": "0.4.0"}}
    assert ZeroLogDetector.from_state(State(arrays, tables, old)).exported is None
    without = {name: arrays[name] for name in ("params", "profile")}
    settings = {name: settings[name] for name in settings if name != "programs"}
    assert ZeroLogDetector.from_state(State(without, tables, settings)).exported is None
    monkeypatch.setattr(devices, "platform", lambda: "rocm")
    assert ZeroLogDetector.from_state(state).exported is None
