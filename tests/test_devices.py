"""The mesh, over eight devices that XLA makes of one CPU, in a process of its own."""

import jax
import numpy as np
import other_devices

from glx import batch_sizes, devices, hosts

ON_EIGHT = """
import jax, numpy as np
from glx import devices
assert devices.make_mesh().size == 8
for share, size in ((16, 8), (12, 6), (4, 4), (7, 7), (11, 1)):
    assert devices.make_mesh(share).size == size, share
mesh = devices.make_mesh()
x = np.arange(32.0).reshape(16, 2)
parts = devices.put(x, devices.sharded(mesh)).addressable_shards
assert [part.data.shape for part in parts] == [(2, 2)] * 8
rows, weights = devices.put(x, devices.sharded(mesh)), devices.put(x[0], devices.replicated(mesh))
total = jax.jit(lambda x, w: (x @ w).sum(), out_shardings=devices.replicated(mesh))
assert float(total(rows, weights)) == (x @ x[0]).sum()
"""


def test_arrays_lie_on_eight_devices():
    other_devices.run(ON_EIGHT, count=8)


def test_processes_share_memory_but_no_accelerator(monkeypatch):
    assert devices.processes_at_once(1) >= devices.processes_at_once(10**6) == 1
    monkeypatch.setattr(devices, "on_cpu", lambda: False)
    assert devices.processes_at_once(1) == 1


def test_longer_sequences_and_texts_come_in_smaller_batches_of_whole_blocks(monkeypatch):
    assert [devices.texts_at_once(n) for n in (4, 128, 512, 1 << 20)] == [32, 32, 32, 1]
    monkeypatch.setattr(devices, "on_cpu", lambda: False)
    for at_once, most, total, usual in (
        (devices.texts_at_once, 1024, 1 << 15, 32),
        (devices.batch_size, 8192, 1 << 19, 64),
    ):
        assert at_once(1) == at_once(usual) == most
        assert at_once(1 << 30) == 1
        for length in range(usual, 2000, 7):
            assert total / 2 < at_once(length) * length <= total
            assert at_once(length) % devices.BLOCKS == 0


def test_batches_fit_the_memory_and_are_no_larger_than_pays():
    assert (
        batch_sizes.fitting(80 * 10**9)
        == batch_sizes.fitting(16 * 10**9)
        == batch_sizes.ACCELERATOR
    )
    for there in (2 * 10**9, 10**9, 10**8):  # as where a model server has the rest
        sizes = batch_sizes.fitting(there)
        assert there / 40 < sizes.events * batch_sizes.BYTES["events"] <= there / 20
        assert 0 < sizes.tokens <= batch_sizes.ACCELERATOR.tokens
        assert 0 < sizes.similarities <= batch_sizes.ACCELERATOR.similarities
    assert batch_sizes.fitting(0).events == 1


def test_of_several_processes_a_batch_begins_before_the_last_is_finished(monkeypatch):
    monkeypatch.setattr(hosts, "several", lambda: True)
    done = []

    def begin(n: int) -> int:
        done.append(f"begin {n}")
        return 10 * n

    devices.in_flight(begin, lambda x, n: done.append(f"finish {n} {x}"), [(n,) for n in range(3)])
    first, *middle, last = done
    assert (first, last) == ("begin 0", "finish 2 20")
    assert middle == ["begin 1", "finish 0 0", "begin 2", "finish 1 10"]


def test_one_device_is_a_mesh_too():
    mesh = devices.make_mesh(7)
    assert mesh.size == 1
    tree = {"a": np.arange(3), "b": np.float32(2)}
    whole = devices.put(tree, devices.replicated(mesh))
    np.testing.assert_array_equal(whole["a"], tree["a"])
    assert float(whole["b"]) == 2.0
    assert all(isinstance(leaf, jax.Array) for leaf in whole.values())
