"""Alerts reach a web server that errs, hangs, refuses or is away; each once."""

import json
import socket
import stat
import time
from contextlib import contextmanager

import pytest

from glx.errors import InputError
from glx.watch import webhook
from glx.watch.alerts import Alert
from glx.watch.webhook import webhook_of


def alert(id_: str) -> Alert:
    return Alert(id_, "shop", "disk", "gone", "2024-05-01T10:00:00.000Z")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """No test waits long."""
    monkeypatch.setattr(webhook, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(webhook, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(webhook, "LAST", 0.5)


@contextmanager
def sending(url, out, said=None, detector="d", anew=False):
    made = webhook_of(url, out, detector, anew, (said if said is not None else []).append)
    with made.sending():
        yield made


def kept(out) -> dict:
    return json.loads((out.parent / f"{out.name}.alerts").read_bytes())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "found.jsonl"


def test_what_errs_is_asked_again(server, out, waited):
    server.codes = [500, 429, 408, 503, 200]
    said = []
    with sending(server.url, out, said) as hook:
        hook.add([alert("1"), alert("2")])
        waited(lambda: server.causes)
    assert [code for code, _ in server.bodies] == [500, 429, 408, 503, 200]
    assert server.causes == ["1", "2"]
    assert said == []
    assert kept(out) == {"detector": "d", "told": ["1", "2"], "waiting": []}


@pytest.mark.parametrize("code", [301, 400, 404, 422])
def test_what_refuses_is_not_asked_again_and_said_once(code, server, out, waited):
    server.codes, said = [code], []
    with sending(server.url, out, said) as hook:
        for n in (1, 2, 3):
            hook.add([alert(str(n))])
            waited(lambda n=n: len(server.bodies) == n)
    assert len(said) == 1
    assert f"HTTP {code}" in said[0]
    assert "--alert_url" in said[0]
    assert kept(out)["waiting"] == []
    with sending(server.url, out):
        pass
    assert len(server.bodies) == 3


def test_what_is_away_gets_them_after_a_restart(server, out):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        away = f"http://127.0.0.1:{gone.getsockname()[1]}/hook"
    said = []
    with sending(away, out, said) as hook:
        hook.add([alert("1")])
    assert len(said) == 1
    assert "127.0.0.1: 1 " in said[0]
    assert f"{out}.alerts" in said[0]
    with sending(server.url, out) as hook:
        assert hook.told == ["1"]
    assert server.causes == ["1"]
    with sending(server.url, out):
        pass
    assert server.causes == ["1"]


def test_what_hangs_keeps_nobody_waiting(server, out):
    server.codes, said = [0], []
    began = time.monotonic()
    with sending(server.url, out, said) as hook:
        for n in range(50):
            hook.add([alert(str(n))])
        assert time.monotonic() - began < 5
    assert time.monotonic() - began < 10
    assert ": 50 " in said[0]
    assert len(kept(out)["waiting"]) == 50
    server.released.set()
    server.codes = [200]
    with sending(server.url, out, said):
        pass
    assert sorted(server.causes, key=int) == [str(n) for n in range(50)]
    assert len(said) == 1


def test_what_waits_is_on_the_disk_at_once(server, out):
    server.codes = [0]
    with sending(server.url, out) as hook:
        hook.add([alert("1")])
        assert kept(out)["waiting"][0]["cause"] == "1"


def test_what_waits_is_bounded(server, out, monkeypatch, waited):
    monkeypatch.setattr(webhook, "MOST_WAITING", 3)
    monkeypatch.setattr(webhook, "MOST_TOLD", 4)
    server.codes, said = [0], []
    with sending(server.url, out, said) as hook:
        hook.add([alert("0")])
        waited(lambda: server.bodies)
        for n in range(1, 6):
            hook.add([alert(str(n))])
    assert [one["cause"] for one in kept(out)["waiting"]] == ["3", "4", "5"]
    assert kept(out)["told"] == ["2", "3", "4", "5"]
    assert [one for one in said if "given up" in one] == said[:1]


def test_many_at_once_are_few_requests(server, out, waited):
    with sending(server.url, out) as hook:
        hook.add([alert(str(n)) for n in range(250)])
        waited(lambda: len(server.causes) == 250)
    assert len(server.bodies) == 3


def test_another_detector_tells_anew_and_forgets_none_that_wait(server, out):
    server.codes = [500]
    with sending(server.url, out) as hook:
        hook.add([alert("1")])
    server.codes = [200]
    with sending(server.url, out, detector="other") as hook:
        assert hook.told == []
    assert server.causes == ["1"]


def test_a_new_begin_forgets_all(server, out):
    with sending(server.url, out) as hook:
        hook.add([alert("1")])
    with sending(server.url, out, anew=True) as hook:
        assert hook.told == []


def test_what_goes_to_a_pipe_is_told_and_lost(server, out, tmp_path):
    server.codes, said = [500], []
    with sending(server.url, None, said) as hook:
        hook.add([alert("1")])
    assert "lost" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_before_there_is_an_alert(server, out, tmp_path):
    with sending(server.url, out):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_any_more_is_said_once(server, out, tmp_path):
    said = []
    with sending(server.url, out, said) as hook:
        (tmp_path / "found.jsonl.alerts").mkdir()
        hook.add([alert("1")])
        hook.add([alert("2")])
    assert server.causes == ["1", "2"]
    assert len(said) == 1
    assert f"{out}.alerts" in said[0]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"told": 1}', '{"waiting": [{}]}', "\x00", '{"detector": "d", "a": 1}']
)
def test_a_damaged_file_is_told(text, server, out, tmp_path):
    path = tmp_path / "found.jsonl.alerts"
    path.write_text(text)
    with pytest.raises(InputError, match=r"found\.jsonl\.alerts: is no list of alerts"):
        webhook_of(server.url, out, "d", False, print)
    assert path.read_text() == text
    webhook_of(server.url, out, "d", True, print)


def test_a_file_that_cannot_be_written_is_told_before(server, out, tmp_path):
    (tmp_path / "found.jsonl.alerts").mkdir()
    with pytest.raises(InputError, match=r"found\.jsonl\.alerts: a directory"):
        webhook_of(server.url, out, "d", False, print)


@pytest.mark.parametrize(
    "url",
    ["shop", "ftp://shop/hook", "http://", "http:///hook", "http://shop:99999/", "http://[::1/"]
    + ["file:///etc/passwd", "http://shop\x00/", "http://a b/", "//shop", "http://shop:port/"],
)
def test_what_can_be_no_url_is_told(url, out):
    with pytest.raises(InputError, match="--alert_url="):
        webhook_of(url, out, "d", False, print)


def test_a_password_of_the_url_is_sent_and_not_said(server, out):
    server.codes, said = [403], []
    with sending(server.url.replace("//", "//bob:sesame@"), out, said) as hook:
        hook.add([alert("1")])
    assert "sesame" not in said[0]
    assert "sesame" not in (out.parent / f"{out.name}.alerts").read_text()


def test_the_file_keeps_its_mode(server, out):
    with sending(server.url, out) as hook:
        hook.add([alert("1")])
        path = out.parent / f"{out.name}.alerts"
        path.chmod(0o600)
        hook.add([alert("2")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
