"""A new event has the id that an earlier process gave it, whatever line of it comes first."""

import json
import shutil
from pathlib import Path

import pytest
from shop import LOG

from glx.cli.main import main
from glx.runs.known_events import events_of

TENANTS = ("acme", "globex", "wayne")


@pytest.fixture(autouse=True)
def shop(made, tmp_path, monkeypatch):
    """A detector, and two logs with a fault of tenants, in other order."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, "run/checkpoint")
    for name, tenants in (("one", TENANTS), ("other", TENANTS[::-1])):
        fault = "2024-05-01 10:05:00 ERROR kernel panic: disk failure, data of tenant {} lost\n"
        text = "".join(fault.format(tenant) * 3 for tenant in tenants)
        Path(f"{name}.log").write_text(LOG.decode() + text)


def causes(log: str, out: str, *flags: str) -> set[str]:
    """The ids of what is flagged for the fault."""
    given = [f"--logs={log}.log", f"--out={out}", "--window=3", *flags]
    assert main(["detect", "--detector=run", *given]) == 0
    rows = map(json.loads, Path(out).read_text().splitlines())
    return {row["cause"]["id"] for row in rows if "tenant" in str(row.get("cause"))}


def test_alone_each_has_an_id_of_its_own():
    assert causes("one", "a.jsonl") != causes("other", "b.jsonl")


def test_verdicts_do_not_depend_on_those_that_they_replace():
    causes("one", "a.jsonl")
    assert causes("other", "a.jsonl") == causes("other", "b.jsonl")


def test_that_of_an_earlier_process_that_followed_the_log():
    causes("one", "a.jsonl")
    (text,) = events_of(Path("a.jsonl"), Path("run/checkpoint"))
    assert text.endswith("data of tenant acme lost")
    Path("a.jsonl").write_text("no verdicts\n" + '"anomalous":true\n')
    assert events_of(Path("a.jsonl"), Path("run/checkpoint")) == []
    assert events_of(Path("none.jsonl"), Path("run/checkpoint")) == []


def test_that_of_an_earlier_run_that_is_named(capsys):
    first = causes("one", "a.jsonl")
    assert causes("other", "b.jsonl", "--since=a.jsonl") == first
    assert "new" not in capsys.readouterr().out


def test_that_of_a_remark(capsys):
    (first,) = causes("one", "a.jsonl")
    assert main(["mute", "run", first, "--found=a.jsonl"]) == 0
    assert causes("other", "b.jsonl", "--summary") == {first}
    assert f"{first}      3 x  muted" in capsys.readouterr().out
