"""The settings of a run, one dataclass for each kind of detector, and their presets."""

from dataclasses import dataclass

from glx.config import nested
from glx.errors import InputError
from glx.generallog.detector import GeneralLogConfig
from glx.logs.load import DataConfig
from glx.methods.methods import MethodConfig
from glx.zerolog.detector import ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig


@dataclass(frozen=True)
class RunConfig:
    """What a run of ZeroLog learns from, what it scores, and how.

    Attributes:
      target: the system to judge: a name of docs/data.md, NAME=FILE or a file of your own logs.
      source: a labelled system to learn from, a name or NAME=FILE; repeat it or list several with
        commas. None given: the simulated systems.
      labels: NAME=FILE, labels of your own source (or of your target, to measure): a CSV of
        `key,label` or `line,label`; repeat it for several.
      target_labels: share of the target's adaptation sequences whose labels may be learned from, as
        `1%`; the result is no zero-label one and stamped so. Unset, no label is read.
      data: where files are and how they are read and cut.
      model: ZeroLog.
    """

    target: str = "sim_vms"
    source: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    target_labels: str | None = None
    data: DataConfig = nested(DataConfig)
    model: ZeroLogConfig = nested(ZeroLogConfig)


@dataclass(frozen=True)
class GeneralLogRun(RunConfig):
    """A run of GeneralLog: ZeroLog, and what it adds.

    Attributes:
      general: router, knowledge and expert.
    """

    general: GeneralLogConfig = nested(GeneralLogConfig)


@dataclass(frozen=True)
class MethodRun:
    """A run of a method beside ours.

    Attributes:
      target, source, labels: as in `RunConfig`.
      data: where files are and how they are read and cut.
      model: the method.
    """

    target: str = "sim_vms"
    source: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    data: DataConfig = nested(DataConfig)
    model: MethodConfig = nested(MethodConfig)


AnyRun = RunConfig | MethodRun

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
