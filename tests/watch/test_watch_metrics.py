"""The metrics of what is judged, read by Prometheus' own parser."""

import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

import glx
from glx.errors import InputError, OutsideError
from glx.parse.read import ReadCounts
from glx.verdicts import VERDICT
from glx.watch.metrics import CONTENT_TYPE, MOST_CAUSES, Metrics


def rows(*flags: str | None, score: float | None = 0.9) -> pl.DataFrame:
    """Verdicts on sequences of one event, flagged by the causes of these ids or none (None)."""
    cause = [id_ and {"id": id_, "lacks": False, "text": "disk is gone"} for id_ in flags]
    plain: dict = {"first_line": range(len(flags)), "last_line": range(len(flags))}
    plain |= {"score": [score if id_ else 0.1 for id_ in flags], "evidence": [[]] * len(flags)}
    plain |= {"anomalous": [id_ is not None for id_ in flags], "cause": cause}
    columns = {name: plain.get(name, [None] * len(flags)) for name in VERDICT}
    return pl.DataFrame(columns, schema=VERDICT)


def read(text: bytes) -> dict:
    """The samples by name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in families
        for one in family.samples
    }


def by_cause(metrics: Metrics) -> dict:
    return {
        (key[1][1], key[2][1]): value
        for key, value in read(metrics.text()).items()
        if key[0] == "glx_flagged_total"
    }


def test_all_is_counted():
    now = [100.0]
    metrics = Metrics("abc", clock=lambda: now[0])
    metrics.judged(rows("aaaaaaaa", None, "bbbbbbbb"), {"llm_calls": 2}, muted={"bbbbbbbb"})
    metrics.judged(rows("aaaaaaaa"), {})
    metrics.read(ReadCounts(lines=70), new_templates=3)
    now[0] = 130.0
    assert read(metrics.text()) == {
        ("glx_lines_total",): 70,
        ("glx_sequences_total",): 4,
        ("glx_new_templates_total",): 3,
        ("glx_abstentions_total",): 0,
        ("glx_expert_calls_total",): 2,
        ("glx_flagged_total", ("cause", "aaaaaaaa"), ("muted", "false")): 2,
        ("glx_flagged_total", ("cause", "bbbbbbbb"), ("muted", "true")): 1,
        ("glx_lag_seconds",): 30,
        ("glx_started_seconds",): 100,
        ("glx_info", ("detector", "abc"), ("version", glx.__version__)): 1,
    }


def test_an_abstention_is_no_flag():
    metrics = Metrics("abc")
    silent = rows(None, None).with_columns(pl.lit(None, pl.Float32).alias("score"))
    metrics.judged(silent.with_columns(anomalous=pl.lit(None, pl.Boolean)), {})
    found = read(metrics.text())
    assert found["glx_abstentions_total",] == found["glx_sequences_total",] == 2
    assert by_cause(metrics) == {}


def test_a_flag_without_a_cause_is_counted():
    metrics = Metrics("abc")
    metrics.judged(rows("aaaaaaaa").with_columns(cause=pl.lit(None, VERDICT["cause"])), {})
    assert by_cause(metrics) == {("none", "false"): 1}


def test_causes_are_bounded_and_none_is_lost():
    metrics = Metrics("abc")
    ids = [f"{n:08x}" for n in range(MOST_CAUSES + 50)]
    metrics.judged(rows(*ids), {})
    metrics.judged(rows(*ids), {})
    found = by_cause(metrics)
    assert len(found) == MOST_CAUSES + 1
    assert found["other", "false"] == 100
    assert sum(found.values()) == 2 * len(ids)


def test_what_was_read_never_becomes_less():
    metrics = Metrics("abc")
    metrics.read(ReadCounts(lines=5), 2)
    metrics.read(ReadCounts(lines=4), 1)
    found = read(metrics.text())
    assert (found["glx_lines_total",], found["glx_new_templates_total",]) == (5, 2)


def test_a_file_is_replaced_whole(tmp_path):
    metrics = Metrics('of "shop"\n\\')
    path = tmp_path / "glx.prom"
    path.write_text("old")
    metrics.write(path)
    assert ("glx_info", ("detector", 'of "shop"\n\\'), ("version", glx.__version__)) in read(
        path.read_bytes()
    )
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_served_while_it_is_counted():
    metrics = Metrics("abc")
    with metrics.serve(0) as port, ThreadPoolExecutor() as pool:

        def get(_: int) -> bytes:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                assert answer.headers["Content-Type"] == CONTENT_TYPE
                return answer.read()

        answers = pool.map(get, range(20))
        for n in range(200):
            metrics.judged(rows(f"{n:08x}"), {})
        for answer in answers:
            assert ("glx_lag_seconds",) in read(answer)
        assert read(get(0))["glx_sequences_total",] == 200
    with pytest.raises(OSError):  # noqa: PT011
        get(0)


def test_a_port_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OutsideError, match=f"--metrics_port={port}"), Metrics("a").serve(port):
            pass


@pytest.mark.parametrize("host", ["256.0.0.1", "a" * 70, "a\0b", "a b", "192.0.2.1"])
def test_a_host_that_is_none_is_told(host):
    with pytest.raises(InputError, match="metrics_port"), Metrics("a").serve(0, host):
        pass


def test_clients_that_hang_or_break_off_keep_nobody_waiting(capfd):
    metrics = Metrics("abc")
    with metrics.serve(0) as port:
        silent, broken = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        silent.sendall(b"GET /metrics HTTP/1.1\r\n")
        broken.sendall(b"\x00\xff\r\n\r\n")
        broken.close()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert ("glx_lines_total",) in read(answer.read())
    silent.close()
    assert capfd.readouterr() == ("", "")
