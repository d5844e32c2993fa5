"""What people say of causes: kept, shown, and refused by its line where it is nonsense."""

import pytest
from folders import make_run

from glx.cli.main import main
from glx.errors import InputError
from glx.report import remarks
from glx.report.models import Causes
from glx.report.models import read as read_file
from glx.report.remarks import NAME, Remark
from glx.report.run import page

A, B = "00000000", "00000001"  # the causes of `make_run`


@pytest.fixture
def run(tmp_path):
    run = make_run(tmp_path / "run", [(0.9, 3, ["disk is gone"]), (0.7, 2, ["card refused"])])
    (run / "checkpoint").mkdir()
    (run / "checkpoint/detector.json").write_text("{}")
    return run


def test_what_is_said_is_kept_and_shown(run, capsys):
    assert main(["mute", str(run), A]) == 0
    assert main(["note", str(run / "checkpoint"), A, "the nightly backup: <b> ticket 12"]) == 0
    assert capsys.readouterr().out == 2 * f"{run / NAME}\n"
    found = remarks.read(run / NAME)
    assert [*found] == [A]
    assert (found[A].muted, found[A].note) == (True, "the nightly backup: <b> ticket 12")
    assert main(["causes", str(run)]) == 0
    out = capsys.readouterr().out
    assert "1 of them muted" in out.splitlines()[0]
    assert out.index(B) < out.index(f"{A} ")  # last
    assert "note: the nightly backup: <b> ticket 12" in out
    shown = page(run)
    assert "the nightly backup: &lt;b&gt; ticket 12" in shown
    assert "muted: " in shown


def test_it_can_be_taken_back(run):
    main(["mute", str(run), A, B])
    main(["note", str(run), A, "known"])
    main(["mute", str(run), A, B, "--undo"])
    assert [(id_, r.muted, r.note) for id_, r in remarks.read(run / NAME).items()] == [
        (A, False, "known")
    ]
    main(["note", str(run), A, ""])
    assert remarks.read(run / NAME) == {}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["mute"], "name a folder"),
        (["mute", "run"], "name a folder"),
        (["mute", "run", "ffffffff"], "ffffffff"),
        (["mute", "run", "x"], "x: no such cause"),
        (["mute", ".", A], "neither a run folder"),
        (["mute", "run", A, "--found=none.jsonl"], "none.jsonl"),
        (["note", "run", A], "a text"),
        (["note", "run", "ffffffff", "known"], "ffffffff"),
    ],
)
def test_what_is_refused_changes_nothing(run, words, what, monkeypatch, capsys):
    monkeypatch.chdir(run.parent)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), what in err) == ("", 1, True)
    assert not (run / NAME).exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cause: 4d25775f\n", "line 1"),
        ("- {cause: 4d25775f, muted: true}\n- just words\n", "line 2"),
        ("- {cause: nonsense}\n", "line 1"),
        ("- {muted: true}\n", "line 1"),
        ("- {cause: 4d25775f, muted: maybe}\n", "line 1"),
        ("- {cause: 4d25775f, loud: true}\n", "line 1"),
        ("- {cause: 4d25775f}\n\n- {cause: 4d25775f}\n", "line 3"),
        ("- {cause: [}\n", "line"),
        ("\x00", "line 1"),
    ],
)
def test_nonsense_is_named_by_its_line_and_stays(run, text, line, capsys):
    (run / NAME).write_text(text)
    with pytest.raises(InputError, match=line):
        remarks.read(run / NAME)
    for words in (["mute", str(run), A], ["causes", str(run)]):
        assert main(words) == 2
        assert line in capsys.readouterr().err
    assert (run / NAME).read_text() == text


def test_people_may_write_the_file(run):
    text = f"# ours\n- cause: {A}\n  note: 12\n- cause: '{B}'\n  muted: true\n"
    (run / NAME).write_text(text)
    assert remarks.read(run / NAME) == {A: Remark(note="12"), B: Remark(muted=True)}
    causes = remarks.remarked(read_file(run, Causes), remarks.read(run / NAME)).causes
    assert (causes[-1].id, causes[-1].muted) == (B, True)


def test_a_run_that_takes_the_place_of_another_keeps_its_remarks(run, tmp_path):
    main(["mute", str(run), A])
    new = tmp_path / "new"
    new.mkdir()
    remarks.keep(run, new)
    assert remarks.read(new / NAME) == remarks.read(run / NAME)
    remarks.keep(tmp_path / "none", new)
    assert remarks.read(new / NAME)[A].muted


def test_remarks_that_people_edit_meanwhile(tmp_path):
    path, said = tmp_path / "remarks.yaml", []
    followed = remarks.Followed(path, said.append)
    assert followed.muted() == set()
    path.write_text("- cause: 11111111\n  muted: true\n- cause: 22222222\n  note: a\n")
    assert followed.muted() == {"11111111"}
    path.write_text("- cause: 11111111\n  muted: perhaps\n")
    assert [followed.muted() for _ in range(3)] == [{"11111111"}] * 3
    assert len(said) == 1
    assert "remarks.yaml: line 1" in said[0]
    path.unlink()  # as an editor does, for a moment
    assert followed.muted() == {"11111111"}
    path.write_text("[]")
    assert followed.muted() == set()
    assert len(said) == 1
