"""What is timed parses what it was given, and Drain3 finds as many templates."""

import pytest

from experiments.benchmarks import parse
from experiments.benchmarks.settings import Settings
from glx.parse.events import collect
from glx.parse.read import ReadCounts
from glx.parse.records import records


def test_hostile_lines_are_as_different_as_stated(tmp_path):
    path = tmp_path / "hostile.log"
    parse.write_hostile(path, 3000)
    counts = ReadCounts()
    frame, texts = collect(records(path, parse.LAYOUTS["hostile"], counts))
    assert (counts.lines, counts.no_header) == (3000, 0)
    assert frame["time"].null_count() == 0
    assert 0.82 < len(texts) / 3000 < 0.86
    miner = parse.parsed(path, "hostile")
    assert len(miner.templates) == len(parse.REQUESTS)
    clusters = parse.drain3(str(path), "hostile", 3000).run().drain.clusters
    assert len(clusters) == len(parse.REQUESTS)


def test_hdfs_lines(tmp_path):
    path = tmp_path / "hdfs.log"
    parse.write_hdfs(path, None, 2000)
    counts = ReadCounts()
    frame, _ = collect(records(path, parse.LAYOUTS["hdfs_keys"], counts))
    assert (counts.lines, counts.no_header, counts.no_session) == (2000, 0, 0)
    assert frame["time"].is_sorted()
    ours = len(parse.parsed(path, "hdfs_keys").templates)
    drain3 = parse.drain3(str(path), "hdfs", 2000).run()
    assert abs(ours - len(drain3.drain.clusters)) <= 1


def test_cases_without_real_logs(tmp_path, monkeypatch):
    monkeypatch.setattr(parse, "write_hdfs", lambda path, *_: path.write_text("one line\n"))
    monkeypatch.setattr(parse, "write_hostile", lambda path, *_: path.write_text("one line\n"))
    names = [case.case for case in parse.cases(Settings(None, True, tmp_path))]
    assert len(set(names)) == len(names) == 6


@pytest.mark.parametrize(
    ("name", "write", "events"),
    [
        ("json", parse.write_json, 2000),
        ("cri", parse.write_cri, 1800),
        ("traces", parse.write_traces, 1040),
    ],
)
def test_json_containers_and_traces(tmp_path, name, write, events):
    path, counts = tmp_path / "some.log", ReadCounts()
    write(path, 2000)
    frame, _ = collect(records(path, parse.LAYOUTS[name], counts))
    assert (counts.lines, counts.no_header, len(frame)) == (2000, 0, events)
    assert frame["time"].null_count() == 0
    assert len(parse.parsed(path, name).templates) < 10
