"""The tables of a study. In: `Results`. Out: `Table`s, to be written by `glx/report/table.py`.

F1 is always that at a threshold which saw no label of the target, but where a row says otherwise.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from glx.evaluate.intervals import Interval
from glx.report.page import as_words
from glx.report.results import DAGGER, Compared, Results, Seeds
from glx.report.table import Entry, Table

TITLES = {  # of metrics, and what they are
    "f1": ("F1", "F1 at a threshold that saw no label of the target."),
    "auprc": ("AUPRC", "Average precision."),
    "auroc": ("AUROC", "Area under the ROC curve; 0.5 is chance."),
    "oracle_f1": ("Oracle F1", "F1 at the best threshold in hindsight: no detector's result."),
}
EACH = ("f1", "oracle_f1", "auprc", "auroc")  # the order in which one system has them
CEILINGS = {
    "supervised_ceiling": "random forest with the target's labels",
    "template_ceiling": "templates that are mostly anomalous",
}
ANSWERED = "share_answered"
COST: dict[str, tuple[str, Callable[[float], str]]] = {
    "wall_seconds": ("seconds", lambda v: f"{v:,.0f}" if v >= 10 else f"{v:.1f}"),
    "lines_per_second": ("lines/s", lambda v: f"{v:,.0f}"),
    "llm_calls": ("LLM calls", lambda v: f"{v:,.0f}"),
    "llm_tokens_in": ("LLM tokens in", lambda v: f"{v:,.0f}"),
    "share_proprietary": ("proprietary", lambda v: f"{100 * v:.1f} %"),
    ANSWERED: ("answered", lambda v: f"{100 * v:.1f} %"),
}
FEW = (
    f"{DAGGER}: was given labels of the target, not zero-label: a draw by class, that share of its "
    "normal and of its anomalous sequences, at least one of each."
)
SOURCES = "Sources: all labelled systems of other families."
MEANS = "Mean over seeds (lowest to highest where they differ)."
PAIRED = (
    "Difference of F1 with the 95 % interval of a paired bootstrap over seeds and blocks of the "
    "test part;"
)
ROUGH = "Seconds are rough: cells may run side by side, and the first of a process compiles."
NONE = "-"


def of_study(study: Results) -> list[Table]:
    """All tables that the study has something for."""
    first = ablation(study) if study.reference is not None else systems(study)
    tables = [first, *(leave_one_out(study, metric) for metric in TITLES)]
    tables.append(beside_trivial(study))
    tables += [pairs(study, method) for method in study.methods]
    tables.append(cost(study))
    return [table for table in tables if table.rows]


def leave_one_out(study: Results, metric: str = "f1") -> Table:
    """Methods by targets, from all its sources; below them trivial detectors and ceilings."""
    oracle = metric == "oracle_f1"
    methods = {
        method: [_summary(method, found.get(target), metric) for target in study.targets]
        for method, found in study.leave_one_out.items()
        if found
    }
    methods = dict(sorted(methods.items(), key=lambda row: _place(*row)))
    known = [study.trivial(target) for target in study.targets]
    trivial = {
        as_words(name): [
            _score(getattr(each[name].metrics, metric) if name in each else None) for each in known
        ]
        for name in dict.fromkeys(name for each in known for name in each)
    }
    ceilings = {
        title: [_ceiling(study, target, name) for target in study.targets]
        for name, title in CEILINGS.items()
        if metric == "f1"
    }
    free = [row for name, row in {**methods, **trivial}.items() if DAGGER not in name]
    for n in range(len(known)):
        best = None if oracle else most(row[n].value for row in free)
        for row in free:
            row[n] = replace(row[n], bold=best is not None and row[n].value == best)
    has = {
        method: [t for t, entry in zip(study.targets, row, strict=True) if entry.value is not None]
        for method, row in methods.items()
    }
    sections = (methods, trivial, ceilings) if methods else ()
    return _table(
        study,
        metric,
        f"{TITLES[metric][0]}, leave-one-out",
        ("method", *study.targets, *_over_all(study)),
        [[(Entry(name), *_with_mean(row)) for name, row in part.items()] for part in sections],
        TITLES[metric][1],
        f"{SOURCES} {MEANS}",
        "" if oracle else "Bold: best without labels of the target.",
        study.left_out(has),
        FEW if any(DAGGER in method for method in methods) else "",
        "Second part: trivial detectors." if trivial else "",
        "Last part: what labels of the target would buy, fitted on the scored part."
        if ceilings
        else "",
        *study.other_split,
    )


def systems(study: Results) -> Table:
    """Each target with all that is known on it; above, the means, and last those without labels."""
    trivial = {target: study.trivial(target) for target in study.targets}
    sections = [_means(study)]
    for target in (*study.targets, *study.unlabelled):
        methods = [
            (method, [_summary(method, own[target], metric) for metric in EACH], own[target])
            for method, own in study.leave_one_out.items()
            if target in own
        ]
        rows = [(name, [*entries, _flagged(seeds)]) for name, entries, seeds in methods]
        for name, known in trivial.get(target, {}).items():
            values = [_score(getattr(known.metrics, metric)) for metric in EACH]
            rows.append((as_words(name), [*values, Entry(NONE)]))
        if trivial.get(target):
            nothing = [Entry(NONE)] * len(EACH)
            rows += [
                (title, [_ceiling(study, target, n), *nothing]) for n, title in CEILINGS.items()
            ]
        sections.append([(Entry(target), Entry(name), *entries) for name, entries in rows])
    table = _table(
        study,
        "systems",
        "System by system",
        ("system", "method", *(TITLES[metric][0] for metric in EACH), "flagged"),
        sections if study.finished else [],
        TITLES["f1"][1],
        *(": ".join(TITLES[metric]) for metric in EACH[1:]),
        f"Flagged: share of the scored sequences. {SOURCES} {MEANS}",
        "A mean over some of the systems says of how many.",
        f"Without labels: {', '.join(study.unlabelled)}." if study.unlabelled else "",
        FEW if any(DAGGER in method for method in study.leave_one_out) else "",
        "Last of each: what labels of the target would buy, fitted on the scored part.",
        *study.other_split,
    )
    return replace(table, names=2)


def _means(study: Results) -> list[tuple[Entry, ...]]:
    """Each method over the targets on which it is known, where there are several targets."""
    n, rows = len(study.targets), []
    for method, own in study.leave_one_out.items() if n > 1 else ():
        entries = []
        for metric in EACH:
            means = [own[target].mean(metric) for target in study.targets if target in own]
            known = [mean for mean in means if mean is not None]
            mean = _score(sum(known) / len(known) if known else None)
            some = f" ({len(known)} of {n})" if 0 < len(known) < n else ""
            entries.append(replace(mean, text=mean.text + some))
        rows.append((Entry("mean"), Entry(method), *entries, Entry(NONE)))
    return rows


def _flagged(seeds: Seeds) -> Entry:
    """The share of the scored sequences that is flagged."""
    found = [
        c.metrics.n_anomalous / max(c.metrics.n_sequences, 1) for c in seeds.cells if c.metrics
    ]
    return Entry(f"{100 * sum(found) / len(found):.1f} %")


def pairs(study: Results, method: str) -> Table:
    """Sources by targets of one method, F1; empty where it was run on no single source."""
    single = sorted({s for m, _, s in study.planned if m == method and len(s) == 1})
    rows = [
        (Entry(source[0]), *(_pair(study, method, t, source) for t in study.targets))
        for source in single
        if any(study.seeds(method, target, source) for target in study.targets)
    ]
    others = {target: study.others(target) or () for target in study.targets}
    last = [(Entry("all others"), *(_pair(study, method, t, o) for t, o in others.items()))]
    return _table(
        study,
        f"pairs-{method}",
        f"F1 of {method} by source and target",
        ("source", *study.targets),
        [rows, last if max(map(len, others.values())) > 1 else []] if rows else [],
        MEANS,
    )


def ablation(study: Results) -> Table:
    """F1 of each variant minus that of the reference, the most harmful first."""
    return _differences(
        study,
        study.differences,
        "ablation",
        f"F1 of variants minus that of {study.reference}",
        ("variant", *_over_all(study), *study.targets),
        "below 0 the variant is worse.",
    )


def beside_trivial(study: Results) -> Table:
    """F1 of each method minus that of the trivial detector that is best on the target."""
    best = study.best_trivial
    against = [f"{t} (against {as_words(best[t])})" if t in best else t for t in study.targets]
    return _differences(
        study,
        study.against_trivial,
        "trivial",
        "F1 minus that of the best trivial detector",
        ("method", *_over_all(study), *against),
        "above 0 the method is better. The detector is the best on the scored part of each target, "
        "a choice by the labels of that part.",
    )


def cost(study: Results) -> Table:
    """What each method takes on each target, leave-one-out."""
    rows = [
        (method, target, seeds)
        for method, found in study.leave_one_out.items()
        for target, seeds in found.items()
    ]
    known = {name: of for name, of in COST.items() if any(s.values(name) for *_, s in rows)}

    def cells(seeds: Seeds) -> Iterator[Entry]:
        for name, (_, text) in known.items():
            mean = seeds.mean(name)
            yield Entry(NONE if mean is None else text(mean))

    table = _table(
        study,
        "cost",
        "Cost, leave-one-out",
        ("method", "target", *(title for title, _ in known.values())),
        [[(Entry(method), Entry(target), *cells(seeds)) for method, target, seeds in rows]],
        "Means over seeds. Seconds: the whole run with reading, fitting and measuring; lines/s: "
        f"lines of the test part by seconds of scoring. {ROUGH}",
        "Answered: lines of the target with an answer of their own." if ANSWERED in known else "",
    )
    return replace(table, names=2)


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


def _table(
    study: Results,
    key: str,
    title: str,
    header: tuple[str, ...],
    sections: Sequence[Sequence[tuple[Entry, ...]]],
    *notes: str,
) -> Table:
    """With notes under what protocol the numbers arose, and how many there are."""
    seeds = sorted({cell.seed for cell in study.finished})
    found = sorted({cell.metrics.protocol for cell in study.finished if cell.metrics})
    protocol = (
        f"Protocol {', '.join(found or [study.protocol])}, preset {study.preset}, "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds)) or NONE}, "
        f"{len(study.finished)} of {len(study.cells)} cells."
    )
    stamps = f"Stamps: {', '.join(study.stamps)}." if study.stamps else ""
    rows = tuple(tuple(section) for section in sections if section)
    return Table(key, title, header, rows, tuple(filter(None, (*notes, protocol, stamps))))


def _summary(name: str, seeds: Seeds | None, metric: str) -> Entry:
    if seeds is None:
        return Entry(NONE, hint=f"{name}: not finished")
    values = seeds.values(metric)
    text = spread(values)
    if values and len(seeds.cells) < seeds.planned:
        text = f"{text.removesuffix(')')}{'; ' if '(' in text else ' ('}"
        text += f"{len(seeds.cells)} of {seeds.planned} seeds)"
    numbers = ", ".join(str(cell.seed) for cell in seeds.cells)
    # The report of the first seed that has one; quoted, so that it is a path and nothing else.
    pages = (f"{cell.run}/report.html" for cell in seeds.cells if cell.page)
    href = next((quote(os.fsencode(page)) for page in pages), "")
    return Entry(text, value=seeds.mean(metric), hint=f"{name}: {text}, seed {numbers}", href=href)


def _pair(study: Results, method: str, target: str, source: tuple[str, ...]) -> Entry:
    seeds = study.seeds(method, target, source)
    if seeds is not None:
        return _summary(f"{target} ← {', '.join(source)}", seeds, "f1")
    planned = (method, target, source) in study.planned
    return Entry(NONE, hint="not finished" if planned else "not run: the same system or family")


def _ceiling(study: Results, target: str, name: str) -> Entry:
    found = [getattr(metrics, name) for metrics in study.measured(target)]
    known = sorted({f"{value:.3f}" for value in found if value is not None})
    return Entry(" to ".join([known[0], known[-1]][: len(known)]) if known else NONE)


def _over_all(study: Results) -> tuple[str, ...]:
    """The title of a column over all targets, where there are several."""
    return ("mean",) if len(study.targets) > 1 else ()


def _with_mean(row: list[Entry]) -> list[Entry]:
    """With the mean of several, where all are known."""
    known = [entry.value for entry in row if entry.value is not None]
    mean = sum(known) / len(known) if known and len(known) == len(row) else None
    return [*row, _score(mean)] if len(row) > 1 else row


def _place(name: str, row: list[Entry]) -> tuple[bool, bool, float]:
    """The order of methods: by the mean; below, those that lack a target; last, with labels."""
    known = [entry.value for entry in row if entry.value is not None]
    return DAGGER in name, len(known) < len(row), -sum(known) / max(len(known), 1)


def _differences(
    study: Results,
    found: Mapping[str, Compared],
    key: str,
    title: str,
    header: tuple[str, ...],
    note: str,
) -> Table:
    """A row of intervals for each method: over all targets, on each."""
    rows = []
    for method, (whole, each) in found.items():
        intervals = [each.get(target) for target in study.targets]
        over_all = [whole] if len(study.targets) > 1 else []
        rows.append((Entry(method), *map(_difference, over_all + intervals)))
    left_out = study.left_out({method: compared.each for method, compared in found.items()})
    few = FEW if any(DAGGER in method for method in found) else ""
    notes = (f"{PAIRED} {note} {SOURCES}", left_out, few)
    return _table(study, key, title, header, [rows], *notes)


def _difference(interval: Interval | None) -> Entry:
    if interval is None:
        return Entry(NONE)
    mean, low, high = (f"{value:+.3f}" for value in interval)
    text = f"{minus(mean)} [{minus(low.lstrip('+'))}, {minus(high.lstrip('+'))}]"
    return Entry(text, value=interval.mean)


def _score(value: float | None) -> Entry:
    return Entry(NONE if value is None else f"{value:.3f}", value=value)
