"""`glx report`: pages of folders, tables of folders, and what is refused."""

from fake_run import make_run
from folders import write_study

from glx.cli.main import main

KINDS = [(0.9, 1, ["disk is gone"])]


def test_pages_are_written_and_named(tmp_path, capsys):
    run, study = make_run(tmp_path / "run", KINDS), write_study(tmp_path / "study")
    assert main(["report", str(run), str(study)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n{study / 'study.html'}\n"
    assert "disk is gone" in (run / "report.html").read_text()
    assert "study" in (study / "study.html").read_text()


def test_tables_are_printed(tmp_path, capsys):
    run = make_run(tmp_path / "run", KINDS, llm_calls=0, llm_tokens_in=0)
    assert main(["report", str(run), "--format", "markdown"]) == 0
    assert "| shop" in capsys.readouterr().out
    assert main(["report", "--format=latex", str(run)]) == 0
    assert r"\toprule" in capsys.readouterr().out
    assert not (run / "report.html").exists()


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path, capsys):
    assert main(["report"]) == 2
    assert capsys.readouterr().err.startswith("error: no folder is given")
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}: no finished run (no metrics.json)\n"
    assert main(["report", "--format=pdf", str(tmp_path)]) == 2
    assert "html|markdown|latex" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path, capsys):
    run = make_run(tmp_path / "run", KINDS)
    (run / "report.html").mkdir()  # a folder is in the way
    before = sorted(run.rglob("*"))
    assert main(["report", str(run)]) == 2
    assert "report.html: cannot be written" in capsys.readouterr().err
    assert sorted(run.rglob("*")) == before
