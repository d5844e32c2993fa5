"""`glx detect` tells others what it finds: the real command, a small detector, loopback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from prometheus_client.parser import text_string_to_metric_families
from shop import LOG, tree

from glx.cli.main import main
from glx.report import remarks
from glx.report.remarks import Remark

ROOT = Path(__file__).parents[2]
DISK, PANIC = "13de1639", "394e520d"  # the causes of three lines each


def errors(text: str) -> str:
    """Three lines, as many as a window has."""
    return f"2024-05-01 10:05:00 ERROR {text}\n" * 3


@pytest.fixture
def shop(made, tmp_path, monkeypatch):
    """A run with a detector, and a log, in the folder to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    shutil.copytree(made, "run/checkpoint")
    config = '{"settings": {"target": "shop=/x"}, "packages": {}, "device": "", "commit": null}'
    Path("run/config.json").write_text(config)
    known = errors("disk failure, data lost") + errors("kernel panic: password=sesame1X")
    Path("shop.log").write_text(LOG.decode() + known + known)
    return tmp_path


def given(*flags: str) -> list[str]:
    usual = ["--detector=run/checkpoint", "--logs=shop.log", "--out=found", "--window=3"]
    return ["detect", *usual, *flags]


def samples(text: str) -> dict:
    return {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_all_is_told_and_once(shop, server, capsys):
    remarks.write(Path("run/remarks.yaml"), {PANIC: Remark("panic", muted=True)})
    flags = (f"--alert_url={server.url}", "--metrics_file=glx.prom", "--metrics_port=0")
    assert main(given(*flags)) == 0
    assert server.causes == [DISK]
    (body,) = [body for _, body in server.taken]
    assert body["commonLabels"]["system"] == "shop"
    found = samples(Path("glx.prom").read_text())
    assert found["glx_flagged_total", DISK, "false"] == 2
    assert found["glx_flagged_total", PANIC, "true"] == 2
    assert (found["glx_lines_total",], found["glx_new_templates_total",]) == (183, 2)
    assert "metrics: http://127.0.0.1:" in capsys.readouterr().err
    assert main(given(*flags)) == 0
    assert server.causes == [DISK]
    Path("run/remarks.yaml").unlink()
    assert main(given(*flags)) == 0
    assert server.causes == [DISK, PANIC]
    assert "sesame" not in str(server.bodies)
    assert main(given(*flags, "--noredact", "--overwrite")) == 0
    assert "sesame" in str(server.bodies)


def test_a_server_that_is_away_does_not_end_the_work(shop, server, capsys):
    server.codes = [500]
    assert main(given(f"--alert_url={server.url}")) == 0
    assert "found.alerts" in capsys.readouterr().err
    server.codes = [200]
    assert main(given(f"--alert_url={server.url}")) == 0
    assert sorted(server.causes) == sorted([DISK, PANIC])


def test_alertmanager_gets_a_list(shop, server):
    url = server.url.replace("/hook", "/api/v2/alerts")
    assert main(given(f"--alert_url={url}")) == 0
    assert [one["labels"]["cause"] for one in server.bodies[0][1]] == [DISK, PANIC]


@contextmanager
def following(*flags: str):
    """The command in a process of its own, and the port of its metrics."""
    with subprocess.Popen(
        [sys.executable, "-m", "glx", *given("--follow", "--metrics_port=0", *flags)],
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "COLUMNS": "1000"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said = next(line for line in process.stderr if line.startswith("metrics: "))
            yield process, said.split()[1]
        finally:
            process.kill()


def test_a_log_that_is_followed(shop, server, waited):
    """Killed amid; what was told is not told again; the metrics are there while nothing comes."""
    flags = (f"--alert_url={server.url}", "--verdicts=otlp", "--metrics_file=glx.prom")
    log, out, said = Path("shop.log"), Path("found"), Path("run/remarks.yaml")
    log.write_text(LOG.decode() + errors("disk failure, data lost"))
    with following(*flags) as (process, url):
        waited(lambda: server.causes == [DISK])
        found = samples(urllib.request.urlopen(url, timeout=10).read().decode())
        assert found["glx_flagged_total", DISK, "false"] == 1
        waited(lambda: out.read_text().count("\n") == 58)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert samples(Path("glx.prom").read_text())["glx_sequences_total",] == 58
    with log.open("a") as file:
        file.write(errors("disk failure, data lost"))
    with following(*flags) as (process, _):
        waited(lambda: out.read_text().count("\n") == 59)
        said.write_text("- cause: nonsense\n")  # while it is followed
        with log.open("a") as file:
            file.write(errors("kernel panic: password=sesame1X") * 2)
        waited(lambda: out.read_text().count("\n") == 61)
        waited(lambda: server.causes == [DISK, PANIC])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
        told = process.stderr.read()
    assert told.count("remarks.yaml: line 1") == 1
    lasts = []
    for line in out.read_text().splitlines():
        (one,) = Parse(line, LogsData()).resource_logs[0].scope_logs[0].log_records
        own = {entry.key: entry.value.int_value for entry in one.attributes}
        lasts.append(own["glx.last_line"])
    assert lasts == list(range(2, 183, 3))
    assert main(given("--follow")) == 2  # the other form of lines
    assert out.read_text().count("\n") == 61


@pytest.mark.parametrize(
    ("flags", "where"),
    [
        (["--alert_url=nonsense"], "--alert_url=nonsense"),
        (["--metrics_port=70000"], "--metrics_port"),
        (["--metrics_port=x"], "--metrics_port"),
        (["--metrics_host=::1"], "--metrics_host"),
        (["--metrics_port=0", "--metrics_host=256.1.1.1"], "--metrics_port=0"),
        (["--metrics_file=no/glx.prom"], "--metrics_file=no/glx.prom"),
        (["--metrics_file=run"], "--metrics_file=run"),
        (["--metrics_file=found"], "--metrics_file=found"),
        (["--metrics_file=shop.log"], "--metrics_file=shop.log"),
        (["--metrics_file=shop.log", "--follow"], "--metrics_file=shop.log"),
        (["--metrics_file=found.alerts"], "--metrics_file=found.alerts"),
        (["--metrics_file=run/checkpoint/a"], "--metrics_file=run/checkpoint/a"),
        (["--verdicts=parquet"], "--verdicts=parquet"),
        (["--verdicts=otlp", "--summary"], "--verdicts=otlp"),
        (["--verdicts=otlp", "--ray=auto"], "--verdicts=otlp"),
        (["--alert_url=http://127.0.0.1:9/", "--ray=auto"], "--alert_url"),
    ],
)
def test_what_cannot_be_meant(flags, where, shop, capsys):
    before = tree(shop)
    assert main(given(*flags)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {where}")
    assert tree(shop) == before


def test_a_port_that_is_taken(shop, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        flags = [f"--metrics_port={port}", "--metrics_file=glx.prom"]
        for more in ((), ("--follow",)):
            assert main(given(*flags, *more)) == 3
            assert f"--metrics_port={port}" in capsys.readouterr().err.splitlines()[-1]
            assert not Path("glx.prom").exists()
            assert not Path("found").exists() or Path("found").stat().st_size == 0
    assert main(given(*flags)) == 0


def test_remarks_that_are_none(shop, capsys):
    Path("run/remarks.yaml").write_text("- cause: 13de1639\n  muted: perhaps\n")
    assert main(given("--metrics_file=glx.prom")) == 2
    assert "remarks.yaml: line 1" in capsys.readouterr().err.splitlines()[-1]
    assert not Path("found").exists()
    assert not Path("glx.prom").exists()


def test_what_was_no_log_leaves_nothing(shop, server, capsys):
    Path("shop.log").write_text("\n\n\n")
    before = sorted(shop.rglob("*"))
    flags = (f"--alert_url={server.url}", "--metrics_file=glx.prom")
    assert main(given(*flags)) == 2
    assert sorted(shop.rglob("*")) == before
