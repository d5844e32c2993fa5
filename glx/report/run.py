"""The page of a run: what is wrong in the target's log, and how far to trust it.

In: a run folder, or one that is being written. Out: `report.html`, one file that opens offline.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import UNSET

from glx.errors import InputError
from glx.evaluate.audit import UNSOUND
from glx.report import models, pictures
from glx.report import page as pages
from glx.report.anomalies import EVENTS, FLAGGED, GROUPS, PLACES, anomalies
from glx.report.models import Config, Measured, Metrics, Plots
from glx.report.page import as_json, as_words, count, explained, percent, without_password

PAGE = "report.html"
STATIC = 25  # rows of the table that are there without a script
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

    Raises:
      InputError: as `page`.
    """
    return pages.write(folder / PAGE, page(folder))


def page(folder: Path) -> str:
    """The page of a run.

    Raises:
      InputError: the folder holds no finished run, one of an earlier glx, or a damaged file.
    """
    metrics, config = models.read(folder, Metrics), models.read(folder, Config)
    plots = models.read(folder, Plots)
    settings = _flat(config.settings)
    flagged = _table(folder / "flagged.parquet", list(FLAGGED))
    found = anomalies(flagged, _table(folder / "verdicts.parquet", PLACES), _seen(dict(settings)))
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
        lesson=lesson(metrics),
        badges=badges(metrics),
        words=in_words(metrics),
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
        settings=[(name, without_password(value)) for name, value in settings],
        config=config,
    )


def badges(metrics: Metrics) -> list[tuple[str, bool]]:
    """What is stamped on the run, and whether it is a warning."""
    labels = "measured against labels" if isinstance(metrics, Measured) else "no labels"
    return [
        (f"protocol: {metrics.protocol}", metrics.protocol != "sound"),
        *((as_words(stamp), True) for stamp in metrics.stamps),
        (f"seed {metrics.seed}", False),
        (labels, False),
    ]


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


def in_words(metrics: Metrics) -> list[str]:
    """What the metrics mean, as sentences."""
    out = []
    if not isinstance(metrics, Measured):
        out.append(
            "This target has no labels, so nobody has counted how many of these are real. Read the "
            "kinds with the highest scores first; each opens to its lines."
        )
    elif metrics.precision is not None and metrics.recall is not None:
        out.append(
            f"Of what was flagged, {percent(metrics.precision)} is an anomaly; of the "
            f"anomalies, {percent(metrics.recall)} were flagged."
        )
        f1 = {name: b.f1 for name, b in metrics.baselines.items() if b.f1 is not None}
        best = max(f1, key=lambda name: f1[name], default=None)
        if best is not None:
            better = f1[best] >= (metrics.f1 or 0)
            out.append(
                f"The best of the simple detectors ({explained(best)}) reaches F1 {f1[best]:.3f}"
                + (": on this target it does as well or better." if better else ".")
            )
    if metrics.protocol in UNSOUND:
        out.append(f"Protocol {metrics.protocol}: {UNSOUND[metrics.protocol]}.")
    if metrics.abstained:
        wrong = isinstance(metrics, Measured)
        out.append(
            f"{count(metrics.abstained)} sequences got no answer from the expert"
            + (", which counts as wrong." if wrong else " and are not in the table.")
        )
    return out + ([metrics.warning] if metrics.warning else [])


def _table(path: Path, columns: list[str]) -> pl.DataFrame:
    if not path.is_file():
        raise InputError(
            f"{path.parent}: no {path.name}, as in runs of an earlier glx; repeat the run with "
            "--overwrite"
        )
    try:
        return pl.read_parquet(path, columns=columns)
    except pl.exceptions.PolarsError as e:
        raise InputError(
            f"{path}: damaged or of an earlier glx ({type(e).__name__}); repeat the run with "
            "--overwrite"
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


def _seen(settings: dict[str, str]) -> int | None:
    """How many events of a sequence the method looks at at most."""
    part = json.loads(settings.get("model.method") or '"train"')
    seen = json.loads(settings.get(f"model.{part}.max_events") or "null")
    return seen if isinstance(seen, int) else None


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    out = []
    for key, value in tree.items():
        if isinstance(value, dict):
            out += _flat(value, f"{prefix}{key}.")
        else:
            text = "" if value is None else json.dumps(value, ensure_ascii=False)
            out.append((prefix + key, text))
    return out
