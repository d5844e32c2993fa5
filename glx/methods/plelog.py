"""PLELog-style: a classifier of pseudo-labels that clusters of the target's sequences suggest.

In: the target's unlabelled adaptation sequences and template vectors. Out: scores, attention.
Source: Yang et al., "Semi-supervised Log-based Anomaly Detection via Probabilistic Label
Estimation" (PLELog, ICSE 2021).

1. A sequence's vector is the mean of its template vectors, weighted by inverse document frequency,
   in fewer dimensions.
2. HDBSCAN groups the sequences; groups are held to be normal or anomalous, with a probability.
3. A bidirectional GRU with attention learns that probability.

Different here: the paper knows some normal logs (half of those it trains on), and the clusters that
hold one are normal. Nothing is known here, so the biggest groups stand for normal. Further,
distinct sequences are clustered, not their copies, and only the commonest; components are principal
ones, not independent ones; the classifier has one layer, two thirds of the width, no dropout.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import numpy as np
import optax

from glx import devices
from glx.config import setting
from glx.methods.counts import count, holders
from glx.methods.loop import LoopConfig, minimise, occurrences, shortened, table
from glx.methods.task import Fitted, Log, Scores, Task
from glx.nn import AttentionPooling, BiGRU, Head, apply, initial
from glx.sequences import BUCKETS, Distinct, batches, bucket, pad, pad_all, unpad


@dataclass(frozen=True)
class PLELogConfig(LoopConfig):
    """PLELog-style."""

    hidden: int = setting(64, "units of each GRU direction.", low=1)
    max_events: int = setting(
        32, "events of a sequence; longer ones are shortened.", low=1, high=BUCKETS[-1]
    )
    clustered: int = setting(
        16_000,
        "distinct sequences that are clustered, the commonest (equally common ones: at random).",
        low=1,
    )
    components: int = setting(50, "of the vectors that are clustered.", low=1)
    cluster: int = setting(5, "distinct vectors in a cluster, at least.", low=2)
    normal: float = setting(
        0.95,
        "share of those clustered, by occurrence, that the normal groups hold at most.",
        low=0,
        high=1,
    )


def fit(task: Task, config: PLELogConfig, log: Log = lambda row: None) -> "PLELog":
    """Estimate labels, then learn them; the score is the classifier's probability.

    Raises:
      InputError: training diverged.
    """
    chosen = commonest(task.adapt, config.clustered, task.seed)
    labels = pseudo_labels(sequence_vectors(chosen, task.vectors), chosen.counts, config)
    times = occurrences(task.adapt, len(task.vectors))
    short, _ = shortened(chosen, times, config.max_events)
    ids, lengths = pad_all([short], [task.vectors], bucket(short.lengths.max()))
    model, rows = Classifier(config), table(task.vectors)
    params = initial(model, task.seed, rows, ids[:1], lengths[:1])
    share = chosen.counts / chosen.counts.sum()

    def draw(rng: np.random.Generator):
        at = rng.choice(len(share), config.batch, p=share)
        return ids[at], lengths[at], labels[at]

    params = minimise(_loss, model, config, params, rows, draw, task.seed, log)

    return PLELog(config, times, params)


@dataclass(frozen=True)
class PLELog(Fitted):
    """The classifier.

    Attributes:
      times: `<int64>[V]` how often adaptation holds each template.
      params: of `Classifier`.
    """

    cut: ClassVar = 0.5

    config: PLELogConfig
    times: np.ndarray
    params: Any

    def score(self, sequences: Distinct, vectors: np.ndarray) -> Scores:
        """The classifier's probability; an event weighs by its attention."""
        short, kept = shortened(sequences, self.times, self.config.max_events)
        model, rows = Classifier(self.config), table(vectors)
        scores, attention = np.empty(len(short), np.float32), np.empty(len(short.ids), np.float32)
        for at, filled, length in batches(short, devices.batch_size):
            batch = rows, *pad(short, filled, length)
            p_B, attention_BxL = jax.device_get(_classify(model, self.params, *batch))
            scores[at] = p_B[: len(at)]
            unpad(attention_BxL, short, at, attention)
        weights = np.zeros(len(sequences.ids), np.float32)
        weights[kept] = attention
        return Scores(scores, weights)


def commonest(sequences: Distinct, n: int, seed: int) -> Distinct:
    """At most `n` of the sequences, the commonest; equally common ones at random."""
    order = np.random.default_rng(seed).permutation(len(sequences))
    return sequences.take(np.sort(np.lexsort((order, -sequences.counts))[:n]))


def sequence_vectors(sequences: Distinct, vectors: np.ndarray) -> np.ndarray:
    """`<float64>[U, D]` mean of the template vectors, each times `log(N / n)`.

    `n` of the `N` occurrences of sequences hold the template.
    """
    events = np.unique(sequences.ids)
    counts = count(sequences, events)[:, :-1]
    idf = np.log(sequences.counts.sum() / holders(counts, sequences.counts))
    return (counts @ (idf[:, None] * vectors[events])) / sequences.lengths[:, None]


def pseudo_labels(x_UxD: np.ndarray, counts: np.ndarray, config: PLELogConfig) -> np.ndarray:
    """The probability that each of `U` sequences is anomalous, `<float32>[U]`.

    Sequences with one and the same vector are one point. A group is a cluster of points, or a point
    outside all clusters. From the biggest (by `counts`) on, groups are normal while together they
    hold at most the share `normal`; the biggest always is, and equally big ones are alike. The
    label of a cluster's member is as sure as the member is central: `1 - s / 2` for the class of
    its group, `s` its outlier score (one less the strength of its membership), so that the edge of
    a cluster says nothing; a point outside is sure.
    """
    points_PxC, of_U = _points(x_UxD, config.components)
    group_P, strength_P = _clusters(points_PxC, config.cluster)
    alone_P = group_P < 0
    group_P = np.where(alone_P, group_P.max() + np.cumsum(alone_P), group_P)
    size_G = np.bincount(group_P[of_U], counts)
    sizes = np.sort(size_G)[::-1]
    last = np.searchsorted(-sizes, -sizes, side="right") - 1  # of those equally big
    normal = np.cumsum(sizes)[last] <= config.normal * counts.sum()
    least = sizes[normal].min(initial=sizes[0])
    doubt_P = np.where(alone_P, 0.0, 1 - strength_P) / 2
    labels_P = np.where(size_G[group_P] >= least, doubt_P, 1 - doubt_P)
    return labels_P[of_U].astype(np.float32)


def _points(x_UxD: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct principal components, and `<int64>[U]` those of each row.

    Rounded: copies that differ in their last bits alone would be a cluster of boundless density.
    """
    from sklearn.decomposition import PCA  # seconds to import

    if len(x_UxD) == 1:
        return x_UxD, np.zeros(1, np.int64)
    reduced = PCA(min(components, *x_UxD.shape), svd_solver="covariance_eigh").fit_transform(x_UxD)
    points_PxC, of_U = np.unique(reduced.round(6), axis=0, return_inverse=True)
    return points_PxC, of_U


def _clusters(points_PxC: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each point, -1 outside, and the strength of its membership."""
    from sklearn.cluster import HDBSCAN

    if len(points_PxC) < least:
        return np.full(len(points_PxC), -1), np.zeros(len(points_PxC))
    found = HDBSCAN(min_cluster_size=least, copy=True).fit(points_PxC)
    return found.labels_, found.probabilities_


class Classifier(nn.Module):
    """Attention over a bidirectional GRU; log-odds of an anomaly and the attention."""

    config: PLELogConfig

    @nn.compact
    def __call__(self, table_VxD, ids_BxL, lengths_B):
        hidden = self.config.hidden
        gru = BiGRU(hidden, None)
        h_LxBxH = gru(gru.gates(table_VxD), ids_BxL, lengths_B)
        pooled_BxH2, weights_BxL = AttentionPooling(hidden, None)(h_LxBxH, lengths_B)
        return Head(hidden, None)(pooled_BxH2), weights_BxL


def _loss(model: Classifier, params, table_VxD, batch):
    ids_BxL, lengths_B, labels_B = batch
    logits_B, _ = apply(model, params, table_VxD, ids_BxL, lengths_B)
    return optax.sigmoid_binary_cross_entropy(logits_B, labels_B).mean()


@partial(jax.jit, static_argnums=0)
def _classify(model: Classifier, params, table_VxD, ids_BxL, lengths_B):
    logits_B, weights_BxL = apply(model, params, table_VxD, ids_BxL, lengths_B)
    return jax.nn.sigmoid(logits_B), weights_BxL
