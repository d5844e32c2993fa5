"""Which part of a line looks like a session id: proposals for `--session`.

In: the first lines of a log and its layout. Out: session rules, the best first. An id of a session
is on several lines that lie near each other; a host, a thread or a duration is on lines all over
the file, the id of a message on one.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from shlex import quote

import numpy as np
import polars as pl

from glx.parse.fields import COLUMN, session_of
from glx.parse.jsonl import flat, json_object
from glx.parse.layout import WIDEST, Layout

LOOKED_AT = 5000  # lines
MOST = 200  # kinds of ids that are tried, the most frequent first
IDS = (  # what is before an id, the id, what is after it
    re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*(?:=\"?|: ?))([\w-]*\d[\w-]*)()(?![\w.:-])"),
    re.compile(r"((?<![\w-])\w*\[)([\w-]{2,})(\])"),
    re.compile(r"(?<![\w-])([A-Za-z]{2,12}[_-])(?=[\w-]{0,40}\d)(-?[A-Za-z0-9][\w-]{2,60})()"),
)
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HEX = re.compile(r"(?<![\w-])(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{12,64}(?![\w-])")


@dataclass(frozen=True)
class Sessions:
    """What a session rule makes of lines.

    Attributes:
      rule: as `--session` takes it.
      share: of the lines, those with a session id.
      number: distinct ids.
      first: the first of them, if any.
      lines: of a session, the median.
      span: share of the file from the first to the last line of a session, the median.
    """

    rule: str
    share: float
    number: int
    first: str | None
    lines: float
    span: float

    @property
    def likely(self) -> bool:
        """Whether it looks like sessions rather than anything else that lines share."""
        return self.share >= 0.2 and self.number >= 5 and self.lines >= 2 and self.span < 0.4


def proposals(
    lines: Sequence[str], layout: Layout, title: str = "", most: int = 3
) -> list[Sessions]:
    """Likely session rules, the best first, no two that group the lines alike.

    Args:
      lines: raw ones, without what is around them (`Layout.wrap`) and without a table's header.
      title: the header line of a table.
    """
    lines = [line for line in lines[:LOOKED_AT] if line.strip()]
    table = {
        name: values
        for name, values in columns(lines, layout, title).items()
        if name not in (layout.text, layout.level, *layout.time)
    }
    found = [measured(name, values) for name, values in table.items()]
    if layout.format != "csv":  # there the rule is matched with the text alone
        series = pl.Series(lines, dtype=pl.String)
        rules = [] if any(one.likely for one in found) else _rules(lines)
        found += [measured(rule, session_of(series, rule)) for rule in rules]
    best: dict[tuple[float, int], Sessions] = {}
    for one in filter(lambda one: one.likely, found):
        best.setdefault((one.share, one.number), one)
    return sorted(best.values(), key=lambda one: one.share * (1 - one.span), reverse=True)[:most]


def measured(rule: str, keys: Iterable[str | None] | pl.Series | None) -> Sessions:
    """What a rule made of lines, by the session id of each."""
    series = pl.Series("key", [] if keys is None else keys, dtype=pl.String)
    spans = (
        series.to_frame()
        .with_row_index("at")
        .drop_nulls()
        .group_by("key")
        .agg(pl.len().alias("n"), (pl.col("at").max() - pl.col("at").min()).alias("span"))
    )
    if not len(spans):
        return Sessions(rule, 0.0, 0, None, 0.0, 0.0)
    lines, span = spans["n"].to_numpy(), spans["span"].to_numpy()
    return Sessions(
        rule,
        share=float(lines.sum() / len(series)),
        number=len(spans),
        first=series.drop_nulls()[0],
        lines=float(np.median(lines)),
        span=float(np.median(span) / len(series)),
    )


def problem(found: Sessions, lines: Sequence[str], layout: Layout) -> str | None:
    """What is wrong with a session rule that finds nothing, or the same in every line; else None.

    Args:
      found: what the rule made of these lines, or of others of the same log.
      lines: as `proposals` takes them.
    """
    rule = found.rule
    others = [f"--session={quote(one.rule)}" for one in proposals(lines, layout, most=1)]
    instead = " or ".join([*others, "--window"])
    if found.number == 0:
        if layout.format == "jsonl" and COLUMN.fullmatch(rule):
            names = ", ".join(list(columns(lines, layout))[:20])
            return f"no line has the field of --session={rule}; there are {names}; give {instead}"
        such = next((line[:200] for line in lines if line.strip()), "")
        return f"--session={rule} fits no line, such as {such!r}; give {instead}"
    if found.number == 1 and found.lines > 1:
        return f"--session={rule} finds no other id than {found.first!r}; give {instead}"
    return None


def columns(lines: Sequence[str], layout: Layout, title: str = "") -> dict[str, list[str | None]]:
    """The fields of lines by name: of a table, or of JSON, where dots reach into objects."""
    if layout.format == "csv":
        names, *table = csv.reader([title, *lines], delimiter=layout.separator)
        return dict(zip(names, map(list, zip_longest(*table)), strict=False))
    if layout.format != "jsonl":
        return {}
    rows = [flat(json_object(line) or {}) for line in lines]
    found = Counter(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name, _ in found.most_common(MOST)}


def _rules(lines: Sequence[str]) -> list[str]:
    """Rules for what looks like an id in lines: by what is before it, or by its own form."""
    values: dict[tuple[str, str], Counter[str]] = {}
    for line in lines:
        for pattern in IDS:
            for before, value, after in pattern.findall(line[:WIDEST]):
                values.setdefault((before, after), Counter())[value] += 1
    forms = [rf"\b[0-9a-f]{{{n}}}\b" for n in {len(v) for line in lines for v in HEX.findall(line)}]
    often = sorted(values, key=lambda around: values[around].total(), reverse=True)[:MOST]
    rules = [_rule(*around, values[around]) for around in often] + [UUID, *forms]
    return sorted(rules, key=lambda rule: not rule.startswith("("))  # ids that say what they are


def _rule(before: str, after: str, values: Iterable[str]) -> str:
    """The expression of ids with something before them, which is part of an id that it begins."""
    word = r"[\w-]+" if any("-" in value for value in values) else r"\w+"
    before, after = (re.sub(r"([\[\].()+*?$^|\\])", r"\\\1", part) for part in (before, after))
    return f"({before}{word})" if before.endswith(("_", "-")) else f"{before}({word}){after}"
