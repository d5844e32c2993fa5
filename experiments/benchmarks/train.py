"""A meta step of ZeroLog, second order: ours, and the same computation in torch (`torch.func`)."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx.sequences import Distinct, csr_offsets
from glx.zerolog import episodes as episode_draws
from glx.zerolog import train
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig

HERE = "experiments.benchmarks.train"
D, H, L = 384, 128, 32
STATISTICS = 12  # columns, of templates and of sequences
SYSTEMS, TEMPLATES, SEQUENCES = 3, 256, 1000
STEPS = 4  # in a repeat: threads of who came before may still spin in the first


def cases(settings: Settings) -> Iterator[Case]:
    """8 episodes; each support and each query set has 32 sequences of sources, 32 of the target."""
    size = {"episodes": 2 if settings.quick else 8}
    yield Case(
        what="train",
        case=f"{size['episodes']} episodes, support and query of 64 sequences each, L {L}, H {H}, "
        f"D {D}, second order",
        unit="steps/s",
        ours=Call(f"{HERE}:ours", size),
        peers={"torch.func": Call(f"{HERE}:torch_func", size)},
        ceiling=Call("experiments.benchmarks.ceilings:matrix_product"),
        per_unit=operations(size["episodes"]),
    )


def operations(episodes: int) -> float:
    """Of the matrix products of a step, as we compute it.

    Of each episode's sets of 64 sequences the recurrence and the attention's keys are multiplied 12
    times (forward, back, and both again for the second order), the table of the gates 5 times, and
    once for each half of the episodes.
    """
    recurrent = 2 * 2.0 * L * 64 * H * 3 * H
    keys = 2.0 * L * 64 * 2 * H * H
    gates = 2 * 2.0 * SYSTEMS * TEMPLATES * (D + STATISTICS) * 3 * H
    return episodes * (12 * recurrent + 12 * keys + 5 * gates) + 2 * gates


def config(episodes: int, hidden: int = H, events: int = L, batch: int = 32) -> train.TrainConfig:
    """Of the step that is measured; sizes may be smaller in tests."""
    model = ModelConfig(hidden=hidden)
    return train.TrainConfig(model=model, episodes=episodes, batch=batch, max_events=events)


def system(seed: int, width: int, events: int) -> Inputs:
    """A system of random templates and sequences, all of the full length."""
    rng = np.random.default_rng(seed)
    n = np.arange(SEQUENCES)
    offsets = csr_offsets(np.full(SEQUENCES, events))
    ids = rng.integers(0, TEMPLATES, offsets[-1]).astype(np.int32)
    return Inputs(
        table=rng.standard_normal((TEMPLATES, width + STATISTICS), dtype=np.float32),
        distinct=Distinct(ids, offsets, np.ones(SEQUENCES, np.int64), n),
        positions=np.arange(len(ids)),
        statistics=rng.standard_normal((SEQUENCES, STATISTICS), dtype=np.float32),
    )


def problem(of: train.TrainConfig, width: int = D) -> tuple[train.Packed, Any, Any]:
    """Two sources and a target, packed, and the support and query rows of a step."""
    packed = train.pack([system(s, width, of.max_events) for s in range(SYSTEMS)], of.max_events)
    anomalous = (np.arange(SEQUENCES) % 4 == 0).astype(np.int64)
    sources = SYSTEMS - 1
    pools = episode_draws.make_pools(
        [1 - anomalous] * sources, [anomalous] * sources, np.ones(SEQUENCES, np.int64), seed=0
    )
    return packed, *episode_draws.draw(pools, 0, 0, of.episodes, of.batch)


def ours(episodes: int) -> Prepared:
    """The jitted step, from row numbers to new parameters."""
    of = config(episodes)
    packed, supports, queries = problem(of)
    step, state = train.make_step(of), train.init_state(of, packed, 0)

    def run() -> None:
        nonlocal state
        for _ in range(STEPS):
            state, _ = step(state, packed, supports, queries)
        jax.block_until_ready(state)

    return Prepared(run, STEPS)


def torch_func(episodes: int) -> Prepared:
    """The same step by `vmap` over `vjp` of `vjp`, clipped Adam after it."""
    import torch

    of = config(episodes)
    packed, supports, queries = problem(of)
    params = as_torch(jax.device_get(train.init_state(of, packed, 0)["params"]))
    table, *sets = as_torch(jax.device_get((packed.table, *batches(packed, supports, queries))))
    leaves = torch.utils._pytree.tree_leaves(params)
    adam = torch.optim.Adam(leaves, lr=of.beta)
    meta_direction = torch_direction(of, lam=0.5)

    def run() -> None:
        for _ in range(STEPS):
            grads = meta_direction(params, table, *sets)
            for leaf, grad in zip(leaves, torch.utils._pytree.tree_leaves(grads), strict=True):
                leaf.grad = grad
            torch.nn.utils.clip_grad_norm_(leaves, 1.0)
            adam.step()

    return Prepared(run, STEPS)


def batches(packed: train.Packed, *rows: episode_draws.Rows) -> list[dict[str, Any]]:
    """What `train.gather` finds for each of the rows, by name."""
    return [train.gather(packed, r)._asdict() for r in rows]


def as_torch(tree: Any) -> Any:
    """A tree of NumPy arrays as one of torch tensors, ids as int64."""
    import torch

    def convert(x: Any) -> Any:
        t = torch.from_numpy(np.array(x))
        return t.long() if t.dtype == torch.int32 else t

    return jax.tree.map(convert, tree)


def torch_direction(of: train.TrainConfig, lam: float) -> Callable[..., Any]:
    """`glx.zerolog.meta.meta_direction` in torch: `params, table, supports, queries -> grads`."""
    import torch
    from torch.func import grad, vjp, vmap
    from torch.nn.functional import binary_cross_entropy_with_logits, linear
    from torch.utils._pytree import tree_map

    limit, mu, alpha, gamma = of.model.source_limit, of.mu, of.alpha, of.gamma

    def dense(p, x):
        return linear(x, p["kernel"].T, p.get("bias"))

    def head(p, z):
        return dense(p["Dense_1"], torch.relu(dense(p["Dense_0"], z)))[..., 0]

    def gru(p, table, ids, lengths):
        w_hidden, bias_candidate = p["w_hidden"], p["bias_candidate"][:, None]
        gates = torch.einsum("ve,keg->kvg", table, p["w_input"]) + p["bias"][:, None]
        steps, last = torch.arange(ids.shape[1]), lengths[:, None] - 1
        mirror = torch.where(steps <= last, last - steps, steps)
        x = torch.stack([gates[0][ids], gates[1][ids.gather(1, mirror)]])
        h = torch.zeros((2, len(ids), w_hidden.shape[1]))
        states = []
        for x_t in x.unbind(2):
            a = torch.bmm(h, w_hidden)
            x_r, x_u, x_n = x_t.chunk(3, -1)
            a_r, a_u, a_n = a.chunk(3, -1)
            reset, update = torch.sigmoid(x_r + a_r), torch.sigmoid(x_u + a_u)
            candidate = torch.tanh(x_n + reset * (a_n + bias_candidate))
            h = (1 - update) * candidate + update * h
            states.append(h)
        forward, backward = torch.stack(states, 2)
        at = mirror[:, :, None].expand(-1, -1, h.shape[-1])
        return torch.cat([forward, backward.gather(1, at)], -1)

    def encode(p, table, b):
        h = gru(p["gru"], table, b["ids"], b["lengths"])
        logits = dense(p["attention"]["Dense_1"], torch.tanh(dense(p["attention"]["Dense_0"], h)))
        outside = torch.arange(h.shape[1]) >= b["lengths"][:, None]
        weights = torch.softmax(logits[..., 0].masked_fill(outside, -torch.inf), -1)
        pooled = torch.einsum("bl,blh->bh", weights, h)
        return torch.tanh(dense(p["project"], torch.cat([pooled, b["statistics"]], -1)))

    def mean(values, weights):
        return (values * weights).sum() / weights.sum().clamp(min=1)

    def l_cls(p, z, b):
        learned = limit * torch.tanh(head(p["Head_0"], z) / limit)
        logits = learned + p["bias"] + b["statistics"][:, -1] + b["log_odds"]
        loss = binary_cross_entropy_with_logits(logits, b["label"], reduction="none")
        return mean(loss, 1 - b["target"])

    def l_dom(p, z, b):
        loss = binary_cross_entropy_with_logits(head(p, z), b["target"], reduction="none")
        return 0.5 * (mean(loss, 1 - b["target"]) + mean(loss, b["target"]))

    def direction(params, table, b):
        encoder = {k: v for k, v in params.items() if not k.endswith("_head")}
        z, pull_back = vjp(lambda p: encode(p, table, b), encoder)
        d_anomaly, cls = grad(l_cls, (0, 1))(params["anomaly_head"], z, b)
        d_domain, dom = grad(l_dom, (0, 1))(params["domain_head"], z, b)
        (d_encoder,) = pull_back(cls - mu * lam * dom)
        d_domain = tree_map(lambda g: mu * g, d_domain)
        grads = {**d_encoder, "anomaly_head": d_anomaly, "domain_head": d_domain}
        return {name: grads[name] for name in params}  # torch compares the order too

    def episode(params, table, support, query):
        def adapt(params):
            grads = direction(params, table, support)
            return tree_map(lambda p, g: p - alpha * g, params, grads), grads

        adapted, pull_back, d_support = vjp(adapt, params, has_aux=True)
        (d_query,) = pull_back(direction(adapted, table, query))
        return tree_map(lambda s, q: s + gamma * q, d_support, d_query)

    def meta_direction(params, table, supports, queries):
        per_episode = vmap(episode, in_dims=(None, None, 0, 0))(params, table, supports, queries)
        return tree_map(lambda g: g.mean(0), per_episode)

    return meta_direction
