"""`experiments.fit_reader`: what is refused, and what a reader is fitted to."""

import pytest

from experiments import fit_reader
from glx.embed import alarm


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "No such file"),
        (b"", "at least 100 statements"),
        (b"p,text\n0.5,disk full\n", "at least 100 statements"),
        (b"p,text\n" + b"1.5,disk full\n" * 100, "a p between 0 and 1"),
        (b"p,text\nnan,a\n" + b"0.5,disk full\n" * 100, "a p between 0 and 1"),
        (b"p,text\nhigh,disk full\n", "could not convert"),
        (b"text\ndisk full\n", "not a CSV of p,text ('p')"),
        (b"p,text\n" + b"0.5\n" * 100, "each with a text"),
        (b"p,text\n" + b"0.5,\xff\n" * 100, "not a CSV of p,text"),
        (b"p,text\n0.5," + b"x" * 200_000, "not a CSV of p,text"),
    ],
)
def test_a_primer_that_no_reader_can_be_fitted_to(text, what, tmp_path, capsys):
    path, out = tmp_path / "mine.csv", tmp_path / "reader.npz"
    if text is not None:
        path.write_bytes(text)
    assert fit_reader.main(["fit_reader", f"--primer={path}", f"--out={out}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ")
    assert what in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("flag", ["limit", "epochs"])
def test_no_reader_is_fitted_to_nothing(flag, capsys):
    assert fit_reader.main(["fit_reader", f"--{flag}=0"]) == 2
    assert capsys.readouterr().err == f"error: --{flag}=0: must be at least 1\n"


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, -(2**63), -1])
@pytest.mark.parametrize("flag", ["limit", "epochs", "seed"])
def test_no_number_is_too_large_to_fit_a_reader(flag, number, capsys):
    assert fit_reader.main(["fit_reader", f"--{flag}={number}"]) == 2
    assert capsys.readouterr().err.startswith(f"error: --{flag}={number}: ")


@pytest.mark.parametrize("flag", ["sources", "statements", "beside"])
def test_statements_that_are_not_there_are_named(flag, tmp_path, capsys):
    path, out = tmp_path / "absent", tmp_path / "reader.npz"
    assert fit_reader.main(["fit_reader", f"--{flag}={path}", f"--out={out}"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {path}: ")


def test_a_reader_is_fitted_to_the_primer_and_to_statements_of_source_code(
    tmp_path, monkeypatch, capsys
):
    given = []

    def fit(texts, p, folder, seed, log, more, n_epochs):
        given.append(more)
        return alarm.load()[0][0], {"auroc": 0.5, "held_out": 1}

    monkeypatch.setattr(fit_reader.distill, "fit", fit)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "shop").mkdir()
    code = 'import logging\nlog = logging.getLogger()\nlog.error("payment of %s failed", order)\n'
    (tmp_path / "shop" / "pay.py").write_text(code)
    (tmp_path / "levels.csv").write_text("text,level\ncache warmed up,info\n")
    flags = ("sources=shop", "statements=levels.csv", "out=reader.npz")
    monkeypatch.chdir(tmp_path)
    assert fit_reader.main(["fit_reader", *(f"--{flag}" for flag in flags)]) == 0
    [more] = given
    assert sorted(zip(more.texts, more.p.round(2).tolist(), strict=True)) == [
        ("cache warmed up", pytest.approx(0.06)),
        ("payment of <*> failed", pytest.approx(0.8)),
    ]
    assert (tmp_path / "reader.npz").is_file()
    assert "2 statements with levels of 2" in capsys.readouterr().err


def test_a_reader_that_could_not_be_written_is_not_fitted(tmp_path, capsys):
    out = tmp_path / "absent/reader.npz"
    assert fit_reader.main(["fit_reader", f"--out={out}"]) == 2
    assert capsys.readouterr().err.startswith(f"error: --out={out}: ")
