"""Files that a command is to write: what is no plain file is refused before any work."""

import os
from pathlib import Path

import pytest
from shop import KEYS, tree

from experiments import bench, fit_reader
from glx.cli.main import main
from glx.runs.folder import run_folder


@pytest.fixture
def places(shop):
    """A folder with what no file can take the place of."""
    os.mkfifo("fifo")
    Path("null").symlink_to("/dev/null")
    Path("loop").symlink_to("loop")
    Path("folder").mkdir()
    return shop


def questions(out: str) -> int:
    given = ["--target=shop=shop.log", "--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS]
    asked = ["--expert=answers", f"--write_questions={out}"]
    return main(["generallog", *given, *asked, "--run_dir=out/run"])


ENTRIES = {
    "write_questions": questions,
    "fit_reader": lambda out: fit_reader.main(["fit_reader", f"--out={out}"]),
    "bench": lambda out: bench.main(["bench", "--what=parse", "--quick", f"--out={out}"]),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("out", ["/dev/null", "fifo", "null", "loop", "folder", "no/file"])
def test_what_is_no_plain_file_is_refused_before_any_work(entry, out, places, capsys, monkeypatch):
    def work(*args, **kwargs):
        raise AssertionError("work began")

    monkeypatch.setattr("glx.cli.zerolog.run_once", work)
    monkeypatch.setattr("glx.embed.alarm.primer", work)
    before = tree(places)
    assert ENTRIES[entry](out) == 2
    said = capsys.readouterr().err
    flag = "write_questions" if entry == "write_questions" else "out"
    assert said.startswith(f"error: --{flag}={out}: ")
    assert said.count("\n") == 1
    assert tree(places) == before
    assert Path("/dev/null").is_char_device()


def test_questions_go_where_a_link_leads(places):
    Path("link.csv").symlink_to("questions.csv")
    Path("questions.csv.new").write_text("mine")
    assert questions("link.csv") == 0
    assert Path("link.csv").is_symlink()
    assert Path("questions.csv").read_text().startswith("id,count,template,p\n")
    assert Path("questions.csv.new").read_text() == "mine"


def test_tables_of_a_benchmark_are_not_written_over_its_rows(shop, capsys):
    assert bench.main(["bench", "--what=parse", "--quick", "--out=bench.md"]) == 2
    assert capsys.readouterr().err.startswith("error: --out=bench.md: ")
    assert bench.main(["bench", "--what=parse", "--quick", "--work_dir=no"]) == 2
    assert capsys.readouterr().err.startswith("error: --work_dir=no: ")


def once(run_dir: str, text: str, **how) -> None:
    """A run that finds a text."""
    with run_folder(Path(run_dir), {}, **how) as folder:
        (folder / "found").write_text(text)


def test_what_a_kill_left_is_no_work(shop):
    """It came before the first whole file, or while one was replaced."""
    Path("run.partial").mkdir()
    for name in (".lock", "config.json.0a1b2c3d.partial"):
        Path("run.partial", name).touch()
    once("run", "one")
    assert sorted(path.name for path in Path("run").iterdir()) == ["config.json", "found"]


def test_a_run_may_be_behind_a_link(shop):
    """A link to a run stays, and the run is replaced where it is."""
    once("far/run", "one")
    Path("run").symlink_to("far/run")
    once("run", "two", overwrite=True)
    assert (Path("run").is_symlink(), Path("far/run/found").read_text()) == (True, "two")
    assert [path.name for path in Path("far").iterdir()] == ["run"]
    assert sorted(path.name for path in Path("far/run").iterdir()) == ["config.json", "found"]
