"""The page of a run: what is wrong in the target's log, and how far to trust it.

In: a run folder, or one that is being written. Out: `report.html`, one file that opens offline.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import UNSET

from glx.config import flat
from glx.errors import InputError
from glx.evaluate.audit import UNSOUND
from glx.report import models, pictures, remarks
from glx.report import page as pages
from glx.report.anomalies import EVENTS, FLAGGED, GROUPS, PLACES, anomalies
from glx.report.cause_texts import about, spark, title
from glx.report.models import Causes, Config, Measured, Metrics, Plots, path_of
from glx.report.page import as_json, count, explained, without_password

PAGE = "report.html"
STATIC = 25  # rows of the table that are there without a script
MOST_CAUSES = 50
MIXED = "What weighed most, else first line"  # of the column, where some groups weigh no line
BLIND = {"source-only GRU", "MetaLog-style"}  # methods that do not see the target's unlabelled log
COST = (  # metric, its name, its text
    ("wall_seconds", "whole run", lambda v: f"{v:,.1f} s"),
    ("lines_per_second", "scoring speed", lambda v: f"{v:,.0f} lines/s"),
    ("peak_memory_mb", "peak memory", lambda v: f"{v:,.0f} MB"),
    ("n_lines", "lines scored", count),
    ("questions", "questions to the expert", count),
    ("llm_calls", "LLM calls", count),
    ("cache_hits", "answers from the cache", count),
    ("llm_tokens_in", "tokens in", count),
    ("llm_tokens_out", "tokens out", count),
    ("dropped_events", "events left out of prompts", count),
    ("uncertain", "answers without a probability", count),
)


def write(folder: Path) -> Path:
    """Write the page into the folder, whole or not at all; returns its path.

    Raises InputError as `page`.
    """
    return pages.write(folder / PAGE, page(folder))


def page(folder: Path) -> str:
    """The page of a run.

    Raises:
      InputError: the folder holds no finished run, one of an earlier glx, or a damaged file.
    """
    metrics, config = models.read(folder, Metrics), models.read(folder, Config)
    plots = models.read(folder, Plots)
    settings = flat(config.settings)
    flagged = _table(folder / "flagged.parquet", list(FLAGGED))
    found = anomalies(flagged, _table(folder / "verdicts.parquet", PLACES), _seen(settings))
    weighed = [bool(group["top"]) for group in found["groups"]]
    known = metrics.baselines if isinstance(metrics, Measured) else {}
    baselines = sorted(known.items(), key=lambda row: row[1].f1 or 0, reverse=True)
    left_out = metrics.n_anomalous - sum(flagged["count"])
    return pages.render(
        "run.html",
        "run.js",
        m=metrics,
        labels=isinstance(metrics, Measured),
        method=metrics.method + (f" ({metrics.expert})" if metrics.expert else ""),
        causes=_causes(folder),
        most_causes=MOST_CAUSES,
        title=title,
        about=about,
        spark=spark,
        lesson=lesson(metrics),
        unsound=UNSOUND,
        rows=[_row(group, found) for group in found["groups"][:STATIC]],
        routes=sorted({group["route"] for group in found["groups"] if group["route"]}),
        groups=len(found["groups"]),
        shown="What weighed most" if all(weighed) else MIXED if any(weighed) else "First line",
        cut=len(found["groups"]) >= GROUPS and left_out > 0,
        left_out=left_out,
        data=as_json(
            {
                **found,
                "threshold": metrics.threshold,
                "tau": None if metrics.tau is UNSET else metrics.tau,
                "most": EVENTS,
            }
        ),
        baselines=[(explained(name), baseline) for name, baseline in baselines],
        pictures=_pictures(metrics, plots),
        plots=plots,
        cost=[
            (name, text(value))
            for key, name, text in COST
            if (value := getattr(metrics, key)) or (key == "llm_calls" and value is not UNSET)
        ],
        read=[(name, n) for name, n in metrics.read.items() if n],
        settings=[
            (name, "" if value is None else without_password(json.dumps(value, ensure_ascii=False)))
            for name, value in settings.items()
        ],
        config=config,
    )


def _causes(folder: Path) -> Causes | None:
    """With what people said of them; None in a run of an earlier glx."""
    if not path_of(folder, Causes).exists():
        return None
    return remarks.remarked(models.read(folder, Causes), remarks.read(folder / remarks.NAME))


def lesson(metrics: Metrics) -> str:
    """What a run learned from: `bgl, hdfs and from shop’s own unlabelled log`."""
    parts = [", ".join(metrics.source)] if metrics.source else []
    if metrics.method not in BLIND:
        parts.append(f"{metrics.target}’s own unlabelled log")
    if n := metrics.target_labels:
        parts.append(f"{n:,} label{'s' * (n != 1)} of {metrics.target}")
    if len(parts) < 2:
        return f"{parts[0]} alone" if parts else ""
    return f"{', from '.join(parts[:-1])} and from {parts[-1]}"


def _table(path: Path, columns: list[str]) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, columns=columns)
    except (FileNotFoundError, pl.exceptions.PolarsError) as e:
        raise InputError(
            f"{path}: missing, damaged or of an earlier glx ({type(e).__name__}); repeat the run "
            "with --overwrite"
        ) from e


def _row(group: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """A row of the table, as the script writes it too."""
    at = group["at"]
    key = found["keys"][at] if found["keys"] and group["kept"] else ""
    lines = f"{found['first'][at]:,}–{found['last'][at]:,}" if group["kept"] else ""
    return group | {"text": found["texts"][group["text"]], "key": key, "lines": lines}


def _pictures(metrics: Metrics, plots: Plots) -> dict[str, Any]:
    """SVG by name; None where there is nothing to draw."""
    return {
        "timeline": pictures.timeline(plots.timeline),
        "scores": pictures.scores(plots.scores, metrics.threshold),
        "similarity": pictures.similarity(plots.similarity) if plots.similarity else None,
        "standing": pictures.standing(metrics) if isinstance(metrics, Measured) else None,
        "curve": pictures.curve(plots.curve, metrics)
        if plots.curve and isinstance(metrics, Measured)
        else None,
    }


def _seen(settings: dict[str, Any]) -> int | None:
    """How many events of a sequence the method looks at at most."""
    seen = settings.get(f"model.{settings.get('model.method') or 'train'}.max_events")
    return seen if isinstance(seen, int) else None
