"""The router's nearest source template: ours, and exact search by FAISS and scikit-learn."""

from collections.abc import Iterator

import numpy as np

from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx.generallog.nearest import nearest
from glx.generallog.route import unit

HERE = "experiments.benchmarks.route"
D = 384


def cases(settings: Settings) -> Iterator[Case]:
    """100,000 target templates against 10,000 source templates; a peer that is slow has a tenth."""
    size = {"targets": 10_000 if settings.quick else 100_000, "sources": 10_000}
    yield Case(
        what="route",
        case=f"{size['targets']:,} by {size['sources']:,} by {D}",
        unit="templates/s",
        ours=Call(f"{HERE}:ours", size),
        peers={
            "FAISS IndexFlatIP": Call(f"{HERE}:faiss", size),
            "scikit-learn NearestNeighbors": Call(
                f"{HERE}:scikit_learn", size | {"targets": size["targets"] // 10}
            ),
        },
        ceiling=Call("experiments.benchmarks.ceilings:matrix_product"),
        per_unit=2.0 * D * size["sources"],
    )


def vectors(targets: int, sources: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors, no two alike."""
    rng = np.random.default_rng(0)
    return tuple(unit(rng.standard_normal((n, D), dtype=np.float32)) for n in (targets, sources))  # type: ignore[return-value]


def ours(targets: int, sources: int) -> Prepared:
    """`nearest`, from and to NumPy."""
    v, u = vectors(targets, sources)
    return Prepared(lambda: nearest(v, u), targets)


def faiss(targets: int, sources: int) -> Prepared:
    """Exact inner products."""
    import faiss

    v, u = vectors(targets, sources)
    index = faiss.IndexFlatIP(D)
    index.add(u)
    return Prepared(lambda: index.search(v, 1), targets)


def scikit_learn(targets: int, sources: int) -> Prepared:
    """Exact cosines, by its default block size."""
    from sklearn.neighbors import NearestNeighbors

    v, u = vectors(targets, sources)
    fitted = NearestNeighbors(n_neighbors=1, algorithm="brute", metric="cosine", n_jobs=-1).fit(u)
    return Prepared(lambda: fitted.kneighbors(v), targets)
