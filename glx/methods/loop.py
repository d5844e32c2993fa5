"""What the neural methods share: training on random batches, and the sequences they read.

In: a loss and a function that draws its batches. Out: fitted parameters.

Random draws depend on (seed, step) alone. A step is compiled once for each model, config and shape
of the batch, whatever the system.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from glx import devices
from glx.config import setting
from glx.errors import InputError
from glx.methods.task import Log
from glx.nn import descend, optimizer
from glx.sequences import Distinct, shorten

LOG_EVERY = 50  # steps


@dataclass(frozen=True)
class LoopConfig:
    """How a network is trained."""

    steps: int = setting(300, "updates.", low=1)
    batch: int = setting(64, "examples in each, sampled by how often they occur.", low=1)
    rate: float = setting(2e-3, "learning rate (Adam, cosine decay to a tenth).", low=0)


def minimise(
    loss: Callable[..., jax.Array],
    model: nn.Module,
    config: LoopConfig,
    params: Any,
    shared: Any,
    draw: Callable[[np.random.Generator], Any],
    seed: int,
    log: Log,
) -> Any:
    """The parameters after `config.steps` updates from `params`, whose memory is given up.

    Args:
      loss: `loss(model, params, shared, batch) -> <float32>[]`; not a closure: a new one would
        compile again.
      shared: arrays that all batches need.
      draw: one batch by a generator; every batch has the same shapes.
      seed: of the generators, one for each step.
      log: gets the mean `loss` every `LOG_EVERY` steps and at the end.

    Raises:
      InputError: a loss is not a number.
    """
    state = {"params": params, "opt_state": optimizer(config.rate, config.steps).init(params)}
    losses: list[jax.Array] = []
    for done in range(1, config.steps + 1):
        batch = draw(np.random.default_rng((seed, done)))
        state, value = _step(loss, model, config, state, shared, batch)
        losses.append(value)
        if done % LOG_EVERY == 0 or done == config.steps:
            mean = float(np.mean(jax.device_get(losses)))
            if not np.isfinite(mean):
                raise InputError(
                    f"training diverged before step {done} (the loss is not a number); "
                    f"lower its rate, which is {config.rate}"
                )
            log({"step": done, "loss": mean})
            losses = []
    return state["params"]


@partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=3)
def _step(loss, model: nn.Module, config: LoopConfig, state, shared, batch):
    value, grads = jax.value_and_grad(partial(loss, model))(state["params"], shared, batch)
    return descend(state, grads, config.rate, config.steps), value


def occurrences(sequences: Distinct, templates: int) -> np.ndarray:
    """How often each template occurs in all that the distinct sequences stand for, `<int64>[V]`."""
    times = np.zeros(templates, np.int64)
    np.add.at(times, sequences.ids, np.repeat(sequences.counts, sequences.lengths))
    return times


def shortened(
    sequences: Distinct, times: np.ndarray, max_events: int
) -> tuple[Distinct, np.ndarray]:
    """Sequences without their commonest events, and `<int64>[E]` which of all events are left.

    Args:
      times: `<int64>[V]` how often adaptation holds each template; templates beyond: never.
    """
    templates = max(len(times), sequences.ids.max(initial=0) + 1)
    rarity = -np.pad(times, (0, templates - len(times)))
    short, positions = shorten(sequences, rarity, max_events)
    return short, np.repeat(sequences.offsets[:-1], short.lengths) + positions


def table(*vectors: np.ndarray) -> jax.Array:
    """Vectors of several systems under each other, unit variance, padded so that shapes repeat."""
    rows = np.concatenate(vectors) * np.float32(np.sqrt(vectors[0].shape[1]))
    return jnp.asarray(devices.pad_rows(rows, devices.TABLE_ROWS))
