"""What is measured of scoring runs, and torch's GRU with our parameters gives our scores."""

import numpy as np
import pytest

from experiments.benchmarks import score as benchmark
from glx.zerolog.score import score


def test_torch_gives_the_same_scores():
    torch = pytest.importorskip("torch")
    config, params, inputs = benchmark.problem(sequences=6, events=8, hidden=8)
    scores, attention = score(config, params, inputs, lambda length: 32 // length)
    given = inputs.table, inputs.distinct.ids.reshape(6, 8), inputs.statistics
    theirs = benchmark.torch_model(params)(*map(torch.from_numpy, given))
    found = [x.detach().numpy().ravel() for x in theirs]
    np.testing.assert_allclose(scores, found[0], atol=1e-5)
    np.testing.assert_allclose(attention, found[1], atol=1e-5)


def test_ours_runs():
    ready = benchmark.ours(sequences=5)
    scores, attention = ready.run()
    assert ready.amount == 5 == len(scores)
    assert len(attention) == 5 * benchmark.L
    np.testing.assert_allclose(attention.reshape(5, -1).sum(1), 1, rtol=1e-5)
