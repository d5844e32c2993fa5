"""The answer cache: what is put is there for ever, whatever else goes wrong."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glx.errors import InputError, OutsideError
from glx.llm import answer_cache as module
from glx.llm.answer_cache import AnswerCache, default_cache
from glx.llm.request import Answer

CERTAIN = Answer(0.25, True, "normal", 100, 2)
ABSTAINED = Answer(None, False, "dunno \u2028 '\"", 7, 16)


def test_answers_come_back_as_they_went(tmp_path):
    path = tmp_path / "new" / "folder" / "verdicts.sqlite"
    with AnswerCache(path) as cache:
        cache.put({"a": CERTAIN, "b": ABSTAINED})
        assert cache.get(["b", "c", "a"]) == {"a": CERTAIN, "b": ABSTAINED}
    with AnswerCache(str(path)) as cache:
        assert cache.get(["a", "b", "c"]) == {"a": CERTAIN, "b": ABSTAINED}
        assert len(cache) == 2


def test_a_verdict_never_changes(tmp_path):
    with AnswerCache(tmp_path / "v") as cache:
        cache.put({"a": CERTAIN})
        cache.put({"a": ABSTAINED, "b": ABSTAINED})
        assert cache.get(["a", "b"]) == {"a": CERTAIN, "b": ABSTAINED}


def test_what_is_put_is_there_before_it_is_closed(tmp_path):
    with AnswerCache(tmp_path / "v") as one, AnswerCache(tmp_path / "v") as other:
        one.put({"a": CERTAIN})
        assert other.get(["a"]) == {"a": CERTAIN}
        other.put({"b": ABSTAINED})
        assert one.get(["b"]) == {"b": ABSTAINED}


@pytest.mark.parametrize("path", [None, ""])
def test_no_path_is_memory_alone(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with AnswerCache(path) as cache:
        cache.put({"a": CERTAIN})
        assert cache.get(["a"]) == {"a": CERTAIN}
    assert list(tmp_path.iterdir()) == []


def test_threads_share_a_cache(tmp_path):
    def put(n):
        cache.put({f"{n}": CERTAIN, "both": CERTAIN})
        return cache.get([f"{n}", "both"])

    with AnswerCache(tmp_path / "v") as cache, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(put, range(100)))
        assert found == [{f"{n}": CERTAIN, "both": CERTAIN} for n in range(100)]
        assert len(cache) == 101


def test_whether_a_usable_answer_has_been_put(tmp_path):
    with AnswerCache(tmp_path / "v") as cache:
        cache.put({"a": ABSTAINED})
        assert not cache.any_usable
        cache.put({"b": CERTAIN})
        cache.put({"c": ABSTAINED})
        assert cache.any_usable
    with AnswerCache(tmp_path / "v") as cache:
        assert not cache.any_usable


def test_the_default_is_in_the_cache_folder_of_the_user(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert default_cache() == "/x/glx/verdicts.sqlite"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert default_cache() == "/h/.cache/glx/verdicts.sqlite"


def other_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE answers (key, mine)")
    db.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b"my notes, long enough to be read as a header" * 10),
        other_database,
        lambda path: path.mkdir(),
        os.mkfifo,
    ],
    ids=["text", "database", "folder", "fifo"],
)
def test_what_is_no_cache_is_refused_and_left_as_it_is(make, tmp_path):
    path = tmp_path / "v"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError, match=r"v: .*--cache"):
        AnswerCache(path)
    assert before is None or path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["/dev/null", "/dev/full", "null", "loop", "loop/v", "x" * 300])
def test_what_no_database_can_be_at_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("null").symlink_to("/dev/null")
    Path("loop").symlink_to("loop")
    with pytest.raises(InputError, match=f"^{path}: "):
        AnswerCache(path)
    assert Path("/dev/null").is_char_device()
    assert sorted(name.name for name in tmp_path.iterdir()) == ["loop", "null"]


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        AnswerCache(tmp_path / "file" / "v")


def test_a_damaged_cache_is_said_and_kept(tmp_path):
    path = tmp_path / "v"
    with AnswerCache(path) as cache:
        cache.put({str(n): CERTAIN for n in range(500)})
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with AnswerCache(path) as cache, pytest.raises(InputError, match="damaged"):
        cache.get(map(str, range(500)))
    assert path.stat().st_size == len(whole)


def test_an_impossible_probability_is_damage(tmp_path):
    with AnswerCache(tmp_path / "v") as cache:
        cache.put({"a": CERTAIN})
        cache.db.execute("UPDATE answers SET p = 7.0")
        with pytest.raises(InputError, match="damaged"):
            cache.get(["a"])


def test_a_full_disk_is_recognised_and_undoes_only_what_did_not_fit(tmp_path):
    with AnswerCache(tmp_path / "v") as cache:
        cache.put({"a": CERTAIN})
        [(pages,)] = cache.db.execute("PRAGMA page_count")
        cache.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutsideError, match=r"/v: no space left .*--cache"):
            cache.put({str(n): CERTAIN for n in range(1000)})
        assert cache.get(["a", "1"]) == {"a": CERTAIN}
        cache.db.execute("PRAGMA max_page_count = 100000")
        cache.put({"b": CERTAIN})
        assert len(cache) == 2


def test_an_input_output_error_is_a_full_disk_where_there_is_no_room(tmp_path, monkeypatch):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    assert "disk I/O error" in str(module.as_ours(error, tmp_path / "v"))
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("U", (), {"free": 0}))
    found = module.as_ours(error, tmp_path / "v")
    assert isinstance(found, OutsideError)
    assert "no space left" in str(found)


def test_a_full_disk_is_that_of_the_cache(full_disk):
    for path in (full_disk / "v", full_disk / "new/v"):
        with pytest.raises(OutsideError, match=rf"^{path}: no space left .*--cache"):
            AnswerCache(path)


def test_a_writer_that_never_ends_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    with AnswerCache(tmp_path / "v") as one, AnswerCache(tmp_path / "v") as other:
        one.db.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutsideError, match="locked"):
            other.put({"a": CERTAIN})
        one.db.execute("ROLLBACK")


WRITE = """
import sys
from glx.llm.answer_cache import AnswerCache
from glx.llm.request import Answer
for n in range(100):
    with AnswerCache(sys.argv[1]) as cache:
        cache.put({f"{sys.argv[2]} {n}": Answer(0.5, True, "normal", 1, 1), f"both {n}":
                   Answer(0.5, True, "normal", 1, 1)})
"""


def test_processes_make_and_fill_one_file_together(tmp_path):
    path = tmp_path / "v"
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path), name],
            env=os.environ | root,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    assert [(run.communicate(timeout=60)[1], run.returncode) for run in runs] == [("", 0)] * 3
    with AnswerCache(path) as cache:
        assert len(cache) == 400
