"""The cells of a study on a cluster are those of one process."""

from pathlib import Path

import pytest

from glx.cli.main import main

SYSTEMS = ("sim_vms", "sim_ras", "sim_blocks")
FLAGS = ("--sim_lines=4000", "--seeds=1", "--methods=pca", "--pairs=")


def study(folder: Path, cache: Path, *more: str) -> int:
    return main(
        [
            "study",
            *FLAGS,
            f"--systems={','.join(SYSTEMS)}",
            f"--study_dir={folder}",
            f"--cache_dir={cache}",
            *more,
        ]
    )


def verdicts(folder: Path) -> dict[str, bytes]:
    found = folder.glob("cells/**/verdicts.parquet")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray warns of what it does itself
def test_cells_are_done_on_a_cluster_as_here(cluster, tmp_path):
    assert study(tmp_path / "here", tmp_path / "cache", "--parallel=1") == 0
    ray = f"--ray={cluster.address}"
    assert study(tmp_path / "there", tmp_path / "cache", ray) == 0
    assert len(verdicts(tmp_path / "here")) == len(SYSTEMS)
    assert verdicts(tmp_path / "there") == verdicts(tmp_path / "here")
    assert study(tmp_path / "there", tmp_path / "cache", ray, "--parallel=2") == 2
