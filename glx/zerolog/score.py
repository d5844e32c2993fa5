"""Scoring: sequences to anomaly probabilities and attention weights."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jax.sharding import Mesh

from glx import devices
from glx.nn import apply
from glx.sequences import batches, pad, unpad
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog


def score(
    config: ModelConfig,
    params,
    inputs: Inputs,
    batch_size: Callable[[int], int] = devices.batch_size,
) -> tuple[np.ndarray, np.ndarray]:
    """Score distinct sequences with `theta`, without further adaptation.

    Args:
      batch_size: sequences of a padded length that a device scores in a batch.

    Returns:
      `<float32>[U]` probability of an anomaly, and `<float32>[E]` attention of each kept event.
    """
    sequences, mesh = inputs.distinct, devices.make_mesh()
    scores = np.empty(len(sequences), np.float32)
    attention = np.empty(len(sequences.ids), np.float32)
    gates = table_gates(config, params, devices.pad_rows(inputs.table, devices.TABLE_ROWS))
    shared = devices.put((params, gates), devices.replicated(mesh))

    def one(rows: np.ndarray, filled: np.ndarray, length: int) -> None:
        batch = *pad(sequences, filled, length), inputs.statistics[filled]
        batch = devices.put(batch, devices.sharded(mesh))
        p_B, weights_BxL = jax.device_get(score_batch(config, mesh, shared, *batch))
        scores[rows] = p_B[: len(rows)]
        unpad(weights_BxL, sequences, rows, attention)

    devices.in_flight(one, batches(sequences, lambda length: mesh.size * batch_size(length)))
    return scores, attention


@partial(jax.jit, static_argnums=0)
def table_gates(config: ModelConfig, params, table_VxE):
    """What `score_batch` needs of the table."""
    return apply(ZeroLog(config), params, table_VxE, method=ZeroLog.gates)


@partial(jax.jit, static_argnums=(0, 1))
def score_batch(config: ModelConfig, mesh: Mesh, shared, ids_BxL, lengths_B, statistics_BxF):
    """Probabilities `<float32>[B]` and attention `<float32>[B, L]`; `shared`: parameters, gates."""
    model = ZeroLog(config)

    def one(shared, *rows):
        params, gates = shared
        z_BxH, weights_BxL = apply(model, params, gates, *rows, method=ZeroLog.encode_gated)
        logits_B = apply(model, params, z_BxH, rows[-1], method=ZeroLog.anomaly)
        return jax.nn.sigmoid(logits_B), weights_BxL

    return devices.spread(one, mesh)(shared, ids_BxL, lengths_B, statistics_BxF)
