"""What a run prints at its end. In: figures of `metrics.json`. Out: tables on the terminal."""

from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

SHOWN = 5  # anomalies


def print_run(figures: dict, run_dir: Path) -> None:
    """The headline: the detector beside its baselines, the findings, the first anomalies."""
    console = Console()
    if "f1" in figures:
        console.print(scores(figures))
    for finding in figures["audit"]:
        if not finding["ok"]:
            console.print(f"audit: {finding['detail']}", style="yellow", highlight=False)
    if figures.get("warning"):
        console.print(figures["warning"], style="yellow", highlight=False)
    console.print(anomalies(run_dir))
    if "share_proprietary" in figures:
        console.print(routes(figures), highlight=False)
    console.print(
        f"{figures['n_anomalous']:,} of {figures['n_sequences']:,} sequences flagged at "
        f"{figures['threshold']:.3g}; {figures['wall_seconds']:.0f} s, "
        f"{figures['peak_memory_mb']:,.0f} MB. "
        f"Look at {run_dir}/report.html; verdicts.parquet and metrics.json lie beside it.",
        highlight=False,
    )


def scores(figures: dict) -> Table:
    """F1 at label-free thresholds beside the best in hindsight, for the detector and baselines."""
    title = (
        f"{figures['target']} <- {', '.join(figures['source'])}   protocol {figures['protocol']}, "
        f"seed {figures['seed']}, prevalence {_share(figures['prevalence'])} of "
        f"{figures['n_sequences']:,}" + "".join(f", {stamp}" for stamp in figures["stamps"])
    )
    table = Table(title=title, title_justify="left")
    table.add_column("detector")
    for name in ("F1", "95 %", "prec.", "recall", "AUROC", "oracle"):
        table.add_column(name, justify="right")
    method = figures["method"]
    rows = {method: figures} | figures["baselines"]
    for name, row in rows.items():
        low, high = row["f1_interval"]
        interval = "-" if low is None else f"{low:.2f}-{high:.2f}"
        cells = [_number(row[k]) for k in ("precision", "recall", "auroc", "oracle_f1")]
        style = "bold" if name == method else None
        table.add_row(name, _number(row["f1"]), interval, *cells, style=style)
    table.add_section()
    for name in ("supervised_ceiling", "template_ceiling"):
        table.add_row(name, _number(figures[name]), style="dim")
    return table


def routes(figures: dict) -> str:
    """What went to the expert and what its answers cost."""
    text = (
        f"{_share(figures['share_proprietary'])} of the sequences are proprietary "
        f"(tau {figures['tau']:.3g}), asked as {figures['questions']:,} questions"
    )
    if "f1_proprietary" in figures:
        found = (_number(figures[f"f1_{route}"]) for route in ("general", "proprietary"))
        text += "; F1 {} on general ones, {} on proprietary ones".format(*found)
    if figures["llm_calls"] or figures["cache_hits"]:
        text += (
            f"; {figures['llm_calls']:,} calls, {figures['llm_tokens_in']:,} tokens in, "
            f"{figures['llm_tokens_out']:,} out, {figures['cache_hits']:,} answers from the cache, "
            f"for {figures['n_lines']:,} lines"
        )
    for name, what in (
        ("abstained", "sequences without a verdict, counted as wrong"),
        ("uncertain", "answers without both log-probabilities"),
        ("dropped_events", "events left out of prompts"),
    ):
        text += f"; {figures[name]:,} {what}" if figures[name] else ""
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
            events.append(f"({row['route']}: {row['reason'][:200]})")
        flagged = "yes" if row["anomalous"] else "no"
        what = Text("\n".join(events))
        table.add_row(f"{row['score']:.3f}", flagged, f"{row['len']:,}", where, what)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
