"""A small fitted detector, a log of its system in eight files, a cluster on this machine."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import shop

FILES = 8
NEW = "strange thing of depot"  # that the detector does not know


@pytest.fixture(scope="session")
def detector(tmp_path_factory) -> Path:
    """A detector folder; the network is as it was before training."""
    from fitted_shop import save

    return save(tmp_path_factory.mktemp("fitted"))


@pytest.fixture(scope="session")
def logs(tmp_path_factory) -> Path:
    """Sessions that cross files, with lines that no template fits, and some that are no events."""
    folder = tmp_path_factory.mktemp("logs")
    chance = random.Random(3)
    lines = [(n + 90 * chance.random(), line) for n, line in enumerate(shop.lines("order", 200))]
    mixed = [line for _, line in sorted(lines)]
    for n in range(0, len(mixed), 37):
        mixed[n] += f"\n{mixed[n].split(' INFO ')[0]} WARN order={n} {NEW} {'abcde'[n % 5]}"
    size = -(-len(mixed) // FILES)
    for n in range(FILES):
        text = "\n".join(mixed[n * size : (n + 1) * size]) + "\n"
        (folder / f"shop.log.{FILES - n}").write_text(text)
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator:
    """A cluster of one node with a core, to which tests add more."""
    pytest.importorskip("ray", reason="launch/test.sh --all prepares Ray and runs this")
    from ray.cluster_utils import Cluster

    about = {"num_cpus": 1, "object_store_memory": 200 << 20}
    made = Cluster(initialize_head=True, head_node_args={**about, "include_dashboard": False})
    yield made
    made.shutdown()
