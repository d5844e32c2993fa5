"""The texts that are encoded, what they take, and that the peer reads them alike."""

from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks import embed
from experiments.benchmarks.settings import Settings


def test_texts_are_distinct_and_as_long_as_real_ones():
    texts = embed.templates(500)
    assert len(set(texts)) == 500
    assert texts == embed.templates(500)
    words = [len(text.split()) for text in texts]
    assert 7 < np.mean(words) < 12
    assert max(words) > 20


def test_operations_by_hand():
    # Tokens [CLS] disk full [SEP]: 6 layers of 4 x 384^2 + 2 x 384 x 1536 weights, each times 2 and
    # 4; and twice 4 x 4 products of 384 numbers.
    weights, attention = 4 * 384**2 + 2 * 384 * 1536, 2 * 4 * 384
    assert embed.operations(["disk full"]) == 6 * 4 * 2 * (weights + attention)


def test_ours_runs_without_a_cache(tmp_path: Path):
    (case,) = embed.cases(Settings(None, quick=True, folder=tmp_path))
    assert case.ours.arguments == {"n": 1_000}
    vectors = embed.ours(3).run()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_peer_runs_where_it_is():
    pytest.importorskip("sentence_transformers")
    assert embed.sentence_transformers(3, batch_size=2).run().shape == (3, 384)
