"""Run folders as small as a test needs them, with logs as hostile as an attacker could write."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from glx.report.anomalies import FLAGGED

HOSTILE = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    '"><img src=x onerror="window.pwned=3">',
    "{{ 7 * 7 }}{% raw %} ' onmouseover='window.pwned=4' <!--",
    "line\u2028separator\u2029 \x1b[31mred\x1b[0m nul\x00 right\u202eleft half\ud800",
)
FIGURES = {
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


def make_run(
    folder: Path,
    kinds: list[tuple[float, int, list[str]]],
    *,
    labels: bool = True,
    routes: bool = True,
    keys: bool = True,
    weights: bool = True,
    **more: object,
) -> Path:
    """A finished run folder.

    Args:
      kinds: score, occurrences and texts of each flagged distinct sequence.
      labels, routes, keys, weights: whether the run has them.
      more: goes into `metrics.json`.
    """
    folder.mkdir(parents=True)
    kinds = [(score, count, [_plain(text) for text in texts]) for score, count, texts in kinds]
    counts = [count for _, count, _ in kinds]
    n, starts = sum(counts), np.cumsum([0, *counts])
    pl.DataFrame(
        {
            "sequence": np.arange(n),
            "key": pl.Series(
                [f"session-{k:06}" if keys else None for k in range(n)], dtype=pl.String
            ),
            "first_line": 10 * np.arange(n),
            "last_line": 10 * np.arange(n) + 9,
            "split": ["test"] * n,
            "score": pl.Series([score for score, count, _ in kinds for _ in range(count)]),
        }
    ).write_parquet(folder / "verdicts.parquet")
    pl.DataFrame(
        {
            "score": [score for score, _, _ in kinds],
            "route": pl.Series([("general", "proprietary")[k % 2] for k in range(len(kinds))])
            if routes
            else [None] * len(kinds),
            "count": counts,
            "sequences": [list(range(a, b)) for a, b in pairwise(starts.tolist())],
            "events": [texts for _, _, texts in kinds],
            "evidence": [
                [
                    {"line": 10 * k + at, "event": at, "weight": 0.6 - 0.2 * at, "text": text}
                    for at, text in enumerate(texts[: 2 * weights])
                ]
                for k, (_, _, texts) in enumerate(kinds)
            ],
            "reason": [f"0.75 for: {texts[0]}" if routes else None for _, _, texts in kinds],
            "deciding": [
                {
                    "event": 0,
                    "text": texts[0],
                    "cosine": 0.25,
                    "source": "sim_ras",
                    "nearest": texts[-1],
                }
                if routes
                else None
                for _, _, texts in kinds
            ],
        },
        schema=FLAGGED,
    ).write_parquet(folder / "flagged.parquet")
    metrics = {
        "method": "GeneralLog" if routes else "ZeroLog",
        "target": "shop",
        "source": ["sim_vms", "sim_ras"],
        "seed": 0,
        "protocol": "sound",
        "stamps": [],
        "threshold": 0.5,
        "n_sequences": 2 * n,
        "n_distinct": 2 * len(kinds),
        "n_anomalous": n,
        "abstained": 0,
        "audit": [{"check": "shared_lines", "ok": True, "detail": "0 lines are in both parts."}],
        "wall_seconds": 12.5,
        "lines_per_second": 54321.0,
        "read": {"lines": 1000, "nul": 0},
    }
    if routes:
        metrics |= {"expert": "retrieval", "tau": 0.3, "share_proprietary": 0.5, "warning": None}
    if labels:
        metrics |= FIGURES | {
            "f1_interval": [0.4, 0.6],
            "false_alarms": 6,
            "false_alarms_per_10k": 1000.0,
            "false_alarms_per_day": None,
            "supervised_ceiling": 0.9,
            "template_ceiling": None,
            "baselines": {
                name: FIGURES | {"f1": f1, "f1_interval": [None, None]}
                for name, f1 in (("all_positive", 0.2), ("keyword", 0.6))
            },
            "distinct": {**FIGURES, "n_sequences": 30},
            "seen": {**FIGURES, "n_sequences": 60},
            "unseen": {**dict.fromkeys(FIGURES), "n_sequences": 0},
        }
    config = {
        "settings": {"target": "shop", "llm": {"llm_url": "http://me:secret@host/v1"}},
        "packages": {"glx": "0.1.0"},
        "device": "cpu",
        "commit": None,
    }
    bins = np.linspace(0, 1, 51).tolist()
    counted = [0] * 40 + [1] * 10
    figures = {
        "curve": {"recall": [0.5, 1.0], "precision": [1.0, 0.4], "threshold": [0.7, 0.2]}
        if labels
        else None,
        "timeline": {
            "axis": "line",
            "edges": [0, 50, 100],
            "sequences": [3, 4],
            "flagged": [1, 2],
            "anomalous": [0, 1] if labels else None,
        },
        "scores": {
            "edges": bins,
            "routes": {"general": counted, "proprietary": counted} if routes else {"all": counted},
        },
        "similarity": {"edges": bins, "count": counted, "tau": 0.3} if routes else None,
        "blocks": None,
    }
    for name, value in (("metrics", metrics | more), ("config", config), ("figures", figures)):
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def _plain(text: str) -> str:
    """What a Parquet file can hold: no half of a pair."""
    return text.encode(errors="replace").decode()
