"""The methods beside ours by name, each made a detector like our own.

In: labelled sources, an unlabelled target, settings. Out: a `MethodDetector`.
"""

from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Self

import jax
import numpy as np

from glx import threshold
from glx.config import nested, rebuild, setting
from glx.detector import DEFAULT, Detector, DetectorConfig, Options, Target
from glx.embed.alarm import Meanings
from glx.embed.embed import EmbedConfig, embed
from glx.errors import InputError
from glx.methods import deeplog, forest, k4, logtad, pca, plelog, rapid
from glx.methods.deeplog import DeepLog, DeepLogConfig
from glx.methods.forest import Forest, ForestConfig
from glx.methods.k4 import K4, K4Config
from glx.methods.logtad import LogTAD, LogTADConfig
from glx.methods.loop import LoopConfig
from glx.methods.pca import PCA, PCAConfig
from glx.methods.plelog import PLELog, PLELogConfig
from glx.methods.rapid import Rapid, RapidConfig
from glx.methods.task import Fitted, Method, Source, Task
from glx.nn import least_bytes
from glx.sequences import LabelledSource, Sequences, distinct
from glx.state import State
from glx.verdicts import Verdicts, heaviest

METHODS = {
    "deeplog": Method("DeepLog", deeplog.fit, DeepLog),
    "plelog": Method("PLELog-style", plelog.fit, PLELog),
    "logtad": Method("LogTAD-style", logtad.fit, LogTAD, needs_sources=True),
    "rapid": Method("RAPID-style", rapid.fit, Rapid),
    "forest": Method("isolation forest", forest.fit, Forest),
    "pca": Method("PCA", pca.fit, PCA),
    "k4": Method("K4-style", k4.fit, K4),
}


@dataclass(frozen=True)
class MethodConfig(DetectorConfig):
    """Everything that determines a fitted method beside its data."""

    method: str = setting("deeplog", "which one.", among=tuple(METHODS))
    deeplog: DeepLogConfig = nested(DeepLogConfig, prefix="deeplog_")
    plelog: PLELogConfig = nested(PLELogConfig, prefix="plelog_")
    logtad: LogTADConfig = nested(LogTADConfig, prefix="logtad_")
    rapid: RapidConfig = nested(RapidConfig, prefix="rapid_")
    forest: ForestConfig = nested(ForestConfig, prefix="forest_")
    pca: PCAConfig = nested(PCAConfig, prefix="pca_")
    k4: K4Config = nested(K4Config, prefix="k4_")
    embed: EmbedConfig = nested(EmbedConfig, prefix="embed_")
    threshold: str = setting(
        threshold.DEFAULT,
        "method of the label-free cut, one of `glx.threshold.METHODS`, where the paper has none "
        "that needs no label.",
        among=threshold.METHODS,
    )
    seed: int = setting(0, "of everything random.", low=0)

    @property
    def detector(self) -> "type[MethodDetector]":
        """The class that these are the settings of."""
        return MethodDetector

    def name(self, labelled: bool = False) -> str:
        """What reports call the method."""
        return METHODS[self.method].name

    @property
    def needs_sources(self) -> bool:
        """Whether the method learns from sources too."""
        return METHODS[self.method].needs_sources

    @property
    def least_memory(self) -> tuple[int, tuple[str, ...]]:
        """Of a method that trains a network."""
        if not isinstance(self.own, LoopConfig):
            return 0, ()
        size = asdict(self.own)
        events = size.get("window", size.get("max_events", 1))
        needed = least_bytes(size["hidden"], size.get("layers", 1), self.own.batch, events)
        names = ("hidden", "layers", "batch", "window", "max_events")
        return needed, tuple(f"{self.method}_{name}" for name in names if name in size)

    @property
    def own(self) -> Any:
        """Those of the method alone."""
        return getattr(self, self.method)


@dataclass(frozen=True)
class MethodDetector(Detector):
    """A fitted method and its label-free cut."""

    config: MethodConfig
    fitted: Fitted
    threshold: float

    @classmethod
    def fit(
        cls,
        config: MethodConfig,
        sources: list[LabelledSource],
        target: Target,
        options: Options = DEFAULT,
    ) -> Self:
        """Fit the method that the settings name."""
        if options.few is not None:
            raise InputError(f"--target_labels: {config.name()} learns from no label of the target")
        encode = partial(embed, config=config.embed)
        unique, vectors = distinct(target.adapt), encode(target.templates.texts)
        known = [Source(*s.distinct(), encode(s.templates.texts)) for s in sources]
        task, method = Task(known, unique, vectors, config.seed), METHODS[config.method]
        fitted = options.training(config, lambda log: method.fit(task, config.own, log))
        cut = fitted.cut
        if cut is None:
            scores = fitted.score(unique, vectors).scores
            cut = threshold.fit(scores, unique.counts, config.threshold)
        return cls(config, fitted, cut)

    def judge(self, sequences: Sequences, meanings: Meanings) -> Verdicts:
        """Score sequences of the target; an event's weight is its share of its sequence's."""
        unique = distinct(sequences)
        scores, weights = self.fitted.score(unique, meanings.vectors)
        total = np.add.reduceat(weights, unique.offsets[:-1])
        shares = weights / np.repeat(np.maximum(total, 1e-12), unique.lengths)
        at, heavy = heaviest(unique.offsets, shares.astype(np.float32))
        at = np.where(heavy > 0, at, -1)
        return Verdicts(
            distinct=unique,
            scores=scores,
            places=np.where(at >= 0, at - unique.offsets[:-1, None], -1),
            weights=heavy,
            ids=unique.ids[at],
            reasons=np.full(len(unique), None),
            causes=np.where(at[:, 0] >= 0, unique.ids[at[:, 0]], -1),
            lacks=np.zeros(len(unique), dtype=bool),
        )

    def to_state(self) -> State:
        """As in `glx.detector`."""
        config = asdict(self.config)
        del config["embed"]["cache_dir"]
        names = [field.name for field in fields(self.fitted) if field.init]
        arrays = {name: getattr(self.fitted, name) for name in names if name != "config"}
        settings = {"config": config, "threshold": self.threshold}
        return State({"fitted": jax.tree.map(np.asarray, arrays)}, {}, settings)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """What `to_state` gave."""
        config = rebuild(MethodConfig, state.settings["config"])
        fitted = METHODS[config.method].fitted(config=config.own, **state.arrays["fitted"])
        return cls(config, fitted, float(state.settings["threshold"]))
