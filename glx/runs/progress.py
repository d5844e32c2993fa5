"""What a run tells while it works. `Progress` says nothing; `Terminal` draws on the terminal.

In: stages, counts and training rows. Out: lines on a terminal.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from glx.parse.read import ReadCounts


class Progress:
    """Says nothing."""

    def say(self, text: str) -> None:
        """A stage begins."""

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
    def cells(self, left: int, total: int) -> Iterator[Callable[[str], None]]:
        """A function that takes a sentence on each of the `left` of `total` cells of a study."""
        yield lambda ended: None


class Terminal(Progress):
    """Stages as lines, training as a bar, on standard error."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)

    def say(self, text: str) -> None:
        self.console.print(text, style="dim", markup=False, highlight=False)

    def _bar(self, name: str) -> Bar:
        """A bar that ends in the `said` of its task."""
        return Bar(
            TextColumn(name),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[said]}", style="dim"),
            console=self.console,
        )

    def counted(self, name: str, counts: ReadCounts) -> None:
        mended = {k: n for k, n in asdict(counts).items() if n and k != "lines"}
        if mended:
            said = ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in mended.items())
            self.say(f"  {name}: {counts.lines:,} lines, of them {said}")

    @contextmanager
    def training(self, name: str, steps: int | None) -> Iterator[Callable[[dict], None]]:
        if steps is None:
            self.say(f"fitting {name}")
            yield lambda row: None
            return
        with self._bar("training") as bar:
            task = bar.add_task("", total=steps, said="compiling")

            def shown(row: dict) -> None:
                loss, domain = row["query_loss_cls"], row["query_domain_accuracy"]
                said = f"loss {loss:.3f}, domain accuracy {domain:.2f}"
                bar.update(task, completed=row["step"], said=said)

            yield shown

    @contextmanager
    def asking(self) -> Iterator[Callable[[int, int, int], None]]:
        began = time.perf_counter()
        bar = self._bar("asking")
        task = bar.add_task("", total=None, said="")

        def shown(done: int, total: int, tokens: int) -> None:
            bar.start()  # at the first answer: most experts ask nobody
            said = f"{tokens / max(time.perf_counter() - began, 1e-9):,.0f} tokens/s"
            bar.update(task, completed=done, total=total, said=said)

        try:
            yield shown
        finally:
            if bar.live.is_started:
                bar.stop()

    @contextmanager
    def cells(self, left: int, total: int) -> Iterator[Callable[[str], None]]:
        if left < total:
            self.say(f"{total - left:,} of {total:,} cells are done already")
        with self._bar("cells") as bar:
            task = bar.add_task("", total=left, said="")

            def shown(ended: str) -> None:
                bar.advance(task)
                self.say(ended)

            yield shown
