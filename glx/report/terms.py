"""What pages and tables call things: the terms of `metrics.json` in words."""

from typing import Any

BASELINES = {  # what each of the trivial detectors flags
    "all_positive": "everything",
    "keyword": "words like “error”",
    "new_event": "never seen before",
    "surprise": "rare or missing events",
    "count_vector": "unusual counts",
}
# Methods to which the target's own unlabelled log shows nothing.
BLIND = {"source-only GRU", "MetaLog-style"}


def spoken(term: str) -> str:
    """A term as words: `new event`."""
    return term.replace("_", " ")


def explained(baseline: str) -> str:
    """A trivial detector with what it flags: `surprise: rare or missing events`."""
    return ": ".join(filter(None, [spoken(baseline), BASELINES.get(baseline)]))


def labels_given(metrics: dict[str, Any]) -> str:
    """`17 labels` of the target that a run learned from; without a number where that is not kept.

    Empty where it had none.
    """
    known = any(finding["check"] == "target_labels" for finding in metrics["audit"])
    n = metrics.get("target_labels", "" if known else 0)
    return f"{n:,} label{'s' * (n != 1)}" if n else "labels" if n == "" else ""


def lesson(metrics: dict[str, Any]) -> str:
    """What a run learned from: `bgl, hdfs and from shop’s own unlabelled log`."""
    target, given = metrics["target"], labels_given(metrics)
    parts = [", ".join(metrics["source"])] if metrics["source"] else []
    if metrics["method"] not in BLIND:
        parts.append(f"{target}’s own unlabelled log")
    if given:
        parts.append(f"{given} of {target}")
    if len(parts) < 2:
        return f"{parts[0]} alone" if parts else ""
    return f"{', from '.join(parts[:-1])} and from {parts[-1]}"
