"""Training: jitted meta steps over one state pytree.

In: the systems' inputs and pools. Out: parameters.

Everything a step needs (the packed sequences, the template table) lies on the device; the host
sends row numbers. Random draws depend on (seed, step) alone, so that a resumed run repeats exactly.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from glx import checkpoint, devices, hosts, nn
from glx.config import nested, setting
from glx.errors import InputError
from glx.sequences import BUCKETS, pad_all
from glx.zerolog import episodes, meta
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog

State = dict  # {"params", "opt_state", "step"}: one pytree


@dataclass(frozen=True)
class TrainConfig:
    """How ZeroLog is trained."""

    model: ModelConfig = nested(ModelConfig)
    steps: int = setting(200, "outer steps.", low=1)
    episodes: int = setting(
        4, "`N`, episodes in a step; on a CPU an even number makes use of two cores.", low=1
    )
    batch: int = setting(
        16, "source sequences, and as many target sequences, in each support and query set.", low=2
    )
    max_events: int = setting(
        32, "`L`, events of a sequence; longer ones are shortened.", low=1, high=BUCKETS[-1]
    )
    alpha: float = setting(0.05, "inner learning rate.", low=0)
    beta: float = setting(2e-3, "outer learning rate (Adam, cosine decay to a tenth).", low=0)
    mu: float = setting(0.1, "weight of the domain loss.", low=0)
    gamma: float = setting(1.0, "weight of the query's losses.", low=0)
    second_order: bool = setting(
        True, "differentiate through the inner step; else first-order MAML."
    )
    reversal: bool = setting(
        True, "train the encoder against the domain head; False switches the reversal off."
    )
    structural: bool = setting(
        True,
        "give the network the structural statistics beside the text vectors; False: the habits of "
        "the target count nowhere, nor beside an expert's answers.",
    )
    log_every: int = setting(20, "steps between two lines of `train.jsonl`.", low=1)
    checkpoint_every: int = setting(100, "steps between two checkpoints.", low=1)


@dataclass(frozen=True)
class Packed:
    """All systems' sequences in one array, sources first; rows are numbered through.

    Attributes:
      table: `<float32>[V, E]` the systems' tables under each other.
      ids: `<int32>[U, L]` rows of `table`.
      lengths: `<int32>[U]`.
      statistics: `<float32>[U, F]`.
    """

    table: jax.Array
    ids: jax.Array
    lengths: jax.Array
    statistics: jax.Array


jax.tree_util.register_dataclass(Packed)


def pack(systems: list[Inputs], max_events: int) -> Packed:
    """Put the systems' tables and sequences under each other."""
    tables = [system.table for system in systems]
    ids, lengths = pad_all([system.distinct for system in systems], tables, max_events)
    statistics = np.concatenate([system.statistics for system in systems])
    return Packed(*map(jnp.asarray, (np.concatenate(tables), ids, lengths, statistics)))


def init_state(config: TrainConfig, packed: Packed, seed: int) -> State:
    """Fresh parameters, optimizer state and step 0."""
    first = packed.ids[:1], packed.lengths[:1], packed.statistics[:1]
    params = nn.initial(ZeroLog(config.model), seed, packed.table, *first)
    opt_state = nn.optimizer(config.beta, config.steps).init(params)
    return {"params": params, "opt_state": opt_state, "step": jnp.zeros((), jnp.int32)}


def gather(packed: Packed, rows: episodes.Rows) -> meta.Batch:
    """The sequences `rows` names, with a leading axis of episodes."""
    return meta.Batch(
        ids=packed.ids[rows.rows],
        lengths=packed.lengths[rows.rows],
        statistics=packed.statistics[rows.rows],
        label=rows.label,
        target=rows.target,
        log_odds=rows.log_odds,
    )


@lru_cache(maxsize=8)
def make_step(config: TrainConfig, mesh: Mesh | None = None) -> Callable:
    """The compiled `state, packed, supports, queries -> state, metrics`; the state is donated.

    One for each config and mesh, so that training again does not compile again; see `devices.step`.
    """
    model = ZeroLog(config.model)

    def direction(state: State, packed: Packed, supports: episodes.Rows, queries: episodes.Rows):
        lam = meta.reversal_schedule(state["step"], config.steps) if config.reversal else 0.0
        grads, metrics = meta.meta_direction(
            model,
            state["params"],
            packed.table,
            gather(packed, supports),
            gather(packed, queries),
            alpha=config.alpha,
            mu=config.mu,
            lam=lam,
            gamma=config.gamma,
            second_order=config.second_order,
        )
        return grads, metrics | {"lambda": jnp.asarray(lam)}

    def update(state: State, grads, metrics):
        new = nn.descend(state, grads, config.beta, config.steps)
        new["step"] = state["step"] + 1
        return new, metrics | {"gradient_norm": optax.tree.norm(grads)}

    return devices.step(direction, update, config.episodes, mesh)


@lru_cache(maxsize=8)
def make_call(config: TrainConfig, mesh: Mesh) -> Callable:
    """`state, packed, rows -> state, metrics` of a list of steps: as `_calls` has them."""
    return devices.several(make_step(config, mesh), _most(config), mesh)


def _most(config: TrainConfig) -> int:
    """Steps of a call: their rows lie on the device together."""
    return min(devices.sizes().steps, config.log_every, config.checkpoint_every, config.steps)


def _calls(step: int, config: TrainConfig) -> Iterator[range]:
    """The steps of each call; none goes beyond a row of the log."""
    while step < config.steps:
        rows = (config.log_every, config.checkpoint_every)
        end = min(step + _most(config), config.steps, *(step - step % n + n for n in rows))
        yield range(step, end)
        step = end


def train(
    config: TrainConfig,
    packed: Packed,
    pools: episodes.Pools,
    seed: int,
    folder: Path | None = None,
    log: Callable[[dict], None] = lambda row: None,
) -> State:
    """Train from the newest checkpoint in `folder` (or from the start) to `config.steps`.

    Under `jax.distributed` every process calls this with the same arguments.

    Args:
      log: called every `log_every` steps with the means since the last call: losses, `lambda`,
        `data_seconds` (drawing on the host), `step_seconds` (waiting for the device).

    Raises:
      InputError: a loss is not a number, or more processes than can share the episodes evenly.
    """
    mesh = devices.make_mesh(config.episodes)
    if mesh.size < jax.device_count() and hosts.first():
        warnings.warn(
            f"--episodes={config.episodes}: only {mesh.size} of {jax.device_count()} devices can "
            "share them evenly",
            stacklevel=2,
        )
    state = init_state(config, packed, seed)
    state, packed = devices.put((state, packed), devices.replicated(mesh))
    if folder is not None:
        state = checkpoint.restore_newest(folder, state)
    advance, pending = make_call(config, mesh), []
    data_seconds, began = 0.0, time.perf_counter()
    for steps in _calls(int(state["step"]), config):
        drawing = time.perf_counter()
        rows = [episodes.draw(pools, seed, step, config.episodes, config.batch) for step in steps]
        data_seconds += time.perf_counter() - drawing
        state, metrics = advance(state, packed, rows)
        pending.append((metrics, len(rows)))
        done = steps.stop
        saves = done % config.checkpoint_every == 0 or done == config.steps
        # A row ends at every checkpoint too, so that a resumed run writes the same rows.
        if done % config.log_every == 0 or saves:
            found, n = jax.device_get(pending), sum(n for _, n in pending)
            each = {k: np.concatenate([np.atleast_1d(m[k])[:i] for m, i in found]) for k in metrics}
            means = {k: float(values.mean()) for k, values in each.items()}
            if not all(np.isfinite(list(means.values()))):
                raise InputError(
                    f"training diverged before step {done} (a loss is not a number); "
                    "lower --alpha, --beta or --mu"
                )
            elapsed = time.perf_counter() - began
            log(
                {"step": done, **means}
                | {"data_seconds": data_seconds / n, "step_seconds": (elapsed - data_seconds) / n}
            )
            pending, data_seconds, began = [], 0.0, time.perf_counter()
        if folder is not None and saves:
            checkpoint.save_step(folder, done, state)
    return jax.tree.map(jnp.asarray, jax.device_get(state))
