"""The update rule of ZeroLog, in the order of its equations: losses, inner step, outer step.

In: parameters and episodes. Out: the direction `G` of the outer step, and metrics as sums.

The gradient reversal `R_lambda` (identity forward, `-lambda` backward) makes `G` the gradient of no
scalar: the encoder follows one loss, the heads another. `R` written as a custom derivative would,
differentiated twice, reverse the forward pass of the inner step too and give a wrong Jacobian. Here
`G` is made of ordinary gradients, a plain function of the parameters with its true Jacobian.
Source: ZeroLog (arXiv 2511.05862); reversal: Ganin and Lempitsky (2015); meta step: MAML (2017).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from glx import devices
from glx.nn import apply
from glx.zerolog.model import ZeroLog


class Batch(NamedTuple):
    """Sequences of sources and target together, as one support or query set.

    Attributes:
      ids: `<int32>[B, L]` rows of the template table.
      lengths: `<int32>[B]`.
      statistics: `<float32>[B, F]`.
      label: `<float32>[B]` 1 anomalous, 0 normal; means nothing for the target.
      target: `<float32>[B]` 1 for the target, 0 for a source.
      log_odds: `<float32>[B]` how much the draw raised the log-odds of an anomaly over the source's
        own prevalence; added to `g(z)` in the loss, so that `g(z)` itself is free of the draw.
    """

    ids: jax.Array
    lengths: jax.Array
    statistics: jax.Array
    label: jax.Array | np.ndarray
    target: jax.Array | np.ndarray
    log_odds: jax.Array | np.ndarray


def reversal_schedule(step, steps):
    """`lambda = 2 / (1 + exp(-10 step / steps)) - 1`, from 0 to 1."""
    return 2.0 / (1.0 + jnp.exp(-10.0 * step / steps)) - 1.0


def classification_loss(logits_B, batch: Batch):
    """`L_cls`: mean cross-entropy of `g` over the labelled source sequences."""
    loss_B = optax.sigmoid_binary_cross_entropy(logits_B + batch.log_odds, batch.label)
    return _mean(loss_B, 1 - batch.target)


def domain_loss(logits_B, batch: Batch):
    """`L_dom`: cross-entropy of `d`, source 0 and target 1, both sides weighted equally."""
    loss_B = optax.sigmoid_binary_cross_entropy(logits_B, batch.target)
    return 0.5 * (_mean(loss_B, 1 - batch.target) + _mean(loss_B, batch.target))


def direction(model: ZeroLog, params, table_VxE, batch: Batch, mu, lam):
    """`G`: what backpropagation of `L_cls + mu L_dom` through `R_lambda` yields.

    The gradient of `L_cls - mu lambda L_dom` by the encoder with the heads fixed, and that of
    `L_cls + mu L_dom` by the heads with the encoder fixed. Linear in `mu`; the plain gradient with
    `lam = -1`. One forward pass and gradients of two losses: cheaper (docs/notes/speed.md) than
    two gradients with the other parameters fixed by closure, and equal to them.

    Returns:
      A pytree like `params`, and metrics: means over the batch, each a scalar.
    """

    def encode(encoder):
        inputs = table_VxE, batch.ids, batch.lengths, batch.statistics
        return apply(model, encoder, *inputs, method=ZeroLog.encode)[0]

    def l_cls(heads, z_BxH):
        logits_B = apply(model, heads, z_BxH, batch.statistics, method=ZeroLog.anomaly)
        return classification_loss(logits_B, batch)

    def l_dom(heads, z_BxH):
        logits_B = apply(model, heads, z_BxH, method=ZeroLog.domain)
        return domain_loss(logits_B, batch), jnp.mean((logits_B > 0) == (batch.target > 0))

    # Each is given all parameters; its gradient is zero for those that it does not use.
    z_BxH, of_encoder = jax.vjp(encode, params)
    cls, (cls_heads, cls_BxH) = jax.value_and_grad(l_cls, argnums=(0, 1))(params, z_BxH)
    (dom, accuracy), (dom_heads, dom_BxH) = jax.value_and_grad(l_dom, argnums=(0, 1), has_aux=True)(
        params, z_BxH
    )
    (encoder,) = of_encoder(cls_BxH - mu * lam * dom_BxH)
    grads = jax.tree.map(lambda e, c, d: e + c + mu * d, encoder, cls_heads, dom_heads)
    return grads, {"loss_cls": cls, "loss_dom": dom, "domain_accuracy": accuracy}


def inner_step(model, params, table_VxE, support: Batch, alpha, mu, lam):
    """`theta_i = theta - alpha G (L_cls + mu L_dom)(theta; support_i)`; also `G`, its metrics."""
    grads, metrics = direction(model, params, table_VxE, support, mu, lam)
    adapted = jax.tree.map(lambda p, g: p - alpha * g, params, grads)
    return adapted, (grads, metrics)


def episode_direction(
    model, params, table_VxE, support, query, *, alpha, mu, lam, gamma, second_order
):
    """`G [L(theta; support_i) + gamma L(theta_i; query_i)]` of one episode.

    The query's part is `G(theta_i; query_i)` pulled back through the transposed Jacobian of the
    inner step (second order), or taken as it is (first order).
    """

    def adapt(params):
        return inner_step(model, params, table_VxE, support, alpha, mu, lam)

    if second_order:
        adapted, pull_back, (d_support, support_metrics) = jax.vjp(adapt, params, has_aux=True)
    else:
        adapted, (d_support, support_metrics) = adapt(params)
    d_query, query_metrics = direction(model, adapted, table_VxE, query, mu, lam)
    if second_order:
        (d_query,) = pull_back(d_query)
    grads = jax.tree.map(lambda s, q: s + gamma * q, d_support, d_query)
    metrics = {f"support_{k}": v for k, v in support_metrics.items()}
    metrics |= {f"query_{k}": v for k, v in query_metrics.items()}
    return grads, metrics


def meta_direction(model, params, table_VxE, supports, queries, **settings):
    """The mean of `episode_direction` over episodes, the leading axis `N`."""

    def one(sets):
        return episode_direction(model, params, table_VxE, *sets, **settings)

    per_episode = devices.mapped(one)((supports, queries))
    return jax.tree.map(lambda x: x.mean(axis=0), per_episode)


def _mean(values_B, weights_B):
    """Weighted mean; 0 where no weight is."""
    return jnp.sum(values_B * weights_B) / jnp.maximum(jnp.sum(weights_B), 1)
