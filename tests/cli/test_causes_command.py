"""`glx causes` and `glx detect --summary`: what they print, and what is refused before any work."""

import json

import pytest

from glx.cli.main import main

ROW = {
    "file": "shop.log", "key": "7", "first_line": 0, "last_line": 2, "score": 0.9,
    "anomalous": True, "route": None, "evidence": [{"line": 1, "weight": 1.0, "text": "refused"}],
    "cause": {"id": "11111111", "lacks": False, "text": "refused \x1b[2J"},
}  # fmt: skip


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.log").write_text("order=7 opened\norder=7 refused\norder=7 closed\n")
    other = ROW | {"cause": {"id": "22222222", "lacks": True, "text": "order closed"}}
    (tmp_path / "old.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "found.jsonl").write_text(json.dumps(ROW) + "\n" + json.dumps(other) + "\n")
    return tmp_path


def test_causes_as_text(found, capsys):
    assert main(["causes", "found.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "> 1  order=7 refused" in out
    assert "refused ␛[2J" in out  # what a log holds never drives the terminal
    assert main(["causes", "--since=old.jsonl", "found.jsonl"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == '22222222      1 x  new: lacks "order closed"'


def test_verdicts_that_go_on_in_another_file(found, capsys):
    assert main(["causes", "old.jsonl", "found.jsonl"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2].split()[:2] == ["11111111", "2"]
    assert "> 1  order=7 refused" in out


def test_one_cause(found, capsys):
    assert main(["causes", "found.jsonl", "--show=22222222"]) == 0
    out = capsys.readouterr().out
    assert ("22222222" in out, "11111111" in out) == (True, False)


def test_causes_as_json(found, capsys):
    assert main(["causes", "found.jsonl", "--format=json", "--since=old.jsonl"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    causes = json.loads(out)["causes"]
    assert [(cause["id"], cause["new"]) for cause in causes] == [
        ("22222222", True),
        ("11111111", False),
    ]


def test_causes_for_a_model(found, capsys):
    assert main(["causes", "found.jsonl", "--format=agent", "--tokens=200"]) == 0
    out = capsys.readouterr().out
    assert len(out) <= 800
    assert "glx causes found.jsonl --show=ID" in out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "name one run folder"),
        (["found.jsonl", "."], ".: cannot be read"),
        (["none.jsonl"], "none.jsonl"),
        (["shop.log"], "shop.log"),
        (["."], "neither a run folder"),
        (["found.jsonl", "--since=none.jsonl"], "none.jsonl"),
        (["found.jsonl", "--show=3"], "--show=3"),
        (["found.jsonl", "--tokens=10"], "--tokens"),
        (["found.jsonl", "--format=xml"], "--format"),
    ],
)
def test_what_is_refused(found, words, what, capsys):
    assert main(["causes", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert what in err


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--out=-", "--summary"], "--out=-"),
        (["--out=/dev/null", "--summary"], "--out=/dev/null"),
        (["--out=x.jsonl", "--follow", "--summary"], "--follow"),
        (["--out=x.jsonl", "--since=none.jsonl"], "none.jsonl"),
    ],
)
def test_a_summary_needs_a_file_and_an_end(found, flags, what, capsys):
    assert main(["detect", "--detector=none", "--logs=shop.log", *flags]) == 2
    assert what in capsys.readouterr().err
    assert not (found / "x.jsonl").exists()
