"""Scoring: sequences to anomaly probabilities and attention weights."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from glx import devices
from glx.nn import Gates, apply
from glx.sequences import batches, pad, unpad
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog

Network = Callable[..., tuple[Any, Any]]
jax.export.register_namedtuple_serialization(Gates, serialized_name="glx.nn.Gates")


def score(
    config: ModelConfig,
    params,
    inputs: Inputs,
    batch_size: Callable[[int], int] = devices.batch_size,
    exported: Network | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Score distinct sequences with `theta`, without further adaptation.

    Args:
      batch_size: sequences of a padded length that a device scores in a batch.
      exported: `network(config)` without tracing it.

    Returns:
      `<float32>[U]` probability of an anomaly, and `<float32>[E]` attention of each kept event.
    """
    sequences, mesh = inputs.distinct, devices.make_mesh()
    scores = np.empty(len(sequences), np.float32)
    attention = np.empty(len(sequences.ids), np.float32)
    gates = table_gates(config, params, devices.pad_rows(inputs.table, devices.TABLE_ROWS))
    shared = devices.put((params, gates), devices.replicated(mesh))

    def begin(rows: np.ndarray, filled: np.ndarray, length: int) -> Any:
        batch = *pad(sequences, filled, length), inputs.statistics[filled]
        batch = devices.put(batch, devices.sharded(mesh))
        return score_batch(exported or network(config), mesh, shared, *batch)

    def finish(found: Any, rows: np.ndarray, filled: np.ndarray, length: int) -> None:
        p_B, weights_BxL = jax.device_get(found)
        scores[rows] = p_B[: len(rows)]
        unpad(weights_BxL, sequences, rows, attention)

    found = batches(sequences, lambda length: mesh.size * batch_size(length))
    devices.in_flight(begin, finish, found)
    return scores, attention


@partial(jax.jit, static_argnums=0)
def table_gates(config: ModelConfig, params, table_VxE):
    """What `score_batch` needs of the table."""
    return apply(ZeroLog(config), params, table_VxE, method=ZeroLog.gates)


@partial(jax.jit, static_argnums=(0, 1))
def score_batch(network: Network, mesh: Mesh, shared, ids_BxL, lengths_B, statistics_BxF):
    """Probabilities `<float32>[B]` and attention `<float32>[B, L]`; `shared`: parameters, gates."""
    return devices.spread(network, mesh)(shared, ids_BxL, lengths_B, statistics_BxF)


@cache  # one function for equal settings, so that it compiles once
def network(config: ModelConfig) -> Network:
    """What each device does with its part of a batch."""
    model = ZeroLog(config)

    def score_part(shared, *rows):
        params, gates = shared
        z_BxH, weights_BxL = apply(model, params, gates, *rows, method=ZeroLog.encode_gated)
        logits_B = apply(model, params, z_BxH, rows[-1], method=ZeroLog.anomaly)
        return jax.nn.sigmoid(logits_B), weights_BxL

    return score_part


def shapes(config: ModelConfig, params) -> tuple[Any, ...]:
    """Of the arguments of `network(config)`; templates, sequences and events may be any number."""
    n_templates, n_sequences, n_events = jax.export.symbolic_shape("v, b, l")
    params = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), params)
    wide = params["gru"]["w_input"].shape[1]
    statistics = params["project"]["kernel"].shape[0] - 2 * config.hidden
    table = jax.ShapeDtypeStruct((n_templates, wide), jnp.float32)
    gates = jax.eval_shape(partial(table_gates, config), params, table)
    rows = (n_events,), (), (statistics,)
    dtypes = jnp.int32, jnp.int32, jnp.float32
    return (params, gates), *[
        jax.ShapeDtypeStruct((n_sequences, *row), dtype)
        for row, dtype in zip(rows, dtypes, strict=True)
    ]
