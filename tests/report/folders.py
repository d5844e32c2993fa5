"""Folders of runs and studies as small as a test needs them, written without running anything."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from glx.report.anomalies import FLAGGED
from glx.report.models import Causes, write

HOSTILE = (  # what an attacker could log
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    '"><img src=x onerror="window.pwned=3">',
    "{{ 7 * 7 }}{% raw %} ' onmouseover='window.pwned=4' <!--",
    "line\u2028separator\u2029 \x1b[31mred\x1b[0m nul\x00 right\u202eleft half\ud800",
)
# tp, fp, fn of four blocks with two anomalous sequences each: F1 0.875, 0.75, 0.333, 0.4.
GOOD, FAIR = ([2, 2, 2, 1], [0, 0, 1, 0], [0, 0, 0, 1]), ([2, 2, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1])
POOR, ALL = ([1, 0, 1, 0], [0, 1, 0, 1], [1, 2, 1, 2]), ([2] * 4, [6] * 4, [0] * 4)
WORTH = {
    "f1": 0.5,
    "precision": 0.4,
    "recall": 2 / 3,
    "mcc": 0.3,
    "auprc": 0.55,
    "auroc": 0.8,
    "oracle_f1": 0.6,
    "oracle_threshold": 0.7,
    "prevalence": 0.1,
    "confusion": {"tp": 4, "fp": 6, "fn": 2, "tn": 48},
}
SAW_LABELS = {"check": "target_labels", "ok": False, "detail": "It saw labels."}


def f1(blocks: tuple[list[int], ...]) -> float:
    tp, fp, fn = map(sum, blocks)
    return 2 * tp / (2 * tp + fp + fn)


def change(path: Path, **fields: Any) -> None:
    """Change fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_all(study: Path, cells: str, **fields: Any) -> None:
    """Change fields of a JSON file of many cells, a pattern of paths, of a study."""
    for path in study.glob(f"cells/{cells}"):
        change(path, **fields)


def change_cells(study: Path, of: Callable[[dict], dict | None]) -> None:
    """Change the planned cells: `of` is a cell to a cell, or None to leave it out."""
    cells = json.loads((study / "study.json").read_text())["cells"]
    change(study / "study.json", cells=[cell for cell in map(of, cells) if cell])


def make_run(
    folder: Path,
    groups: list[tuple[float, int, list[str]]] | None = None,
    *,
    labels: bool = True,
    routes: bool = True,
    keys: bool = True,
    weights: bool = True,
    blocks: tuple = FAIR,
    trivial: dict[str, tuple] | None = None,
    settings: dict | None = None,
    **more: Any,
) -> Path:
    """A finished run folder.

    Args:
      groups: score, occurrences and texts of each flagged distinct sequence; without them no table
        is written, as pages and tables of studies read none.
      labels, routes, keys, weights: whether the run has them.
      blocks: tp, fp, fn of each block; give the `f1` of others than `FAIR`.
      trivial: the same of the trivial detectors.
      settings: in `config.json`.
      more: goes into `metrics.json`.
    """
    folder.mkdir(parents=True)
    if groups is not None:
        _tables(folder, groups, routes, keys, weights)
    groups = groups or []
    n = sum(count for _, count, _ in groups)
    trivial = trivial or {"all_positive": ALL, "surprise": FAIR}
    metrics = {
        "method": "GeneralLog" if routes else "ZeroLog",
        "target": "shop",
        "source": ["sim_vms", "sim_ras"],
        "seed": 0,
        "protocol": "sound",
        "stamps": [],
        "threshold": 0.5,
        "n_sequences": 2 * n,
        "n_distinct": 2 * len(groups),
        "n_anomalous": n,
        "abstained": 0,
        "target_labels": 0,
        "audit": [{"check": "shared_lines", "ok": True, "detail": "0 lines are in both parts."}],
        "wall_seconds": 12.5,
        "n_lines": 800,
        "lines_per_second": 54321.0,
        "peak_memory_mb": 700.0,
        "read": {"lines": 1000, "nul": 0},
    }
    if routes:
        metrics |= {"expert": "retrieval", "tau": 0.3, "share_proprietary": 0.5, "warning": None}
        metrics |= {"llm_calls": 0, "llm_tokens_in": 0, "questions": 7}
    if labels:
        metrics |= (
            WORTH
            | {
                "f1_interval": [0.4, 0.6],
                "false_alarms": 6,
                "false_alarms_per_10k": 1000.0,
                "false_alarms_per_day": None,
                "supervised_ceiling": 0.9,
                "template_ceiling": None,
                "baselines": {
                    name: WORTH | {"f1": f1(own), "f1_interval": [0.1, 0.8], "threshold": 0.5}
                    for name, own in trivial.items()
                },
                "distinct": WORTH | {"n_sequences": 30},
                "seen": WORTH | {"n_sequences": 60},
                "unseen": WORTH | {"n_sequences": 0},
            }
            | (dict.fromkeys(("f1_general", "f1_proprietary"), 0.5) if routes else {})
        )
    settings = {"target": "shop", "llm": {"llm_url": "http://me:secret@host/v1"}} | (settings or {})
    config = {"settings": settings, "packages": {"glx": "0.1.0"}, "device": "cpu", "commit": None}
    edges, counted = np.linspace(0, 1, 51).tolist(), [0] * 40 + [1] * 10
    curve = {"recall": [0.5, 1.0], "precision": [1.0, 0.4], "threshold": [0.7, 0.2]}
    timeline = {"axis": "line", "edges": [0, 50, 100], "sequences": [3, 4], "flagged": [1, 2]}
    plots = {
        "curve": curve if labels else None,
        "timeline": timeline | {"anomalous": [0, 1] if labels else None},
        "scores": {
            "edges": edges,
            "routes": dict.fromkeys(("general", "proprietary") if routes else ("all",), counted),
        },
        "similarity": {"edges": edges, "count": counted, "tau": 0.3} if routes else None,
        "blocks": _counts(blocks) if labels else None,
        "baselines": {name: _counts(own) for name, own in trivial.items()} if labels else {},
    }
    for name, value in (("metrics", metrics | more), ("config", config), ("figures", plots)):
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def write_study(folder: Path, reference: str | None = None, trivial: dict | None = None) -> Path:
    """Two targets, three methods, two seeds; `GeneralLog` also from single sources.

    Not finished: `DeepLog` on `bgl_50%` with seed 1. Not defined: AUPRC of `DeepLog` on `hdfs`.
    `MetaLog` had labels. A name holds what means something to HTML, Markdown and LaTeX.
    """
    systems, plan = ["hdfs", "bgl_50%", "openstack"], []
    for method, few, single in (
        ("GeneralLog", None, True),
        ("DeepLog <b>|&_x", None, False),
        ("MetaLog", "1%", False),
    ):
        for target in systems[:2]:
            rest = sorted(set(systems) - {target})
            for source in [rest, *([[name] for name in rest] if single else [])]:
                for seed in (0, 1):
                    run = f"cells/{method.split()[0]}/{target}-from-{'+'.join(source)}/{seed}"
                    cell = {"method": method, "target": target, "source": source, "seed": seed}
                    ours = {"ours": method == "GeneralLog", "few_labels": few}
                    plan.append({"run": run, **cell, **ours})
                    more: dict[str, Any] = {"wall_seconds": 12.5 + seed}
                    if method.startswith("DeepLog"):
                        if (target, seed) == ("bgl_50%", 1):
                            continue
                        more |= {"auprc": None, "source": []}
                    alike = method == "GeneralLog" and (target == "hdfs" or seed == 0)
                    blocks = GOOD if alike else POOR
                    more |= {"f1": f1(blocks), "oracle_f1": f1(blocks) + 0.05}
                    made = make_run(folder / run, blocks=blocks, trivial=trivial, **cell | more)
                    (made / "report.html").write_text("<!doctype html>")
    study = {
        "name": "study",
        "command": "glx study --llm_url=http://me:secret@host/v1",
        "preset": "small",
        "protocol": "sound",
        "reference": reference,
        "cells": plan,
    }
    (folder / "study.json").write_text(json.dumps(study))
    return folder


def _counts(blocks: tuple[list[int], ...]) -> dict[str, list[int]]:
    return dict(zip(("tp", "fp", "fn"), blocks, strict=True))


def _tables(folder: Path, groups, routes: bool, keys: bool, weights: bool) -> None:
    """`verdicts.parquet` and `flagged.parquet`."""
    # Parquet holds no half of a surrogate pair.
    groups = [(s, n, [t.encode(errors="replace").decode() for t in own]) for s, n, own in groups]
    counts, texts = [count for _, count, _ in groups], [own for _, _, own in groups]
    n, starts = sum(counts), np.cumsum([0, *counts]).tolist()
    names = [f"session-{k:06}" if keys else None for k in range(n)]
    verdicts = {
        "sequence": np.arange(n),
        "key": pl.Series(names, dtype=pl.String),
        "first_line": 10 * np.arange(n),
        "last_line": 10 * np.arange(n) + 9,
    }
    pl.DataFrame(verdicts).write_parquet(folder / "verdicts.parquet")
    near = {"event": 0, "cosine": 0.25, "source": "sim_ras"}
    flagged = {
        "score": [score for score, _, _ in groups],
        "route": [
            ("general", "proprietary")[k % 2] if routes else None for k in range(len(groups))
        ],
        "count": counts,
        "sequences": [list(range(a, b)) for a, b in pairwise(starts)],
        "events": texts,
        "evidence": [
            [
                {"line": 10 * k + at, "event": at, "weight": 0.6 - 0.2 * at, "text": text}
                for at, text in enumerate(own[: 2 * weights])
            ]
            for k, own in enumerate(texts)
        ],
        "reason": [f"0.75 for: {own[0]}" if routes else None for own in texts],
        "deciding": [near | {"text": t[0], "nearest": t[-1]} if routes else None for t in texts],
    }
    pl.DataFrame(flagged, schema=FLAGGED).write_parquet(folder / "flagged.parquet")
    found = [_cause(k, *group) for k, group in enumerate(groups)]
    totals = {"sequences": n, "flagged": n, "found": len(found), "in_time": False}
    write(folder, msgspec.convert(totals | {"causes": found}, Causes))


def _cause(n: int, score: float, count: int, events: list[str]) -> dict[str, Any]:
    """A cause as JSON has it; every second one is of what is missing."""
    lines = [{"line": 10 * n + k, "text": text, "own": k == 0} for k, text in enumerate(events)]
    example = {
        "file": None, "key": f"session-{n}", "first_line": 10 * n, "last_line": 10 * n + 9,
        "time": None, "reason": f"0.75 for: {events[0]}", "near": None, "evidence": [10 * n],
        "lines": lines,
    }  # fmt: skip
    return {
        "id": f"{n:08x}", "lacks": n % 2 == 1, "text": events[0], "count": count, "score": score,
        "first_time": None, "last_time": None, "trend": [count, 0, 1],
        "sessions": [f"session-{n}"], "example": example,
    }  # fmt: skip
