"""Progress of a run: `Progress` shows nothing, `Terminal` lines and bars.

In: stages, counts and training rows. Out: lines on a terminal.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from glx.parse.read import ReadCounts
from glx.terminal import Screen


class Progress:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """A stage begins."""

    def show(self, table: Table) -> None:
        """What is read of a file that is not one of glx's own."""

    def counted(self, name: str, counts: ReadCounts) -> None:
        """A file was read."""

    @contextmanager
    def training(self, name: str, steps: int | None) -> Iterator[Callable[[dict], None]]:
        """A function that takes rows of metrics; what is trained has a name, and steps to show."""
        yield lambda row: None

    @contextmanager
    def asking(self) -> Iterator[Callable[[int, int, int], None]]:
        """A function that takes answers so far, questions and tokens so far."""
        yield lambda done, total, tokens: None

    @contextmanager
    def parts(self, name: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """A function that takes the lines of a part that is done, and how many parts failed."""
        yield lambda lines, failed: None

    @contextmanager
    def cells(self, left: int, total: int) -> Iterator[Callable[[str], None]]:
        """A function that takes a sentence on each of the `left` of `total` cells of a study."""
        yield lambda sentence: None


class Terminal(Progress):
    """Stages as lines, training, questions and cells as a bar, on standard error."""

    def __init__(self) -> None:
        self.console = Screen(stderr=True)

    @contextmanager
    def _bar(
        self, name: str, total: int | None, note: str | None = ""
    ) -> Iterator[Callable[..., None]]:
        """A function that updates a bar with a note at its end; without one, it also shows it."""
        bar = Bar(
            TextColumn(name, markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=self.console,
        )
        task = bar.add_task("", total=total, note=note or "")

        def update(**fields: Any) -> None:
            bar.start()
            bar.update(task, **fields)

        if note is not None:
            bar.start()
        try:
            yield update
        finally:
            if bar.live.is_started:
                bar.stop()

    def say(self, text: str) -> None:
        self.console.print(text, style="dim")

    def show(self, table: Table) -> None:
        self.console.print(table)

    def counted(self, name: str, counts: ReadCounts) -> None:
        mended = {k: n for k, n in asdict(counts).items() if n and k != "lines"}
        if mended:
            kinds = ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in mended.items())
            self.say(f"  {name}: {counts.lines:,} lines, of them {kinds}")

    @contextmanager
    def training(self, name: str, steps: int | None) -> Iterator[Callable[[dict], None]]:
        if steps is None:
            self.say(f"fitting {name}")
            yield lambda row: None
            return
        with self._bar("training", steps, "compiling") as update:

            def show(row: dict) -> None:
                loss, domain = row["query_loss_cls"], row["query_domain_accuracy"]
                note = f"loss {loss:.3f}, domain accuracy {domain:.2f}"
                update(completed=row["step"], note=note)

            yield show

    @contextmanager
    def asking(self) -> Iterator[Callable[[int, int, int], None]]:
        start = time.perf_counter()
        with self._bar("asking", None, None) as update:  # none to see: most experts ask nobody

            def show(done: int, total: int, tokens: int) -> None:
                rate = tokens / max(time.perf_counter() - start, 1e-9)
                update(completed=done, total=total, note=f"{rate:,.0f} tokens/s")

            yield show

    @contextmanager
    def parts(self, name: str, total: int) -> Iterator[Callable[[int, int], None]]:
        start, read = time.perf_counter(), 0
        with self._bar(name, total) as update:

            def show(lines: int, failed: int) -> None:
                nonlocal read
                read += lines
                rate = read / max(time.perf_counter() - start, 1e-9)
                note = f"{read:,} lines, {rate:,.0f} lines/s" if read else ""
                update(advance=1, note=note + f", {failed} failed" * bool(failed))

            yield show

    @contextmanager
    def cells(self, left: int, total: int) -> Iterator[Callable[[str], None]]:
        if left < total:
            self.say(f"{total - left:,} of {total:,} cells are done already")
        with self._bar("cells", left) as update:

            def show(sentence: str) -> None:
                update(advance=1)
                self.say(sentence)

            yield show
