"""DeepLog: which event comes next, by an LSTM over the events before it.

In: the target's unlabelled adaptation sequences alone. Out: scores; the paper's own cut.
Source: Du, Li, Zheng and Srikumar, "DeepLog: Anomaly Detection and Diagnosis from System Logs
through Deep Learning" (CCS 2017), its log key model.

A sequence is anomalous where one of its events is not among the `g` likeliest after the `h` before
it. Different here: the paper trains on normal logs, these hold anomalies, and what is frequent
among those is learned as well; every event is predicted, the first ones after a start symbol (the
paper leaves out the first `h`); no model of parameter values, no updates by a user.

Nothing predicts an end, so a session that stops early is not anomalous: in HDFS, blocks of two or
three events.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from glx import devices
from glx.config import setting
from glx.methods.loop import LoopConfig, minimise
from glx.methods.task import Fitted, Log, Scores, Task
from glx.nn import apply, initial
from glx.sequences import Distinct, chunks


@dataclass(frozen=True)
class DeepLogConfig(LoopConfig):
    """DeepLog."""

    window: int = setting(10, "`h`, events that the next one is predicted from.", low=1)
    top: int = setting(9, "`g`, the likeliest next events that are normal.", low=1)
    hidden: int = setting(64, "memory units of each LSTM layer.", low=1)
    layers: int = setting(2, "LSTM layers.", low=1)
    steps: int = setting(600, "updates.", low=1)
    batch: int = setting(128, "examples in each, sampled by how often they occur.", low=1)
    rate: float = setting(5e-3, "learning rate (Adam, cosine decay to a tenth).", low=0)


def fit(task: Task, config: DeepLogConfig, log: Log = lambda row: None) -> "DeepLog":
    """Learn the target's next events; of the score `r / (r + g + 1/2)` a half is between g, g + 1.

    `r` is the worst rank of a sequence's events, 1 the likeliest; an event that adaptation lacks
    ranks behind all others and behind g, even where so few are known that all are among the
    likeliest. An event weighs by the same formula of its own rank.

    Raises:
      InputError: training diverged.
    """
    known = np.unique(task.adapt.ids)
    pairs, which = windows(task.adapt, _codes(known, len(task.vectors)), config.window)
    times = np.repeat(task.adapt.counts, task.adapt.lengths)
    share = np.bincount(which, times, len(pairs)) / times.sum()
    model = NextEvent(config, len(known))

    def draw(rng: np.random.Generator) -> np.ndarray:
        return pairs[rng.choice(len(pairs), config.batch, p=share)]

    params = initial(model, task.seed, pairs[:1, :-1])
    params = minimise(_loss, model, config, params, (), draw, task.seed, log)
    return DeepLog(config, known, params)


@dataclass(frozen=True)
class DeepLog(Fitted):
    """The network.

    Attributes:
      known: `<int32>[C]` ids that adaptation holds, ascending.
      params: of `NextEvent`.
    """

    cut: ClassVar = 0.5

    config: DeepLogConfig
    known: np.ndarray
    params: Any

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """Scores and weights as in `fit`; of the vectors only the number counts."""
        model, codes = NextEvent(self.config, len(self.known)), _codes(self.known, len(vectors))
        pairs, which = windows(sequences, codes, self.config.window)
        ranks = np.empty(len(pairs), np.int32)
        for rows, filled in chunks(np.arange(len(pairs)), devices.sizes().windows):
            ranks[rows] = np.asarray(_ranks(model, self.params, pairs[filled]))[: len(rows)]
        own = outside(ranks, self.config.top)[which]
        return Scores(np.maximum.reduceat(own, sequences.offsets[:-1]), own)


class NextEvent(nn.Module):
    """Log-odds of `known` events after a window; an unknown event in it is a zero vector."""

    config: DeepLogConfig
    known: int

    @nn.compact
    def __call__(self, codes_BxT):
        """`<float32>[B, known]` of `<int32>[B, T]`: 0 start, 1 to `known`, beyond: unknown.

        A one-hot vector times a matrix is a row of it, so that the input is an embedding.
        """
        inside_BxTx1 = (codes_BxT <= self.known)[:, :, None]
        rows = nn.Embed(self.known + 1, self.config.hidden)(jnp.minimum(codes_BxT, self.known))
        x_BxTxH = rows * inside_BxTx1
        for _ in range(self.config.layers):
            x_BxTxH = nn.RNN(nn.OptimizedLSTMCell(self.config.hidden))(x_BxTxH)
        return nn.Dense(self.known)(x_BxTxH[:, -1])


def windows(sequences: Distinct, codes: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct pairs of a window and the event after it.

    Args:
      codes: `<int32>[W]` of each template, from 1.

    Returns:
      `<int32>[P, window + 1]`, the next event last, 0 before the first event of a sequence, and
      `<int64>[E]` the pair of each event.
    """
    E = len(sequences.ids)
    position_E = np.arange(E) - np.repeat(sequences.offsets[:-1], sequences.lengths)
    back_T = np.arange(window, -1, -1)
    at_ExT = np.maximum(np.arange(E)[:, None] - back_T, 0)
    pairs_ExT = np.where(position_E[:, None] >= back_T, codes[sequences.ids[at_ExT]], 0)
    as_bytes = np.ascontiguousarray(pairs_ExT, np.int32).view(f"V{4 * (window + 1)}").ravel()
    _, first, which = np.unique(as_bytes, return_index=True, return_inverse=True)
    return pairs_ExT[first].astype(np.int32), which


def outside(ranks: np.ndarray, top: int) -> np.ndarray:
    """`r / (r + g + 1/2)`, `<float32>`: at least a half outside the `g` likeliest, less inside."""
    return (ranks / (ranks + top + 0.5)).astype(np.float32)


def _codes(known: np.ndarray, templates: int) -> np.ndarray:
    codes = np.full(templates, len(known) + 1, np.int32)
    codes[known] = np.arange(1, len(known) + 1)
    return codes


def _loss(model: NextEvent, params, shared, pairs_BxT):
    logits_BxK, next_B = apply(model, params, pairs_BxT[:, :-1]), pairs_BxT[:, -1] - 1
    return optax.softmax_cross_entropy_with_integer_labels(logits_BxK, next_B).mean()


@partial(jax.jit, static_argnums=0)
def _ranks(model: NextEvent, params, pairs_BxT):
    """The rank of each next event, `<int32>[B]`; an unknown one comes last and is not normal."""
    logits_BxK, next_B = apply(model, params, pairs_BxT[:, :-1]), pairs_BxT[:, -1]
    own_Bx1 = jnp.take_along_axis(logits_BxK, jnp.minimum(next_B, model.known)[:, None] - 1, axis=1)
    likelier_B = (logits_BxK > own_Bx1).sum(axis=1)
    behind = max(model.known, model.config.top)
    return 1 + jnp.where(next_B <= model.known, likelier_B, behind)
