"""Fitting the alarm model to a tiny checkpoint and sentences of a few words."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from glx.embed import bert, distill
from glx.embed.embed import EmbedConfig, encode_raw
from glx.embed.severity import Lessons

ALARMING = ("connection refused error", "exception on node", "refused with exception error")
HARMLESS = ("instance started", "block map updated size", "add stored block from host")
TEXTS = [*ALARMING * 20, *HARMLESS * 20]
EPOCHS = 30
P = np.repeat([0.9, 0.1], 60).astype(np.float32)


@pytest.fixture
def folder(checkpoint, monkeypatch):
    monkeypatch.setattr(distill, "TOKENS", 8)  # one length, one compilation
    monkeypatch.setattr(distill, "_optimizer", functools.cache(distill._optimizer))  # and one here
    return checkpoint()


def test_two_kinds_of_lines_are_separated_and_a_seed_gives_one_model(folder):
    model, found = distill.fit(TEXTS, P, folder, n_epochs=EPOCHS)
    assert found["held_out"] == 12
    assert found["auroc"] > 0.7  # half is chance; where it ends hangs on a machine's rounding
    assert model.prior == 0  # as many alarming as harmless
    config = EmbedConfig(str(folder), cache_dir=None, max_tokens=distill.TOKENS)
    vectors = encode_raw([*ALARMING, *HARMLESS], config, model.low_rank, "mine")
    log_odds = vectors @ model.direction + model.bias
    assert log_odds[:3].mean() > log_odds[3:].mean() + 0.5
    assert set(model.low_rank) == set(distill.ADAPTED)
    assert all(change["b"].any() for change in model.low_rank.values())

    again, _ = distill.fit(TEXTS, P, folder, n_epochs=EPOCHS)
    np.testing.assert_equal(dataclasses.asdict(again), dataclasses.asdict(model))


def test_lessons_beside_the_statements_count_by_their_weight(folder, monkeypatch):
    monkeypatch.setattr(distill, "with_levels", lambda texts, p, rng: texts)
    # What is held out is told apart without an error, so that its slope hangs on rounding.
    monkeypatch.setattr(distill, "_calibrate", lambda logits, alarming: (1.0, 0.0, 1.0))
    config = EmbedConfig(str(folder), cache_dir=None, max_tokens=distill.TOKENS)
    text, n = "map updated node", 240

    def log_odds(p: float, weight: float) -> float:
        more = Lessons([text] * n, np.full(n, p, np.float32), np.full(n, weight, np.float32))
        model, _ = distill.fit(TEXTS, P, folder, more=more, n_epochs=8)
        [vector] = encode_raw([text], config, model.low_rank, f"{p} {weight}")
        return float(vector @ model.direction + model.bias)

    assert log_odds(0.05, 0) == log_odds(0.95, 0)
    assert log_odds(0.05, 1) < log_odds(0.95, 1) - 0.5


def test_a_change_of_low_rank_is_added_to_the_matrices_it_names(folder):
    params = bert.load_params(folder, bert.load_config(folder))
    kernel = params["layers"]["up"]["kernel"]
    rng = np.random.default_rng(0)
    a = rng.normal(size=(*kernel.shape[:2], 3)).astype(np.float32)
    b = rng.normal(size=(kernel.shape[0], 3, kernel.shape[2])).astype(np.float32)
    changed = bert.with_low_rank(params, {"up": {"a": a, "b": b}})
    for layer in range(len(kernel)):
        expected = kernel[layer] + a[layer] @ b[layer]
        np.testing.assert_allclose(changed["layers"]["up"]["kernel"][layer], expected, rtol=1e-5)
    changed["layers"]["up"]["kernel"] = kernel
    assert jax.tree.all(jax.tree.map(np.array_equal, params, changed))


def test_training_starts_at_the_encoder_itself_and_from_its_seed(folder):
    sizes = bert.load_config(folder)
    params = bert.load_params(folder, sizes)
    start, other = (distill._start(params, sizes, seed) for seed in (0, 1))
    assert not start["direction"].any()
    changed = bert.with_low_rank(params, start["low_rank"])
    assert jax.tree.all(jax.tree.map(np.array_equal, params, changed))
    for name, change in start["low_rank"].items():
        assert not np.array_equal(change["a"], other["low_rank"][name]["a"])
