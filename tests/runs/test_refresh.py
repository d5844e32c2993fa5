"""Detectors that learn their system's habits from newer logs, by the real command line."""

import json
from pathlib import Path

import polars as pl
import pytest
from shop import KEYS, lines, tree, write_labels

from glx import files
from glx.cli.main import main

ORDERS = 400
SOURCE = ("--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS)
SMALL = ("--hidden=4", "--max_events=4", "--episodes=2", "--batch=2", "--nosecond_order")
FITS = {
    "zerolog": (*SOURCE, *SMALL, "--steps=2"),
    "generallog": (*SOURCE, *SMALL, "--steps=2"),
    "method": ("--method=deeplog", "--deeplog_steps=2", KEYS),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a log, its detectors of all classes, and logs of later."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", "cache")
        Path("shop.log").write_text("\n".join(lines("order", ORDERS)) + "\n")
        # Every second order is packed as a gift, which was never so before.
        later = [line for line in lines("order", ORDERS) if "depot" not in line]
        gift = [
            f"2024-05-01 10:{i // 60:02}:{i % 60:02} INFO order={i} packed" for i in range(ORDERS)
        ]
        Path("later.log").write_text("\n".join(sorted(later + gift[::2])) + "\n")
        Path("other.log").write_text(
            "".join(f"2024-05-01 10:00:{i:02} WARN order={i} disk {i} spun up\n" for i in range(60))
        )
        Path("jobs.log").write_text("\n".join(lines("job", 40)) + "\n")
        write_labels(f"{i},{int(i % 10 == 3)}" for i in range(40))
        for name, flags in FITS.items():
            # All of the log is learned from, as a refresh does.
            seen = ("--target=shop=shop.log", "--protocol=transductive", f"--run_dir={name}")
            assert main([name, *flags, *seen]) == 0
        yield folder


def test_a_run_prints_its_metrics_as_json(shop, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    given = ("--target=shop=shop.log", *FITS["method"], "--run_dir=json", "--json")
    assert main(["method", *given]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(Path("json/metrics.json").read_text())


@pytest.fixture
def here(shop, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    capsys.readouterr()


def judged(detector: str, log: str) -> pl.DataFrame:
    out = f"{detector.replace('/', '-')}.jsonl"
    assert main(["detect", f"--detector={detector}", f"--logs={log}", f"--out={out}"]) == 0
    return pl.read_ndjson(out)


@pytest.mark.parametrize("name", FITS)
def test_where_nothing_changed_the_verdicts_are_the_same(here, name):
    given = (f"--detector={name}/checkpoint", "--logs=shop.log", f"--out={name}/same")
    assert main(["refresh", *given]) == 0
    before, after = judged(f"{name}/checkpoint", "shop.log"), judged(f"{name}/same", "shop.log")
    assert after.equals(before)
    state = [
        json.loads(Path(name, one, "detector.json").read_text()) for one in ("checkpoint", "same")
    ]
    assert state[0]["settings"] == state[1]["settings"]


@pytest.mark.parametrize("name", ["zerolog", "generallog"])
def test_what_became_usual_is_no_longer_new(here, capsys, name):
    given = (f"--detector={name}/checkpoint", "--logs=later.log", f"--out={name}/later")
    assert main(["refresh", *given, "--format=json"]) == 0
    drift = json.loads(capsys.readouterr().out)
    n = len(Path("later.log").read_text().splitlines())
    assert (drift["lines"], drift["sequences"], drift["new_templates"]) == (n, ORDERS, 1)
    assert drift["unseen"] == pytest.approx(ORDERS / 2 / n)
    assert 0 < drift["gone"] < drift["moved"] + drift["gone"] < 1
    assert drift["fit_anew"] is False
    habits = {change["text"]: (change["before"], change["now"]) for change in drift["habits"]}
    (lost,) = [shares for text, shares in habits.items() if "depot" in text]
    assert lost == (0.75, 0)
    texts = [change["text"] for change in drift["changes"]]
    assert any("packed" in text for text in texts)
    assert any("depot" in text for text in texts)
    before, after = judged(f"{name}/checkpoint", "later.log"), judged(f"{name}/later", "later.log")
    if name == "zerolog":  # GeneralLog's are told by its ZeroLog, as no expert is asked
        told = drift["flagged_before"], drift["flagged_now"]
        assert told == tuple(pytest.approx(found["anomalous"].mean()) for found in (before, after))
    gifts = pl.col("key").cast(pl.Int64) % 2 == 0
    new, usual = (found.filter(gifts)["score"].mean() for found in (before, after))
    assert usual < new / 10


def test_logs_of_another_system_are_warned_of(here, capsys):
    before = tree(Path("zerolog"))
    given = ("--detector=zerolog/checkpoint", "--logs=other.log", "--dry_run")
    assert main(["refresh", *given]) == 0
    assert "fit the detector anew" in capsys.readouterr().out
    assert main(["refresh", *given, "--format=json"]) == 0
    drift = json.loads(capsys.readouterr().out)
    assert (drift["unseen"], drift["gone"]) == (pytest.approx(1), pytest.approx(1))
    assert drift["fit_anew"] is True
    assert tree(Path("zerolog")) == before


def test_secrets_are_masked(here, capsys):
    Path("secret.log").write_text(
        "".join(f"2024-05-01 10:00:{i:02} INFO order={i} password=hunter2x\n" for i in range(9))
    )
    given = ("refresh", "--detector=zerolog/checkpoint", "--logs=secret.log", "--dry_run")
    assert main([*given]) == 0
    assert "hunter2x" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("named", "flags"),
    [
        ("--detector: ", "--logs=shop.log --out=new"),
        ("--logs: ", "--detector=zerolog/checkpoint --out=new"),
        ("--out: ", "--detector=zerolog/checkpoint --logs=shop.log"),
        ("--out=zerolog: ", "--detector=zerolog/checkpoint --logs=shop.log --out=zerolog"),
        ("--out=zerolog/checkpoint/new: ",
         "--detector=zerolog/checkpoint --logs=shop.log --out=zerolog/checkpoint/new"),
        ("none.log: ", "--detector=zerolog/checkpoint --logs=none.log --out=new"),
        ("cache: ", "--detector=cache --logs=shop.log --out=new"),
        ("empty.log: ", "--detector=zerolog/checkpoint --logs=empty.log --out=new"),
        ("keyless.log: ", "--detector=zerolog/checkpoint --logs=keyless.log --out=new"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_nothing_is_left(here, capsys, named, flags):
    Path("empty.log").touch()
    Path("keyless.log").write_text("2024-05-01 10:00:00 INFO up\n" * 9)
    before = tree(Path())
    assert main(["refresh", *flags.split()]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {named}")
    assert tree(Path()) == before


def test_an_interruption_leaves_nothing(here, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    # Once the arrays are written.
    monkeypatch.setattr(files, "parquet", interrupted)
    before = tree(Path())
    given = ("--detector=zerolog/checkpoint", "--logs=shop.log", "--out=new")
    assert main(["refresh", *given]) == 130
    assert tree(Path()) == before


def test_what_is_new_is_told_apart_as_in_a_fit(here, capsys):
    said = ("opened ledger of shop", "verified ledger of shop", "closed ledger of shop")
    Path("ledger.log").write_text(
        "".join(
            f"2024-05-01 10:00:{i % 60:02} INFO order={i} ledger.book {one} user{i}\n"
            for i in range(90)
            for one in said
        )
    )
    given = ("--detector=zerolog", "--logs=ledger.log", "--out=ledgers", "--format=json")
    assert main(["refresh", *given]) == 0
    assert json.loads(capsys.readouterr().out)["new_templates"] == 3
    assert main(["detect", "--detector=ledgers", "--logs=ledger.log", "--out=ledger.jsonl"]) == 0
    assert not any(pl.read_ndjson("ledger.jsonl")["anomalous"])
