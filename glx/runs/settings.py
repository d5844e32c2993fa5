"""The settings of a run: what it learns from, what it judges, by which detector; their presets."""

from dataclasses import asdict, dataclass
from typing import Any

from glx.config import flat, nested, setting
from glx.data.catalogue import read_panel, split_names
from glx.data.load import DataConfig
from glx.detector import DetectorConfig
from glx.errors import InputError
from glx.generallog.detector import GeneralLogConfig
from glx.methods.detector import MethodConfig
from glx.zerolog.detector import ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig


@dataclass(frozen=True)
class RunConfig:
    """A run of ZeroLog, and what a run of any other detector shares with it."""

    target: str | tuple[str, ...] = setting(
        "sim_vms",
        "the system to judge: a name of docs/data.md, NAME=FILE or a file of your own logs; for "
        "FILE also a folder or a quoted glob, or repeat it for several files of one log.",
    )
    source: tuple[str, ...] = setting(
        (),
        "a labelled system to learn from, a name or NAME=FILE (of one NAME several, as above); "
        "repeat it or list names with commas. None given: the simulated systems.",
    )
    labels: tuple[str, ...] = setting(
        (),
        "NAME=FILE, labels of your own source (or of your target, to measure): a CSV of "
        "`key,label` or `line,label`; repeat it for several.",
    )
    target_labels: str | None = setting(
        None,
        "share of the target's adaptation sequences whose labels may be learned from, as `1%`; "
        "the result is no zero-label one and stamped so. Unset, no label is read.",
    )
    data: DataConfig = nested(DataConfig)
    model: DetectorConfig = nested(ZeroLogConfig)

    @property
    def target_name(self) -> str:
        """The target as it was given, without its files where it has a name."""
        return (self.target if isinstance(self.target, str) else self.target[0]).partition("=")[0]

    @property
    def sources(self) -> tuple[str, ...] | None:
        """The sources that were named; None for a detector that learns from the target alone.

        Raises:
          InputError: such a detector was given some.
        """
        if self.model.needs_sources:
            return self.source
        if self.source:
            raise InputError(
                f"--source={','.join(self.source)}: {self.model.name()} learns from the target "
                "alone; leave it out"
            )
        return None

    @property
    def recorded(self) -> dict[str, Any]:
        """What `config.json` keeps of it: every setting, and what a panel says of its systems."""
        panel, names = read_panel(self.data), (self.target_name, *split_names(self.source))
        described = {
            one.name: {"paths": one.paths, "labels": one.labels, "family": one.family}
            | asdict(one.how)
            for name in names
            if (one := panel.get(name)) is not None and one.how is not None
        }
        return asdict(self) | ({"described": described} if described else {})

    @property
    def compared(self) -> dict[str, Any]:
        """The settings that all processes of a run have alike."""
        free = self.may_differ
        return {name: value for name, value in flat(asdict(self)).items() if name not in free}

    @property
    def may_differ(self) -> tuple[str, ...]:
        """Settings that may change when a run goes on."""
        return ("data.cache_dir", *(f"model.{name}" for name in self.model.may_differ))


@dataclass(frozen=True)
class GeneralLogRun(RunConfig):
    """A run of GeneralLog."""

    model: GeneralLogConfig = nested(GeneralLogConfig)


@dataclass(frozen=True)
class MethodRun(RunConfig):
    """A run of a method beside ours."""

    model: MethodConfig = nested(MethodConfig)


FULL = TrainConfig(model=ModelConfig(hidden=128), steps=2000, episodes=8, batch=32, max_events=64)
PRESETS = {"small": RunConfig(), "full": RunConfig(model=ZeroLogConfig(train=FULL))}
GENERAL_PRESETS = {
    "small": GeneralLogRun(),
    "full": GeneralLogRun(model=GeneralLogConfig(train=FULL)),
}
METHOD_PRESETS = {"small": MethodRun()}
