"""The small data folder, and a cache, of whole runs; who changes a file puts it back."""

import pytest
from small_runs import write_data
from small_studies import tiny

from glx.data.catalogue import resolve


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def panel(cache, tmp_path):
    """Two simulated systems by name; lines of a third as two systems of one family, one of them
    without labels; answers for one of each kind."""
    resolve("sim_vms", None, (), tiny(cache).data)  # written
    folder = cache / "simulated/4000-0"
    own = f"  path: {folder}/sim_vms.log\n  session: 'instance: (\\S+)\\]'\n  family: vms\n"
    path = tmp_path / "panel.yaml"
    path.write_text(
        "- {name: sim_ras, answers: ras.csv}\n- sim_blocks\n"
        f"- name: shop\n{own}  labels: {folder}/sim_vms.labels.csv\n  answers: shop.csv\n"
        f"- name: mall\n{own}"
    )
    for name in ("ras", "shop"):
        (tmp_path / f"{name}.csv").write_text("template,p\n")
    return path
