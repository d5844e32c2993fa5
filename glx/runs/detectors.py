"""A fitted detector with its reader, to a folder and back, and its verdicts.

In: a detector of either kind, a reader. Out: a folder; verdicts of sequences.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import polars as pl

from glx import checkpoint
from glx.config import rebuild
from glx.data.load import LogParser
from glx.embed import alarm
from glx.embed.alarm import Meanings, meanings
from glx.embed.embed import default_cache_dir
from glx.errors import InputError
from glx.generallog import detector as general
from glx.generallog import experts, knowledge
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.expert import Expert
from glx.generallog.route import Router
from glx.llm.answer_cache import default_cache
from glx.methods import detector as methods
from glx.methods.detector import MethodConfig
from glx.parse.header import Layout
from glx.parse.miner import Miner
from glx.profile import Profile
from glx.sequences import Sequences
from glx.verdicts import Verdicts
from glx.zerolog import detector as zerolog
from glx.zerolog.detector import ZeroLogConfig

Ours = zerolog.Detector | general.Detector  # what can be saved, and judges later logs
Detector = Ours | methods.Detector


def base(detector: Ours) -> zerolog.Detector:
    """The ZeroLog in it."""
    return detector if isinstance(detector, zerolog.Detector) else detector.zerolog


def understand(config: ZeroLogConfig | MethodConfig, texts: list[str]) -> Meanings:
    """What template texts mean to a detector with these settings."""
    return meanings(texts, config.embed, isinstance(config, ZeroLogConfig) and config.reading)


@contextmanager
def expert(
    detector: Detector,
    reader: LogParser,
    report: experts.Report = experts.silent,
    folder: Path | None = None,
) -> Iterator[Expert | None]:
    """Who judges proprietary sequences; None for a detector without routes.

    Args:
      report: gets questions done, questions in all, tokens so far.
      folder: where the expert `batch` writes its requests; None where it cannot be used.
    """
    if not isinstance(detector, general.Detector):
        yield None
        return
    k, numbers = detector.config.knowledge.k, reader.numbers
    context = experts.ExpertContext(detector.knowledge, k, numbers, folder, report)
    with experts.opened(detector.config.expert, context) as found:
        yield found


def judge(
    detector: Detector,
    sequences: Sequences,
    read: Meanings,
    expert: Expert | None,
) -> Verdicts:
    """Verdicts of sequences of the target.

    Args:
      read: of the `V` templates, new ones included.
      expert: what `expert` gave for this detector.
    """
    if isinstance(detector, methods.Detector):
        return methods.score_sequences(detector, sequences, read.vectors)
    if isinstance(detector, zerolog.Detector) or expert is None:
        return zerolog.score_sequences(base(detector), sequences, read)
    return general.judge(detector, sequences, read, expert)


def save(folder: Path, detector: Ours, reader: LogParser, stamps: dict) -> None:
    """Write everything that `glx detect` needs; nothing is pickled.

    Args:
      stamps: how it was fitted (`protocol`, `stamps`), kept for who finds the folder.
    """
    inner, state = base(detector), reader.miner.state()
    arrays: dict[str, Any] = {"params": inner.params, "profile": asdict(inner.profile)}
    tables = {
        "templates": pl.DataFrame(
            {"text": state["texts"], "count": state["counts"], "number": reader.numbers},
            schema={"text": pl.String, "count": pl.Int64, "number": pl.Int64},
        )
    }
    settings = {
        "model": asdict(inner.config),
        "reader": alarm.load()[1],
        "threshold": inner.threshold,
        "published": state["published"],
        "layout": None if reader.layout is None else asdict(reader.layout),
        "window": reader.window,
        **stamps,
    }
    if isinstance(detector, general.Detector):
        router = asdict(detector.router)
        rule = {name: router.pop(name) for name in ("names", "tau", "ablation", "seed")}
        arrays["router"] = router
        arrays["knowledge"], tables["knowledge"] = knowledge.to_state(detector.knowledge)
        tables["sources"] = pl.DataFrame({"text": [*chain(*detector.source_texts)]})
        settings |= {"general": asdict(detector.config), "router": rule}
    checkpoint.save(folder, arrays=arrays, tables=tables, settings=settings)


def load(folder: Path) -> tuple[Ours, LogParser]:
    """Read what `save` wrote.

    Raises:
      InputError: no detector, or a damaged one.
    """
    arrays, tables, settings = checkpoint.load(folder)
    try:
        # Cached where this user has a cache, not where the detector was fitted.
        settings["model"]["embed"]["cache_dir"] = default_cache_dir()
        if settings["reader"] != alarm.load()[1]:
            raise InputError(f"{folder}: fitted with another reader of texts; fit it again")
        if "general" in settings:
            settings["general"]["expert"]["llm"]["cache"] = default_cache()
        inner = zerolog.Detector(
            rebuild(ZeroLogConfig, settings["model"]),
            arrays["params"],
            Profile(**arrays["profile"]),
            float(settings["threshold"]),
        )
        reader = _reader(tables["templates"], settings)
        if "general" not in settings:
            return inner, reader
        router = Router(**arrays["router"], **settings["router"])
        texts = tables["sources"]["text"].to_list()
        detector = general.Detector(
            inner,
            rebuild(GeneralLogConfig, settings["general"]),
            router,
            [texts[a:b] for a, b in pairwise(router.offsets.tolist())],
            knowledge.from_state(arrays["knowledge"], tables["knowledge"], folder),
        )
        return detector, reader
    except (KeyError, TypeError) as e:
        raise InputError(f"{folder}: a detector of another program ({e}); fit it again") from e


def _reader(templates: pl.DataFrame, settings: dict) -> LogParser:
    layout = settings["layout"]
    state = {
        "texts": templates["text"].to_list(),
        "counts": templates["count"].to_numpy(),
        "published": settings["published"],
    }
    numbers = templates["number"]
    return LogParser(
        miner=Miner.from_state(state),
        layout=None if layout is None else Layout(**layout | {"time": tuple(layout["time"])}),
        window=settings["window"],
        numbers=None if numbers.null_count() else numbers.to_numpy(),
    )
