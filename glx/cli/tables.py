"""What a run prints at its end. In: its metrics. Out: tables on the terminal."""

from pathlib import Path

from msgspec import UNSET, UnsetType
from rich.table import Table

from glx.report import models
from glx.report.cause_texts import headline, short
from glx.report.models import BaselineMetrics, Measured, Metrics
from glx.terminal import Screen

SHOWN = 10  # causes


def print_run(metrics: Metrics, run_dir: Path) -> None:
    """The headline: the detector beside its baselines, the findings, the first causes."""
    console = Screen()
    if isinstance(metrics, Measured):
        console.print(scores(metrics))
    for finding in metrics.audit:
        if not finding["ok"]:
            console.print(f"audit: {finding['detail']}", style="yellow")
    if metrics.warning:
        console.print(metrics.warning, style="yellow")
    console.print(causes(run_dir), soft_wrap=True)
    if metrics.tau is not UNSET:
        console.print(routes(metrics))
    console.print(
        f"Flagged from a score of {metrics.threshold:.3g} on; {metrics.wall_seconds:.0f} s, "
        f"{metrics.peak_memory_mb:,.0f} MB. Look at {run_dir}/report.html; `glx causes {run_dir}` "
        "shows each cause with its lines.",
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


def causes(run_dir: Path) -> str:
    """The first causes, a line each."""
    found = models.read(run_dir, models.Causes)
    lines = [headline(found), *map(short, found.causes[:SHOWN])]
    if found.found > SHOWN:
        lines.append(f"... and {found.found - SHOWN:,} more")
    return "\n".join(lines)


def _number(value: float | UnsetType | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"


def _share(value: float | UnsetType | None) -> str:
    return f"{100 * value:.2f} %" if isinstance(value, float) else "-"
