"""What a run prints at its end. In: its metrics. Out: tables on the terminal."""

from pathlib import Path

import polars as pl
from msgspec import UNSET, UnsetType
from rich.table import Table
from rich.text import Text

from glx.report.models import BaselineMetrics, Measured, Metrics
from glx.terminal import Screen, visible

SHOWN = 5  # anomalies


def print_run(metrics: Metrics, run_dir: Path) -> None:
    """The headline: the detector beside its baselines, the findings, the first anomalies."""
    console = Screen()
    if isinstance(metrics, Measured):
        console.print(scores(metrics))
    for finding in metrics.audit:
        if not finding["ok"]:
            console.print(f"audit: {finding['detail']}", style="yellow")
    if metrics.warning:
        console.print(metrics.warning, style="yellow")
    console.print(anomalies(run_dir))
    if metrics.tau is not UNSET:
        console.print(routes(metrics))
    console.print(
        f"{metrics.n_anomalous:,} of {metrics.n_sequences:,} sequences flagged at "
        f"{metrics.threshold:.3g}; {metrics.wall_seconds:.0f} s, "
        f"{metrics.peak_memory_mb:,.0f} MB. "
        f"Look at {run_dir}/report.html; verdicts.parquet and metrics.json lie beside it.",
    )


def scores(metrics: Measured) -> Table:
    """F1 at label-free thresholds beside the best in hindsight, for the detector and baselines."""
    title = (
        f"{metrics.target} <- {', '.join(metrics.source)}   protocol {metrics.protocol}, "
        f"seed {metrics.seed}, prevalence {_share(metrics.prevalence)} of "
        f"{metrics.n_sequences:,}" + "".join(f", {stamp}" for stamp in metrics.stamps)
    )
    table = Table(title=title, title_justify="left")
    table.add_column("detector")
    for name in ("F1", "95 %", "prec.", "recall", "AUROC", "oracle"):
        table.add_column(name, justify="right")
    rows: dict[str, Measured | BaselineMetrics] = {metrics.method: metrics, **metrics.baselines}
    for name, row in rows.items():
        low, high = row.f1_interval
        interval = "-" if low is None else f"{low:.2f}-{high:.2f}"
        cells = map(_number, (row.precision, row.recall, row.auroc, row.oracle_f1))
        style = "bold" if row is metrics else None
        table.add_row(name, _number(row.f1), interval, *cells, style=style)
    table.add_section()
    for name in ("supervised_ceiling", "template_ceiling"):
        table.add_row(name, _number(getattr(metrics, name)), style="dim")
    return table


def routes(metrics: Metrics) -> str:
    """What went to the expert and what its answers cost."""
    text = (
        f"{_share(metrics.share_proprietary)} of the sequences are proprietary "
        f"(tau {metrics.tau:.3g}), asked as {metrics.questions:,} questions"
    )
    if isinstance(metrics, Measured):
        general, proprietary = _number(metrics.f1_general), _number(metrics.f1_proprietary)
        text += f"; F1 {general} on general ones, {proprietary} on proprietary ones"
    if metrics.llm_calls or metrics.cache_hits:
        text += (
            f"; {metrics.llm_calls:,} calls, {metrics.llm_tokens_in:,} tokens in, "
            f"{metrics.llm_tokens_out:,} out, {metrics.cache_hits:,} answers from the cache, "
            f"for {metrics.n_lines:,} lines"
        )
    for name, what in (
        ("abstained", "sequences without a verdict, counted as wrong"),
        ("uncertain", "answers without both log-probabilities"),
        ("dropped_events", "events left out of prompts"),
    ):
        n = getattr(metrics, name)
        text += f"; {n:,} {what}" if n else ""
    return text + "."


def anomalies(run_dir: Path) -> Table:
    """The highest-scored kinds of sequence, each with the events that weighed most."""
    highest = (
        pl.scan_parquet(run_dir / "verdicts.parquet")
        .filter(pl.col("score").is_not_null())
        .with_columns(texts=pl.col("evidence").list.eval(pl.element().struct.field("text")))
        .group_by("texts", "reason", pl.col("deciding").struct.field("text").alias("near"))
        .agg(pl.len(), pl.all().sort_by("score", descending=True).first())
        .sort("score", "sequence", descending=[True, False])
        .head(SHOWN)
        .collect()
    )
    table = Table(title="the highest scores, a row for sequences alike", title_justify="left")
    for name in ("score", "flagged", "times", "lines", "what weighed most"):
        table.add_column(name, no_wrap=name == "lines")
    for row in highest.iter_rows(named=True):
        # Text, not markup: what a log holds is never a format.
        events = [text[:100] for text in row["texts"]]
        events = list(dict.fromkeys(events))  # one template may weigh most more than once
        where = f"{row['first_line']}-{row['last_line']}"
        if row["key"]:
            events.insert(0, row["key"])
        if row["reason"]:
            routed = f"{row['route']}: " if row["route"] else ""  # by a router, which few have
            events.append(f"({routed}{row['reason'][:200]})")
        flagged = "yes" if row["anomalous"] else "no"
        what = Text(visible("\n".join(events)))
        table.add_row(f"{row['score']:.3f}", flagged, f"{row['len']:,}", where, what)
    return table


def _number(value: float | UnsetType | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"


def _share(value: float | UnsetType | None) -> str:
    return f"{100 * value:.2f} %" if isinstance(value, float) else "-"
