"""The kernel of a recurrence, interpreted, beside the same turns one after another."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from curved import squared_gradient

from glx import devices, gru, recurrence
from glx.errors import InputError

K = 2


def problem(V: int, H: int, L: int, B: int, dtype=np.float64):
    rng = np.random.default_rng(0)
    shapes = (K, V, 3 * H), (K, H, 3 * H), (K, H)
    given = [jnp.asarray(rng.normal(size=shape) / np.sqrt(H), dtype) for shape in shapes]
    ids = jnp.asarray(rng.integers(0, V, (L, K, B)), jnp.int32)
    return given, ids, jnp.asarray(rng.normal(size=(K, L, B, H)), dtype)


@pytest.mark.parametrize(
    ("V", "H", "L", "B"),
    [(5, 3, 1, 4), (1, 8, 3, recurrence.LEAST), (4, 2, 6, 2 * recurrence.LEAST + 3)],
    ids=["an event", "a template", "three blocks"],
)
def test_gradients_are_those_of_automatic_differentiation(monkeypatch, V, H, L, B):
    monkeypatch.setattr(recurrence, "ROWS", recurrence.LEAST)
    with jax.enable_x64(True):
        given, ids, read = problem(V, H, L, B)
        kernel, automatic = (
            jax.jit(jax.value_and_grad(partial(squared_gradient, run, ids, read, None)))(given)
            for run in (gru.fused, gru.loop)
        )
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-11), kernel, automatic)


def test_sums_in_bfloat16_are_near_however_many_rows_have_one_template():
    given, ids, read = problem(1, 4, 12, 40, np.float32)
    kernel, exact = (
        jax.jit(jax.grad(partial(squared_gradient, run, ids, read, dtype)))(given)
        for run, dtype in ((gru.fused, jnp.bfloat16), (gru.loop, None))
    )
    for near, true in zip(kernel, exact, strict=True):
        assert near.dtype == true.dtype
        assert np.linalg.norm(near - true) < 0.05 * np.linalg.norm(true)


@pytest.mark.parametrize(
    ("platform", "sizes", "fit"),
    [
        ("tpu", (128, 32, 64, jnp.bfloat16), True),
        ("tpu", (100, 1, 1, jnp.float32), True),
        ("tpu", (128, 4096, 64, jnp.bfloat16), False),  # its blocks are on the chip
        ("tpu", (512, 8, 64, jnp.bfloat16), False),
        ("cpu", (128, 32, 64, jnp.bfloat16), False),
        ("cuda", (128, 32, 64, jnp.bfloat16), False),
    ],
)
def test_what_has_no_room_or_no_kernel_is_a_scan(platform, sizes, fit):
    with devices.compiling_for(platform):
        assert recurrence.fits(*sizes) == fit


def test_a_program_for_any_number_of_events_is_a_scan():
    (events,) = jax.export.symbolic_shape("l")
    with devices.compiling_for("tpu"):
        assert recurrence.fits(8, 8, 8, jnp.float32)
        assert not recurrence.fits(8, events, 8, jnp.float32)


def test_the_kernel_can_be_switched_off(monkeypatch):
    with devices.compiling_for("tpu"):
        monkeypatch.setenv("GLX_KERNEL", "off")
        assert not recurrence.fits(8, 8, 8, jnp.float32)
        monkeypatch.setenv("GLX_KERNEL", "yes")
        with pytest.raises(InputError, match="GLX_KERNEL=yes"):
            recurrence.fits(8, 8, 8, jnp.float32)


def test_factors_of_every_derivative_are_as_narrow_as_they_should_be():
    def once(a, b):
        return jnp.sum(recurrence.product(a, b, 1, 0, jnp.bfloat16) ** 2)

    def twice(a, b):
        return jnp.sum(jax.grad(once)(a, b) ** 2)

    lowered = jax.jit(jax.grad(twice, (0, 1))).lower(jnp.ones((4, 3)), jnp.ones((3, 5)))
    products = [line for line in lowered.as_text().splitlines() if "dot_general" in line]
    assert len(products) >= 5
    for line in products:
        factors, result = line.split(" : ")[1].split("->")
        assert factors.count("bf16") == 2
        assert "f32" in result
