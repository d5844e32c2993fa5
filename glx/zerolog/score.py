"""Scoring: sequences to anomaly probabilities and attention weights."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

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
      batch_size: sequences in a batch of a padded length.

    Returns:
      `<float32>[U]` probability of an anomaly, and `<float32>[E]` attention of each kept event.
    """
    sequences = inputs.distinct
    scores = np.empty(len(sequences), np.float32)
    attention = np.empty(len(sequences.ids), np.float32)
    gates = _gates(config, params, devices.pad_rows(inputs.table, devices.TABLE_ROWS))

    def one(rows: np.ndarray, filled: np.ndarray, length: int) -> None:
        batch = *pad(sequences, filled, length), inputs.statistics[filled]
        p_B, weights_BxL = jax.device_get(_score_batch(config, params, gates, *batch))
        scores[rows] = p_B[: len(rows)]
        unpad(weights_BxL, sequences, rows, attention)

    devices.in_flight(one, batches(sequences, batch_size))
    return scores, attention


@partial(jax.jit, static_argnums=0)
def _gates(config: ModelConfig, params, table_VxE):
    return apply(ZeroLog(config), params, table_VxE, method=ZeroLog.gates)


@partial(jax.jit, static_argnums=0)
def _score_batch(config: ModelConfig, params, gates, ids_BxL, lengths_B, statistics_BxF):
    model, inputs = ZeroLog(config), (gates, ids_BxL, lengths_B, statistics_BxF)
    z_BxH, weights_BxL = apply(model, params, *inputs, method=ZeroLog.encode_gated)
    logits_B = apply(model, params, z_BxH, statistics_BxF, method=ZeroLog.anomaly)
    return jax.nn.sigmoid(logits_B), weights_BxL
