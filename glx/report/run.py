"""The page of a run: what is wrong in the target's log, and how far to trust it.

In: a run folder, or one that is being written. Out: `report.html`, one file that opens offline.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl

from glx.errors import InputError
from glx.evaluate.audit import UNSOUND
from glx.report import folder as files
from glx.report import pictures, svg
from glx.report.anomalies import EVENTS, FLAGGED, KINDS, WHERE, anomalies
from glx.report.page import as_json, count, discreet, percent, render
from glx.report.page import write as write_page
from glx.report.terms import explained, lesson, spoken

PAGE = "report.html"
STATIC = 25  # rows of the table that are there without a script
MIXED = "What weighed most, else first line"  # of the column, where some kinds weigh no line
ALWAYS = {"llm_calls"}  # cost that is told also where it is 0
COST = (  # figure, its name, its text
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
    return write_page(folder / PAGE, page(folder))


def page(folder: Path) -> str:
    """The page of a run.

    Raises:
      InputError: the folder holds no finished run, one of an earlier glx, or a damaged file.
    """
    metrics = files.read_metrics(folder, files.PAGE, files.PAGE_MEASURED)
    config = files.read_config(folder)
    drawn = files.read_drawn(folder, files.PICTURES)
    flagged, verdicts = (
        _read(folder, name, lambda path, columns=columns: pl.read_parquet(path, columns=columns))
        for name, columns in (("flagged.parquet", list(FLAGGED)), ("verdicts.parquet", WHERE))
    )
    settings = _flat(config["settings"])
    found = anomalies(flagged, verdicts, _seen(dict(settings)))
    weighed = [bool(kind["top"]) for kind in found["kinds"]]
    return render(
        "run.html",
        "run.js",
        m=metrics,
        labels="f1" in metrics,
        method=" ".join(
            [metrics["method"], f"({metrics['expert']})" if "expert" in metrics else ""]
        ).strip(),
        lesson=lesson(metrics),
        badges=badges(metrics),
        words=in_words(metrics),
        rows=[_row(kind, found) for kind in found["kinds"][:STATIC]],
        routes=sorted({kind["route"] for kind in found["kinds"] if kind["route"]}),
        kinds=len(found["kinds"]),
        shown="What weighed most" if all(weighed) else MIXED if any(weighed) else "First line",
        cut=len(found["kinds"]) >= KINDS and metrics["n_anomalous"] > sum(flagged["count"]),
        left_out=metrics["n_anomalous"] - sum(flagged["count"]),
        data=as_json(
            {
                **found,
                "threshold": metrics["threshold"],
                "tau": metrics.get("tau"),
                "most": EVENTS,
            }
        ),
        standing=_standing(metrics),
        beside=_beside(metrics),
        parts=_parts(metrics),
        pictures=_pictures(metrics, drawn),
        drawn=drawn,
        cost=[
            (name, text(metrics[key]))
            for key, name, text in COST
            if metrics.get(key) or key in ALWAYS & metrics.keys()
        ],
        read=[(name, n) for name, n in metrics.get("read", {}).items() if n],
        settings=[(name, discreet(value)) for name, value in settings],
        config=config,
    )


def badges(metrics: dict[str, Any]) -> list[tuple[str, bool]]:
    """What is stamped on the run, and whether it is a warning."""
    return [
        (f"protocol: {metrics['protocol']}", metrics["protocol"] != "sound"),
        *((spoken(stamp), True) for stamp in metrics["stamps"]),
        (f"seed {metrics['seed']}", False),
        ("measured against labels" if "f1" in metrics else "no labels", False),
    ]


def in_words(metrics: dict[str, Any]) -> list[str]:
    """What the figures mean, as sentences."""
    out = []
    if "f1" not in metrics:
        out.append(
            "This target has no labels, so nobody has counted how many of these are real. Read the "
            "kinds with the highest scores first; each opens to its lines."
        )
    elif metrics["precision"] is not None and metrics["recall"] is not None:
        out.append(
            f"Of what was flagged, {percent(metrics['precision'])} is an anomaly; of the "
            f"anomalies, {percent(metrics['recall'])} were flagged."
        )
        rivals = {n: b["f1"] for n, b in metrics["baselines"].items() if b["f1"] is not None}
        best = max(rivals, key=lambda name: rivals[name], default=None)
        if best is not None:
            better = rivals[best] >= (metrics["f1"] or 0)
            out.append(
                f"The best of the simple detectors ({explained(best)}) "
                f"reaches F1 {rivals[best]:.3f}"
                + (": on this target it does as well or better." if better else ".")
            )
    if metrics["protocol"] in UNSOUND:
        out.append(f"Protocol {metrics['protocol']}: {UNSOUND[metrics['protocol']]}.")
    if metrics.get("abstained"):
        out.append(
            f"{count(metrics['abstained'])} sequences got no answer from the expert"
            + (", which counts as wrong." if "f1" in metrics else " and are not in the table.")
        )
    return out + ([metrics["warning"]] if metrics.get("warning") else [])


def _read(folder: Path, name: str, read: Any) -> Any:
    path = folder / name
    if not path.is_file():
        raise InputError(
            f"{folder}: no {name}, as in runs of an earlier glx; repeat the run with --overwrite"
        )
    try:
        return read(path)
    except pl.exceptions.ColumnNotFoundError as e:
        raise InputError(
            f"{path}: written by an earlier glx; repeat the run with --overwrite"
        ) from e
    except pl.exceptions.PolarsError as e:
        raise InputError(
            f"{path}: damaged ({type(e).__name__}); repeat the run with --overwrite"
        ) from e


def _row(kind: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """A row of the table, as the script writes it too."""
    at = kind["at"]
    key = found["keys"][at] if found["keys"] and kind["kept"] else ""
    lines = f"{found['first'][at]:,}–{found['last'][at]:,}" if kind["kept"] else ""
    return kind | {"text": found["texts"][kind["text"]], "key": key, "lines": lines}


def _standing(metrics: dict[str, Any]) -> Any:
    if "f1" not in metrics:
        return None
    title = "F1 of this run, of simple detectors and of ceilings"
    return svg.dots(title, pictures.standing(metrics), "F1", left=232, width=440)


def _beside(metrics: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The rows of the table of baselines, the best first."""
    rows = [(explained(n), b) for n, b in metrics.get("baselines", {}).items()]
    return sorted(rows, key=lambda row: row[1]["f1"] or 0, reverse=True)


def _parts(metrics: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Figures over parts of what was scored, where there is anything in them."""
    names = {
        "distinct": "each distinct sequence once",
        "seen": "every template seen while adapting",
        "unseen": "with a template never seen before",
    }
    there = [(name, metrics[key]) for key, name in names.items() if key in metrics]
    return [("all", metrics)] + [(name, part) for name, part in there if part["n_sequences"]]


def _pictures(metrics: dict[str, Any], drawn: dict[str, Any]) -> dict[str, Any]:
    """SVG by name; None where there is nothing to draw."""
    curve, similarity = drawn["curve"], drawn["similarity"]
    return {
        "timeline": pictures.timeline(drawn["timeline"]),
        "scores": pictures.scores(drawn["scores"], metrics["threshold"]),
        "curve": pictures.curve(curve, metrics) if curve else None,
        "similarity": pictures.similarity(similarity) if similarity else None,
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
            out.append(
                (prefix + key, "" if value is None else json.dumps(value, ensure_ascii=False))
            )
    return out
