"""A million templates: what is asked of a device, and what of a CPU."""

from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks import million
from experiments.benchmarks.settings import Settings
from glx import devices


def test_the_cases_are_of_a_million(tmp_path: Path):
    embedded, routed = million.cases(Settings(None, quick=False, folder=tmp_path))
    assert embedded.ours.arguments == {"n": 1_000_000}
    assert routed.ours.arguments == {"targets": 1_000_000, "sources": 10_000}


def test_small_ones_run(tmp_path: Path):
    for case in million.cases(Settings(None, quick=True, folder=tmp_path)):
        found = case.ours.prepare()
        assert found.amount == (100 if "embedded" in case.case else 10_000)
        assert len(np.asarray(found.run()[0])) in (384, 10_000)


@pytest.mark.parametrize(("cpu", "amount"), [(True, 3), (False, 300)])
def test_a_cpu_embeds_a_share_and_a_device_all(cpu, amount, monkeypatch):
    monkeypatch.setattr(devices, "on_cpu", lambda: cpu)
    assert million.embedded(300).amount == amount
