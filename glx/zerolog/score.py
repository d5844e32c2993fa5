"""Scoring: sequences to anomaly probabilities and attention weights, in length buckets.

Each bucket has one fixed batch shape, so that nothing compiles in steady state.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import numpy as np

from glx.sequences import BUCKETS, pad
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog, apply

TABLE_STEP = 256  # templates: a table is padded to a multiple of it, new ones recompile seldom
# A batch holds so many sequences, and no more events than that: with `H` 128 its arrays are then
# the largest that malloc keeps at hand; of larger ones every page is new each time.
SEQUENCES, EVENTS = 256, 12_288
IN_FLIGHT = 2  # batches at a time: steps of a recurrence are too small to fill two cores
# All were found on a CPU; what is best on an accelerator is not known (docs/benchmarks.md).


def score(
    config: ModelConfig, params, inputs: Inputs, events: int = EVENTS
) -> tuple[np.ndarray, np.ndarray]:
    """Score distinct sequences with `theta`, without further adaptation.

    Args:
      events: places in a batch, some of them padding.

    Returns:
      `<float32>[U]` probability of an anomaly, and `<float32>[E]` attention of each kept event.
    """
    sequences = inputs.distinct
    rows_of_table = -len(inputs.table) % TABLE_STEP
    gates = _gates(config, params, np.pad(inputs.table, ((0, rows_of_table), (0, 0))))
    scores = np.empty(len(sequences), np.float32)
    attention = np.empty(len(sequences.ids), np.float32)
    bucket = np.searchsorted(BUCKETS, sequences.lengths)

    def one(rows: np.ndarray, length: int, batch: int) -> None:
        ids, lengths = pad(sequences, rows, length)
        filled = (
            _fill(ids, batch),
            _fill(lengths, batch, 1),
            _fill(inputs.statistics[rows], batch),
        )
        p, weights = jax.device_get(_score_batch(config, params, gates, *filled))
        scores[rows] = p[: len(rows)]
        inside = np.arange(length) < sequences.lengths[rows][:, None]
        at = sequences.offsets[rows][:, None] + np.arange(length)
        attention[at[inside]] = weights[: len(rows)][inside]

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        batches = [
            pool.submit(one, members[start : start + batch], BUCKETS[b], batch)
            for b in np.unique(bucket)
            for members in [np.flatnonzero(bucket == b)]
            for batch in [batch_of(BUCKETS[b], events)]
            for start in range(0, len(members), batch)
        ]
        try:
            for done in batches:
                done.result()
        except BaseException:  # Ctrl-C too: what has not begun must not be waited for
            pool.shutdown(cancel_futures=True)
            raise
    return scores, attention


def batch_of(length: int, events: int = EVENTS) -> int:
    """Sequences of this length in a batch."""
    return min(max(events // length, 1), SEQUENCES)


@partial(jax.jit, static_argnums=0)
def _gates(config: ModelConfig, params, table_VxE):
    return apply(ZeroLog(config), params, ZeroLog.gates, table_VxE)


@partial(jax.jit, static_argnums=0)
def _score_batch(config: ModelConfig, params, gates, ids_BxL, lengths_B, statistics_BxF):
    model = ZeroLog(config)
    inputs = (gates, ids_BxL, lengths_B, statistics_BxF)
    z_BxH, weights_BxL = apply(model, params, ZeroLog.encode_gated, *inputs)
    logits_B = apply(model, params, ZeroLog.anomaly, z_BxH, statistics_BxF)
    return jax.nn.sigmoid(logits_B), weights_BxL


def _fill(rows: np.ndarray, batch: int, value: int = 0) -> np.ndarray:
    """Pad the first axis to `batch`."""
    width = [(0, batch - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return np.pad(rows, width, constant_values=value)
