"""Verdicts of a cluster are those of one process, whatever happens to the cluster."""

import gzip
import json
import re
import shutil
import socket
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import polars as pl
import pytest

from glx.cli.main import main

OWN = pytest.mark.filterwarnings("ignore")  # Ray warns of what it does itself
NODE = {"num_cpus": 1, "object_store_memory": 200 << 20}


def detect(detector: Path, logs, out: Path, *more: str) -> int:
    given = [f"--logs={one}" for one in ([logs] if isinstance(logs, str | Path) else logs)]
    return main(["detect", f"--detector={detector}", *given, f"--out={out}", *more])


def rows(out: Path) -> Counter:
    """Verdicts of one process or of a cluster, in any order."""
    files = [out] if out.is_file() else [*(out / "verdicts").glob("*.jsonl")]
    return Counter(line for file in files for line in file.read_text().splitlines())


def kill_soon(cluster, node, folder: Path) -> Thread:
    """Kill a node once half of the eight files are read."""

    def kill() -> None:
        until = monotonic() + 300
        while len([*folder.glob("work/*.json")]) < 4 and monotonic() < until:
            sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)

    thread = Thread(target=kill, daemon=True)
    thread.start()
    return thread


@pytest.mark.ray
@OWN
def test_sessions_over_files_are_judged_as_by_one_process(
    cluster, detector, logs, tmp_path, capsys
):
    assert detect(detector, logs, tmp_path / "one.jsonl") == 0
    one = rows(tmp_path / "one.jsonl")
    assert any('"last_file"' in line for line in one)
    assert any("strange thing" in line for line in one)
    ray = f"--ray={cluster.address}"
    for nodes in (1, 2):
        if nodes == 2:
            cluster.add_node(**NODE)
        assert detect(detector, logs, tmp_path / str(nodes), ray) == 0
        assert rows(tmp_path / str(nodes)) == one
        (memory,) = re.findall(r"([\d,]+) MB", capsys.readouterr().err)
        assert 100 < int(memory.replace(",", "")) < 4_000
    killing = kill_soon(cluster, cluster.add_node(**NODE), tmp_path / "lost")
    assert detect(detector, logs, tmp_path / "lost", ray) == 0
    killing.join(60)
    assert not killing.is_alive()
    assert rows(tmp_path / "lost") == one
    files = sorted(logs.iterdir())
    done = [json.loads(path.read_text()) for path in (tmp_path / "lost/done").iterdir()]
    assert sorted(one["file"] for one in done) == sorted(map(str, files))
    assert not (tmp_path / "lost/work").exists()
    (tmp_path / "lost/work").mkdir()  # as where it was killed just before it removed that
    (tmp_path / "lost/work/left.json").write_text("{}")
    assert detect(detector, logs, tmp_path / "lost", ray) == 0
    assert not (tmp_path / "lost/work").exists()


@pytest.mark.ray
@OWN
def test_windows_are_judged_within_a_file_and_one_that_is_no_log_is_named(
    cluster, detector, logs, tmp_path, capsys, monkeypatch
):
    some = tmp_path / "logs"
    some.mkdir()
    (some / "a.log").write_bytes((logs / "shop.log.1").read_bytes())
    (some / "b.log.gz").write_bytes(gzip.compress((logs / "shop.log.2").read_bytes()))
    (some / "c.log").write_bytes(bytes(range(1, 9)) * 5000)
    expected: Counter = Counter()
    for name in ("a.log", "b.log.gz"):
        assert detect(detector, some / name, tmp_path / name, "--window=5") == 0
        expected += rows(tmp_path / name)
    out, more = tmp_path / "out", (f"--ray={cluster.address}", "--window=5")
    url = f"file://{some}"
    assert detect(detector, some / "c.log", out, *more) == 2
    assert not out.exists()
    monkeypatch.chdir(tmp_path)
    assert detect(detector, "logs", Path("out"), *more) == 3
    assert "c.log" in capsys.readouterr().err
    found = Counter()
    for line, n in rows(out).items():
        found[line.replace('"logs/', f'"{some}/')] += n
    assert found == expected
    before = {path: path.stat().st_mtime_ns for path in (out / "verdicts").iterdir()}
    (some / "c.log").write_bytes((logs / "shop.log.3").read_bytes())
    (some / "d.log").write_text("\n\n")
    assert detect(detector, some, out, *more) == 0
    assert len(rows(out)) > len(expected)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert detect(detector, some, out, *more, "--session=order=(.)") == 2
    assert detect(detector, logs, out, f"--ray={cluster.address}", "--window=6") == 2
    shutil.rmtree(out)
    assert detect(detector, url, out, *more, "--verdicts=parquet") == 0
    tables = [pl.read_parquet(path) for path in (out / "verdicts").iterdir()]
    assert sum(map(len, tables)) == sum(
        -(-len((logs / f"shop.log.{n}").read_text().splitlines()) // 5) for n in (1, 2, 3)
    )
    assert all(table["file"][0].startswith("file://") for table in tables)


@pytest.mark.ray
@OWN
def test_a_known_cluster_that_is_down_is_not_replaced(detector, logs, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free.getsockname()[1]}")
    assert detect(detector, logs, tmp_path / "out", "--ray=auto") == 3
    assert not (tmp_path / "out").exists()


@pytest.mark.ray
@OWN
def test_no_ray_at_an_address_is_told_and_leaves_nothing(cluster, detector, logs, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, out = f"--ray=127.0.0.1:{port}", tmp_path / "out"
    assert detect(detector, logs, out, address) == 3
    assert not out.exists()


def test_flags_that_a_cluster_does_not_read_are_refused(detector, logs, tmp_path):
    for more in (
        ["--ray=auto", "--follow"],
        ["--ray=auto", "--latency=5s"],
        ["--verdicts=parquet"],
    ):
        assert detect(detector, logs, tmp_path / "out", *more) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is here")
def test_without_ray_one_sentence_says_what_to_install(detector, logs, tmp_path, capsys):
    assert detect(detector, logs, tmp_path / "out", "--ray=auto") == 2
    assert "glx[ray]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.ray
@OWN
def test_what_a_cluster_cannot_do_is_told(detector, logs, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "out"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    for where in ("-", tmp_path / "full", tmp_path / "full/mine.txt"):
        assert detect(detector, logs, where, "--ray=auto") == 2
    for given in ("-", "nosuch://a/b.log", tmp_path / "none.log", tmp_path / "none*.log"):
        assert detect(detector, given, out, "--ray=auto") == 2
    for more in (["--ray=nowhere"], ["--ray=auto", "--expert=batch"]):
        assert detect(detector, logs, out, *more) == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["full", "mine.txt"]
