"""A fitted ZeroLog: from labelled sources and an unlabelled target to a `Detector`, and its scores.

In: parsed systems, source labels as an explicit argument. Out: a detector that scores sequences of
the target's templates. No argument here could carry a label of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glx import surprise, threshold
from glx.config import nested, setting
from glx.embed.embed import EmbedConfig, embed
from glx.logs.sequences import Distinct, Sequences, Templates, distinct
from glx.verdicts import Judged, heaviest
from glx.zerolog import episodes
from glx.zerolog.inputs import system_inputs
from glx.zerolog.score import score
from glx.zerolog.train import TrainConfig, pack, train


@dataclass(frozen=True)
class ZeroLogConfig:
    """Everything that determines a fitted ZeroLog beside its data.

    Attributes:
      train: network and training.
      embed: the sentence encoder.
      threshold: method of the label-free cut, one of `glx.threshold.METHODS`.
      seed: of initialisation, episodes and pools.
    """

    train: TrainConfig = nested(TrainConfig)
    embed: EmbedConfig = nested(EmbedConfig, prefix="embed_")
    threshold: str = setting(threshold.DEFAULT, among=threshold.METHODS)
    seed: int = setting(0, low=0)


@dataclass(frozen=True)
class LabelledSource:
    """A source system: `labels` is `<uint8>[N]`, one for each of its `N` sequences."""

    name: str
    sequences: Sequences
    templates: Templates
    labels: np.ndarray

    def distinct(self) -> tuple[Distinct, np.ndarray]:
        """Its `U` distinct sequences, and `<int64>[U]` how many of each are anomalous."""
        unique = distinct(self.sequences)
        anomalous = np.bincount(unique.inverse, self.labels, len(unique))
        return unique, anomalous.astype(np.int64)


@dataclass(frozen=True)
class Detector:
    """Parameters, the target's habits and the cut."""

    config: ZeroLogConfig
    params: dict
    habits: surprise.Habits
    threshold: float


def fit(
    sources: list[LabelledSource],
    adapt: Sequences,
    templates: Templates,
    config: ZeroLogConfig,
    folder: Path | None = None,
    log: Callable[[dict], None] = lambda row: None,
    few: LabelledSource | None = None,
) -> Detector:
    """Train on labelled sources and on the target's adapt part, then set the label-free cut.

    Args:
      adapt: the target's sequences to adapt on, unlabelled.
      templates: the target's template table.
      folder: where the training state is kept, so that a killed run goes on; None for nowhere.
      log: gets a dict every `config.train.log_every` steps.
      few: sequences of the target whose labels may be learned from; every query is of them, as in
        MetaLog (Zhang et al., ICSE 2024). None, as ever but there: no label of the target.
    """

    def inputs_of(templates, habits, unique):
        vectors = embed(templates.texts, config.embed)
        rules = config.train.max_events, config.train.structural
        return system_inputs(vectors, habits, unique, *rules)

    adapted = distinct(adapt)
    own = surprise.fit(adapted, len(templates))
    inputs, normal, anomalous = [], [], []
    for source in [*sources, *([few] if few else [])]:
        unique, of_label = source.distinct()
        habits = own if source is few else surprise.fit(unique, len(source.templates))
        inputs.append(inputs_of(source.templates, habits, unique))
        normal.append(unique.counts - of_label)
        anomalous.append(of_label)
    inputs.append(inputs_of(templates, own, adapted))
    held_out = len(sources) if few else None
    state = train(
        config.train,
        pack(inputs, config.train.max_events),
        episodes.make_pools(normal, anomalous, adapted.counts, config.seed, held_out),
        config.seed,
        folder,
        log,
    )
    scores, _ = score(config.train.model, state["params"], inputs[-1])
    cut = threshold.fit(scores, adapted.counts, config.threshold)
    return Detector(config, state["params"], own, cut)


def score_sequences(detector: Detector, sequences: Sequences, vectors: np.ndarray) -> Judged:
    """Score sequences of the target; an event weighs by attention times structural surprise.

    Args:
      vectors: `<float32>[V, D]` of the templates that the ids stand for, new ones included, as
        `glx.embed` gives them.
    """
    unique = distinct(sequences)
    train = detector.config.train
    inputs = system_inputs(vectors, detector.habits, unique, train.max_events, train.structural)
    scores, attention = score(detector.config.train.model, detector.params, inputs)
    short = inputs.distinct
    kept = np.repeat(unique.offsets[:-1], short.lengths) + inputs.positions
    weight = attention * surprise.event_surprise(detector.habits, unique)[kept]
    total = np.bincount(np.repeat(np.arange(len(short)), short.lengths), weight, len(short))
    weight = weight / np.repeat(np.maximum(total, 1e-12), short.lengths)
    at, weights = heaviest(short.offsets, weight.astype(np.float32))
    return Judged(
        distinct=unique,
        scores=scores,
        places=np.where(at >= 0, inputs.positions[at], -1),
        weights=weights,
        ids=short.ids[at],
    )
