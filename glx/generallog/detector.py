"""A fitted GeneralLog: ZeroLog for general sequences, an expert for proprietary ones.

In: labelled sources, an unlabelled target. Out: a detector that routes sequences, asks the expert
about the proprietary ones, adds the evidence of the target's own profile to its answers
(`glx.evidence`), and puts both routes on one scale.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from scipy.special import expit, logit

from glx import hosts
from glx.config import nested, rebuild, setting
from glx.data.load import LogParser
from glx.detector import DEFAULT, Detector, Options, Report, Target, silent
from glx.embed.alarm import Meanings
from glx.embed.embed import embed
from glx.errors import Paused
from glx.files import given_path, writable
from glx.generallog import experts, knowledge, notes, route
from glx.generallog.expert import Expert, ExpertAnswers, ExpertInput
from glx.generallog.experts import ExpertConfig, ExpertContext
from glx.generallog.habits import Habits, of_profile, of_texts_alone
from glx.generallog.knowledge import Knowledge, KnowledgeConfig
from glx.generallog.open_questions import write_questions
from glx.generallog.route import ONE_WAY, RouteConfig, Routed, Router
from glx.llm.client import Ask
from glx.llm.request import Costs
from glx.redact import Mask, redact
from glx.sequences import Distinct, LabelledSource, Sequences, distinct
from glx.state import State
from glx.statements.known import look_up, parted
from glx.verdicts import Verdicts
from glx.zerolog.detector import ZeroLogConfig, ZeroLogDetector, level_reason, missing

HIGHEST = 15.0  # log-odds; float32 has no score between those of 17 and 1
CUT = 0.5  # of both routes, once their scores are on one scale
PARTS = ("write_questions", "expert.expert", "expert.responses")  # of one run, in turn
# On these no verdict depends: a server may move between two tries.
WHERE = ("llm_url", "llm_patience", "llm_concurrency", "llm_batch", "llm_timeout", "cache")


@dataclass(frozen=True)
class GeneralLogConfig(ZeroLogConfig):
    """The settings of ZeroLog, and what GeneralLog adds."""

    route: RouteConfig = nested(RouteConfig)
    knowledge: KnowledgeConfig = nested(KnowledgeConfig)
    expert: ExpertConfig = nested(ExpertConfig)
    write_questions: str | None = setting(
        None, "file to write our templates to, with counts, for somebody to answer.", read=writable
    )

    @property
    def detector(self) -> "type[GeneralLogDetector]":  # type: ignore[override]
        """The class that these are the settings of."""
        return GeneralLogDetector

    def name(self, labelled: bool = False) -> str:
        """What reports call it."""
        return "GeneralLog"

    @property
    def judges_all(self) -> bool:
        """The expert judges general sequences too: answers that are there anyway cost nothing."""
        free = self.expert.expert == "answers" and self.route.route not in ONE_WAY
        return free and self.train.structural

    @property
    def zerolog(self) -> ZeroLogConfig:
        """Those of its ZeroLog."""
        return ZeroLogConfig(**{f.name: getattr(self, f.name) for f in fields(ZeroLogConfig)})

    @property
    def may_differ(self) -> tuple[str, ...]:
        """Settings that a run may change when it goes on; with `replay` not those of the server."""
        server = () if self.expert.expert == "replay" else WHERE
        return (*super().may_differ, *PARTS, *(f"expert.llm.{name}" for name in server))

    def prepare(self, parser: LogParser, say: Callable[[str], None], mask: Mask = redact) -> None:
        """Write questions; miss a file, a tokenizer or a URL now rather than after the work.

        Raises:
          InputError, OutsideError: as `experts.prepare` and `notes.read` say.
          Paused: the questions are to be answered first.
        """
        expert, templates = self.expert, parser.miner.templates
        if self.write_questions is not None:
            path = given_path(self.write_questions)
            if hosts.first():
                write_questions(path, templates.texts, templates.counts, parser.numbers, mask)
            if expert.expert == "answers" and expert.responses is None:
                raise Paused(
                    f"{len(templates):,} templates are in {path}; fill in the column p and repeat "
                    f"the command with --responses={path} in place of --write_questions"
                )
        hosts.of_first(lambda: experts.prepare(expert, say))
        for path in parted(self.known.knowledge)[1]:
            notes.read(path)
        look_up(self.known, parser.texts, say)
        if expert.expert == "vllm":
            say(f"the expert is {expert.llm.llm_url}, asked at the end")


@dataclass(frozen=True)
class GeneralLogDetector(Detector):
    """A fitted GeneralLog.

    Attributes:
      zerolog: judges general sequences.
      router: tells the routes apart.
      source_texts: template texts of each source, in the order of the router.
      knowledge: what is known of the sources, and the user's notes.
      numbers: `<int64>[V]` event numbers of the target's templates, where it came as numbers.
      expert: made by `with_expert`; without it `judge` makes one for each call.
      threshold: of both routes, on the common scale.
    """

    config: GeneralLogConfig
    zerolog: ZeroLogDetector
    router: Router
    source_texts: list[list[str]]
    knowledge: Knowledge
    numbers: np.ndarray | None = None
    expert: Expert | None = None
    threshold: float = CUT

    @classmethod
    def fit(
        cls,
        config: GeneralLogConfig,
        sources: list[LabelledSource],
        target: Target,
        options: Options = DEFAULT,
    ) -> Self:
        """Fit ZeroLog, then router and knowledge."""
        base = ZeroLogDetector.fit(config.zerolog, sources, target, options)
        return cls.around(base, config, sources, target)

    @classmethod
    def around(
        cls,
        base: ZeroLogDetector,
        config: GeneralLogConfig,
        sources: list[LabelledSource],
        target: Target,
    ) -> Self:
        """Router and knowledge for a ZeroLog that was fitted on the same; nothing is trained."""
        encode = partial(embed, config=config.embed)
        vectors = [encode(source.templates.texts) for source in sources]
        own, unique = encode(target.templates.texts), distinct(target.adapt)
        if config.knowledge.known_sources:
            known = knowledge.from_sources(sources, vectors)
        else:
            known = knowledge.build([], own[:0])
        known = notes.with_notes(known, parted(config.known.knowledge)[1], encode)
        names = [source.name for source in sources]
        router = route.fit(own, unique, vectors, names, config.route, config.seed)
        texts = [source.templates.texts for source in sources]
        return cls(config, base, router, texts, known, target.numbers)

    def with_expert(
        self,
        change: Callable[[ExpertConfig], ExpertConfig] = lambda config: config,
        *,
        folder: Path | None = None,
        report: Report = silent,
        say: Callable[[str], None] = lambda text: None,
        ask: Ask | None = None,
    ) -> Self:
        """As in `glx.detector`."""
        config = replace(self.config, expert=change(self.config.expert))
        if folder is None and ask is None:  # else it was prepared before the work
            hosts.of_first(lambda: experts.prepare(config.expert, say))
        context = ExpertContext(self.knowledge, config.knowledge.k, self.numbers, folder, report)
        context = context if ask is None else replace(context, ask=ask)
        return replace(self, config=config, expert=experts.make_expert(config.expert, context))

    def without_expert(self) -> ZeroLogDetector:
        """As in `glx.detector`."""
        return self.zerolog

    def refreshed(self, target: Target) -> Self:
        """As in `glx.detector`: ZeroLog's, and which events of the target are common, and the cut
        of the router. Knowledge of the sources and notes stay."""
        vectors = embed(target.templates.texts, self.config.embed)
        router = route.refit(self.router, vectors, distinct(target.adapt), self.config.route)
        base = self.zerolog.refreshed(target)
        return replace(self, zerolog=base, router=router, numbers=target.numbers)

    def finish(self) -> None:
        """As in `glx.detector`."""
        if isinstance(self.expert, experts.ModelExpert):
            self.expert.finish()

    def understand(self, texts: Sequence[str], mask: Mask = redact) -> Meanings:
        """As its ZeroLog."""
        return self.zerolog.understand(texts, mask)

    def judge(self, sequences: Sequences, meanings: Meanings) -> Verdicts:
        """Verdicts on sequences of the target; their metrics are of the routes and the expert.

        Of several processes the first alone asks the expert, and its verdicts alone are whole;
        those of the others are ZeroLog's.

        Args:
          meanings: of the `V` templates that the ids stand for, new ones included.

        Raises:
          OutsideError, Paused: the expert gave up, or waits for answers.
        """
        base, profile = self.zerolog.judge(sequences, meanings), self.zerolog.profile
        unique = base.distinct
        routed = route.route(self.router, unique, meanings.vectors)
        scores = on_one_scale(base.scores, self.zerolog.threshold)
        places, weights, ids = base.places.copy(), base.weights.copy(), base.ids.copy()
        reasons, causes, lacks = base.reasons.copy(), base.causes.copy(), base.lacks.copy()
        judges_all, costs, share_answered = self.config.judges_all, Costs(), None
        rows = np.flatnonzero(~routed.general | judges_all)
        told: list[ExpertAnswers] = []
        if len(rows):
            asked, own = unique.take(rows), self.habits(meanings)
            inputs = expert_input(self, asked, meanings, own, routed, rows)
            expert = self.expert or self.with_expert().expert
            assert expert is not None
            hosts.of_first(lambda: told.append(expert(inputs)))
        if told:
            (answers,) = told
            costs, share_answered = answers.costs, answers.share_answered
            # Where a file has none, ZeroLog's verdict stays; a model that gave none abstains.
            given = np.flatnonzero(~(judges_all & np.isnan(answers.log_odds)))
            rows, asked, answers = rows[given], asked.take(given), answers.take(given)
            decisive = asked.ids[asked.offsets[:-1] + answers.places]
            absent = own.absence(asked)
            log_odds = np.maximum(answers.log_odds, absent)
            scores[rows] = expit(np.minimum(log_odds, HIGHEST))
            places[rows], weights[rows] = -1, 0
            places[rows, 0], weights[rows, 0] = answers.places, 1
            ids[rows, 0] = decisive
            reasons[rows] = [
                "; ".join([*meanings.origin(v), *level_reason(profile, own.levels, v), reason])
                for v, reason in zip(decisive, answers.reasons, strict=True)
            ]
            lack = np.flatnonzero((absent >= 0) & (log_odds <= absent))
            causes[rows], lacks[rows] = decisive, False
            reasons[rows[lack]], causes[rows[lack]] = missing(profile, asked, lack, meanings.shown)
            lacks[rows[lack]] = True
        routes = np.where(routed.general, "general", "proprietary")
        one_way = self.config.route.route in ONE_WAY
        metrics = route.summary(routed, unique.counts, one_way=one_way) | asdict(costs)
        metrics |= {"tau": self.router.tau, "expert": self.config.expert.expert}
        metrics |= {} if share_answered is None else {"share_answered": share_answered}
        metrics["stamps"] = ["hardly two routes"] if metrics["warning"] else []
        metrics["stamps"] += ["abstentions"] if np.isnan(scores).any() else []
        deciding = route.explain(self.router, routed, meanings, self.source_texts)
        more = reasons, causes, lacks, routes, deciding, routed.x_sim, metrics
        return Verdicts(unique, scores, places, weights, ids, *more)

    def habits(self, meanings: Meanings) -> Habits:
        """What the target's own habits say of its events and sequences."""
        if not self.config.train.structural:
            return of_texts_alone(meanings)
        answered = self.config.expert.expert != "retrieval"  # which has no answer but the alarm's
        return of_profile(self.zerolog.profile, meanings, answered)

    def to_state(self) -> State:
        """As in `glx.detector`; without the expert."""
        base, config, router = self.zerolog.to_state(), asdict(self.config), asdict(self.router)
        del config["embed"]["cache_dir"], config["expert"]["llm"]["cache"]
        rule = {name: router.pop(name) for name in ("names", "tau", "ablation", "seed")}
        vectors, entries = knowledge.to_state(self.knowledge)
        arrays = {"zerolog": base.arrays, "router": router, "knowledge": vectors}
        arrays |= {} if self.numbers is None else {"numbers": self.numbers}
        sources = pl.DataFrame({"text": [*chain(*self.source_texts)]})
        settings = {"config": config, "zerolog": base.settings, "router": rule}
        tables = {"knowledge": entries, "sources": sources} | base.tables
        return State(arrays, tables, settings)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """What `to_state` gave.

        Raises:
          InputError: it was fitted with another alarm model, or its knowledge is damaged.
        """
        arrays, tables, settings = state
        router = Router(**arrays["router"], **settings["router"])
        texts = tables["sources"]["text"].to_list()
        return cls(
            rebuild(GeneralLogConfig, settings["config"]),
            ZeroLogDetector.from_state(State(arrays["zerolog"], tables, settings["zerolog"])),
            router,
            [texts[a:b] for a, b in pairwise(router.offsets.tolist())],
            knowledge.from_state(arrays["knowledge"], tables["knowledge"]),
            arrays.get("numbers"),
        )


def expert_input(
    detector: GeneralLogDetector,
    sequences: Distinct,
    meanings: Meanings,
    own: Habits,
    routed: Routed,
    rows: np.ndarray,
) -> ExpertInput:
    """What an expert is asked about: `sequences` are the `rows` of those that were routed."""
    profile, texts = detector.zerolog.profile, meanings.texts
    new = (0, len(texts) - len(profile.seen))
    return ExpertInput(
        sequences=sequences,
        texts=texts,
        vectors=meanings.vectors,
        alarm=meanings.alarm,
        reading=own.reading,
        beside=own.beside,
        evidence=own.evidence,
        share=np.pad(profile.present / max(int(profile.n_sequences), 1), new),
        seen=np.pad(profile.seen, new),
        similarity=routed.similarity,
        tau=detector.router.tau,
        deciding=routed.deciding[rows],
        origins=[meanings.origin(v) for v in range(len(texts))],
        mask=meanings.mask,
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
