"""A fitted GeneralLog: ZeroLog for general sequences, an expert for proprietary ones.

In: a fitted ZeroLog, its labelled sources, the target's unlabelled adaptation sequences. Out: a
detector that routes sequences, asks the expert about the proprietary ones, adds what the target's
own profile say to its answers (`glx.evidence`), and puts both routes on one scale.
"""

from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from scipy.special import expit, logit

from glx import evidence
from glx.config import nested, setting
from glx.embed.alarm import Meanings
from glx.embed.embed import embed
from glx.generallog import route
from glx.generallog.expert import Expert, ExpertInput
from glx.generallog.experts import ExpertConfig
from glx.generallog.knowledge import Knowledge, KnowledgeConfig, build, from_sources
from glx.generallog.notes import with_notes
from glx.generallog.route import ONE_WAY, RouteConfig, Routed, Router
from glx.llm.request import Costs
from glx.sequences import Distinct, LabelledSource, Sequences, distinct
from glx.verdicts import Verdicts
from glx.zerolog import detector as zerolog

HIGHEST = 15.0  # log-odds; float32 has no score between those of 17 and 1
CUT = 0.5  # of both routes, once their scores are on one scale
PARTS = ("write_questions", "expert.expert", "expert.responses")  # of one run, in turn
# On these no verdict depends: a server may move between two tries.
WHERE = ("llm_url", "llm_patience", "llm_concurrency", "llm_batch", "llm_timeout", "cache")


@dataclass(frozen=True)
class GeneralLogConfig:
    """What GeneralLog adds to ZeroLog."""

    route: RouteConfig = nested(RouteConfig)
    knowledge: KnowledgeConfig = nested(KnowledgeConfig)
    expert: ExpertConfig = nested(ExpertConfig)
    write_questions: str | None = setting(
        None, "file to write our templates to, with counts, for somebody to answer."
    )


@dataclass(frozen=True)
class Detector:
    """A fitted GeneralLog.

    Attributes:
      zerolog: judges general sequences.
      config: the settings of the rest.
      router: tells the routes apart.
      source_texts: template texts of each source, in the order of the router.
      knowledge: what is known of the sources, and the user's notes.
    """

    zerolog: zerolog.Detector
    config: GeneralLogConfig
    router: Router
    source_texts: list[list[str]]
    knowledge: Knowledge

    @property
    def threshold(self) -> float:
        """The cut of both routes, on the common scale."""
        return CUT


def may_differ(config: GeneralLogConfig) -> tuple[str, ...]:
    """Settings that a run may change when it goes on; with `replay` those of its parts alone."""
    if config.expert.expert == "replay":
        return PARTS
    return (*PARTS, *(f"expert.llm.{name}" for name in WHERE))


def fit(
    base: zerolog.Detector,
    sources: list[LabelledSource],
    adapt: Sequences,
    texts: list[str],
    config: GeneralLogConfig,
) -> Detector:
    """Router and knowledge on top of a fitted ZeroLog; nothing is trained.

    Args:
      base: ZeroLog, fitted on the same sources and target.
      adapt: the target's sequences to adapt on, unlabelled.
      texts: `V` template texts of the target.
    """
    encoder = base.config.embed
    vectors = [embed(source.templates.texts, encoder) for source in sources]
    encode = partial(embed, config=encoder)
    own, unique = embed(texts, encoder), distinct(adapt)
    taught = config.knowledge.known_sources
    known = from_sources(sources, vectors) if taught else build([], own[:0])
    known = with_notes(known, config.knowledge, encode)
    names, seed = [s.name for s in sources], base.config.seed
    router = route.fit(own, unique, vectors, names, config.route, seed)
    return Detector(base, config, router, [s.templates.texts for s in sources], known)


def judge(detector: Detector, sequences: Sequences, read: Meanings, expert: Expert) -> Verdicts:
    """Verdicts of sequences of the target; their metrics are of the routes and the expert.

    Args:
      read: of the `V` templates that the ids stand for, new ones included.
    """
    base, texts = zerolog.score_sequences(detector.zerolog, sequences, read), read.texts
    unique = base.distinct
    routed = route.route(detector.router, unique, read.vectors)
    scores = on_one_scale(base.scores, detector.zerolog.threshold)
    places, weights, ids = base.places.copy(), base.weights.copy(), base.ids.copy()
    reasons = base.reasons.copy()
    rows, costs = np.flatnonzero(~routed.general), Costs()
    if len(rows):
        asked = unique.take(rows)
        inputs = expert_input(detector, asked, read, routed, rows)
        answers = expert(inputs)
        decisive = asked.ids[asked.offsets[:-1] + answers.places]
        absent = evidence.absence(detector.zerolog.profile, asked)
        says = np.maximum(evidence.bounded_logit(answers.p) + inputs.rarity[decisive], absent)
        scores[rows] = expit(np.minimum(says, HIGHEST))
        places[rows], weights[rows] = -1, 0
        places[rows, 0], weights[rows, 0] = answers.places, 1
        ids[rows, 0] = decisive
        reasons[rows] = answers.reasons
        lack = np.flatnonzero((absent >= 0) & (says <= absent))
        reasons[rows[lack]] = zerolog.missing(detector.zerolog.profile, asked, lack, texts)
        costs = answers.costs
    routes = np.where(routed.general, "general", "proprietary")
    one_way = detector.config.route.route in ONE_WAY
    metrics = route.summary(routed, unique.counts, one_way=one_way) | asdict(costs)
    metrics |= {"tau": detector.router.tau, "expert": detector.config.expert.expert}
    metrics["stamps"] = ["hardly two routes"] if metrics["warning"] else []
    metrics["stamps"] += ["abstentions"] if np.isnan(scores).any() else []
    deciding = route.explain(detector.router, routed, texts, detector.source_texts)
    more = reasons, routes, deciding, routed.x_sim, metrics
    return Verdicts(unique, scores, places, weights, ids, *more)


def expert_input(
    detector: Detector,
    sequences: Distinct,
    read: Meanings,
    routed: Routed,
    rows: np.ndarray,
) -> ExpertInput:
    """What an expert is asked about: `sequences` are the `rows` of those that were routed."""
    profile, texts = detector.zerolog.profile, read.texts
    share = np.zeros(len(texts))
    share[: len(profile.present)] = profile.present / max(int(profile.n_sequences), 1)
    seen = np.zeros(len(texts), dtype=bool)
    seen[: len(profile.seen)] = profile.seen
    return ExpertInput(
        sequences=sequences,
        texts=texts,
        vectors=read.vectors,
        alarm=read.alarm,
        rarity=evidence.rarity(profile, len(texts)),
        share=share,
        seen=seen,
        similarity=routed.similarity,
        tau=detector.router.tau,
        deciding=routed.deciding[rows],
    )


def on_one_scale(p: np.ndarray, cut: float) -> np.ndarray:
    """ZeroLog's probabilities with their log-odds shifted so that `cut` becomes `CUT`.

    Scores of both routes then mean the same: how far beyond its own cut a sequence is. Every
    decision stays as it was.
    """
    inside = np.clip(p.astype(np.float64), 1e-9, 1 - 1e-9)
    shifted = expit(logit(inside) - logit(np.clip(cut, 1e-9, 1 - 1e-9))).astype(np.float32)
    below = np.nextafter(np.float32(CUT), np.float32(0))
    kept = np.where(p >= np.float32(cut), np.maximum(shifted, CUT), np.minimum(shifted, below))
    return kept.astype(np.float32)
