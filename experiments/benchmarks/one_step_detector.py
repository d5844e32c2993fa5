"""Detectors for timing: what they learned does not matter, so they learn in one step."""

from dataclasses import replace

import numpy as np

from glx.data.load import Parsed
from glx.runs.settings import PRESETS
from glx.sequences import LabelledSource
from glx.zerolog.detector import ZeroLogConfig


def config() -> ZeroLogConfig:
    """The small preset, with one step of training."""
    small = PRESETS["small"].model
    return replace(small, train=replace(small.train, steps=1))


def source(name: str, parsed: Parsed) -> LabelledSource:
    """A source like any other: every tenth sequence counts as anomalous."""
    labels = (np.arange(len(parsed.sequences)) % 10 == 0).astype(np.uint8)
    return LabelledSource(name, parsed.sequences, parsed.templates, labels)
