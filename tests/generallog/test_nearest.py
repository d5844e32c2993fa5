"""Exact search against the whole matrix, on one device and on eight."""

import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from glx.generallog import nearest as search
from glx.generallog.nearest import by_blas, by_xla, nearest
from glx.generallog.route import unit
from glx.runs.memory import forget_peak, peak_memory_mb

WAYS = {"blas": by_blas, "xla": by_xla}


def random_units(n: int, d: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


def nothing(target: np.ndarray) -> np.ndarray:
    return np.full(len(target), -1, np.int32)


def test_by_hand():
    target = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
    source = np.array([[0.8, 0.6], [1, 0]], dtype=np.float32)
    sim, row = nearest(target, source)
    assert sim == pytest.approx([1, 0.96, 0.6])
    assert row.tolist() == [1, 0, 0]
    assert (sim.dtype, row.dtype) == (np.float32, np.int32)
    assert nearest(target, source, skip=np.array([1, -1, 0]))[1].tolist() == [0, 0, 1]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("v", "s"), [(1, 1), (1, 700), (700, 1), (256, 512), (600, 777)])
def test_blocks_equal_the_whole_matrix(way, v, s):
    target, source = random_units(v, 5, seed=v), random_units(s, 5, seed=s)
    dense = target @ source.T
    sim, row = way(target, source, 256, nothing(target))
    assert sim == pytest.approx(dense.max(axis=1), abs=1e-6)
    assert row.tolist() == dense.argmax(axis=1).tolist()
    skip = (np.arange(v) * 7 % s).astype(np.int32)
    dense[np.arange(v), skip] = -np.inf
    sim, row = way(target, source, 256, skip)
    assert sim == pytest.approx(dense.max(axis=1), abs=1e-6)
    assert row.tolist() == dense.argmax(axis=1).tolist()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_of_equal_rows_the_first_is_named(way):
    # At 384 numbers a product's rounding shows, and would part rows that differ by place alone.
    kinds = random_units(9, 384, seed=0)
    for n in (9, 100, 517, 1000):
        source, target = np.resize(kinds, (n, 384)), random_units(40, 384, seed=n)
        assert way(target, source, 256, nothing(target))[1].max() < 9
        assert way(target[:1], source, 512, nothing(target[:1]))[1].max() < 9


def test_so_they_are_where_the_blas_rounds_by_place():
    script = "from tests.generallog.test_nearest import *; test_of_equal_rows_the_first_is_named"
    env = os.environ | {"OPENBLAS_CORETYPE": "Haswell", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", f"{script}(by_blas)"], check=True, env=env, timeout=120)


def test_no_targets_are_no_error():
    for way in WAYS.values():
        none = random_units(0, 4, 0)
        assert [len(x) for x in way(none, random_units(3, 4, 1), 256, nothing(none))] == [0, 0]


def test_one_compilation_whatever_the_sizes():
    first = random_units(1, 6, 0)
    by_xla(first, random_units(1, 6, 1), 8, nothing(first))
    compiled = search.fold._cache_size()
    for v, s in ((3, 8), (8, 9), (50, 70), (17, 1)):
        target = random_units(v, 6, 2)
        by_xla(target, random_units(s, 6, 3), 8, nothing(target))
    assert search.fold._cache_size() == compiled


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_matrix_of_all_against_all(way):
    jax.config.update("jax_disable_most_optimizations", False)  # the fixture sets it again
    n = 10_000  # the whole matrix would be 0.4 GB, a block is 4 MB
    target, source = random_units(n, 2, 0), random_units(n, 2, 1)
    way(target[:1], source[:1], 1024, nothing(target[:1]))
    forget_peak()
    before = peak_memory_mb()
    sim, _ = way(target, source, 1024, nothing(target))
    assert peak_memory_mb() - before < 100
    assert sim.min() > 0.999  # in two dimensions so many directions leave no gap


SAME = """
import jax, numpy as np
from glx.generallog import nearest as search
from tests.generallog.test_nearest import nothing, random_units
target, source = random_units(90, 16, 0), np.resize(random_units(150, 16, 1), (300, 16))
skip = np.arange(90, dtype=np.int32)
for left_out in (nothing(target), skip):
    ours = search.nearest(target, source, 16, left_out)  # blocks of 16 rows on each device
    one = search.by_blas(target, source, 256, left_out)
    np.testing.assert_allclose(ours[0], one[0], atol=1e-6)
    np.testing.assert_array_equal(ours[1], one[1])
assert search.fold._cache_size() == 1  # so it was the one that ran
"""
JOIN = """
import sys, jax
jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
assert (jax.process_count(), jax.device_count()) == (2, 2)
"""


def test_eight_devices_find_the_same():
    flags = "--xla_force_host_platform_device_count=8"
    env = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    script = f"import jax; assert jax.device_count() == 8{SAME}"
    subprocess.run([sys.executable, "-c", script], check=True, env=env, timeout=120)


def test_two_processes_find_the_same():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-c", JOIN + SAME, address]
    env = os.environ | {"XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    begun = [subprocess.Popen([*command, n], env=env) for n in "01"]
    try:
        assert [process.wait(120) for process in begun] == [0, 0]
    finally:  # one that fails leaves the other waiting
        for process in begun:
            process.kill()
