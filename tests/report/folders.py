"""A small study folder, written without running anything."""

import json
from pathlib import Path

BASELINES = {
    "all_positive": {"f1": 0.2, "f1_interval": [0.1, 0.3], "auroc": 0.5, "auprc": 0.11,
                     "precision": 0.11, "recall": 1.0},
    "surprise": {"f1": 0.7, "f1_interval": [0.6, 0.8], "auroc": 0.9, "auprc": 0.8,
                 "precision": 0.7, "recall": 0.7},
}  # fmt: skip
# tp, fp, fn of four blocks with two anomalous sequences each.
GOOD, POOR = ([2, 2, 2, 1], [0, 0, 1, 0], [0, 0, 0, 1]), ([1, 0, 1, 0], [0, 1, 0, 1], [1, 2, 1, 2])


def f1(blocks: tuple[list[int], ...]) -> float:
    tp, fp, fn = map(sum, blocks)
    return 2 * tp / (2 * tp + fp + fn)


def counts(blocks: tuple[list[int], ...]) -> dict[str, list[int]]:
    return dict(zip(("tp", "fp", "fn"), blocks, strict=True))


def figures(blocks, method: str, target: str, source: list[str], seed: int, **more) -> dict:
    """A `metrics.json`."""
    baselines = {name: b | {"oracle_f1": b["f1"]} for name, b in BASELINES.items()}
    return {
        "method": method, "target": target, "source": source, "seed": seed, "f1": f1(blocks),
        "f1_interval": [0.1, 0.9], "precision": 0.5, "recall": 0.5, "auprc": 0.6, "auroc": 0.8,
        "oracle_f1": f1(blocks) + 0.05, "mcc": 0.5, "supervised_ceiling": 0.99,
        "template_ceiling": None, "baselines": baselines, "wall_seconds": 12.5 + seed,
        "lines_per_second": 250000.0, "llm_calls": 0, "llm_tokens_in": 0, "share_proprietary": 0.25,
        "protocol": "sound", "stamps": [], "audit": [],
    } | more  # fmt: skip


def write_run(
    folder: Path, blocks, *, settings: dict | None = None, beside: dict | None = None, **given
) -> None:
    """A run folder.

    Args:
      blocks: tp, fp, fn of each block.
      settings: in `config.json`, beside the seed.
      beside: as `blocks`, of trivial detectors by name.
      given: goes into `metrics.json`.
    """
    folder.mkdir(parents=True)
    model = {"seed": given["seed"], **(settings or {}).get("model", {})}
    config = {"settings": {**(settings or {}), "model": model}, "packages": {}, "device": "cpu"}
    (folder / "config.json").write_text(json.dumps(config | {"commit": None}))
    (folder / "metrics.json").write_text(json.dumps(figures(blocks, **given)))
    drawn: dict = {"blocks": counts(blocks)}
    if beside is not None:
        drawn["baselines"] = {name: counts(found) for name, found in beside.items()}
    (folder / "figures.json").write_text(json.dumps(drawn))
    (folder / "report.html").write_text("<!doctype html>")


def write_study(folder: Path, reference: str | None = None, beside: dict | None = None) -> Path:
    """Two targets, three methods, two seeds; `GeneralLog` also from single sources.

    Not finished: `DeepLog` on `bgl_50%` with seed 1. Not defined: AUPRC of `DeepLog` on `hdfs`.
    `MetaLog` had labels. A name holds what means something to HTML, Markdown and LaTeX.
    """
    systems = ["hdfs", "bgl_50%", "openstack"]
    plan = []
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
                    plan.append(
                        {"run": run, "method": method, "target": target, "source": source,
                         "seed": seed, "few_labels": few, "ours": method == "GeneralLog"}
                    )  # fmt: skip
                    given = {k: plan[-1][k] for k in ("method", "target", "source", "seed")}
                    if method.startswith("DeepLog"):
                        if (target, seed) == ("bgl_50%", 1):
                            continue
                        given["auprc"] = None
                        given["source"] = []
                    alike = method == "GeneralLog" and (target == "hdfs" or seed == 0)
                    write_run(folder / run, GOOD if alike else POOR, beside=beside, **given)
    study = {
        "name": "study", "command": "glx study --llm_url=http://me:secret@host/v1",
        "preset": "small",
        "protocol": "sound", "reference": reference, "cells": plan,
    }  # fmt: skip
    (folder / "study.json").write_text(json.dumps(study))
    return folder
