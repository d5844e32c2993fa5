"""A fitted ZeroLog: from labelled sources and an unlabelled target to a `Detector`, and its scores.

In: parsed systems, source labels as an explicit argument. Out: a detector that scores sequences of
the target's templates. No argument here could carry a label of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from glx import evidence, threshold
from glx.config import nested, setting
from glx.embed.alarm import Meanings, meanings
from glx.embed.embed import EmbedConfig
from glx.errors import InputError
from glx.profile import Profile, commonest_missing, fit_profile
from glx.sequences import Distinct, LabelledSource, Sequences, Templates, distinct, first_highest
from glx.verdicts import Verdicts, heaviest
from glx.zerolog import episodes
from glx.zerolog.inputs import system_inputs
from glx.zerolog.score import score
from glx.zerolog.train import TrainConfig, pack, train


@dataclass(frozen=True)
class ZeroLogConfig:
    """Everything that determines a fitted ZeroLog beside its data."""

    train: TrainConfig = nested(TrainConfig)
    embed: EmbedConfig = nested(EmbedConfig, prefix="embed_")
    reading: bool = setting(
        True, "weigh how alarming texts read; False: every event reads alike (an ablation)."
    )
    threshold: str = setting(
        threshold.EVIDENCE,
        "method of the label-free cut: `evidence`, where the evidence turns to speak for an "
        "anomaly, or one of `glx.threshold.METHODS`, on the scores.",
        among=threshold.LABEL_FREE,
    )
    seed: int = setting(0, "of initialisation, episodes and pools.", low=0)


@dataclass(frozen=True)
class Detector:
    """Parameters, the target's profile and the cut."""

    config: ZeroLogConfig
    params: dict
    profile: Profile
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

    Raises:
      InputError: the settings contradict each other, or there is too little to learn from.

    Args:
      adapt: the target's sequences to adapt on, unlabelled.
      templates: the target's template table.
      folder: where the training state is kept, so that a killed run goes on; None for nowhere.
      log: gets a dict every `config.train.log_every` steps.
      few: sequences of the target whose labels may be learned from; every query is of them, as in
        MetaLog (Zhang et al., ICSE 2024). None, as ever but there: no label of the target.
    """

    if config.threshold == threshold.EVIDENCE and not config.train.structural:
        raise InputError("--nostructural: leaves no evidence to cut by; give --threshold=mixture")

    def inputs_of(templates, profile, unique):
        read = meanings(templates.texts, config.embed, config.reading)
        rules = config.train.max_events, config.train.structural
        return system_inputs(read, profile, unique, *rules)

    adapted = distinct(adapt)
    own = _profile(adapted, templates)
    inputs, normal, anomalous = [], [], []
    for source in [*sources, *([few] if few else [])]:
        unique, of_label = source.distinct()
        profile = own if source is few else _profile(unique, source.templates)
        inputs.append(inputs_of(source.templates, profile, unique))
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
    if config.threshold != threshold.EVIDENCE:
        cut = threshold.fit(scores, adapted.counts, config.threshold)
    else:
        cut = _where_evidence_turns(scores, inputs[-1].statistics[:, -1], adapted.counts)
    return Detector(config, state["params"], own, cut)


def _where_evidence_turns(scores: np.ndarray, says: np.ndarray, counts: np.ndarray) -> float:
    """The score of a sequence whose evidence is 0 and of which the sources say what they say most.

    How common anomalies are in the sources is no reason to expect as many here: the median of what
    they add to the target's adaptation sequences is taken off.
    """
    inside = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    added = logit(inside) - says
    order = np.argsort(added)
    half = np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)
    return float(np.float32(expit(added[order][half])))


def _profile(unique: Distinct, templates: Templates) -> Profile:
    return fit_profile(evidence.inliers(unique, len(templates)), len(templates), unique)


def score_sequences(detector: Detector, sequences: Sequences, read: Meanings) -> Verdicts:
    """Score sequences of the target; an event weighs by attention times what it says.

    Args:
      read: of the `V` templates that the ids stand for, new ones included, as `glx.embed` gives
        them.
    """
    unique, profile = distinct(sequences), detector.profile
    train = detector.config.train
    inputs = system_inputs(read, profile, unique, train.max_events, train.structural)
    scores, attention = score(detector.config.train.model, detector.params, inputs)
    short = inputs.distinct
    owner = np.repeat(np.arange(len(short)), short.lengths)
    weight = attention
    reasons = np.full(len(unique), None)
    if train.structural:
        says = evidence.event_log_odds(profile, read.alarm)[short.ids]
        highest, _ = first_highest(says, short)
        weight = attention * np.exp(says - highest[owner])
        absent = evidence.absence(profile, unique)
        rows = np.flatnonzero((absent >= 0) & (absent >= highest))
        reasons[rows] = missing(profile, unique, rows, read.texts)
    total = np.bincount(owner, weight, len(short))
    at, weights = heaviest(short.offsets, (weight / total[owner]).astype(np.float32))
    return Verdicts(
        distinct=unique,
        scores=scores,
        places=np.where(at >= 0, inputs.positions[at], -1),
        weights=weights,
        ids=short.ids[at],
        reasons=reasons,
    )


def missing(profile: Profile, sequences: Distinct, rows: np.ndarray, texts: list[str]) -> list[str]:
    """For each of the `rows` what the most usual event is that the sequence lacks, in words."""
    share = profile.present / max(int(profile.n_sequences), 1)
    return [
        f'lacks "{texts[v]}", which {share[v]:.1%} of sequences have'
        for v in commonest_missing(profile, sequences.take(rows)).tolist()
    ]
