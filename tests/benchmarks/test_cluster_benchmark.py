"""The log that a cluster is measured on: whole, in the order of time, blocks over its files."""

from experiments.benchmarks import cluster, hdfs_text
from experiments.benchmarks.settings import Settings
from glx.data.inputs import in_order
from glx.parse.log import Log


def test_files_are_parts_of_one_log(data_dir, tmp_path):
    folder = tmp_path / "files"
    assert cluster.cut(Settings(data_dir, True, tmp_path), folder, 3, 1_000) == 3_000
    names = [f"hdfs.log.{n}" for n in (3, 2, 1)]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert in_order(Log([folder / name for name in sorted(names)])).files == [
        folder / name for name in names
    ]
    whole = tmp_path / "whole.log"
    hdfs_text.write(whole, data_dir, 3_000)
    assert "".join((folder / name).read_text() for name in names) == whole.read_text()


def test_without_real_sequences_there_is_no_case(tmp_path):
    assert list(cluster.cases(Settings(None, True, tmp_path))) == []
