"""Where glx keeps what it needs between runs."""

from pathlib import Path

import pytest

from glx.config import cache_home


@pytest.mark.parametrize(
    ("given", "folder"),
    [("/c", "/c/glx"), ("c", "/h/.cache/glx"), ("~/c", "/h/.cache/glx"), ("", "/h/.cache/glx")],
)
def test_the_cache_is_no_folder_of_wherever_a_command_runs(given, folder, monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert cache_home() == Path(folder)
