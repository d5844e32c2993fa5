"""Print a Markdown table of finished runs: python -m experiments.summary RUN_DIR...

Runs of one detector, target and sources are a row: the mean over seeds, with the range where they
differ.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from glx.errors import InputError

COLUMNS = ("F1", "AUROC", "oracle F1", "surprise F1", "best other F1", "supervised", "seconds")


def main(paths: list[str]) -> None:
    groups: dict[tuple[str, str, str], list[dict]] = defaultdict(list)
    for path in paths:
        file = Path(path) / "metrics.json"
        if not file.is_file():
            raise InputError(f"{path}: no finished run (no metrics.json)")
        figures = json.loads(file.read_text())
        if "f1" not in figures:
            raise InputError(f"{path}: a run without labels has no figures to compare")
        method = " ".join([figures["method"], figures.get("expert", "")]).strip()
        groups[method, figures["target"], ", ".join(figures["source"])].append(figures)
    print("| detector | target <- sources | seeds |", " | ".join(COLUMNS), "|")
    print("|---|---|---|" + "---|" * len(COLUMNS))
    for (method, target, sources), runs in sorted(groups.items()):
        cells = " | ".join(map(spread, zip(*map(row, runs), strict=True)))
        print(f"| {method} | {target} <- {sources} | {len(runs)} | {cells} |")


def row(figures: dict) -> tuple[float, ...]:
    """The columns of one run."""
    others = {k: b["f1"] for k, b in figures["baselines"].items() if k != "surprise"}
    return (
        figures["f1"],
        figures["auroc"],
        figures["oracle_f1"],
        figures["baselines"]["surprise"]["f1"],
        max(others.values()),
        figures["supervised_ceiling"],
        figures["wall_seconds"],
    )


def spread(values: tuple[float, ...]) -> str:
    """`mean`, or `mean (low to high)` where values differ."""
    digits = 0 if min(values) > 2 else 3
    mean, low, high = (
        f"{v:.{digits}f}" for v in (sum(values) / len(values), min(values), max(values))
    )
    return mean if low == high else f"{mean} ({low} to {high})"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as e:
        sys.exit(f"error: {e}")
