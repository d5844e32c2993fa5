"""Raw text and the numbered sequences give the same verdicts; growth has its cases."""

import json

import numpy as np

from experiments.benchmarks import e2e, growth, hdfs_text
from experiments.benchmarks.settings import Settings
from glx.runs import detect

LINES, BLOCKS = 6_000, 300


def verdicts(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_text_gives_the_verdicts_of_its_sequences(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(hdfs_text, "TOGETHER", BLOCKS)  # so that some blocks are whole
    hdfs_text.write(tmp_path / "hdfs.log", data_dir, LINES)
    rows, numbers = hdfs_text.real_sequences(data_dir)
    rows = rows.take(np.arange(BLOCKS))
    table = ["sequence"]
    table += [
        " ".join(map(str, numbers[rows.ids[a:b]]))
        for a, b in zip(rows.offsets, rows.offsets[1:], strict=False)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(table) + "\n")
    e2e.fit_both(tmp_path, data_dir, 500)

    for name in ("ZeroLog", "GeneralLog"):
        for given in ("hdfs.log", "rows.csv"):
            detect.detect(tmp_path / name, str(tmp_path / given), str(tmp_path / f"{given}.out"))
        by_block = {v["key"]: v for v in verdicts(tmp_path / "hdfs.log.out")}
        of_text = [by_block[key] for key in hdfs_text.block_names(len(rows) + 1)[:BLOCKS]]
        of_rows = verdicts(tmp_path / "rows.csv.out")
        for field in ("anomalous", "route", "reason"):
            assert [v.get(field) for v in of_text] == [v.get(field) for v in of_rows]
        scores, others = ([v["score"] for v in found] for found in (of_text, of_rows))
        np.testing.assert_allclose(scores, others, atol=2e-6)
        texts, others = (
            [[e["text"] for e in v["evidence"]] for v in found] for found in (of_text, of_rows)
        )
        assert texts == others


def test_the_peer_groups_the_same_lines(data_dir, tmp_path):
    log = tmp_path / "hdfs.log"
    hdfs_text.write(log, data_dir, 2_000)
    ready = e2e.drain3(str(log), 2_000)
    sessions = ready.run()
    assert sum(map(len, sessions.values())) == ready.amount == 2_000


def test_without_real_sequences_the_router_alone_is_grown(tmp_path):
    settings = Settings(None, True, tmp_path)
    assert list(e2e.cases(settings)) == []
    assert [case.case.split()[0] for case in growth.cases(settings)] == ["route"] * 4
