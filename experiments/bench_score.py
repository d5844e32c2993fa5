"""Measure scoring: every HDFS sequence through a ZeroLog, from the file to scores.

    python -m experiments.bench_score --data_dir=DIR

The parameters are those of one training step: what is learned does not matter for the time. Prints
a table. To expect of two cores: all 575,059 sequences well under 20 seconds.
"""

import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import flags
from absl.flags import FlagValues
from rich.console import Console
from rich.table import Table

from experiments.flags import run
from glx.embed.alarm import meanings
from glx.errors import InputError
from glx.logs.catalogue import resolve
from glx.logs.load import DataConfig, load
from glx.runs.memory import peak_memory_mb
from glx.runs.settings import PRESETS
from glx.zerolog.detector import LabelledSource, fit, score_sequences


def define_flags() -> FlagValues:
    values = FlagValues()
    flags.DEFINE_string("data_dir", None, "Folder of docs/data.md.", flag_values=values)
    flags.DEFINE_integer("repeats", 5, "Timed repeats.", lower_bound=1, flag_values=values)
    return values


def main(values: FlagValues) -> None:
    if not values.data_dir:
        raise InputError("--data_dir: missing; docs/data.md says how to get the data")
    data = DataConfig(data_dir=values.data_dir)
    hdfs = resolve("hdfs", ("sim_ras",), (), data).target
    parsed, reading = timed(lambda: load(hdfs, data))
    config = PRESETS["small"].model
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, steps=1))
    # A source like any other: every tenth sequence counts as anomalous.
    labels = (np.arange(len(parsed.sequences)) % 10 == 0).astype(np.uint8)
    source = LabelledSource("hdfs", parsed.sequences, parsed.templates, labels)
    detector = fit([source], parsed.adapt, parsed.templates, config)
    texts = parsed.reader.texts
    read = meanings(texts, config.embed)

    def score() -> Any:
        return score_sequences(detector, parsed.sequences, read, texts)

    scored, first = timed(score)
    repeats = sorted(timed(score)[1] for _ in range(values.repeats))
    median = repeats[len(repeats) // 2]
    table = Table(
        title=f"{len(parsed.sequences):,} HDFS sequences, {len(scored.distinct):,} distinct"
    )
    for name in ("stage", "seconds", "range", "sequences/s", "events/s"):
        table.add_column(name, justify="right")
    n, events = len(parsed.sequences), len(parsed.sequences.ids)
    for name, seconds, span in (
        ("read", reading, ""),
        ("score, compiling", first, ""),
        ("score", median, f"{repeats[0]:.2f} to {repeats[-1]:.2f}"),
    ):
        rates = f"{n / seconds:,.0f}", f"{events / seconds:,.0f}"
        table.add_row(name, f"{seconds:.2f}", span, *rates)
    Console().print(table, f"peak memory {peak_memory_mb():,.0f} MB")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(run(main, define_flags(), __doc__, sys.argv))
