"""Scoring distinct sequences: ours, and torch's `nn.GRU` with the same heads; all of HDFS.

The time of scoring does not depend on the parameters: they are random.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import one_step_detector
from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx import devices
from glx.data.catalogue import resolve
from glx.data.load import DataConfig, load
from glx.detector import Target
from glx.nn import BiGRU, initial
from glx.sequences import Distinct, csr_offsets
from glx.zerolog.detector import ZeroLogDetector
from glx.zerolog.inputs import Inputs
from glx.zerolog.model import ModelConfig, ZeroLog
from glx.zerolog.score import score

HERE = "experiments.benchmarks.score"
D, H, L = 384, 128, 64
TEMPLATES, STATISTICS = 512, 12
RECURRENT = 2 * L * 2.0 * H * 3 * H  # operations of a sequence: both directions, each event


def cases(settings: Settings) -> Iterator[Case]:
    """100,000 distinct sequences of 64 events; the recurrent part of as many; real sequences."""
    size = {"sequences": 4096 if settings.quick else 100_000}
    words = f"{size['sequences']:,} distinct sequences, L {L}, H {H}, D {D}"
    ceiling = Call("experiments.benchmarks.ceilings:matrix_product")
    torch = {"torch nn.GRU": Call(f"{HERE}:torch_gru", size)}
    keys = 2.0 * L * 2 * H * H  # of the attention
    yield Case(
        what="score",
        case=words,
        unit="sequences/s",
        ours=Call(f"{HERE}:ours", size),
        peers=torch,
        ceiling=ceiling,
        per_unit=RECURRENT + keys,
    )
    yield Case(
        what="score",
        case="the recurrent part of it",
        unit="sequences/s",
        ours=Call(f"{HERE}:recurrent"),
        ceiling=ceiling,
        per_unit=RECURRENT,
    )
    if settings.data_dir and not settings.quick:
        where = {"data_dir": str(settings.data_dir)}
        hdfs = Call(f"{HERE}:hdfs", where)
        yield Case("score", "all HDFS sequences, from ids to verdicts", "sequences/s", hdfs)


def problem(sequences: int, events: int = L, hidden: int = H) -> tuple[ModelConfig, Any, Inputs]:
    """A network with random parameters, and random sequences, all of the full length."""
    rng = np.random.default_rng(0)
    offsets = csr_offsets(np.full(sequences, events))
    ids = rng.integers(0, TEMPLATES, offsets[-1]).astype(np.int32)
    n = np.arange(sequences)
    inputs = Inputs(
        table=rng.standard_normal((TEMPLATES, D), dtype=np.float32),
        distinct=Distinct(ids, offsets, np.ones(sequences, np.int64), n),
        positions=np.arange(len(ids)),
        statistics=rng.standard_normal((sequences, STATISTICS), dtype=np.float32),
    )
    config = ModelConfig(hidden)
    first = ids[None, :events], np.full(1, events, np.int32), inputs.statistics[:1]
    shapes = initial(ZeroLog(config), 0, inputs.table, *first)

    def random(x: jax.Array) -> np.ndarray:
        return 0.1 * rng.standard_normal(x.shape, dtype=np.float32)

    return config, jax.tree.map(random, shapes), inputs


def ours(sequences: int) -> Prepared:
    """`score`, from ids to probabilities and attention, both in NumPy."""
    config, params, inputs = problem(sequences)
    return Prepared(lambda: score(config, params, inputs), sequences)


def recurrent(batches: int = 32) -> Prepared:
    """The bidirectional GRU alone, as many batches at a time as `score`.

    All states are computed and one is returned: new pages for all of them would cost more.
    """
    size = devices.batch_size(L)
    config, params, inputs = problem(size)
    ids = jnp.asarray(inputs.distinct.ids.reshape(size, L))
    gru = BiGRU(config.hidden, None)
    gates = gru.apply({"params": params["gru"]}, inputs.table, method=BiGRU.gates)
    given = gates, ids, jnp.full(size, L, jnp.int32)
    run = jax.jit(lambda *args: jax.tree.map(lambda states: states[-1], gru.apply({}, *args)))

    def wait(states: Any, *batch: Any) -> None:
        jax.block_until_ready(states)

    return Prepared(lambda: devices.in_flight(run, wait, [given] * batches), size * batches)


def torch_gru(sequences: int, batch: int = 128) -> Prepared:
    """The same in torch: equal lengths, so nothing is padded or packed."""
    import torch

    _, params, inputs = problem(sequences)
    model = torch_model(params)
    table = torch.from_numpy(inputs.table)
    ids = torch.from_numpy(inputs.distinct.ids.reshape(sequences, -1)).long()
    statistics = torch.from_numpy(inputs.statistics)

    def run() -> None:
        with torch.inference_mode():
            for rows in torch.arange(sequences).split(batch):
                model(table, ids[rows], statistics[rows])

    return Prepared(run, sequences)


def torch_model(params: Any, limit: float = ModelConfig().source_limit) -> Any:
    """A torch module with these parameters: `table, ids, statistics -> probability, attention`."""
    import torch
    from torch import nn

    H = len(params["project"]["bias"])

    def dense(p: Any) -> nn.Linear:
        layer = nn.Linear(*p["kernel"].shape, bias="bias" in p)
        layer.weight.data = torch.from_numpy(p["kernel"].T.copy())
        if "bias" in p:
            layer.bias.data = torch.from_numpy(p["bias"])
        return layer

    p = params["gru"]
    gru = nn.GRU(p["w_input"].shape[1], H, bidirectional=True, batch_first=True)
    for k, suffix in enumerate(("", "_reverse")):
        of_candidate = np.concatenate([np.zeros(2 * H, np.float32), p["bias_candidate"][k]])
        # Its update gate is the same as ours: how much of the state stays.
        for name, value in (
            ("weight_ih", p["w_input"][k].T.copy()),
            ("weight_hh", p["w_hidden"][k].T.copy()),
            ("bias_ih", p["bias"][k]),
            ("bias_hh", of_candidate),
        ):
            getattr(gru, f"{name}_l0{suffix}").data = torch.from_numpy(value)
    key, query = (dense(params["attention"][name]) for name in ("Dense_0", "Dense_1"))
    project, head = dense(params["project"]), params["anomaly_head"]["Head_0"]
    first, last = dense(head["Dense_0"]), dense(head["Dense_1"])
    bias = float(params["anomaly_head"]["bias"])

    def model(table: Any, ids: Any, statistics: Any) -> tuple[Any, Any]:
        h, _ = gru(table[ids])
        attention = torch.softmax(query(torch.tanh(key(h)))[..., 0], -1)
        pooled = torch.einsum("bl,blh->bh", attention, h)
        z = torch.tanh(project(torch.cat([pooled, statistics], -1)))
        learned = limit * torch.tanh(last(torch.relu(first(z)))[..., 0] / limit)
        return torch.sigmoid(learned + bias + statistics[:, -1]), attention

    return model


def hdfs(data_dir: str) -> Prepared:
    """Every sequence of HDFS through a ZeroLog of one training step."""
    data = DataConfig(data_dir=data_dir)
    parsed = load(resolve("hdfs", ("sim_ras",), (), data).target, data)
    source = one_step_detector.source("hdfs", parsed)
    config = one_step_detector.config()
    detector = ZeroLogDetector.fit(config, [source], Target(parsed.adapt, parsed.templates))
    meanings = detector.understand(parsed.parser.texts)
    return Prepared(lambda: detector.judge(parsed.sequences, meanings), len(parsed.sequences))
