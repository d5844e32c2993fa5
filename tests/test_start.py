"""`experiments.start`: what it measures is a detector with a program."""

from experiments import start


def test_without_a_detector_nothing_is_measured(tmp_path, capsys):
    assert start.main(["start"]) == 2
    assert "--detector" in capsys.readouterr().err
    assert start.main(["start", f"--detector={tmp_path}"]) == 2
    assert str(tmp_path) in capsys.readouterr().err
