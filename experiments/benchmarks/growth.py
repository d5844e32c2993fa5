"""Whether time and memory stay in proportion as the work grows: all of detect, and the router."""

from collections.abc import Iterator

from experiments.benchmarks import e2e, hdfs_text
from experiments.benchmarks.measure import Call, Case
from experiments.benchmarks.settings import Settings

LINES = (1_000_000, 2_000_000, 5_000_000, 10_000_000)
TEMPLATES = (25_000, 50_000, 100_000, 200_000)
SOURCES = 10_000


def cases(settings: Settings) -> Iterator[Case]:
    """The first lines of HDFS as raw text to verdicts; target templates to their nearest source.

    Without the real sequences of HDFS the router alone.
    """
    small = 20 if settings.quick else 1
    if settings.data_dir is not None:
        fitted = e2e.fitted_on_hdfs(settings)
        for lines in LINES:
            log = settings.folder / "growing.log"
            written = hdfs_text.write(log, settings.data_dir, lines // small)
            yield Case(
                what="growth",
                case=f"e2e of {written:,} lines",
                unit="lines/s",
                ours=e2e.ours(fitted / "ZeroLog", log, written),
                repeats=1 if settings.quick else 3,
            )
            log.unlink()
    for targets in TEMPLATES:
        size = {"targets": targets // small, "sources": SOURCES // small}
        yield Case(
            what="growth",
            case=f"route of {size['targets']:,} templates by {size['sources']:,}",
            unit="templates/s",
            ours=Call("experiments.benchmarks.route:ours", size),
        )
