"""What every detector is, ours or a published one: its settings, a fitted one, how it is saved.

In: labelled sources, an unlabelled target. Out: verdicts on sequences of the target. Runs, the
command line and the API know detectors by these protocols alone: settings name their detector's
class, which fits one. A class that inherits from a protocol gets its defaults.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from glx.data.load import LogParser
from glx.embed.alarm import Meanings, meanings
from glx.embed.embed import EmbedConfig
from glx.errors import InputError
from glx.profile import Profile
from glx.redact import Mask, redact
from glx.sequences import LabelledSource, Sequences, Templates
from glx.state import State
from glx.verdicts import Verdicts

T = TypeVar("T")
Log = Callable[[dict], None]  # gets rows of training metrics, each with its `step`
Report = Callable[[int, int, int], None]  # gets questions answered, questions in all, tokens so far


def silent(done: int, total: int, tokens: int) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Target:
    """What a detector may learn of the system that it is to judge; nothing here can hold a label.

    Attributes:
      adapt: sequences to adapt on.
      templates: the template table as those sequences know it.
      numbers: `<int64>[V]` the event number of each template, where the system came as numbers.
    """

    adapt: Sequences
    templates: Templates
    numbers: np.ndarray | None = None


class DetectorConfig(Protocol):
    """Everything that determines a fitted detector beside its data; a frozen dataclass.

    Attributes:
      embed: the sentence encoder.
      threshold: method of the label-free cut.
      seed: of everything random.
    """

    embed: EmbedConfig
    threshold: str
    seed: int

    @property
    def detector(self) -> "type[Detector]":
        """The class that these are the settings of."""

    @property
    def reading(self) -> bool:
        """Whether it asks how alarming template texts read."""
        return False

    @property
    def needs_sources(self) -> bool:
        """Whether it learns from labelled sources too."""
        return True

    @property
    def steps(self) -> int | None:
        """Of training; None where none are shown."""
        return None

    @property
    def least_memory(self) -> tuple[int, tuple[str, ...]]:
        """Bytes that training needs, whatever the data are, and the flags that they grow with."""
        return 0, ()

    @property
    def may_differ(self) -> tuple[str, ...]:
        """Settings, as `embed.cache_dir`, that may change when a run goes on."""
        return ("embed.cache_dir",)

    def name(self, labelled: bool = False) -> str:
        """What reports call the detector; `labelled`: it also learns from labels of the target."""

    def prepare(self, parser: LogParser, say: Callable[[str], None], mask: Mask = redact) -> None:
        """What can be done or can go wrong before the work; `parser` has read the target.

        Args:
          mask: what becomes of a text where it is shown.

        Raises:
          InputError, OutsideError, Paused: as their classes say.
        """
        return


class Training(Protocol):
    """Runs training: `fit(log)`, or what it gave for the same settings and data before."""

    def __call__(self, config: DetectorConfig, fit: Callable[[Log], T], /) -> T: ...


def train_now(config: DetectorConfig, fit: Callable[[Log], T]) -> T:
    """Train, and log nothing."""
    return fit(lambda row: None)


@dataclass(frozen=True)
class Options:
    """How a detector is fitted.

    Attributes:
      few: sequences of the target whose labels may be learned from, the one way in for them; None
        for no label.
      folder: where the state of training is kept, so that a killed run goes on; None for nowhere.
      training: runs what is trained.
    """

    few: LabelledSource | None = None
    folder: Path | None = None
    training: Training = train_now


DEFAULT = Options()


class Detector(Protocol):
    """A fitted detector; a frozen dataclass.

    Attributes:
      config: its settings.
      threshold: `score >= threshold` is anomalous.
    """

    config: Any
    threshold: float

    @classmethod
    def fit(
        cls,
        config: Any,
        sources: list[LabelledSource],
        target: Target,
        options: Options = DEFAULT,
    ) -> Self:
        """Fit on labelled sources and the unlabelled target; `config` is of this class.

        Raises:
          InputError: the settings contradict each other, or there is too little to learn from.
        """

    def with_expert(
        self,
        change: Callable[[Any], Any] = lambda config: config,
        *,
        folder: Path | None = None,
        report: Report = silent,
        say: Callable[[str], None] = lambda text: None,
        ask: Callable | None = None,
    ) -> Self:
        """The detector with its expert made ready; itself where it asks none.

        Args:
          change: gives the expert's settings in place of those that were fitted.
          folder: where the expert `batch` writes its requests; None where it cannot be used.
          report: gets the progress of questions.
          say: is told of a server that is waited for.
          ask: asks the server in place of this process (`glx.llm.client.Ask`); it was tried.

        Raises:
          InputError: the expert lacks something, or cannot be used here.
          OutsideError: its server is out of reach.
        """
        return self

    def usual(self) -> Profile | None:
        """What is usual in the target; None where the detector keeps no profile."""
        return None

    def without_expert(self) -> "Detector":
        """The part of the detector that asks no language model; itself where it is all of it."""
        return self

    def refreshed(self, target: Target) -> Self:
        """The same detector for newer unlabelled logs of its system.

        What was learned of the target alone is learned anew; networks stay as they were trained.
        Here that is all, which a method that also learned from sources cannot do without them.

        Args:
          target: its first templates are those that the detector knows.

        Raises:
          InputError: it learned from sources too, or there is too little to learn from.
        """
        if self.config.needs_sources:
            raise InputError(f"{self.config.name()} learns from its sources too; fit it anew")
        return self.fit(self.config, [], target)

    def finish(self) -> None:
        """Raise OutsideError, at the end of a log, where its expert had too few usable answers."""
        return

    def understand(self, texts: Sequence[str], mask: Mask = redact) -> Meanings:
        """What template texts mean to it; `mask`: what becomes of a text where it is shown."""
        return meanings(texts, self.config.embed, self.config.reading, mask=mask)

    def judge(self, sequences: Sequences, meanings: Meanings) -> Verdicts:
        """Verdicts on sequences of the target.

        Args:
          meanings: of the `V` templates that the ids stand for, new ones included.

        Raises:
          OutsideError, Paused: the expert gave up, or waits for answers.
        """

    def to_state(self) -> State:
        """All of it, for `glx.checkpoint`, but paths of caches: who loads it has their own."""

    @classmethod
    def from_state(cls, state: State) -> Self:
        """What `to_state` gave.

        Raises:
          InputError, KeyError, TypeError: it is not what `to_state` gives.
        """
