"""Scoring: sequences to anomaly probabilities and attention weights, in length buckets.

Each bucket has one fixed batch shape, so that nothing compiles in steady state.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from glx.zerolog.inputs import Inputs, pad
from glx.zerolog.model import ModelConfig, ZeroLog, apply

BUCKETS = (8, 16, 24, 32, 48, 64, 96, 128)  # events
TABLE_STEP = (
    256  # templates: a table is padded to a multiple, so that new templates recompile seldom
)


def score(
    config: ModelConfig, params, inputs: Inputs, batch: int = 512
) -> tuple[np.ndarray, np.ndarray]:
    """Score distinct sequences with `theta`, without further adaptation.

    Returns:
      `<float32>[U]` probability of an anomaly, and `<float32>[E]` attention of each kept event.
    """
    sequences = inputs.distinct
    rows_of_table = -len(inputs.table) % TABLE_STEP
    table = jnp.asarray(np.pad(inputs.table, ((0, rows_of_table), (0, 0))))
    scores = np.empty(len(sequences), np.float32)
    attention = np.empty(len(sequences.ids), np.float32)
    bucket = np.searchsorted(BUCKETS, sequences.lengths)
    for b in np.unique(bucket):
        length = BUCKETS[b]
        members = np.flatnonzero(bucket == b)
        for start in range(0, len(members), batch):
            rows = members[start : start + batch]
            ids, lengths = pad(sequences, rows, length)
            p, weights = _score_batch(
                config,
                params,
                table,
                _fill(ids, batch),
                _fill(lengths, batch, 1),
                _fill(inputs.statistics[rows], batch),
            )
            scores[rows] = np.asarray(p)[: len(rows)]
            inside = np.arange(length) < sequences.lengths[rows][:, None]
            at = sequences.offsets[rows][:, None] + np.arange(length)
            attention[at[inside]] = np.asarray(weights)[: len(rows)][inside]
    return scores, attention


@partial(jax.jit, static_argnums=0)
def _score_batch(config: ModelConfig, params, table_VxE, ids_BxL, lengths_B, statistics_BxF):
    model = ZeroLog(config)
    inputs = (table_VxE, ids_BxL, lengths_B, statistics_BxF)
    z_BxH, weights_BxL = apply(model, params, ZeroLog.encode, *inputs)
    logits_B = apply(model, params, ZeroLog.anomaly, z_BxH, statistics_BxF)
    return jax.nn.sigmoid(logits_B), weights_BxL


def _fill(rows: np.ndarray, batch: int, value: int = 0) -> np.ndarray:
    """Pad the first axis to `batch`."""
    width = [(0, batch - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return np.pad(rows, width, constant_values=value)
