"""A fitted ZeroLog: a network trained on labelled sources and an unlabelled target, and its cut.

In: labelled sources, an unlabelled target. Out: a detector that scores sequences of the target.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from glx import evidence, exported, threshold
from glx.config import nested, rebuild, setting, with_flags
from glx.data.load import LogParser
from glx.detector import DEFAULT, Detector, DetectorConfig, Log, Options, Target
from glx.embed import alarm
from glx.embed.alarm import Meanings, meanings
from glx.embed.embed import EmbedConfig
from glx.errors import InputError
from glx.nn import least_bytes
from glx.parse.levels import SEVERE
from glx.profile import Profile, fit_profile, share_at_level
from glx.redact import Mask, redact
from glx.sequences import Distinct, LabelledSource, Sequences, distinct, first_highest
from glx.state import State
from glx.statements.known import KnownConfig, known_statements, look_up, parted
from glx.statements.match import Statements
from glx.verdicts import Verdicts, heaviest
from glx.zerolog import episodes
from glx.zerolog.inputs import Inputs, system_inputs
from glx.zerolog.score import Network, network, score, shapes
from glx.zerolog.train import TrainConfig, pack, train

# Settings under which ZeroLog is another method: what reports call it, and flags. Its cut then is
# the model's posterior.
# - ZeroLog as published: the network on texts alone, without what the target's own profile tells.
# - source-only GRU: what training on the sources alone gives, texts and nothing else: no target, no
#   adversary, no inner step. (They still run, at weight 0, so its seconds are ZeroLog's.)
# - MetaLog-style: Zhang et al., "MetaLog: Generalizable Cross-System Anomaly Detection from Logs
#   with Meta-Learning" (ICSE 2024): meta-trained on sources, tested on a few labels of the target.
TEXT_ALONE = {"structural": False, "source_limit": 0.0, "threshold": "prior"}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "source_only": (
        "source-only GRU",
        {"mu": 0.0, "reversal": False, "alpha": 0.0, **TEXT_ALONE},
    ),
    "metalog": ("MetaLog-style", {"mu": 0.0, "reversal": False, **TEXT_ALONE}),
    "zerolog_published": ("ZeroLog as published", {"reading": False, **TEXT_ALONE}),
}


@dataclass(frozen=True)
class ZeroLogConfig(DetectorConfig):
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
    known: KnownConfig = nested(KnownConfig)

    @property
    def detector(self) -> "type[ZeroLogDetector]":
        """The class that these are the settings of."""
        return ZeroLogDetector

    def name(self, labelled: bool = False) -> str:
        """`ZeroLog`, or the variant that these are the settings of."""
        for key, (label, flags) in VARIANTS.items():
            if labelled == (key == "metalog") and with_flags(self, flags) == self:
                return label
        return "ZeroLog"

    @property
    def steps(self) -> int:
        """Of training."""
        return self.train.steps

    @property
    def least_memory(self) -> tuple[int, tuple[str, ...]]:
        """Of one episode's four batches at a time, and of all that is drawn for a step."""
        train = self.train
        batch, drawn = 4 * train.batch, 16 * train.episodes * train.batch * train.max_events
        needed = least_bytes(train.model.hidden, 1, batch, train.max_events) + drawn
        return needed, ("hidden", "batch", "episodes", "max_events")

    def prepare(self, parser: LogParser, say: Callable[[str], None], mask: Mask = redact) -> None:
        """Read source code now, which is kept, rather than after the work.

        Raises:
          InputError: it cannot be read, or is none.
        """
        _, notes = parted(self.known.knowledge)
        if notes:
            raise InputError(
                f"--knowledge={notes[0]}: holds no source code, and notes are for the experts of "
                "glx generallog"
            )
        look_up(self.known, parser.texts, say)


@dataclass(frozen=True)
class ZeroLogDetector(Detector):
    """Parameters, the target's profile, the cut, and log statements of the target's programs.

    `exported` is the network as `score` takes it, None where it is to be traced.
    """

    config: ZeroLogConfig
    params: dict
    profile: Profile
    threshold: float
    statements: Statements | None = None
    exported: Network | None = None

    @classmethod
    def fit(
        cls,
        config: ZeroLogConfig,
        sources: list[LabelledSource],
        target: Target,
        options: Options = DEFAULT,
    ) -> Self:
        """Train on labelled sources and on the target's adapt part, then set the label-free cut.

        With labels of the target every query is of those, as in MetaLog (Zhang et al., ICSE 2024).
        """
        if config.threshold == threshold.EVIDENCE and not config.train.structural:
            raise InputError(
                "--nostructural: leaves no evidence to cut by; give --threshold=mixture"
            )
        known = known_statements(config.known)
        fitted = options.training(
            config, lambda log: _fit(config, sources, target, options, known, log)
        )
        return cls(config, *fitted, known)

    def understand(self, texts: Sequence[str], mask: Mask = redact) -> Meanings:
        """As in `glx.detector`, by their log statements too."""
        return meanings(texts, self.config.embed, self.config.reading, self.statements, mask)

    def usual(self) -> Profile:
        """As in `glx.detector`."""
        return self.profile

    def refreshed(self, target: Target) -> Self:
        """As in `glx.detector`: profile and cut are of the newer logs."""
        understood, adapted = self.understand(target.templates.texts), distinct(target.adapt)
        profile = _profile(adapted, understood)
        inputs = _inputs(self.config, understood, profile, adapted)
        cut = _cut(self.config, self.params, inputs, adapted)
        return replace(self, profile=profile, threshold=cut)

    def judge(self, sequences: Sequences, meanings: Meanings) -> Verdicts:
        """Score sequences of the target; an event weighs by attention times its log-odds.

        Args:
          meanings: of the `V` templates that the ids stand for, new ones included.
        """
        unique, profile, train = distinct(sequences), self.profile, self.config.train
        inputs = _inputs(self.config, meanings, profile, unique)
        scores, attention = score(train.model, self.params, inputs, exported=self.exported)
        short = inputs.distinct
        owner = np.repeat(np.arange(len(short)), short.lengths)
        weight = attention
        reasons = np.full(len(unique), None)
        deciding, lacks = np.full(len(unique), -1), np.zeros(len(unique), dtype=bool)
        if train.structural:
            levels = meanings.levels
            log_odds = evidence.event_log_odds(profile, meanings.alarm, levels)[short.ids]
            highest, place = first_highest(log_odds, short)
            weight = attention * np.exp(log_odds - highest[owner])
            absent = evidence.absence(profile, unique)
            deciding = short.ids[short.offsets[:-1] + place].astype(np.int64)
            lacks = (absent >= 0) & (absent >= highest)
            rows = np.flatnonzero(lacks)
            reasons[rows], deciding[rows] = missing(profile, unique, rows, meanings.shown)
            rows = np.flatnonzero((highest >= 0) & ~lacks)
            reasons[rows] = [unusual(profile, meanings, v) for v in deciding[rows]]
        total = np.bincount(owner, weight, len(short))
        at, weights = heaviest(short.offsets, (weight / total[owner]).astype(np.float32))
        return Verdicts(
            distinct=unique,
            scores=scores,
            places=np.where(at >= 0, inputs.positions[at], -1),
            weights=weights,
            ids=short.ids[at],
            reasons=reasons,
            causes=np.where(deciding < 0, short.ids[at[:, 0]], deciding),
            lacks=lacks,
        )

    def to_state(self) -> State:
        """As in `glx.detector`."""
        config = asdict(self.config)
        del config["embed"]["cache_dir"]
        settings = {"config": config, "threshold": self.threshold, "alarm_model": alarm.load()[1]}
        settings["programs"] = exported.VERSIONS
        arrays = {"params": self.params, "profile": asdict(self.profile)}
        model = self.config.train.model
        arrays["programs"] = exported.export(network(model), *shapes(model, self.params))
        statements = {} if self.statements is None else {"statements": self.statements.table}
        return State(arrays, statements, settings)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """What `to_state` gave.

        Raises:
          InputError: it was fitted with another alarm model.
        """
        arrays, tables, settings = state
        if settings["alarm_model"] != alarm.load()[1]:
            raise InputError("fitted with another alarm model; fit it again")
        return cls(
            rebuild(ZeroLogConfig, settings["config"]),
            arrays["params"],
            Profile.of(arrays["profile"]),
            float(settings["threshold"]),
            Statements(tables["statements"]) if "statements" in tables else None,
            exported.restore(arrays.get("programs", {}), settings.get("programs", {})),
        )


def _fit(
    config: ZeroLogConfig,
    sources: list[LabelledSource],
    target: Target,
    options: Options,
    known: Statements | None,
    log: Log,
) -> tuple[dict, Profile, float]:
    """Parameters, the target's profile, the cut; `known` are statements of the target."""

    def read(texts: list[str], statements: Statements | None = None) -> Meanings:
        return meanings(texts, config.embed, config.reading, statements)

    few, adapted = options.few, distinct(target.adapt)
    understood = read(target.templates.texts, known)
    own = _profile(adapted, understood)
    inputs, normal, anomalous = [], [], []
    for source in [*sources, *([few] if few else [])]:
        unique, of_label = source.distinct()
        of_source = understood if source is few else read(source.templates.texts)
        profile = own if source is few else _profile(unique, of_source)
        inputs.append(_inputs(config, of_source, profile, unique))
        normal.append(unique.counts - of_label)
        anomalous.append(of_label)
    inputs.append(_inputs(config, understood, own, adapted))
    held_out = len(sources) if few else None
    state = train(
        config.train,
        pack(inputs, config.train.max_events),
        episodes.make_pools(normal, anomalous, adapted.counts, config.seed, held_out),
        config.seed,
        options.folder,
        log,
    )
    return state["params"], own, _cut(config, state["params"], inputs[-1], adapted)


def _cut(config: ZeroLogConfig, params: dict, inputs: Inputs, adapted: Distinct) -> float:
    """The label-free cut on the target's adaptation sequences."""
    scores, _ = score(config.train.model, params, inputs)
    if config.threshold != threshold.EVIDENCE:
        return threshold.fit(scores, adapted.counts, config.threshold)
    return threshold.evidence_threshold(scores, inputs.statistics[:, -1], adapted.counts)


def _inputs(
    config: ZeroLogConfig, understood: Meanings, profile: Profile, unique: Distinct
) -> Inputs:
    rules = config.train.max_events, config.train.structural
    return system_inputs(understood, profile, unique, *rules)


def _profile(unique: Distinct, understood: Meanings) -> Profile:
    n_templates = len(understood.texts)
    return fit_profile(
        evidence.inliers(unique, n_templates), n_templates, unique, understood.levels
    )


def level_reason(profile: Profile, levels: np.ndarray, event: int) -> list[str]:
    """In words, that an event's level is rare in its own system; nothing where it is not."""
    if not evidence.level(profile, levels)[event]:
        return []
    share = share_at_level(profile, levels[event])
    of = f"{share:.2%} of usual sequences have" if share else "no usual sequence has"
    return [f"{SEVERE[levels[event] - 1]}, a level that {of}"]


def unusual(profile: Profile, meanings: Meanings, event: int) -> str:
    """An event and what is unusual about it in its own system, in words."""
    if event < len(profile.seen) and profile.seen[event]:
        rare = (
            f"in {profile.present[event] / max(int(profile.n_sequences), 1):.2%} of usual sequences"
        )
    else:
        rare = "never seen before"
    level = level_reason(profile, meanings.levels, event)
    return "; ".join([f'"{meanings.shown[event]}"', *meanings.origin(event), *level, rare])


def percent(part: int, whole: int) -> str:
    """`part` of `whole` as a percentage, rounded down, so that 100.0% means all."""
    return f"{1000 * part // whole / 10:.1f}%"


def missing(
    profile: Profile, sequences: Distinct, rows: np.ndarray, texts: list[str]
) -> tuple[list[str], list[int]]:
    """For each of the `rows` the commonest event that the sequence lacks, in words, and its id.

    Shares are of all sequences that were learned from, inliers or not.
    """
    kinds = profile.kinds
    found, ids = [], []
    for place in evidence.missing(kinds, sequences.take(rows))[1].tolist():
        kind = kinds.kind[place]
        n, held = int(kinds.sequences[kind]), int(kinds.held[place])
        whole = kind == len(kinds.event) - 1
        of = (
            f"all {n:,} sequences"
            if whole
            else (f'the {n:,} sequences with "{texts[kinds.event[kind]]}"')
        )
        ids.append(int(kinds.usual[place]))
        found.append(f'lacks "{texts[ids[-1]]}", which {percent(held, n)} of {of} have')
    return found, ids
