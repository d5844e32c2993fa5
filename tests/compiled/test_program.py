"""What is counted in the text of a compiled program, in texts that are short enough to count."""

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import pallas as pl

from experiments.compiled.compiling import again, flop
from experiments.compiled.program import count

LOOP = """
HloModule jit_f, is_scheduled=true

%fused (p0: f32[32,8], p1: s32[], p2: f32[8]) -> f32[32,8] {
  %p0 = f32[32,8]{1,0} parameter(0)
  %p1 = s32[] parameter(1)
  %p2 = f32[8]{0} parameter(2)
  %b = f32[1,8]{1,0} bitcast(%p2)
  %zero = s32[] constant(0)
  ROOT %dus = f32[32,8]{1,0} dynamic-update-slice(%p0, %b, %p1, /*index=3*/%zero)
}

%body (a: (s32[], f32[32,8], f32[8], f32[4,8])) -> (s32[], f32[32,8], f32[8], f32[4,8]) {
  %a = (s32[], f32[32,8]{1,0}, f32[8]{0}, f32[4,8]{1,0:T(8,128)S(1)}) parameter(0)
  %i = s32[] get-tuple-element(%a), index=0
  %x = f32[32,8]{1,0} get-tuple-element(%a), index=1
  %v = f32[8]{0} get-tuple-element(%a), index=2
  %w = f32[4,8]{1,0:T(8,128)S(1)} get-tuple-element(%a), index=3
  %put = f32[32,8]{1,0} fusion(%x, %i, %v), kind=kLoop, calls=%fused
  %sum = f32[8]{0:S(1)} custom-call(%w, %v), custom_call_target="Sum"
  ROOT %t = (s32[], f32[32,8]{1,0}, f32[8]{0}, f32[4,8]{1,0}) tuple(%i, %put, %v, %w)
}

%cond (a: (s32[], f32[32,8], f32[8], f32[4,8])) -> pred[] {
  %a = (s32[], f32[32,8]{1,0}, f32[8]{0}, f32[4,8]{1,0}) parameter(0)
  %n = s32[] constant(32)
  %i = s32[] get-tuple-element(%a), index=0
  ROOT %less = pred[] compare(%i, %n), direction=LT
}

ENTRY %main (p: f32[32,8], v: f32[8], w: f32[4,8]) -> f32[32,8] {
  %p = f32[32,8]{1,0} parameter(0)
  %v = f32[8]{0} parameter(1)
  %w = f32[4,8]{1,0} parameter(2)
  %zero = s32[] constant(0)
  %start = (f32[4,8]{1,0:S(1)}, f32[4,8]{1,0}, u32[]) copy-start(%w)
  %done = f32[4,8]{1,0:S(1)} copy-done(%start)
  %t = (s32[], f32[32,8]{1,0}, f32[8]{0}, f32[4,8]{1,0:S(1)}) tuple(%zero, %p, %v, %done)
  %while = (s32[], f32[32,8], f32[8], f32[4,8]) while(%t), condition=%cond, body=%body
  %x = f32[32,8]{1,0} get-tuple-element(%while), index=1
  %all = f32[32,8]{1,0} all-reduce(%x), replica_groups={}, to_apply=%add
  ROOT %wide = f64[32,8]{1,0} convert(%all)
}
"""


def test_a_loop_counts_as_often_as_it_turns():
    counts = count(LOOP)
    # In each turn: the counter, and a row of 32 bytes read and written; `w` and `sum` are on the
    # chip, what `sum` reads of `v` is not. Outside of it: `w` is copied there, and what is after.
    turn = (4 + 32 + 32) + 32
    outside = 4 * 8 * 4 + 2 * 32 * 8 * 4 + 32 * 8 * 4 + 32 * 8 * 8
    assert counts.moved == 32 * turn + outside
    assert (counts.loops, counts.turns) == (1, 32)
    assert counts.launches == 32 * 2 + 3


def test_what_must_not_be_there_is_found():
    counts = count(LOOP.replace('"Sum"', '"xla_ffi_python_cpu_callback"'))
    assert counts.collectives == {"all-reduce": 1}
    assert (counts.float64, counts.callbacks) == (1, 1)
    assert count(LOOP).callbacks == 0


def test_the_compiler_may_say_how_often_a_loop_turns():
    known = 'body=%body, backend_config={"known_trip_count":{"n":"5"}}'
    assert count(LOOP.replace("body=%body", known)).turns == 5


def test_a_text_without_an_entry_is_no_program():
    with pytest.raises(ValueError, match="entry"):
        count("HloModule jit_f")


def test_a_program_of_this_machine_is_counted():
    def rows(x, ids):
        return jax.lax.scan(lambda h, i: (h + x[i], h), jnp.zeros(8), ids)

    text = jax.jit(rows).lower(jnp.zeros((50, 8)), jnp.zeros(7, jnp.int32)).compile().as_text()
    counts = count(text)
    assert (counts.loops, counts.turns) == (1, 7)
    assert 7 * 8 * 4 * 3 <= counts.moved < 50 * 8 * 4 * 7  # the rows, not the whole table in a turn


def test_flop_are_those_of_all_turns_and_parts():
    def f(x, w):
        return jax.lax.scan(lambda h, _: (jnp.tanh(h @ w), None), x, None, length=5)[0]

    x, w = jnp.zeros((3, 4)), jnp.zeros((4, 4))
    once = 2 * 3 * 4 * 4 * 5
    assert flop(jax.make_jaxpr(f)(x, w).jaxpr) == once
    assert flop(jax.make_jaxpr(jax.jit(jax.vmap(f, (0, None))))(x[None], w).jaxpr) == once
    # Of the gradient two products a turn more.
    gradient = jax.make_jaxpr(jax.grad(lambda w: f(x, w).sum()))(w).jaxpr
    assert flop(gradient) == 3 * once


def kernel(x, w):
    """Six blocks of 8 rows times `w`, three times each, `w` as it is for three blocks."""

    def body(x, w, y):
        def turn(_, h):
            return h @ w[...]

        y[...] = jax.lax.fori_loop(0, 3, turn, x[...])

    return pl.pallas_call(
        body,
        grid=(2, 3),
        in_specs=[
            pl.BlockSpec((None, 8, 16), lambda k, b: (k, b, 0)),
            pl.BlockSpec((None, 16, 16), lambda k, b: (k, 0, 0)),
        ],
        out_specs=pl.BlockSpec((None, 8, 16), lambda k, b: (k, b, 0)),
        out_shape=jax.ShapeDtypeStruct((2, 24, 16), jnp.float32),
        interpret=True,
    )(x, w)


def test_what_a_kernel_moves_more_than_once_is_counted():
    x, w = jnp.zeros((2, 24, 16)), jnp.zeros((2, 16, 16))
    jaxpr = jax.make_jaxpr(kernel)(x, w).jaxpr
    assert flop(jaxpr) == 6 * 3 * 2 * 8 * 16 * 16
    assert again(jaxpr, "tpu") == 0
    one = 16 * 16 * 4
    assert again(jaxpr, "cuda") == (6 * 3 - 2) * one  # in each turn
    # Four problems, which share `w`: a TPU's grid comes back to it, the compiled text has it once.
    several = jax.make_jaxpr(jax.vmap(kernel, (0, None)))(jnp.zeros((4, *x.shape)), w).jaxpr
    assert flop(several) == 4 * flop(jaxpr)
    assert again(several, "tpu") == (4 * 2 - 2) * one
    assert again(several, "cuda") == (4 * 6 * 3 - 2) * one
