"""What a page shows of every distinct flagged sequence, a *group*.

In: two tables of a run. Out: JSON values. Texts are kept once and named by number, so that a page
over 100,000 verdicts stays small; what would make it too large is left out and counted.
"""

from bisect import bisect_right
from typing import Any

import numpy as np
import polars as pl

from glx.verdicts import DECIDING, EVIDENCE

FLAGGED: dict[str, Any] = {  # the columns of `flagged.parquet`
    "score": pl.Float32,
    "route": pl.String,
    "count": pl.Int64,
    "sequences": pl.List(pl.Int64),
    "events": pl.List(pl.String),
    "evidence": EVIDENCE,
    "reason": pl.String,
    "deciding": DECIDING,
}
PLACES = ["sequence", "key", "first_line", "last_line"]  # of the verdicts
GROUPS = 2_000  # groups that a run keeps in `flagged.parquet`, and
EVENTS = 200  # the first events of each
TEXT, KEY = 1_000, 200  # characters of a text and of a session id at most
TEXTS_BUDGET, PLACES_BUDGET = 2_000_000, 11_000_000  # characters of all texts, bytes of all places
ROUNDED = 1e-4  # weights are kept to four digits
PLACE = 24  # bytes of two line numbers, quotes and commas
ESCAPE = 5  # more bytes for a character that JSON in a page must spell out


def anomalies(
    flagged: pl.DataFrame, verdicts: pl.DataFrame, seen: int | None = None
) -> dict[str, Any]:
    """What the page's table holds.

    Args:
      flagged: `flagged.parquet`.
      verdicts: the columns `PLACES` of `verdicts.parquet`.
      seen: how many events of a sequence the method looks at at most; None for all.

    Returns:
      `groups`, each with `score`, `route`, `count`, `events` and the `text` to show first (numbers
      of `texts`), `top` (place, weight, line, text of what weighed most; empty where nothing weighs
      more than the rest), `near` (why it was routed) or None, `reason` or None, and `at` and
      `kept`: its run in `keys` (or None), `first` and `last`.
    """
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    places = _places(flagged, verdicts)
    kept, at = dict(places.group_by("group").len().iter_rows()), 0
    groups: list[dict[str, Any]] = []
    for score, route, n, _, events, heavy, reason, near in flagged.select(*FLAGGED).iter_rows():
        heaviest = [event["weight"] for event in heavy]
        heavy = heavy if outweighs(heaviest, min(len(events), seen or EVENTS)) else []
        top = [[e["event"], e["weight"], e["line"], number(e["text"])] for e in heavy]
        numbers = [number(text) for text in events]
        if near:
            near = {
                "place": near["event"],
                "event": number(near["text"]),
                "cosine": near["cosine"],
                "source": near["source"],
                "nearest": number(near["nearest"]),
            }
        groups.append(
            {
                "score": score,
                "route": route,
                "count": n,
                "events": numbers,
                "text": ([entry[3] for entry in top] or numbers or [number("")])[0],
                "top": top,
                "near": near,
                "reason": reason and cut(reason, TEXT),
                "at": at,
                "kept": kept.get(len(groups), 0),
            }
        )
        at += groups[-1]["kept"]
    limit = min(max(TEXTS_BUDGET // max(len(texts), 1), 60), TEXT)
    keys = places["key"]
    return {
        "texts": [cut(text, limit) for text in texts],
        "groups": groups,
        "keys": None if keys.is_null().all() else [cut(key or "", KEY) for key in keys],
        "first": places["first_line"].to_list(),
        "last": places["last_line"].to_list(),
    }


def outweighs(heaviest: list[float], n: int) -> bool:
    """Whether the `heaviest` weights of a sequence are above others of it.

    Args:
      n: how many events were weighed. Weights are shares, so that all of them are equal where the
        largest is no more than `1 / n`.
    """
    if not heaviest:
        return False
    return max(heaviest) > min(*heaviest, 1 / max(n, 1)) + ROUNDED


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them an ellipsis where some are missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _places(flagged: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Where each group occurs, `group key first_line last_line` in the order of groups.

    Where all do not fit, each group keeps equally many of its first ones.
    """
    where = (
        flagged.select(pl.int_range(pl.len()).alias("group"), pl.col("sequences").alias("sequence"))
        .explode("sequence", empty_as_null=False)
        .join(verdicts, on="sequence", how="left", maintain_order="left")
    )
    keys = where["key"].fill_null("").str.slice(0, KEY)
    written = keys.str.len_bytes() + ESCAPE * keys.str.count_matches(r"[<>&[:cntrl:]]")
    size = PLACE + float(written.mean() or 0)  # type: ignore[arg-type]
    counts = flagged["sequences"].list.len().to_numpy()
    shares, room = range(1, counts.max(initial=0) + 1), int(PLACES_BUDGET / size)
    # How many shares are so small that all fit: that is the largest of them.
    share = bisect_right(shares, room, key=lambda k: int(np.minimum(counts, k).sum()))
    return where.filter(pl.int_range(pl.len()).over("group") < max(share, 1))
