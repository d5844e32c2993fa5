"""The ZeroLog network: sequences of template ids to one vector each, and two heads on it.

In: a table of template inputs, ids into it, structural statistics of each sequence.
Out: `z`, attention weights, the anomaly and the domain log-odds.
Source: ZeroLog (arXiv 2511.05862): bidirectional GRU, attention pooling, anomaly and domain head.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp

from glx.config import setting
from glx.nn import AttentionPooling, BiGRU, Gates, Head, widen


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network."""

    hidden: int = setting(32, "`H`, units of each GRU direction and of `z`.", low=1)
    source_limit: float = setting(
        0.25,
        "most log-odds that training on the sources may add to the target's own evidence, or take "
        "off it; 0: any amount.",
        low=0,
    )
    bf16: bool = setting(
        False, "matrix products in bfloat16 with float32 parameters and sums (for accelerators)."
    )


class ZeroLog(nn.Module):
    """Encoder and heads, which `meta.py` applies separately."""

    config: ModelConfig

    def setup(self):
        dtype = jnp.bfloat16 if self.config.bf16 else None  # None: as the parameters are
        self.gru = BiGRU(self.config.hidden, dtype)
        self.attention = AttentionPooling(self.config.hidden, dtype)
        self.project = nn.Dense(self.config.hidden, dtype=dtype)
        self.anomaly_head = AnomalyHead(self.config.hidden, self.config.source_limit, dtype)
        self.domain_head = Head(self.config.hidden, dtype)

    def encode(self, table_VxE, ids_BxL, lengths_B, statistics_BxF):
        """Encode sequences.

        Args:
          table_VxE: `<float32>[V, E]` template vectors and structural inputs of each template.
          ids_BxL: `<int32>[B, L]` rows of the table; what stands after the length is ignored.
          lengths_B: `<int32>[B]`, at least 1.
          statistics_BxF: `<float32>[B, F]` structural statistics of each sequence.

        Returns:
          `z <float32>[B, H]` and the attention weights `<float32>[B, L]`, which sum to 1.
        """
        return self.encode_gated(self.gates(table_VxE), ids_BxL, lengths_B, statistics_BxF)

    def gates(self, table_VxE):
        """The part of `encode` that depends on the table alone."""
        return self.gru.gates(table_VxE)

    def encode_gated(self, gates: Gates, ids_BxL, lengths_B, statistics_BxF):
        """`encode`, given the gates of the table."""
        h_LxBxH = self.gru(gates, ids_BxL, lengths_B)
        pooled_BxH2, weights_BxL = self.attention(h_LxBxH, lengths_B)
        z_BxH = jnp.tanh(self.project(jnp.concatenate([pooled_BxH2, statistics_BxF], axis=-1)))
        return widen(z_BxH), weights_BxL

    def anomaly(self, z_BxH, statistics_BxF):
        """`g(z)`: log-odds of an anomaly, `<float32>[B]`."""
        return self.anomaly_head(z_BxH, statistics_BxF)

    def domain(self, z_BxH):
        """`d(z)`: log-odds that the sequence is of the target, `<float32>[B]`. No reversal here."""
        return self.domain_head(z_BxH)

    def __call__(self, table_VxE, ids_BxL, lengths_B, statistics_BxF):
        """Both log-odds; used to initialise every parameter in one call."""
        z_BxH, _ = self.encode(table_VxE, ids_BxL, lengths_B, statistics_BxF)
        return self.anomaly(z_BxH, statistics_BxF), self.domain(z_BxH)


class AnomalyHead(nn.Module):
    """`g(z) = c tanh(head(z) / c) + b + e`, `e` the evidence, the last of the statistics.

    The last term is not in the paper. An event that is unusual for its own system and reads
    alarming is so in every system, which needs no source. What is learned from the sources does
    not always transfer: its last layer starts at zero, and it adds at most `c` log-odds (`limit`;
    0: no bound). `b` is for how common anomalies are in the sources; the label-free cut takes it
    off again. Without structural inputs `e` is 0.
    """

    hidden: int
    limit: float
    dtype: jnp.dtype | None

    @nn.compact
    def __call__(self, z_BxH, statistics_BxF):
        bias = self.param("bias", nn.initializers.zeros, ())
        learned_B = Head(self.hidden, self.dtype, last_init=nn.initializers.zeros)(z_BxH)
        if self.limit:
            learned_B = self.limit * jnp.tanh(learned_B / self.limit)
        return learned_B + bias + statistics_BxF[:, -1]
