"""Exact search against the whole matrix, on one device and on eight."""

import jax
import numpy as np
import other_devices
import pytest

from glx import devices
from glx.generallog import nearest as search
from glx.generallog.nearest import nearest
from glx.generallog.route import unit
from glx.runs.memory import forget_peak, peak_memory_mb


@pytest.fixture(params=["blas", "xla"])
def way(request, monkeypatch):
    """Searches by one of the two ways, in chunks of 2^16 cosines."""
    monkeypatch.setattr(devices, "use_blas", lambda: request.param == "blas")
    monkeypatch.setattr(devices, "CPU", devices.CPU._replace(similarities=1 << 16))


def random_units(n: int, d: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


def test_by_hand(way):
    target = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
    source = np.array([[0.8, 0.6], [1, 0]], dtype=np.float32)
    cosine, row = nearest(target, source)
    assert cosine == pytest.approx([1, 0.96, 0.6])
    assert row.tolist() == [1, 0, 0]
    assert (cosine.dtype, row.dtype) == (np.float32, np.int32)
    assert nearest(target, source, np.array([1, -1, 0]))[1].tolist() == [0, 0, 1]
    cosine, row = nearest(target, source[:1], np.array([-1, 0, -1]))
    assert (cosine[1], row.tolist()) == (-np.inf, [0, 0, 0])
    assert [len(x) for x in nearest(target[:0], source)] == [0, 0]


@pytest.mark.parametrize(("v", "s"), [(1, 1), (1, 700), (700, 1), (256, 512), (600, 777)])
def test_chunks_equal_the_whole_matrix(way, v, s):
    target, source = random_units(v, 5, seed=v), random_units(s, 5, seed=s)
    dense = target @ source.T
    skip = np.arange(v) * 7 % s
    for left_out in (None, skip):
        if left_out is not None:
            dense[np.arange(v), skip] = -np.inf
        cosine, row = nearest(target, source, left_out)
        assert cosine == pytest.approx(dense.max(axis=1), abs=1e-6)
        assert row.tolist() == dense.argmax(axis=1).tolist()


def test_of_equal_rows_the_first_is_named(way):
    equal_rows_tie()


def equal_rows_tie():
    # At 384 numbers a product's rounding shows, and would part rows that differ by place alone.
    kinds = random_units(9, 384, seed=0)
    for n in (9, 100, 517, 1000):
        source, target = np.resize(kinds, (n, 384)), random_units(40, 384, seed=n)
        assert nearest(target, source)[1].max() < 9
        assert nearest(target[:1], source)[1].max() < 9


def test_so_they_are_where_the_blas_rounds_by_place():
    script = "from tests.generallog.test_nearest import equal_rows_tie; equal_rows_tie()"
    other_devices.run(script, OPENBLAS_CORETYPE="Haswell")


@pytest.mark.parametrize("way", ["xla"], indirect=True)
def test_similar_sizes_share_a_compilation(way):
    nearest(random_units(1, 6, 0), random_units(1, 6, 1))
    compiled = search.most_similar._cache_size()
    for v, s in ((3, 8), (256, 9), (50, 70), (17, 256), (1000, 256)):
        nearest(random_units(v, 6, 2), random_units(s, 6, 3))
    assert search.most_similar._cache_size() == compiled


def test_no_matrix_of_all_against_all(way):
    jax.config.update("jax_disable_most_optimizations", False)  # the fixture sets it again
    n = 10_000  # the whole matrix would be 0.4 GB
    target, source = random_units(n, 2, 0), random_units(n, 2, 1)
    nearest(target[:1], source)
    forget_peak()
    before = peak_memory_mb()
    cosine, _ = nearest(target, source)
    assert peak_memory_mb() - before < 100
    assert cosine.min() > 0.999  # in two dimensions so many directions leave no gap


SAME = """
import jax, numpy as np
from glx import devices
from glx.generallog import nearest as search
from tests.generallog.test_nearest import random_units
devices.CPU = devices.CPU._replace(similarities=16 * 300)  # chunks of 16 rows
target, source = random_units(90, 16, 0), np.resize(random_units(150, 16, 1), (300, 16))
for left_out in (None, np.arange(90)):
    ours = search.nearest(target, source, left_out)
    assert search.most_similar._cache_size() == 1  # so it was the one that ran
    several, devices.use_blas = devices.use_blas, lambda: True
    one = search.nearest(target, source, left_out)
    devices.use_blas = several
    np.testing.assert_array_equal(ours, one)
"""


def test_eight_devices_find_the_same():
    other_devices.run(f"import jax; assert jax.device_count() == 8{SAME}", count=8)


def test_two_processes_find_the_same():
    other_devices.run(SAME, pair=True)
