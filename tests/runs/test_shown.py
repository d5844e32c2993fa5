"""What is shown of a log: secrets are masked in all that people read, and nothing else changes."""

import json
from dataclasses import replace

import polars as pl
import pytest
from small_runs import TINY, config

from glx.api import LogDetector, load
from glx.cli.main import main
from glx.generallog.detector import GeneralLogConfig
from glx.runs import run as runs

SECRETS = ("Sommer!Rain", "tok-en.verysecret", "correct horse", "bob.smith")
STAY = ["sequence", "key", "first_line", "last_line", "split", "score", "anomalous", "route"]


def log(n: int) -> str:
    """Sessions of a shop; one in forty quotes secrets, in text, exception and stack trace."""
    out = []
    for i in range(n):
        at = f"2024-05-01 10:{i // 60:02}:{i % 60:02}"
        out += [f"{at} INFO order={i} {what}" for what in ("created", "paid", "left")]
        if i % 40 == 33:
            out += [
                f"{at} FATAL order={i} crash, password Sommer!Rain \x1b]0;owned\x07\u202e",
                "java.io.IOException: broken token=tok-en.verysecret",
                "  at Disk.put(Disk.java:1) passwd='correct horse' of bob.smith@mail.example",
            ]
    return "\n".join(out) + "\n"


@pytest.fixture(scope="module")
def made(folder, cache, tmp_path_factory):
    """`made(redact)`: what a run with it leaves and says."""
    root = tmp_path_factory.mktemp("shown")
    (root / "shop.log").write_text(log(160))
    for redact in (True, False):
        one = config(f"shop={root}/shop.log", "hdfs", folder, cache, session=r"order=(\w+)")
        data = replace(one.data, redact=redact)
        questions = str(root / f"{redact}.csv")
        model = GeneralLogConfig(train=TINY.train, write_questions=questions)
        runs.run(replace(one, model=model, data=data), root / str(redact))
    return root


def held(*paths) -> str:
    """All that files say; of a run folder all but its detector."""
    texts = []
    for path in paths:
        files = [path] if path.is_file() else path.rglob("*")
        for file in (f for f in files if f.is_file() and "checkpoint" not in f.parts):
            tabular = file.suffix == ".parquet"
            found = str(pl.read_parquet(file).to_dicts()) if tabular else file.read_bytes()
            texts.append(found if tabular else found.decode(errors="replace"))
    return "\n".join(texts)


def test_nothing_of_a_run_but_its_detector_holds_a_secret(made):
    masked = held(made / "True", made / "True.csv")
    assert [secret for secret in SECRETS if secret in masked] == []
    assert "[masked password]" in masked
    plain = held(made / "False", made / "False.csv")
    assert {secret for secret in SECRETS if secret in plain} == set(SECRETS)  # lines of causes


def test_masks_change_no_verdict(made):
    masked, plain = (
        pl.read_parquet(made / f"{redact}/verdicts.parquet") for redact in (True, False)
    )
    assert masked["anomalous"].any()
    assert masked.select(STAY).equals(plain.select(STAY))
    places = pl.col("evidence").list.eval(
        pl.struct(pl.element().struct.field("line", "event", "weight"))
    )
    assert masked.select(places).equals(plain.select(places))


@pytest.mark.parametrize("redact", [True, False])
def test_detect_masks_what_it_writes(redact, made, tmp_path, capfd):
    later, out = tmp_path / "later.log", tmp_path / "found.jsonl"
    later.write_text(log(40))
    flags = ["--redact" if redact else "--noredact", f"--logs={later}", f"--out={out}"]
    assert main(["detect", f"--detector={made}/True/checkpoint", *flags]) == 0
    found = out.read_text()
    assert {secret for secret in SECRETS if secret in found} == (
        set() if redact else {*SECRETS[1:]}
    )
    (anomalous,) = (row for row in map(json.loads, found.splitlines()) if row["anomalous"])
    assert anomalous["key"] == "33"
    assert "Disk.java:1" in anomalous["detail"]
    assert all(c.isprintable() or c == "\n" for c in found + "".join(capfd.readouterr()))


def test_a_table_of_the_api_is_masked_unless_told_otherwise(made, tmp_path):
    later = tmp_path / "later.log"
    later.write_text(log(40))
    for redact, detector in (
        (True, load(made / "True/checkpoint")),
        (False, load(made / "True/checkpoint", redact=False)),
    ):
        assert isinstance(detector, LogDetector)
        said = str(detector.detect(later).table.to_dicts())
        assert ("Sommer!Rain" in said or SECRETS[1] in said) is not redact


@pytest.mark.parametrize("redact", [True, False])
def test_the_terminal_is_masked(redact, tmp_path, capfd):
    path = tmp_path / "shop.log"
    path.write_text("2024-05-01 10:00:00 ERROR login with password Sommer!Rain\n" * 9)
    for flags in ([], ["--json"]):
        words = ["inspect", *flags, "--redact" if redact else "--noredact", str(path)]
        assert main(words) == 0
        assert ("Rain" in capfd.readouterr().out) is not redact
