"""What the neural methods share: training on drawn batches, and scoring in length buckets.

In: a loss and what it is taken over. Out: fitted parameters; batches of fixed shapes.

Random draws depend on (seed, step) alone. A step is compiled once for each model, config and shape
of the batch, whatever the system; scoring compiles once for each bucket.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from glx.config import setting
from glx.errors import InputError
from glx.methods.task import Log
from glx.sequences import BUCKETS, Distinct, pad, shorten
from glx.zerolog.score import TABLE_STEP

LOG_EVERY = 50  # steps


@dataclass(frozen=True)
class LoopConfig:
    """How a network is trained."""

    steps: int = setting(300, "updates.", low=1)
    batch: int = setting(64, "examples in each, drawn by how often they occur.", low=1)
    rate: float = setting(2e-3, "learning rate (Adam, cosine decay to a tenth).", low=0)


def initial(model: nn.Module, seed: int, *inputs: Any) -> Any:
    """Fresh parameters of `model` for inputs like these."""
    return _init(model, jax.random.key(seed), *inputs)


@partial(jax.jit, static_argnums=0)
def _init(model: nn.Module, key: jax.Array, *inputs: Any) -> Any:
    return model.init(key, *inputs)["params"]


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
    state = {"params": params, "opt_state": _optimizer(config).init(params)}
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
    updates, opt_state = _optimizer(config).update(grads, state["opt_state"])
    params = optax.apply_updates(state["params"], updates)
    return {"params": params, "opt_state": opt_state}, value


def _optimizer(config: LoopConfig) -> optax.GradientTransformation:
    schedule = optax.cosine_decay_schedule(config.rate, config.steps, alpha=0.1)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def occurrences(sequences: Distinct, templates: int) -> np.ndarray:
    """How often each template occurs in all that the distinct sequences stand for, `<int64>[V]`."""
    times = np.zeros(templates, np.int64)
    np.add.at(times, sequences.ids, np.repeat(sequences.counts, sequences.lengths))
    return times


def cut(sequences: Distinct, times: np.ndarray, events: int) -> tuple[Distinct, np.ndarray]:
    """Sequences of at most `events` events, the rarest, and `<int64>[E]` which of all these are.

    Args:
      times: `<int64>[V]` how often adaptation holds each template; templates beyond: never.
    """
    templates = max(len(times), sequences.ids.max(initial=0) + 1)
    short, positions = shorten(sequences, -np.pad(times, (0, templates - len(times))), events)
    return short, np.repeat(sequences.offsets[:-1], short.lengths) + positions


def table(*vectors: np.ndarray) -> jax.Array:
    """Vectors of several systems under each other, unit variance, padded so that shapes repeat."""
    rows = np.concatenate(vectors) * np.float32(np.sqrt(vectors[0].shape[1]))
    return jnp.asarray(np.pad(rows, ((0, -len(rows) % TABLE_STEP), (0, 0))))


def bucket(events: int) -> int:
    """The shortest padded length that holds so many events."""
    return BUCKETS[int(np.searchsorted(BUCKETS, events))]


def in_buckets(
    sequences: Distinct, batch: int = 512
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All sequences in batches: rows `<int64>[M]`, ids `<int32>[batch, L]`, lengths `[batch]`.

    `M <= batch`; what follows the first `M` only fills the shape.
    """
    at = np.searchsorted(BUCKETS, sequences.lengths)
    for b in np.unique(at):
        for rows, filled in chunks(np.flatnonzero(at == b), batch):
            yield rows, *pad(sequences, filled, BUCKETS[b])


def chunks(rows: np.ndarray, batch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """At most `batch` of the rows at a time, and those again, repeated to exactly `batch`."""
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        yield some, np.resize(some, batch)
