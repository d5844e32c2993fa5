"""The methods beside ours by name, from a target's logs to verdicts like those of our own.

In: labelled sources, the target's unlabelled adaptation sequences, settings. Out: a `Detector`, and
by it `Verdicts`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from glx import threshold
from glx.config import nested, setting
from glx.embed.embed import EmbedConfig, embed
from glx.methods import deeplog, forest, logtad, pca, plelog, rapid
from glx.methods.deeplog import DeepLogConfig
from glx.methods.forest import ForestConfig
from glx.methods.logtad import LogTADConfig
from glx.methods.pca import PCAConfig
from glx.methods.plelog import PLELogConfig
from glx.methods.rapid import RapidConfig
from glx.methods.task import Fitted, Log, Source, Task
from glx.sequences import LabelledSource, Sequences, Templates, distinct
from glx.verdicts import Verdicts, heaviest


class Method(NamedTuple):
    """What reports call it, what fits it, and whether it learns from sources too."""

    name: str
    fit: Callable[[Task, Any, Log], Fitted]
    uses_sources: bool = False


METHODS = {
    "deeplog": Method("DeepLog", deeplog.fit),
    "plelog": Method("PLELog-style", plelog.fit),
    "logtad": Method("LogTAD-style", logtad.fit, uses_sources=True),
    "rapid": Method("RAPID-style", rapid.fit),
    "forest": Method("isolation forest", forest.fit),
    "pca": Method("PCA", pca.fit),
}


@dataclass(frozen=True)
class MethodConfig:
    """Everything that determines a fitted method beside its data."""

    method: str = setting("deeplog", "which one.", among=tuple(METHODS))
    deeplog: DeepLogConfig = nested(DeepLogConfig, prefix="deeplog_")
    plelog: PLELogConfig = nested(PLELogConfig, prefix="plelog_")
    logtad: LogTADConfig = nested(LogTADConfig, prefix="logtad_")
    rapid: RapidConfig = nested(RapidConfig, prefix="rapid_")
    forest: ForestConfig = nested(ForestConfig, prefix="forest_")
    pca: PCAConfig = nested(PCAConfig, prefix="pca_")
    embed: EmbedConfig = nested(EmbedConfig, prefix="embed_")
    threshold: str = setting(
        threshold.DEFAULT,
        "method of the label-free cut, one of `glx.threshold.METHODS`, where the paper has none "
        "that needs no label.",
        among=threshold.METHODS,
    )
    seed: int = setting(0, "of all that is drawn.", low=0)


@dataclass(frozen=True)
class Detector:
    """A fitted method and its label-free cut."""

    fitted: Fitted
    threshold: float


def fit(
    sources: list[LabelledSource],
    adapt: Sequences,
    templates: Templates,
    config: MethodConfig,
    log: Log = lambda row: None,
) -> Detector:
    """Fit the method that the settings name; arguments as of `glx.zerolog.detector.fit`."""
    encode = partial(embed, config=config.embed)
    unique = distinct(adapt)
    task = Task(
        [_source(s, encode(s.templates.texts)) for s in sources],
        unique,
        encode(templates.texts),
        config.seed,
    )
    method = METHODS[config.method]
    fitted = method.fit(task, getattr(config, config.method), log)
    cut = fitted.cut
    if cut is None:
        cut = threshold.fit(
            fitted.score(unique, task.vectors).scores, unique.counts, config.threshold
        )
    return Detector(fitted, cut)


def score_sequences(detector: Detector, sequences: Sequences, vectors: np.ndarray) -> Verdicts:
    """Score sequences of the target.

    Args:
      vectors: `<float32>[V, D]` of the templates that the ids stand for, new ones included.
    """
    unique = distinct(sequences)
    scores, weights = detector.fitted.score(unique, vectors)
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
    )


def _source(source: LabelledSource, vectors: np.ndarray) -> Source:
    unique, anomalous = source.distinct()
    return Source(source.name, unique, anomalous, vectors)
