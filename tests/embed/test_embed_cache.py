import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from glx.embed import cache

WRITER = """
import sys
from itertools import count
from pathlib import Path
import numpy as np
from glx.embed import cache
path, first, many = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for i in range(first, first + many) if many else count(first):
    cache.write(path, {f"text {i}": np.eye(8, dtype=np.float32)[i % 8]})
"""


def writer(path, first, many):
    command = [sys.executable, "-W", "error", "-c", WRITER, str(path), str(first), str(many)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def expected(n):
    return {f"text {i}": np.eye(8, dtype=np.float32)[i % 8] for i in range(n)}


def test_two_processes_write_one_new_cache_at_once(tmp_path):
    path = tmp_path / "new" / "cache.sqlite"
    for process in [writer(path, 0, 100), writer(path, 50, 100)]:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    found = cache.read(path, list(expected(150)), 8)
    np.testing.assert_equal(found, expected(150))


def test_a_killed_writer_leaves_a_whole_cache(tmp_path, capsys):
    path = tmp_path / "cache.sqlite"
    process = writer(path, 0, 0)
    deadline = time.monotonic() + 60
    while len(cache.read(path, list(expected(20)), 8)) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    np.testing.assert_equal(cache.read(path, list(expected(20)), 8), expected(20))
    cache.write(path, {"after": np.eye(8, dtype=np.float32)[0]})
    assert set(cache.read(path, ["after", "never"], 8)) == {"after"}
    assert capsys.readouterr().err == ""


def test_a_cache_that_stays_locked_is_waited_for_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cache, "WAIT_SECONDS", 0.5)
    path, vector = tmp_path / "cache.sqlite", np.eye(2, dtype=np.float32)[0]
    cache.write(path, {"a": vector})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        for n in range(5):
            assert cache.read(path, ["a"], 2) == {}
            cache.write(path, {f"b{n}": vector})
        assert 0.4 < time.monotonic() - began < 1.5
    (said,) = capsys.readouterr().err.splitlines()
    assert str(path) in said
    assert "locked" in said


@pytest.mark.parametrize("folder", ["/dev/null", "file", "dangling", "/proc/self"])
def test_where_no_cache_can_be_it_is_done_without(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    Path("dangling").symlink_to("gone")
    path = Path(folder) / "cache.sqlite"
    for _ in range(2):
        cache.write(path, {"a": np.eye(2, dtype=np.float32)[0]})
        assert cache.read(path, ["a"], 2) == {}
    (said,) = capsys.readouterr().err.splitlines()
    assert "--embed_cache_dir" in said
    assert (Path("file").read_text(), Path("/dev/null").is_char_device()) == ("mine", True)


def test_a_full_disk_is_done_without(full_disk, capsys):
    path = full_disk / "cache.sqlite"
    for _ in range(2):
        cache.write(path, {"a": np.eye(2, dtype=np.float32)[0]})
        assert cache.read(path, ["a"], 2) == {}
    (said,) = capsys.readouterr().err.splitlines()
    assert str(path) in said


def test_what_is_there_stays(tmp_path):
    path = tmp_path / "cache.sqlite"
    first, second = np.eye(2, dtype=np.float32)
    cache.write(path, {"a": first})
    cache.write(path, {"a": second, "b": second})
    np.testing.assert_equal(cache.read(path, ["a", "b"], 2), {"a": first, "b": second})
