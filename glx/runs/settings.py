"""The settings of a run, one dataclass for each kind of detector, and their presets."""

from dataclasses import dataclass
from typing import Any

from glx.config import get, leaves, nested, setting
from glx.data.load import DataConfig
from glx.errors import InputError
from glx.generallog.detector import GeneralLogConfig
from glx.methods.detector import METHODS, MethodConfig
from glx.zerolog.detector import ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig

# What `--help` says of the flags of every run: (default, text).
TARGET = (
    "sim_vms",
    "the system to judge: a name of docs/data.md, NAME=FILE or a file of your own logs.",
)
SOURCE = (
    (),
    "a labelled system to learn from, a name or NAME=FILE; repeat it or list several with "
    "commas. None given: the simulated systems.",
)
LABELS = (
    (),
    "NAME=FILE, labels of your own source (or of your target, to measure): a CSV of "
    "`key,label` or `line,label`; repeat it for several.",
)


@dataclass(frozen=True)
class RunConfig:
    """What a run of ZeroLog learns from, what it scores, and how."""

    target: str = setting(*TARGET)
    source: tuple[str, ...] = setting(*SOURCE)
    labels: tuple[str, ...] = setting(*LABELS)
    target_labels: str | None = setting(
        None,
        "share of the target's adaptation sequences whose labels may be learned from, as `1%`; "
        "the result is no zero-label one and stamped so. Unset, no label is read.",
    )
    data: DataConfig = nested(DataConfig)
    model: ZeroLogConfig = nested(ZeroLogConfig)


@dataclass(frozen=True)
class GeneralLogRun(RunConfig):
    """A run of GeneralLog: ZeroLog, and what it adds."""

    general: GeneralLogConfig = nested(GeneralLogConfig)


@dataclass(frozen=True)
class MethodRun:
    """A run of a method beside ours."""

    target: str = setting(*TARGET)
    source: tuple[str, ...] = setting(*SOURCE)
    labels: tuple[str, ...] = setting(*LABELS)
    data: DataConfig = nested(DataConfig)
    model: MethodConfig = nested(MethodConfig)


AnyRun = RunConfig | MethodRun


def sources_of(config: AnyRun) -> tuple[str, ...] | None:
    """The sources that were named; None for a method that learns from the target alone.

    Raises:
      InputError: such a method was given some.
    """
    if not isinstance(config, MethodRun) or METHODS[config.model.method].uses_sources:
        return config.source
    if config.source:
        raise InputError(
            f"--source={','.join(config.source)}: --method={config.model.method} learns from the "
            "target alone; leave it out"
        )
    return None


SMALL, FULL = (
    ZeroLogConfig(),
    ZeroLogConfig(
        train=TrainConfig(
            model=ModelConfig(hidden=128), steps=2000, episodes=8, batch=32, max_events=64
        )
    ),
)
PRESETS = {"small": RunConfig(model=SMALL), "full": RunConfig(model=FULL)}
GENERAL_PRESETS = {"small": GeneralLogRun(model=SMALL), "full": GeneralLogRun(model=FULL)}
METHOD_PRESETS = {"small": MethodRun()}


# Settings of ZeroLog under which it is another method. Its own cut then is the model's posterior.
# - source-only GRU: what training on the sources alone gives, texts and nothing else: no target, no
#   adversary, no inner step. (They still run, at weight 0, so its seconds are ZeroLog's.)
# - MetaLog-style: Zhang et al., "MetaLog: Generalizable Cross-System Anomaly Detection from Logs
#   with Meta-Learning" (ICSE 2024): meta-trained on sources, tested on a few labels of the target.
TEXT_ALONE = {"structural": False, "source_limit": 0.0, "threshold": "prior"}
AS_ZEROLOG: dict[str, tuple[str, dict[str, Any]]] = {
    "source_only": (
        "source-only GRU",
        {"mu": 0.0, "reversal": False, "alpha": 0.0, **TEXT_ALONE},
    ),
    "metalog": ("MetaLog-style", {"mu": 0.0, "reversal": False, **TEXT_ALONE}),
}


def name(config: AnyRun) -> str:
    """What reports call the detector that the settings ask for."""
    if isinstance(config, MethodRun):
        return METHODS[config.model.method].name
    if isinstance(config, GeneralLogRun):
        return "GeneralLog"
    flags = {leaf.name: leaf.path for leaf in leaves(RunConfig)}
    for key, (label, changes) in AS_ZEROLOG.items():
        labelled = (key == "metalog") == (config.target_labels is not None)
        if labelled and all(get(config, flags[n]) == value for n, value in changes.items()):
            return label
    return "ZeroLog"


def share(target_labels: str) -> float:
    """`1%` or `0.01` as 0.01.

    Raises:
      InputError: not a share above 0 and up to all.
    """
    number, percent = target_labels.removesuffix("%"), target_labels.endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = float("nan")
    if not 0 < value <= 1:
        raise InputError(f"--target_labels={target_labels}: must be a share, as 1% or 0.01")
    return value
