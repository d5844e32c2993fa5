"""The programs that an accelerator runs, at the sizes of the benchmark, ready to be compiled.

In: a mesh. Out: a jitted function and the shapes that it is called with, nothing computed.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jax.sharding import Mesh, NamedSharding

from experiments.benchmarks import train as benchmark
from glx import batch_sizes, devices
from glx.embed import bert
from glx.generallog import nearest
from glx.zerolog import score, train

Lowerable = tuple[Any, tuple[Any, ...]]  # a jitted function, its arguments' shapes
EPISODES = 8
SEQUENCES, EVENTS = 8192, 64  # that are scored
TEXTS, TOKENS = 1024, 32  # that are embedded
TARGETS, SOURCES = 2048, 2048  # templates that are compared
MINILM = bert.BertConfig(
    30522, 384, 6, 12, 1536, 512, 2, 1e-12, "gelu", batch_sizes.ACCELERATOR.encoder_dtype
)


def training_step(mesh: Mesh) -> Lowerable:
    """Second order, bfloat16: 8 episodes, support and query of 64 sequences of 32 events."""
    of = benchmark.config(EPISODES)
    of = replace(of, model=replace(of.model, bf16=True))
    packed, *rows = benchmark.problem(of)
    state = train.init_state(of, packed, seed=0)
    whole, part = devices.replicated(mesh), devices.sharded(mesh)
    given = *_shapes((state, packed), whole), *_shapes(rows, part)
    return train.make_step(of, mesh), given


def scoring(mesh: Mesh, sequences: int = SEQUENCES) -> Lowerable:
    """8,192 sequences of 64 events, bfloat16."""
    of = benchmark.config(EPISODES)
    model = replace(of.model, bf16=True)
    packed, *_ = benchmark.problem(of)
    params = train.init_state(replace(of, model=model), packed, seed=0)["params"]
    gates = jax.eval_shape(partial(score.table_gates, model), params, packed.table)
    ids = jax.ShapeDtypeStruct((sequences, EVENTS), jnp.int32)
    lengths = jax.ShapeDtypeStruct((sequences,), jnp.int32)
    statistics = jax.ShapeDtypeStruct((sequences, benchmark.STATISTICS), jnp.float32)
    whole, part = devices.replicated(mesh), devices.sharded(mesh)
    given = _shapes((params, gates), whole), *_shapes((ids, lengths, statistics), part)
    return score.score_batch, (score.network(model), mesh, *given)


def embedding(
    mesh: Mesh, texts: int = TEXTS, tokens: int = TOKENS, config: bert.BertConfig = MINILM
) -> Lowerable:
    """1,024 texts of 32 tokens through MiniLM, bfloat16."""
    ids, mask = (jax.ShapeDtypeStruct((texts, tokens), dtype) for dtype in (jnp.int32, bool))
    params = jax.eval_shape(bert.Bert(config).init, jax.random.key(0), ids, mask)["params"]
    whole, part = devices.replicated(mesh), devices.sharded(mesh)
    return bert.encode, (_shapes(params, whole), *_shapes((ids, mask), part), config, mesh)


def routing(mesh: Mesh) -> Lowerable:
    """2,048 templates against 2,048, float32 without rounding of the factors."""
    whole, part = devices.replicated(mesh), devices.sharded(mesh)
    target = jax.ShapeDtypeStruct((TARGETS, benchmark.D), jnp.float32)
    skip = jax.ShapeDtypeStruct((TARGETS,), jnp.int32)
    source = jax.ShapeDtypeStruct((SOURCES, benchmark.D), jnp.float32)
    n = jax.ShapeDtypeStruct((), jnp.int32)
    given = *_shapes((target, skip), part), *_shapes((source, n), whole)
    return nearest.most_similar, (*given, whole)


PROGRAMS: dict[str, Callable[[Mesh], Lowerable]] = {
    "train": training_step,
    "score": scoring,
    "embed": embedding,
    "route": routing,
}
OTHER_SIZES: dict[str, Callable[[Mesh], Lowerable]] = {  # that they might have
    "score_4x": partial(scoring, sequences=4 * SEQUENCES),
    "embed_4x": partial(embedding, texts=4 * TEXTS),
    "embed_512": partial(embedding, tokens=512),
    "embed_float32": partial(embedding, config=msgspec.structs.replace(MINILM, dtype="float32")),
}


def _shapes(tree: Any, sharding: NamedSharding) -> Any:
    def shape(x: Any) -> jax.ShapeDtypeStruct:
        dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
        return jax.ShapeDtypeStruct(np.shape(x), dtype, sharding=sharding)

    return jax.tree.map(shape, tree)
