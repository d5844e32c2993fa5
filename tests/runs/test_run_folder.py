"""The folder of a run, while somebody else puts things where it is to be."""

import pytest

from glx.errors import OutsideError
from glx.runs.folder import run_folder


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_came_meanwhile_is_kept_and_so_is_the_run(tmp_path, overwrite):
    run_dir = tmp_path / "run"
    notes = run_dir / "notes.txt"

    def run() -> None:
        with run_folder(run_dir, {"seed": 1}, overwrite=overwrite) as partial:
            (partial / "metrics.json").write_text("{}")
            run_dir.mkdir()
            notes.write_text("precious")

    with pytest.raises(OutsideError, match="run"):
        run()
    assert notes.read_text() == "precious"
    notes.rename(tmp_path / "notes.txt")
    run_dir.rmdir()
    with run_folder(run_dir, {"seed": 1}) as partial:  # the same command goes on
        assert (partial / "metrics.json").exists()
    assert sorted(path.name for path in run_dir.iterdir()) == ["config.json", "metrics.json"]


def test_a_run_that_ended_meanwhile_is_replaced_only_where_that_was_asked_for(tmp_path):
    run_dir = tmp_path / "run"

    def end(name: str) -> None:
        run_dir.mkdir()
        (run_dir / "config.json").write_text('{"settings": {}}')
        (run_dir / name).touch()

    with run_folder(run_dir, {"seed": 1}, overwrite=True):
        end("earlier")
    assert [path.name for path in run_dir.iterdir()] == ["config.json"]
    with pytest.raises(OutsideError), run_folder(tmp_path / "other", {"seed": 1}):
        run_dir.rename(tmp_path / "other")
    assert (tmp_path / "other.partial").is_dir()
