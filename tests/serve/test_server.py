"""Who may ask `glx serve`, how many at once, and how it ends."""

import json
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from fitted_shop import log

from glx.cli.main import main
from glx.runs import detectors

TOKEN = "0123456789abcdef0123"


def begin(served, body: bytes, sent: int) -> socket.socket:
    """A request of whose body only so many bytes are sent."""
    client = socket.create_connection(("127.0.0.1", served.port()))
    head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body[:sent])
    return client


def whole(client: socket.socket) -> tuple[int, list[str]]:
    """Status and lines of an answer, after which the connection may stay open."""
    with client.makefile("rb") as file:
        code, length = int(file.readline().split()[1]), 0
        while (line := file.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return code, file.read(length).decode().splitlines()


def wait_for(when) -> None:
    ends = time.monotonic() + 60
    while not when():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_more_than_the_queue_are_told_to_come_again(serve):
    with serve("--queue=1") as served, ThreadPoolExecutor(4) as pool:
        body = log(0, 3) * 20_000  # judged while the others come
        answers = [*pool.map(lambda _: served.client.post("/detect", content=body), range(4))]
        codes = {answer.status_code: answer for answer in answers}
        assert set(codes) == {200, 503}
        assert int(codes[503].headers["Retry-After"]) >= 1
        assert "error" in codes[503].json()
        assert served.client.post("/detect", content=log(0, 9)).status_code == 200
        assert "Traceback" not in served.said.read_text()


def test_who_sends_slowly_takes_nobodys_turn(serve):
    body = log(0, 9)
    with serve("--queue=1") as served:
        slow = [begin(served, body, 3) for _ in range(20)]
        assert served.client.post("/detect", content=body).status_code == 200
        slow[0].sendall(body[3:])
        code, lines = whole(slow[0])
        assert (code, len(lines)) == (200, 9)
        for client in slow:
            client.close()


def test_bodies_that_come_hold_no_more_than_those_that_wait(serve):
    body = log(0, 9)
    with serve("--queue=2", f"--max_body={len(body)}") as served:
        slow = [begin(served, body, len(body) - 3) for _ in range(2)]
        wait_for(lambda: served.client.post("/detect", content=body).status_code == 503)
        for client in slow:
            client.sendall(body[-3:])
            assert whole(client)[0] == 200
            client.close()
        assert served.client.post("/detect", content=body).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_waits_is_answered_before_the_end(serve, number):
    with serve() as served:
        assert served.client.get("/healthz").status_code == 200  # and its connection stays open
        amid = begin(served, log(0, 9), 50)
        time.sleep(0.3)
        served.process.send_signal(number)

        def closed() -> bool:
            try:
                socket.create_connection(("127.0.0.1", served.port())).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(closed)
        assert served.process.poll() is None
        amid.sendall(log(0, 9)[50:])
        code, lines = whole(amid)
        assert (code, len(lines)) == (200, 9)
        assert [json.loads(line)["key"] for line in lines] == [*map(str, range(9))]
        amid.close()
        assert served.process.wait(30) == 0
        assert "Traceback" not in served.said.read_text()


def test_a_second_request_to_end_interrupts(serve):
    with serve() as served:
        amid = begin(served, log(0, 9), 50)
        time.sleep(0.3)
        for _ in range(2):
            served.process.send_signal(signal.SIGTERM)
            time.sleep(1)
        assert served.process.wait(30) == 130
        amid.close()
        assert "Traceback" not in served.said.read_text()


def test_a_token_is_asked_for(serve, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    for flags, more in (([f"--token_file={tmp_path / 'token'}"], {}), ([], {"GLX_TOKEN": TOKEN})):
        with serve(*flags, "--host=0.0.0.0", **more) as served:
            url = f"http://127.0.0.1:{served.port()}"
            wrong = ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", "Bearer \xff")
            for header in wrong:
                for path in ("/causes", "/", "/causes/x", "/nothing", "//healthz", "/healthz/"):
                    answer = httpx.get(
                        url + path, headers={"Authorization": header.encode("latin-1")}
                    )
                    assert answer.status_code == 401, path
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert httpx.post(f"{url}/detect", content=log(0, 3) * 9000).status_code == 401
            assert httpx.get(f"{url}/healthz").status_code == 200
            right = {"Authorization": f"Bearer {TOKEN}", "Host": "glx.example"}
            assert httpx.get(f"{url}/causes", headers=right).status_code == 200
            answer = httpx.post(f"{url}/detect", content=log(0, 3), headers=right)
            assert len(answer.text.splitlines()) == 3
            assert TOKEN not in served.said.read_text()


def test_an_answer_waits_for_nothing(service):
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        assert service.client.get("/healthz").status_code == 200
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.03  # 0.04 where small packets are held back


def test_a_page_of_the_web_reaches_nothing(service):
    for name, code in (
        ("evil.example", 403),
        ("localhost", 200),
        ("127.0.0.1:80", 200),
        ("[::1]", 200),
    ):
        assert service.client.get("/causes", headers={"Host": name}).status_code == code
    for origin, code in (
        ("http://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
        ("http://localhost:1", 200),
    ):
        given = {"headers": {"Origin": origin}, "content": log(0, 3)}
        assert service.client.post("/detect", **given).status_code == code


@pytest.mark.parametrize(
    ("flags", "code", "word"),
    [
        (["--host=0.0.0.0"], 2, "--host=0.0.0.0"),
        (["--host=no.such.host.invalid"], 2, "--host"),
        (["--host=203.0.113.7"], 2, "--host"),
        (["--token_file=none"], 2, "--token_file=none"),
        (["--token_file=short"], 2, "--token_file=short"),
        (["--max_body=0"], 2, "--max_body"),
        (["--idle=x"], 2, "idle"),
        (["--llm_patience=5"], 2, "--llm_patience"),
        (["--detector=nothing"], 2, "nothing"),
    ],
)
def test_what_is_refused(detector, tmp_path, monkeypatch, capsys, flags, code, word):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLX_TOKEN", raising=False)
    (tmp_path / "short").write_text("secret\n")
    given = [] if flags[0].startswith("--detector") else [f"--detector={detector}"]
    assert main(["serve", *given, "--port=0", *flags]) == code
    error = capsys.readouterr().err
    assert (error.count("\n"), word in error) == (1, True)


def test_a_detector_of_event_numbers_is_refused(detector, tmp_path, capsys):
    fitted, parser = detectors.load(detector)
    detectors.save(tmp_path / "numbers", fitted, replace(parser, layout=None, window=20), {})
    assert main(["serve", f"--detector={tmp_path / 'numbers'}", "--port=0"]) == 2
    assert "event numbers" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told_before_the_detector_is_read(tmp_path, capsys):
    (tmp_path / "detector.json").write_text("damaged")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", f"--detector={tmp_path}", f"--port={port}"]) == 3
    assert capsys.readouterr().err.startswith(f"error: --port={port}: ")


@pytest.mark.parametrize("name", ["starlette", "uvicorn"])
def test_without_the_extra(detector, monkeypatch, capsys, name):
    monkeypatch.setitem(sys.modules, name, None)
    assert main(["serve", f"--detector={detector}", "--port=0"]) == 3
    error = capsys.readouterr().err
    assert "extra serve" in error
    assert error.count("\n") == 1


def test_a_request_that_is_ignored_stays_so(serve):
    with serve(before=["nohup"]) as served:
        served.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert served.client.post("/detect", content=log(0, 3)).status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0
