"""Files that are written whole, paths that are refused, folders of one process: real ones."""

import errno
import gc
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from glx import files
from glx.errors import InputError, is_disk_full


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_mode_that_others_have(here):
    Path("other").touch()
    files.write_whole(Path("new"), "ü\n")
    assert Path("new").read_bytes() == "ü\n".encode()
    assert Path("new").stat().st_mode == Path("other").stat().st_mode
    assert names(here) == ["new", "other"]


def test_a_link_stays_and_what_it_leads_to_keeps_its_mode(here):
    Path("real").write_text("old")
    Path("real").chmod(0o640)
    Path("folder").mkdir()
    Path("folder/link").symlink_to("../real")
    files.write_whole(Path("folder/link"), "new")
    assert Path("folder/link").is_symlink()
    assert Path("real").read_text() == "new"
    assert stat.S_IMODE(Path("real").stat().st_mode) == 0o640
    assert names(here) == ["folder", "real"]


def test_what_a_link_leads_to_may_be_new(here):
    Path("link").symlink_to("new")
    assert files.writable("link") == "link"
    assert names(here) == ["link"]
    files.write_whole(Path("link"), "text")
    assert (Path("link").is_symlink(), Path("new").read_text()) == (True, "text")


@pytest.mark.parametrize("name", ["-", "~", "~root"])
def test_a_name_after_a_dot_and_a_slash_is_a_file(name, here):
    for given in (f"./{name}", files.given_path(f"./{name}"), files.writable(f"./{name}")):
        files.write_whole(files.given_path(given), "text")
        assert names(here) == [name]
    with pytest.raises(InputError, match=r"^'': an empty name"):
        files.given_path("")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_a_block_that_ends_badly_leaves_the_file_as_it_was(error, here):
    Path("out").write_text("old")
    Path("out.partial").write_text("somebody's")

    def fails():
        with files.whole(Path("out")) as file:
            file.write("new")
            raise error

    with pytest.raises(error):
        fails()
    assert Path("out").read_text() == "old"
    assert Path("out.partial").read_text() == "somebody's"
    assert names(here) == ["out", "out.partial"]


def test_a_full_disk_leaves_the_file_as_it_was_and_names_it(full_disk):
    path = full_disk / "out"
    path.touch()
    with pytest.raises(OSError, match=str(path)) as error:
        files.write_whole(path, "x" * 100_000)
    assert is_disk_full(error.value)
    assert path.read_bytes() == b""
    assert names(full_disk) == ["filling", "out"]


def make_all() -> None:
    """One of each kind of thing that no file can be written to."""
    Path("folder").mkdir()
    os.mkfifo("fifo")
    Path("null").symlink_to("/dev/null")
    Path("to fifo").symlink_to("fifo")
    Path("loop").symlink_to("loop")
    Path("astray").symlink_to("gone/file")
    Path("far astray").symlink_to("gone/../file")


WHY = {
    "folder": "a directory",
    ".": "a directory",
    "": "a directory",
    "fifo": "not a plain file",
    "to fifo": "not a plain file",
    "/dev/null": "not a plain file",
    "null": "not a plain file",
    "loop": "symbolic links",
    "loop/file": "symbolic links",
    "astray": "no folder",
    "gone/file": "no folder gone",
    "gone/../file": r"no folder gone/\.\.",
    "gone/..": "no folder gone",
    "far astray": "no folder",
    "/proc/self/file": "cannot be written",
    "~nobody-of-this-name/file": "no such user",
    "x" * 300: "too long",
    "a/" * 2500: "too long",
    "n\0l": "NUL",
    os.fsdecode(b"caf\xe9"): "not UTF-8",
    "\ud800": "not UTF-8",
}


@pytest.mark.parametrize("path", WHY, ids=lambda path: ascii(path[:20]))
def test_where_no_file_can_be_written(path, here):
    make_all()
    before = names(here)
    with pytest.raises(ValueError, match=WHY[path]):
        files.writable(path)
    with pytest.raises(InputError, match=r"^--out="):
        files.output("out", path)
    assert names(here) == before


def test_two_dots_lead_where_the_system_has_them(here):
    Path("one/two").mkdir(parents=True)
    Path("link").symlink_to("one/two")
    assert files.writable("link/../file") == "link/../file"
    files.write_whole(Path("link/../file"), "text")
    assert Path("one/file").read_text() == "text"
    assert names(here) == ["link", "one"]


@pytest.mark.parametrize("path", ["fifo", "/dev/null", "null", "to fifo", "loop", "folder"])
def test_only_plain_files_are_replaced(path, here):
    make_all()
    before = os.lstat(path), names(here)
    with pytest.raises(OSError, match=r".") as error:
        files.write_whole(Path(path), "text")
    assert error.value.errno in (errno.EINVAL, errno.ELOOP, errno.EISDIR)
    assert os.path.samestat(os.lstat(path), before[0])
    assert names(here) == before[1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_may_not_be_written_is_refused(here):
    Path("mine").touch(0o444)
    Path("closed").mkdir(0o555)
    for path in ("mine", "closed/new"):
        with pytest.raises(ValueError, match="Permission denied"):
            files.writable(path)


def test_pipes_and_devices_are_streams_and_files_are_not(here):
    make_all()
    Path("file").touch()
    Path("link").symlink_to("file")
    streams = ("fifo", "to fifo", "null", "/dev/null", "/dev/full")
    assert all(files.is_stream(Path(path)) for path in streams)
    others = ("file", "link", "new", "loop", "astray", "folder", "/dev", "/proc/self/status")
    assert not any(files.is_stream(Path(path)) for path in others)


def test_what_is_open_is_a_stream_whatever_it_is(here):
    with Path("file").open("w") as file:
        opened = f"/dev/fd/{file.fileno()}"
        Path("link").symlink_to(opened)
        for path in (opened, f"/proc/self/fd/{file.fileno()}", "link"):
            assert files.is_stream(Path(path))


KEEP = """
import sys, time
from pathlib import Path
from glx.files import locked
with locked(Path(sys.argv[1]), "--run_dir"):
    print("locked", flush=True)
    time.sleep(60)
"""


def other_process(folder: Path) -> subprocess.Popen:
    """A process that holds the lock."""
    root = {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", KEEP, str(folder)]
    process = subprocess.Popen(command, env=os.environ | root, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_folder_is_one_process_s_until_it_ends_however_that_is(tmp_path):
    folder = tmp_path / "a/run"
    with other_process(folder) as process:
        with (
            pytest.raises(InputError, match=r"run: another process .* --run_dir"),
            files.locked(folder, "--run_dir"),
        ):
            pass
        assert names(folder) == [files.LOCK]
        process.send_signal(signal.SIGKILL)
    with files.locked(folder, "--run_dir"):
        (folder / "work").touch()
    assert names(folder) == ["work"]


def test_a_lock_goes_with_its_folder(tmp_path):
    folder = tmp_path / "run"
    with files.locked(folder, "--run_dir"):
        folder.rename(tmp_path / "moved")
        with files.locked(folder, "--run_dir"):  # another one
            pass
    assert names(folder) == []


def test_a_folder_of_glx_may_be_behind_a_link(here):
    Path("real").mkdir()
    Path("link").symlink_to("real")
    assert files.folder("link", "--run_dir") == here / "real"
    assert files.folder("link/new", "--run_dir") == Path("link/new")
    assert files.folder("new/../other", "--run_dir") == here / "other"


def test_a_file_that_is_read_more_than_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "there").touch()
    files.check_plain("--responses", tmp_path / "there")
    whys = {"absent": "no such file", ".": "a directory", "fifo": "only once", "/dev/null": "once"}
    for name, why in whys.items():
        with pytest.raises(InputError, match=f"^--responses: .*{why}"):
            files.check_plain("--responses", tmp_path / name)


def test_the_bytes_of_a_table_may_be_part_of_a_cycle(here):
    """Collected there, the view of a buffer ends CPython 3.12 and warns in 3.13."""
    cycle = [files.parquet(pl.DataFrame({"a": range(1000)}))]
    cycle.append(cycle)
    Path("table").write_bytes(cycle[0])
    del cycle
    gc.collect()
    assert pl.read_parquet("table")["a"].to_list() == list(range(1000))
