"""The tables of a study. In: `Results`. Out: `Table`s, to be written by `glx/report/table.py`.

F1 is always that at a threshold which saw no label of the target, but where a row says otherwise.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from glx.evaluate.intervals import Interval
from glx.report.compare import (
    Compared,
    against_trivial,
    baselines,
    best_trivial,
    differences,
    disagree,
    left_out,
)
from glx.report.results import DAGGER, Group, Results
from glx.report.table import Entry, Table
from glx.report.terms import spoken

FIGURES = {  # what they are called, what they are
    "f1": ("F1", "F1 at a threshold that saw no label of the target."),
    "auprc": ("AUPRC", "Average precision."),
    "auroc": ("AUROC", "Area under the ROC curve; 0.5 is chance."),
    "oracle_f1": ("Oracle F1", "F1 at the best threshold in hindsight: no detector's result."),
}
CEILINGS = {
    "supervised_ceiling": "random forest with the target's labels",
    "template_ceiling": "templates that are mostly anomalous",
}
FEW = (
    f"{DAGGER}: was given labels of the target, not zero-label: a draw by class, that share of its "
    "normal and of its anomalous sequences, at least one of each."
)
ROUGH = "Seconds are rough: cells may run side by side, and the first of a process compiles."
NONE = "-"
T = TypeVar("T")


def of_study(study: Results) -> list[Table]:
    """All tables that the study has something for."""
    tables = [leave_one_out(study, figure) for figure in FIGURES]
    if study.reference is not None:
        tables.insert(0, ablation(study))
    tables.append(beside_trivial(study))
    tables += [pairs(study, method) for method in study.methods]
    tables.append(cost(study))
    return [table for table in tables if table.rows]


def leave_one_out(study: Results, figure: str = "f1") -> Table:
    """Methods by targets, from all other systems; below them trivial detectors and ceilings."""
    found = {m: [study.leave_one_out(m, t) for t in study.targets] for m in study.methods}
    ours = [
        (m, [_summary(study, m, group, figure) for group in groups])
        for m, groups in found.items()
        if any(groups)
    ]
    ours.sort(key=lambda row: _place(*row))
    beside = [baselines(study, t) for t in study.targets]
    trivial = [
        (spoken(name), [_of_baseline(known.get(name), figure) for known in beside])
        for name in dict.fromkeys(name for known in beside for name in known)
    ]
    marks = [
        (said, [_ceiling(study, t, name) for t in study.targets])
        for name, said in (CEILINGS if figure == "f1" else {}).items()
    ]
    parts = (ours, trivial, marks) if ours else ()
    free = [row for name, row in ours + trivial if DAGGER not in name]
    best = [most(e.value for e in column) for column in zip(*free, strict=True)]
    if figure == "oracle_f1":
        best = [None] * len(best)  # nobody's result

    def finished(name: str, row: list[Entry]) -> tuple[Entry, ...]:
        if DAGGER not in name:
            row = [
                replace(e, bold=e.value is not None and e.value == b)
                for e, b in zip(row, best, strict=True)
            ]
        return (Entry(name), *row, *([_average(row)] if len(row) > 1 else []))

    notes = (
        FIGURES[figure][1],
        "Sources: all other systems. Mean over seeds (lowest to highest where they differ).",
        "" if figure == "oracle_f1" else "Bold: best without labels of the target.",
        left_out(study, {m: _known(study, row) for m, row in ours}),
        FEW if _few(ours) else "",
        "Second part: trivial detectors." if trivial else "",
        "Last part: what labels of the target would buy, fitted on the scored part." * bool(marks),
        *(f"The baselines of {t} differ between runs: not one split." for t in disagree(study)),
        *stamped(study),
    )
    return Table(
        figure,
        f"{FIGURES[figure][0]}, leave-one-out",
        ("method", *study.targets, *_over_all(study, "mean")),
        tuple(tuple(finished(*row) for row in part) for part in parts if part),
        tuple(filter(None, notes)),
    )


def pairs(study: Results, method: str) -> Table:
    """Sources by targets of one method, F1; empty where it was run on no single source."""
    sources = sorted({s[0] for m, _, s in study.groups if m == method and len(s) == 1})
    rows = [
        (Entry(source), *(_pair(study, method, t, (source,)) for t in study.targets))
        for source in sources
    ]
    others = [study.others(t) for t in study.targets]
    groups = [tuple(rows)]
    if rows and any(other and len(other) > 1 for other in others):
        found = [_pair(study, method, t, o) for t, o in zip(study.targets, others, strict=True)]
        groups.append(((Entry("all others"), *found),))
    return Table(
        f"pairs-{method}",
        f"F1 of {method} by source and target",
        ("source", *study.targets),
        tuple(groups) if rows else (),
        ("Mean over seeds (lowest to highest where they differ).", *stamped(study)),
    )


def ablation(study: Results) -> Table:
    """F1 of each variant minus that of the reference, the most harmful first."""
    found = differences(study)
    return Table(
        "ablation",
        f"F1 of variants minus that of {study.reference}",
        ("variant", *_over_all(study, "mean"), *study.targets),
        _differences(study, found),
        (
            "Difference of F1 with the 95 % interval of a paired bootstrap over seeds and blocks "
            "of the test part; below 0 the variant is worse. Sources: all other systems.",
            *filter(None, [left_out(study, {m: c.each for m, c in found.items()})]),
            *stamped(study),
        ),
    )


def beside_trivial(study: Results) -> Table:
    """F1 of each method minus that of the trivial detector that is best on the target."""
    found, best = against_trivial(study), best_trivial(study)
    return Table(
        "trivial",
        "F1 minus that of the best trivial detector",
        (
            "method",
            *_over_all(study, "mean"),
            *(f"{t} (against {spoken(best[t])})" if t in best else t for t in study.targets),
        ),
        _differences(study, found),
        (
            "Difference of F1 with the 95 % interval of a paired bootstrap over seeds and blocks "
            "of the test part; above 0 the method is better. The detector is the best on the "
            "scored part of each target, a choice by the labels of that part. Sources: all "
            "other systems.",
            *filter(None, [left_out(study, {m: c.each for m, c in found.items()})]),
            *([FEW] if any(DAGGER in name for name in found) else []),
            *stamped(study),
        ),
    )


def cost(study: Results) -> Table:
    """What each method takes on each target, leave-one-out."""
    columns: dict[str, tuple[str, Callable[[float], str]]] = {
        "wall_seconds": ("seconds", lambda v: f"{v:,.0f}" if v >= 10 else f"{v:.1f}"),
        "lines_per_second": ("lines/s", lambda v: f"{v:,.0f}"),
        "llm_calls": ("LLM calls", lambda v: f"{v:,.0f}"),
        "llm_tokens_in": ("LLM tokens in", lambda v: f"{v:,.0f}"),
        "share_proprietary": ("proprietary", lambda v: f"{100 * v:.1f} %"),
    }
    rows = []
    for method in study.methods:
        for target in study.targets:
            group = study.leave_one_out(method, target)
            if group is None:
                continue
            means = {name: group.mean(name) for name in columns}
            cells = [
                Entry(NONE if (mean := means[name]) is None else write(mean), value=mean)
                for name, (_, write) in columns.items()
            ]
            rows.append((Entry(method), Entry(target), *cells))
    return Table(
        "cost",
        "Cost, leave-one-out",
        ("method", "target", *(name for name, _ in columns.values())),
        (tuple(rows),) if rows else (),
        (
            "Means over seeds. Seconds: the whole run with reading, fitting and measuring; "
            "lines/s: lines of the test part by seconds of scoring. " + ROUGH,
            *stamped(study),
        ),
        names=2,
    )


def stamped(study: Results) -> list[str]:
    """Under what protocol the numbers arose, and how many there are."""
    seeds = sorted({cell.seed for cell in study.finished})
    done, planned = len(study.finished), len(study.cells)
    found = sorted({c.figures.get("protocol", study.protocol) for c in study.finished})
    return [
        f"Protocol {', '.join(found or [study.protocol])}, preset {study.preset}, "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds)) or NONE}, "
        f"{done} of {planned} cells.",
        *([f"Stamps: {', '.join(study.stamps)}."] if study.stamps else []),
    ]


def spread(values: Sequence[float | None], digits: int = 3) -> str:
    """`mean`, or `mean (low to high)` where the known values differ."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    parts = (sum(known) / len(known), min(known), max(known))
    mean, low, high = (f"{value:.{digits}f}" for value in parts)
    return mean if low == high else f"{mean} ({low} to {high})"


def most(values: Iterable[float | None]) -> float | None:
    """The largest that is known."""
    return max((value for value in values if value is not None), default=None)


def minus(number: str) -> str:
    """A formatted number with a true minus sign; a zero has no sign."""
    return number.replace("-", "−") if number.strip("+-0.") else number.lstrip("+-")


def _summary(study: Results, name: str, group: Group | None, figure: str) -> Entry:
    if group is None:
        return Entry(NONE, hint=f"{name}: not finished")
    values, planned = group.values(figure), study.planned(group)
    text = spread(values)
    if values and len(group.cells) < planned:
        text = f"{text.removesuffix(')')}{'; ' if '(' in text else ' ('}"
        text += f"{len(group.cells)} of {planned} seeds)"
    mean = sum(values) / len(values) if values else None
    seeds = ", ".join(str(cell.seed) for cell in group.cells)
    return Entry(text, value=mean, hint=f"{name}: {text}, seed {seeds}", href=_page(group))


def _pair(study: Results, method: str, target: str, source: tuple[str, ...] | None) -> Entry:
    group = study.groups.get((method, target, source or ()))
    if group is not None:
        return _summary(study, f"{target} ← {', '.join(source or ())}", group, "f1")
    planned = any(
        (c.method, c.target, c.source) == (method, target, source or ()) for c in study.cells
    )
    return Entry(NONE, hint="not finished" if planned else "not run: the same system or family")


def _of_baseline(figures: dict | None, figure: str) -> Entry:
    value = (figures or {}).get(figure)
    return Entry(_number(value), value=value)


def _difference(interval: Interval | None) -> Entry:
    if interval is None:
        return Entry(NONE)
    mean, low, high = (f"{value:+.3f}" for value in interval)
    text = f"{minus(mean)} [{minus(low.lstrip('+'))}, {minus(high.lstrip('+'))}]"
    return Entry(text, value=interval.mean)


def _ceiling(study: Results, target: str, name: str) -> Entry:
    found = [c.figures.get(name) for c in study.finished if c.target == target]
    known = sorted({f"{value:.3f}" for value in found if value is not None})
    return Entry(" to ".join([known[0], known[-1]][: len(known)]) if known else NONE)


def _average(row: list[Entry]) -> Entry:
    values = [entry.value for entry in row if entry.value is not None]
    return Entry(_number(sum(values) / len(values) if len(values) == len(row) else None))


def _over_all(study: Results, last: T) -> list[T]:
    """A column over all targets, where there are several."""
    return [last] if len(study.targets) > 1 else []


def _place(name: str, row: list[Entry]) -> tuple[bool, bool, float]:
    """The order of methods: by the mean; below, those that lack a target; last, with labels."""
    known = [entry.value for entry in row if entry.value is not None]
    return DAGGER in name, len(known) < len(row), -sum(known) / max(len(known), 1)


def _known(study: Results, row: list[Entry]) -> list[str]:
    """The targets that have a figure."""
    return [t for t, entry in zip(study.targets, row, strict=True) if entry.value is not None]


def _differences(
    study: Results, found: dict[str, Compared]
) -> tuple[tuple[tuple[Entry, ...], ...], ...]:
    rows = []
    for method, (whole, each) in found.items():
        entries = [_difference(each.get(target)) for target in study.targets]
        rows.append((Entry(method), *_over_all(study, _difference(whole)), *entries))
    return (tuple(rows),) if rows else ()


def _few(rows: list[tuple[str, list[Entry]]]) -> bool:
    return any(DAGGER in name for name, _ in rows)


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _page(group: Group) -> str:
    """The report of the first seed that has one; quoted, so that it is a path and nothing else."""
    return next(
        (quote(os.fsencode(f"{cell.run}/report.html")) for cell in group.cells if cell.page), ""
    )
