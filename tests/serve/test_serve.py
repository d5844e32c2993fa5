"""What `glx serve` answers: the verdicts of `glx detect`, causes, and refusals in one sentence."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fitted_shop import PANIC, log

from glx.cli.main import main
from glx.report import remarks

CODES = {"Content-Encoding": "gzip"}


@pytest.fixture(scope="module")
def detected(detector, tmp_path_factory):
    """`detected(raw)`: what `glx detect` writes of a log that is called `some.log`."""
    folder = tmp_path_factory.mktemp("detected")

    def of(raw: bytes) -> str:
        path, out = folder / "some.log", folder / "found.jsonl"
        path.write_bytes(raw)
        assert main(["detect", f"--detector={detector}", f"--logs={path}", f"--out={out}"]) == 0
        return out.read_text().replace(str(path), "some.log")

    return of


def post(served, raw: bytes, query: str = "", **headers: str):
    return served.client.post(f"/detect{query}", content=raw, headers=headers)


def test_verdicts_are_those_of_detect_whatever_came_before(service, detected):
    shown = log(0, 36, "password=sesame") + b"\tat Disk.read(disk.c:12)\n"
    for raw in (shown, log(35, 30, "code qx"), "order=1 ünï\r\n\0order=2 x\n".encode("utf-16")):
        expected = detected(raw)
        for body, headers in (
            (raw, {}),
            (gzip.compress(raw), CODES),
            (gzip.compress(raw[:99]) + gzip.compress(raw[99:]), {}),
        ):
            answer = post(service, body, "?file=some.log", **headers)
            assert (answer.status_code, answer.text) == (200, expected)
    expected = detected(shown)
    assert "sesame" not in expected
    assert "detail" in expected
    assert post(service, shown).text == expected.replace("some.log", "-")
    flagged = [line for line in expected.splitlines() if '"anomalous":true' in line]
    assert 0 < len(flagged) < 36
    assert post(service, shown, "?file=some.log&anomalous=true").text.splitlines() == flagged


def test_who_ask_together_get_their_own(service, detected):
    raws = [log(100 * n, 20 + n, f"reason {'abcd'[n]}") for n in range(4)]
    with ThreadPoolExecutor(4) as clients:
        answers = [*clients.map(lambda raw: post(service, raw, "?file=some.log"), raws)]
    assert [answer.text for answer in answers] == [*map(detected, raws)]


def test_causes_are_those_of_the_command(serve, detector, tmp_path, capsys):
    raw, path = log(0, 60, "password=sesame"), tmp_path / "some.log"
    path.write_bytes(raw)
    with serve() as served:
        assert served.client.get("/causes").json()["causes"] == []
        found = post(served, raw, f"?file={path}").text
        (tmp_path / "found.jsonl").write_text(found)
        said = [str(tmp_path / "found.jsonl"), f"--detector={detector}"]
        causes = served.client.get("/causes").json()
        assert causes["flagged"] == len([0 for line in found.splitlines() if '":true' in line]) > 2
        assert causes["sequences"] == 60
        id_ = causes["causes"][0]["id"]
        assert main(["causes", *said, "--format=json"]) == 0
        own = json.loads(capsys.readouterr().out)
        shown = [{**cause, "trend": []} for cause in causes["causes"]]  # theirs is of all sequences
        assert shown == [{**cause, "trend": []} for cause in own["causes"]]
        assert sum(causes["causes"][0]["trend"]) == causes["causes"][0]["count"]
        assert served.client.get(f"/causes/{id_}").json() == causes["causes"][0]
        texts = [
            served.client.get(f"/causes{more}").text
            for more in ("?format=text", "?format=agent&tokens=300", f"/{id_}?format=text")
        ]
        assert all(PANIC in text and id_ in text for text in texts)
        assert not any("sesame" in text for text in texts)
        page = served.client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert PANIC in page.text
        assert "Content-Security-Policy" in page.text
        assert "sesame" not in page.text
        try:
            assert main(["mute", str(detector), id_, f"--found={tmp_path / 'found.jsonl'}"]) == 0
            assert served.client.get("/causes").json()["causes"][-1]["muted"] is True
            assert f"muted: {PANIC[:5]}" not in texts[0]
            assert "muted: " in served.client.get("/causes?format=text").text
            assert "muted: " in served.client.get("/").text
        finally:
            remarks.path_of(detector).unlink()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/causes/12345678", 404),
        ("/causes?format=xml", 400),
        ("/causes?format=text&limit=0", 400),
        ("/causes?format=text&limit=x", 400),
        ("/detect", 405),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(service, path, code):
    answer = service.client.get(path)
    assert answer.status_code == code
    assert [*answer.json()] == ["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("raw", "headers", "code", "word"),
    [
        (b"", {}, 400, "empty"),
        (b"", CODES, 400, "empty"),
        (b"\n\n \n", {}, 400, "session"),
        (b"no order at all\n", {}, 400, "session"),
        (bytes(range(1, 9)) * 500, {}, 400, "text"),
        (b"\x7fELF\2\1\1" + bytes(500), {}, 400, "body"),
        (log(0, 3), CODES, 400, "gzip"),
        (gzip.compress(log(0, 3))[:-9], CODES, 400, "cut short"),
        (gzip.compress(gzip.compress(log(0, 3))), CODES, 400, "more than once"),
        (b"\x28\xb5\x2f\xfd" + bytes(99), {}, 400, "Zstandard"),
        (log(0, 3), {"Content-Encoding": "br"}, 415, "br"),
    ],
)
def test_a_body_that_is_no_log(service, raw, headers, code, word):
    answer = post(service, raw, **headers)
    assert answer.status_code == code
    assert word in answer.json()["error"]
    assert post(service, log(0, 3)).status_code == 200


def test_a_body_that_is_too_large(serve):
    most = 100_000
    with serve(f"--max_body={most}") as served:
        whole = (log(0, 3) + b"order=1 x\n" * most)[:most]
        assert post(served, whole).status_code == 200
        bomb = gzip.compress(b"order=1 x\n" * 10**7)
        assert len(bomb) < 2 * most
        for raw in (
            whole + b"\n",
            whole * 30,
            bomb,
            gzip.compress(whole + b"\n"),
            iter([whole] * 3),
        ):
            answer = post(served, raw)
            assert answer.status_code == 413
            assert f"{most:,}" in answer.json()["error"]
        assert post(served, log(0, 3)).status_code == 200


def test_windows_and_sessions_may_be_others(serve, detector, tmp_path):
    out = tmp_path / "found.jsonl"
    (tmp_path / "some.log").write_bytes(log(0, 30))
    given = [f"--detector={detector}", f"--logs={tmp_path / 'some.log'}", f"--out={out}"]
    assert main(["detect", *given, "--window=5"]) == 0
    with serve("--window=5") as served:
        answer = post(served, log(0, 30), f"?file={tmp_path / 'some.log'}")
    assert answer.text == out.read_text()


def test_the_detector_is_as_it_was(detector):
    assert {path.name for path in Path(detector).parent.iterdir()} == {"detector", "shop.log"}
