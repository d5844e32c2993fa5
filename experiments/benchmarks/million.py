"""A million templates: embedded, and the nearest of 10,000 source templates found for each.

A CPU embeds a hundredth of them, since all would take it an hour.
"""

from collections.abc import Iterator

from experiments.benchmarks import embed
from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx import devices

HERE = "experiments.benchmarks.million"
N, SOURCES = 1_000_000, 10_000
SHARE = 100  # one of so many is what a CPU embeds


def cases(settings: Settings) -> Iterator[Case]:
    """Both, one round of each."""
    n = N // SHARE if settings.quick else N
    yield Case(
        what="million",
        case=f"{n:,} distinct templates embedded; on a CPU {n // SHARE:,} of them",
        unit="templates/s",
        ours=Call(f"{HERE}:embedded", {"n": n}),
        repeats=1,
    )
    yield Case(
        what="million",
        case=f"route of {n:,} templates by {SOURCES:,}",
        unit="templates/s",
        ours=Call("experiments.benchmarks.route:ours", {"targets": n, "sources": SOURCES}),
        repeats=1,
    )


def embedded(n: int) -> Prepared:
    """All of them on an accelerator; the rate is of those that are embedded."""
    return embed.ours(n // SHARE if devices.on_cpu() else n)
