"""LogTAD-style: normal sequences of all systems close to one centre, learned adversarially.

In: normal sequences of labelled sources, the target's unlabelled adaptation sequences, template
vectors. Out: scores; events have no weights.
Source: Han and Yuan, "Unsupervised Cross-system Log Anomaly Detection via Domain Adaptation"
(LogTAD, CIKM 2021); the centre: Ruff et al., "Deep One-Class Classification" (ICML 2018); the
reversal: Ganin and Lempitsky (2015).

An LSTM maps a sequence to `z`, the mean of its outputs. `L = |z - c|^2 + L_dom(R(z))`: close to the
centre, and such that a discriminator cannot tell source from target. Far from the centre is
anomalous. Different here: the paper takes normal sequences of the target, these are unlabelled and
hold anomalies; its cut comes from labels of the target, so none is given here; the centre is the
mean of the untrained network, as Ruff et al. do, not that of the first ten epochs; half the width,
no dropout; sentence vectors, not word2vec.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from glx import devices
from glx.config import setting
from glx.methods.loop import LoopConfig, minimise, occurrences, shortened, table
from glx.methods.task import Fitted, Log, Scores, Task
from glx.nn import Head, apply, initial
from glx.sequences import BUCKETS, Distinct, batches, bucket, pad, pad_all

EDGE = 0.1  # least distance of the centre from 0 in each dimension: 0 is too easy to map to
SAMPLE = 2048  # sequences that the centre and the scale are taken from


@dataclass(frozen=True)
class LogTADConfig(LoopConfig):
    """LogTAD-style."""

    hidden: int = setting(64, "units of each LSTM layer, and the dimensions of `z`.", low=1)
    layers: int = setting(2, "LSTM layers.", low=1)
    max_events: int = setting(
        32, "events of a sequence; longer ones are shortened.", low=1, high=BUCKETS[-1]
    )
    alpha: float = setting(
        0.1, "how much of the discriminator's gradient reaches the encoder, reversed.", low=0
    )


def fit(task: Task, config: LogTADConfig, log: Log = lambda row: None) -> "LogTAD":
    """Learn the centre's surroundings; the score is `d / (d + m)`, `d` the distance to the centre.

    `m` is the median distance of adaptation sequences.

    Raises:
      InputError: training diverged.
    """
    unique = [task.adapt, *(s.sequences for s in task.sources)]
    normal = [task.adapt.counts, *(s.sequences.counts - s.anomalous for s in task.sources)]
    vectors = [task.vectors, *(s.vectors for s in task.sources)]
    times = [occurrences(u, len(v)) for u, v in zip(unique, vectors, strict=True)]
    short = [shortened(u, t, config.max_events)[0] for u, t in zip(unique, times, strict=True)]
    ids, lengths = pad_all(short, vectors, bucket(max(s.lengths.max() for s in short)))
    # The target is sampled as often as all sources together, and these equally often.
    shares = [n / n.sum() / max(len(task.sources), 1) for n in normal]
    shares[0] = normal[0] / normal[0].sum()
    share = np.concatenate(shares) / sum(s.sum() for s in shares)
    is_target = np.arange(len(ids)) < len(task.adapt)

    def draw(rng: np.random.Generator, n: int = config.batch):
        at = rng.choice(len(ids), n, p=share)
        return ids[at], lengths[at], is_target[at].astype(np.float32)

    model, rows = Encoder(config), table(*vectors)
    rng = np.random.default_rng((task.seed, 0))
    params = initial(model, task.seed, rows, ids[:1], lengths[:1])
    z_BxH = _encode(model, params, rows, *draw(rng, SAMPLE)[:2])
    centre = _away_from_zero(z_BxH.mean(axis=0))
    params = minimise(_loss, model, config, params, (rows, centre), draw, task.seed, log)

    at = rng.choice(len(task.adapt), SAMPLE, p=shares[0])
    median = np.median(_distances(model, params, centre, rows, ids[at], lengths[at]))
    return LogTAD(config, times[0], params, np.asarray(centre), np.float32(max(median, 1e-12)))


@dataclass(frozen=True)
class LogTAD(Fitted):
    """The encoder, and where normal sequences are.

    Attributes:
      times: `<int64>[V]` how often adaptation holds each template.
      params: of `Encoder`.
      centre: `<float32>[H]`.
      median: `<float32>[]` distance of adaptation sequences to it.
    """

    config: LogTADConfig
    times: np.ndarray
    params: Any
    centre: np.ndarray
    median: np.floating

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """`d / (d + m)`; events have no weights."""
        short, _ = shortened(sequences, self.times, self.config.max_events)
        model, rows, far = Encoder(self.config), table(vectors), np.empty(len(short), np.float32)
        for at, filled, length in batches(short, devices.batch_size):
            batch = rows, *pad(short, filled, length)
            far[at] = _distances(model, self.params, self.centre, *batch)[: len(at)]
        return Scores(far / (far + self.median), np.zeros(len(sequences.ids), np.float32))


class Encoder(nn.Module):
    """`z` and the discriminator's log-odds that it is of the target, its gradient reversed."""

    config: LogTADConfig

    def setup(self):
        self.project = nn.Dense(self.config.hidden)  # once for each template, not for each event
        self.lstms = [
            nn.RNN(nn.OptimizedLSTMCell(self.config.hidden)) for _ in range(self.config.layers)
        ]
        self.discriminator = Head(self.config.hidden, None)

    def encode(self, table_VxD, ids_BxL, lengths_B):
        """`z <float32>[B, H]`."""
        x_BxLxH = self.project(table_VxD)[ids_BxL]
        for lstm in self.lstms:
            x_BxLxH = lstm(x_BxLxH)
        inside_BxL = jnp.arange(ids_BxL.shape[1])[None, :] < lengths_B[:, None]
        return jnp.einsum("blh,bl->bh", x_BxLxH, inside_BxL / lengths_B[:, None])

    def __call__(self, table_VxD, ids_BxL, lengths_B):
        z_BxH = self.encode(table_VxD, ids_BxL, lengths_B)
        return z_BxH, self.discriminator(reverse(z_BxH, self.config.alpha))


def reverse(x, alpha: float):
    """`x`, whose gradient is times `-alpha`."""
    return jax.lax.stop_gradient((1 + alpha) * x) - alpha * x


def _away_from_zero(centre_H):
    """Each coordinate at least `EDGE` from 0, on its own side."""
    sign_H = jnp.where(centre_H < 0, -1.0, 1.0)
    return sign_H * jnp.maximum(jnp.abs(centre_H), EDGE)


def _loss(model: Encoder, params, shared, batch):
    table_VxD, centre_H = shared
    ids_BxL, lengths_B, target_B = batch
    z_BxH, logits_B = apply(model, params, table_VxD, ids_BxL, lengths_B)
    one_class = jnp.square(z_BxH - centre_H[None, :]).sum(axis=1).mean()
    return one_class + optax.sigmoid_binary_cross_entropy(logits_B, target_B).mean()


def _distances(model: Encoder, params, centre_H, *inputs) -> np.ndarray:
    """`<float32>[B]` of sequences to the centre."""
    z_BxH = _encode(model, params, *inputs)
    return np.asarray(jnp.linalg.norm(z_BxH - centre_H[None, :], axis=1))


@partial(jax.jit, static_argnums=0)
def _encode(model: Encoder, params, table_VxD, ids_BxL, lengths_B):
    return apply(model, params, table_VxD, ids_BxL, lengths_B, method=Encoder.encode)
