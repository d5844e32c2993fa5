"""`glx report`: pages of folders, tables of folders, and what is refused."""

import pytest
from folders import make_run, write_study

from glx.cli.main import main

GROUPS = [(0.9, 1, ["disk is gone"])]


def test_pages_are_written_and_named(tmp_path, capsys):
    run, study = make_run(tmp_path / "run", GROUPS), write_study(tmp_path / "study")
    pages, before = [run / "report.html", study / "study.html"], set(tmp_path.rglob("*"))
    assert main(["report", str(run), str(study)]) == 0
    assert capsys.readouterr().out == "".join(f"{page}\n" for page in pages)
    assert set(tmp_path.rglob("*")) - before == set(pages)
    assert "disk is gone" in pages[0].read_text()
    assert "study" in pages[1].read_text()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["--format", "markdown"], "| shop"),
        (["--format=latex"], r"\toprule"),
        (["--format=json"], '"key"'),
    ],
)
def test_tables_are_printed(tmp_path, capsys, given, found):
    run = make_run(tmp_path / "run")
    assert main(["report", str(run), *given]) == 0
    assert found in capsys.readouterr().out
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(
    ("given", "named"),
    [([], "folder"), (["."], "metrics.json"), (["--format=pdf", "."], "html|markdown|latex|json")],
)
def test_what_is_no_run_is_refused_in_a_sentence(tmp_path, capsys, monkeypatch, given, named):
    monkeypatch.chdir(tmp_path)
    assert main(["report", *given]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert named in error
    assert error.count("\n") == 1


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path, capsys):
    run = make_run(tmp_path / "run", GROUPS)
    (run / "report.html").mkdir()  # a folder is in the way
    before = sorted(run.rglob("*"))
    assert main(["report", str(run)]) == 2
    assert "report.html" in capsys.readouterr().err
    assert sorted(run.rglob("*")) == before
