"""What a worker tells of a file that it could not do; what is read of flags before Ray is asked."""

import errno
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from fitted_shop import TEXTS

from glx.cluster import connect
from glx.cluster.detect import everywhere, first_log
from glx.cluster.files import files_of
from glx.cluster.folder import RUN, Folder
from glx.cluster.sessions import Parser
from glx.cluster.tasks import reserved
from glx.cluster.worker import EMPTY, JSONL, EachFile, Job, Judge, NoEvent, attempt
from glx.data.numbered import numbered_column
from glx.errors import InputError
from glx.generallog.experts import ExpertConfig
from glx.llm.server import LLMConfig
from glx.parse.read import reading
from glx.parse.sources import Remote


def failing(error: Exception):
    def work():
        raise error

    return work


@pytest.fixture
def file(tmp_path):
    (tmp_path / RUN).write_text("{}")
    (tmp_path / "a.log").write_text("a line\n")
    return files_of([str(tmp_path / "a.log")])[0]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO)), "outside"),
        (OSError(errno.ESTALE, os.strerror(errno.ESTALE)), "outside"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "outside"),
        (OSError("AWS Error NETWORK_CONNECTION during GetObject"), "outside"),
        (TimeoutError("the store does not answer"), "outside"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "outside"),
        (PermissionError(errno.EACCES, "denied", "a.log"), "input"),
        (KeyError("id"), "bug"),
        (OSError(errno.EINVAL, "invalid"), "bug"),
    ],
)
def test_what_fails_outside_is_no_bug(file, tmp_path, error, kind):
    assert attempt(file, Folder(tmp_path), failing(error))["failed"] == kind


def test_a_disk_that_fails_while_a_log_is_read_is_outside_and_a_damaged_log_is_not(file, tmp_path):
    for error, kind in ((OSError(errno.EIO, "I/O"), "outside"), (EOFError("cut"), "input")):

        def work(error=error):
            with reading(file.path):
                raise error

        assert attempt(file, Folder(tmp_path), work)["failed"] == kind


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("head:6379", ("head", 6379)),
        ("10.0.0.7:1", ("10.0.0.7", 1)),
        ("a-b.c_d.example:65535", ("a-b.c_d.example", 65535)),
        ("[::1]:6379", ("::1", 6379)),
    ],
)
def test_an_address_is_a_host_and_a_port(address, place):
    assert connect._place(address) == place


@pytest.mark.parametrize(
    "address",
    [
        *("ray://head:10001", "http://head:6379", "head..x:6379", ".head:6379", "-head:6379"),
        *("::1:6379", "[::1]", "[::g]:6379", "[]:6379", "[head]:6379", "a b:6379", "head:0"),
        *("head:65536", "head:", ":6379", "head", "", "h\u00e9ad:6379", "head:6379\n", "a/b:6379"),
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InputError, match="--ray="):
        connect._place(address)


def test_a_task_asks_for_its_memory_where_any_node_has_it():
    small, large, none = ({"CPU": 2.0, "memory": n} for n in (1 << 30, 8 << 30, 0))
    assert reserved([small, large], 4 << 30) == 4 << 30
    assert reserved([small, none], 4 << 30) == 1 << 30
    assert reserved([{"memory": 8 << 30}, small, {"CPU": 1.0}], 4 << 30) == 1 << 30
    assert reserved([], 4 << 30) == 0


def test_the_first_file_that_is_a_log_says_how_all_are_read(tmp_path):
    (tmp_path / "0.log").write_bytes(bytes(range(1, 9)) * 5000)
    (tmp_path / "1.log").write_text(TEXTS[0])
    files = files_of([str(tmp_path)])
    assert first_log(files).shown == str(tmp_path / "1.log")
    assert first_log(files[:1]) == files[0]


def test_event_numbers_are_found_by_the_file_not_by_the_name_it_was_given(tmp_path):
    (tmp_path / "n.csv").write_text("event_id,time\nE1,1\n")
    remote = Remote("elsewhere/n.csv", lambda: (tmp_path / "n.csv").open("rb"))
    assert numbered_column(remote) == "event_id"


def test_paths_of_an_expert_hold_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    llm = LLMConfig(cache="a.sqlite", llm_tokenizer="model")
    assert everywhere(ExpertConfig(responses="r.csv", llm=llm)) == {
        "responses": str(tmp_path / "r.csv"),
        "cache": str(tmp_path / "a.sqlite"),
        "llm_tokenizer": str(tmp_path / "model"),
    }
    assert everywhere(ExpertConfig(llm=LLMConfig(cache="", llm_tokenizer="of/hub"))) == {}


def test_a_file_without_an_event_is_told_from_one_that_is_no_log(file, tmp_path):
    found = attempt(file, Folder(tmp_path), failing(NoEvent("a.log: no line")))
    assert found["failed"] == EMPTY


@pytest.mark.parametrize("make", [Judge, Parser])
def test_a_node_that_does_not_see_the_folder_is_told_so(file, tmp_path, make):
    job = Job(None, None, None, {}, 3600.0, str, Folder(tmp_path / "elsewhere"), JSONL)
    worker = EachFile(job, make, "done")
    for _ in range(2):  # another file may go to the same one
        told = worker(asdict(file))
        assert told["failed"] == "outside"
        assert str(tmp_path / "elsewhere") in told["why"]


def test_a_file_that_is_named_twice_is_one(file):
    place = file.place
    pytest.importorskip("pyarrow", reason="of the extra ray")
    assert len(files_of([place, f"file://{place}", place])) == 1
