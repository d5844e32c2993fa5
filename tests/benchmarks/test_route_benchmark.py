"""The router's search and its peers find the same."""

from pathlib import Path

import numpy as np

from experiments.benchmarks import route
from experiments.benchmarks.settings import Settings


def test_ours_and_the_peers_find_the_same():
    asked = {"targets": 30, "sources": 20}
    _, row = route.ours(**asked).run()
    product, by_faiss = route.faiss(**asked).run()
    distance, by_scikit_learn = route.scikit_learn(**asked).run()
    assert by_faiss[:, 0].tolist() == row.tolist()
    assert by_scikit_learn[:, 0].tolist() == row.tolist()
    np.testing.assert_allclose(product, 1 - distance, atol=1e-6)


def test_the_case_says_what_a_template_takes(tmp_path: Path):
    (case,) = route.cases(Settings(None, quick=True, folder=tmp_path))
    assert case.per_unit == 2 * 384 * 10_000
    assert case.ours.arguments == {"targets": 10_000, "sources": 10_000}
