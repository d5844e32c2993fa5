"""What goes wrong while `glx serve` judges is answered, and the service goes on; memory is flat."""

import asyncio
from dataclasses import replace

import httpx
import polars as pl
import pytest
import shop
from faulty import WORDS, Faulty
from fitted_shop import log
from prometheus_client.parser import text_string_to_metric_families
from tiny_chats import tiny_model

from glx.errors import OutsideError
from glx.llm.chat import ChatFormat
from glx.redact import redact
from glx.report import remarks
from glx.report.causes import COLUMNS
from glx.serve import kept as keeping
from glx.serve.app import Bounds, Service
from glx.serve.judge import Judge
from glx.serve.kept import Kept
from glx.watch.metrics import Metrics


@pytest.fixture(scope="module")
def make(detector):
    """`make(**expert)`: what judges, with settings of its expert."""

    def of(**expert) -> Judge:
        given = {"session": None, "window": None, "idle": "1h", "mask": redact, "expert": expert}
        return Judge(detector, **given, say=lambda text: None)

    return of


@pytest.fixture(scope="module")
def judge(make):
    return make()


@pytest.fixture
def asked(detector):
    """`asked(judge, *requests)`: answers to `(method, path, body)`, in this process."""

    def ask(judge, *requests) -> list[httpx.Response]:
        said = remarks.path_of(detector)
        service = Service(judge, Metrics("tiny"), said, "shop", Bounds(), None)

        async def all_of() -> list[httpx.Response]:
            transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return [
                    await client.request(method, path, content=body)
                    for method, path, body in requests
                ]

        found = asyncio.run(all_of())
        service.worker.shutdown()
        return found

    return ask


def values(text: str) -> dict[str, float]:
    """Metrics by name and labels."""
    return {
        f"{sample.name}{[*sample.labels.values()]}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_fault_is_told_once_and_the_next_is_answered(judge, asked, capsys, monkeypatch):
    class Broken:
        """A judge that fails at every second log."""

        calls = 0

        def __call__(self, *given):
            self.calls += 1
            if self.calls % 2:
                raise RuntimeError("broken\x1b[31m")
            return judge(*given)

    post = ("POST", "/detect", log(0, 9))
    bad, good, measured = asked(Broken(), post, post, ("GET", "/metrics", None))
    assert (bad.status_code, good.status_code) == (500, 200)
    assert "RuntimeError" in bad.json()["error"]
    assert "broken" not in bad.text
    error = capsys.readouterr().err
    assert error.count("Traceback") == 1
    assert "\x1b" not in error
    found = values(measured.text)
    assert found["glx_requests_total['500']"] == found["glx_requests_total['200']"] == 1


def test_metrics_count_all_logs(judge, asked, detector, monkeypatch):
    first, *_, causes, measured = asked(
        judge,
        ("POST", "/detect", log(0, 9)),
        ("POST", "/detect", log(0, 9)),
        ("POST", "/detect", b""),
        ("GET", "/causes", None),
        ("GET", "/metrics", None),
    )
    assert measured.headers["content-type"].startswith("text/plain; version=")
    found, id_ = values(measured.text), causes.json()["causes"][0]["id"]
    assert found["glx_lines_total[]"] == 2 * log(0, 9).count(b"\n")
    assert found["glx_sequences_total[]"] == 2 * len(first.text.splitlines()) == 18
    assert found["glx_new_templates_total[]"] == 2
    assert found[f"glx_flagged_total{[id_, 'false']}"] == causes.json()["causes"][0]["count"] > 0
    assert found["glx_requests_total['400']"] == 1
    assert found["glx_waiting[]"] == 0


def test_while_remarks_are_nonsense_the_last_ones_hold(judge, asked, detector, capsys):
    said = remarks.path_of(detector)
    post, ask = ("POST", "/detect", log(0, 9)), ("GET", "/causes", None)
    (id_,) = [cause["id"] for cause in asked(judge, post, ask)[1].json()["causes"]]

    def nonsense(*given):
        found = judge(*given)
        said.write_text("cause: [")
        return found

    try:
        remarks.write(said, {id_: remarks.Remark(muted=True)})
        first = ask, post, ask, ("GET", "/", None), ("GET", "/metrics", None)
        _, _, causes, page, measured = asked(nonsense, *first)
        assert causes.json()["causes"][0]["muted"] is True
        assert page.status_code == 200
        assert values(measured.text)[f"glx_flagged_total{[id_, 'true']}"] > 0
        assert capsys.readouterr().err.count(str(said)) == 1
    finally:
        said.unlink()


def test_a_server_that_is_away_and_comes_back(make, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(ChatFormat, "words", lambda self: WORDS)  # those of the server
    said = {"said": lambda prompt: (-3.0, -0.1)}
    with Faulty(**said) as server:
        port = server.server_address[1]
        expert = {
            "expert": "vllm", "llm_url": f"http://127.0.0.1:{port}/v1", "llm_model": "tiny",
            "llm_tokenizer": str(tiny_model("chatml", tmp_path / "tokenizer")),
            "cache": str(tmp_path / "answers.sqlite"), "llm_patience": 0.5,
        }  # fmt: skip
        judge = make(**expert)
    away, plain = asked(judge, ("POST", "/detect", shop.LOG), ("GET", "/healthz", None))
    assert (away.status_code, plain.status_code) == (503, 200)
    assert int(away.headers["Retry-After"]) >= 1
    assert f":{port}" in away.json()["error"]
    with Faulty(port=port, **said) as server:
        (back,) = asked(judge, ("POST", "/detect", shop.LOG))
        assert (back.status_code, len(back.text.splitlines())) == (200, 60)
        assert len(server.answered) > 0


def test_the_patience_of_a_request_is_short(make, judge):
    assert judge.ready.config.expert.llm.llm_patience == 20


def test_an_expert_that_lacks_something_is_no_fault_of_the_log(judge, monkeypatch):
    def change(expert):
        return replace(expert, expert="answers", responses="/no/such.csv")

    monkeypatch.setattr(judge, "change", change)
    monkeypatch.setattr(judge, "ready", None)
    with pytest.raises(OutsideError):
        judge(log(0, 9))


def test_what_is_kept_is_bounded(judge, monkeypatch):
    monkeypatch.setattr(keeping, "TOGETHER", 3)
    kept, all_of = Kept(most=10), Kept()
    for n in range(16):
        judged = judge(log(10 * n, 10, f"case {'abcdefghij'[n % 10]}"))
        kept.add(judged)
        all_of.add(judged)
    found, every = kept.causes(), all_of.causes()
    assert (every.sequences, every.flagged) == (160, len([k for k in range(160) if k % 7 == 0]))
    assert (found.flagged, sum(cause.count for cause in found.causes)) == (10, 10)
    assert 70 <= found.sequences <= 80
    newest = {str(k) for k in range(91, 160) if k % 7 == 0}
    assert {key for cause in found.causes for key in cause.sessions} <= newest
    assert all(cause.example.lines for cause in found.causes)
    assert sum(map(len, kept.parts)) <= 20


def test_large_texts_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr(keeping, "LARGEST", 10_000)
    row = {"first_line": 0, "last_line": 0, "score": 0.9, "anomalous": True, "evidence": []}
    row["cause"] = {"id": "11111111", "lacks": False, "text": "x" * 1000}
    rows = pl.DataFrame([row] * 50, schema=COLUMNS)
    kept = Kept()
    for _ in range(9):
        parts = [rows.with_columns(pl.lit(0, pl.Int64).alias(keeping.BEFORE))]
        kept.parts = [keeping.newest([*kept.parts, *parts], kept.most)]
        assert 1 < len(kept.parts[0]) < 10
