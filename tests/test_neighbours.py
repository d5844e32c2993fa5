"""Neighbours by FAISS: exact, ties as everywhere, on a GPU as on a CPU."""

import sys

import faiss
import numpy as np
import pytest

from glx.errors import OutsideError
from glx.neighbours import Neighbours

GPU = hasattr(faiss, "get_num_gpus") and faiss.get_num_gpus() > 0
RNG = np.random.default_rng(0)
# Coarse values: many inner products are equal, and so are some of the vectors.
VECTORS = RNG.integers(-1, 2, (300, 4)).astype(np.float32)
QUERIES = RNG.integers(-1, 2, (20, 4)).astype(np.float32)


def by_hand(vectors, queries, k):
    return np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_of_equally_near_ones_the_first_are_found(k):
    distinct = np.unique(VECTORS, axis=0)
    copies = np.concatenate([distinct[:10], distinct[:10], distinct[:5]])
    for vectors in (distinct[:15], copies):
        found = Neighbours(vectors).search(QUERIES, k)
        np.testing.assert_array_equal(found, by_hand(vectors, QUERIES, k))


def test_all_are_found_where_more_are_asked_for():
    found = Neighbours(VECTORS[:3]).search(QUERIES, 7)
    assert np.sort(found, axis=1).tolist() == [[0, 1, 2]] * len(QUERIES)
    assert Neighbours(VECTORS).search(QUERIES[:0], 2).shape == (0, 2)


def test_without_faiss_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(OutsideError, match="faiss-cpu"):
        Neighbours(np.eye(2, dtype=np.float32))


def test_the_index_is_on_the_gpu_where_faiss_finds_one(monkeypatch):
    moved = []
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(
        faiss,
        "index_cpu_to_gpu",
        lambda res, device, index: moved.append(index) or index,
        raising=False,
    )
    rows = Neighbours(np.eye(3, dtype=np.float32)).search(np.eye(3, dtype=np.float32)[[2, 0]], 1)
    assert (rows.tolist(), len(moved)) == ([[2], [0]], 1)


@pytest.mark.skipif(not GPU, reason="FAISS sees no GPU")
def test_a_gpu_finds_what_a_cpu_finds(monkeypatch):
    vectors = RNG.standard_normal((5000, 64)).astype(np.float32)
    vectors[1000:2000] = vectors[:1000]
    on_gpu = Neighbours(vectors).search(vectors[:500], 5)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    np.testing.assert_array_equal(on_gpu, Neighbours(vectors).search(vectors[:500], 5))
