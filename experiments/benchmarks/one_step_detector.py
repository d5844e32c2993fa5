"""Detectors for timing: what they learned does not matter, so they learn in one step."""

import numpy as np

from glx.data.load import Parsed
from glx.sequences import LabelledSource
from glx.zerolog.detector import ZeroLogConfig
from glx.zerolog.train import TrainConfig


def config() -> ZeroLogConfig:
    """The small preset, with one step of training."""
    return ZeroLogConfig(train=TrainConfig(steps=1))


def source(name: str, parsed: Parsed) -> LabelledSource:
    """A source like any other: every tenth sequence counts as anomalous."""
    labels = (np.arange(len(parsed.sequences)) % 10 == 0).astype(np.uint8)
    return LabelledSource(name, parsed.sequences, parsed.templates, labels)
