"""What pages and tables call things: the terms of `metrics.json` in words."""

BASELINES = {  # what each of the trivial detectors flags
    "all_positive": "everything",
    "keyword": "words like “error”",
    "new_event": "never seen before",
    "surprise": "rare or missing events",
    "count_vector": "unusual counts",
}


def spoken(term: str) -> str:
    """A term as words: `new event`."""
    return term.replace("_", " ")


def explained(baseline: str) -> str:
    """A trivial detector with what it flags: `surprise: rare or missing events`."""
    return ": ".join(filter(None, [spoken(baseline), BASELINES.get(baseline)]))
