"""A path that is followed: the files that have it in turn, whatever rotation does to them."""

import gzip
import os
import shutil
from pathlib import Path

import pytest
import zstandard

from glx.parse.follow import HEAD, Part, mark_of, parts, since, written
from glx.parse.sources import pieces

PAUSE = 0.02  # seconds


class Followed:
    """What is read of a followed path."""

    def __init__(self, path, start=None):
        self.found = (
            (part, piece)
            for part in parts(str(path), PAUSE, start)
            for piece in pieces(part, 1 << 20)
        )

    def lines(self, n: int) -> list[bytes]:
        """The next `n` lines; those of different files are not joined."""
        of: dict[Part, bytes] = {}  # held, so that none has the id of an earlier one
        while sum(len(text.splitlines()) for text in of.values()) < n:
            part, piece = next(self.found)
            self.part = part
            of[part] = of.get(part, b"") + piece
        return [line for text in of.values() for line in text.splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.log"


def append(path, text: str):
    with path.open("a") as file:
        file.write(text)


def mark(path):
    with path.open("rb", buffering=0) as file:
        return mark_of(str(path), file)


@pytest.mark.parametrize(
    "other",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("/dev/null"),
        lambda path: path.symlink_to("nowhere"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_something_else_has_the_path_for_a_while(path, other, begun):
    if begun:
        append(path, "1\n")
    found = Followed(path)
    if begun:
        assert found.lines(1) == [b"1"]
        path.rename(f"{path}.1")
        path.mkdir()
        assert [next(found.found)[1] for _ in range(3)] == [b""] * 3
        path.rmdir()
    else:
        assert next(found.found)[1] == b""
        append(path, "1\n")
        assert found.lines(1) == [b"1"]
        path.unlink()
    other(path)
    assert [next(found.found)[1] for _ in range(3)] == [b""] * 3
    path.rmdir() if path.is_dir() else path.unlink()
    append(path, "2\n")
    assert found.lines(1) == [b"2"]


def test_over_rotation_and_truncation(path):
    found = Followed(path)
    with path.open("wb", buffering=0) as file:  # made after it is waited for
        file.write(b"1\n2\n")
        assert found.lines(2) == [b"1", b"2"]
        file.write(b"3\n")
        assert found.lines(1) == [b"3"]
        path.rename(f"{path}.1")
        file.write(b"4\n5 cut")  # by a program that does not know of the rotation yet
        assert found.lines(2) == [b"4", b"5 cut"]
    path.write_bytes(b"6\n")
    assert found.lines(1) == [b"6"]
    os.truncate(path, 0)
    assert next(found.found)[1] == next(found.found)[1] == b""
    append(path, "7\n")
    assert found.lines(1) == [b"7"]
    path.unlink()
    assert next(found.found)[1] == b""
    path.write_bytes(b"8\n")
    assert found.lines(1) == [b"8"]


def test_a_rotated_file_that_has_two_names_is_read_once(path):
    for n, age in enumerate((".2", ".1", "")):
        append(path.with_name(f"app.log{age}"), f"{n}\n")
    path.with_name("app.log.9").symlink_to("app.log.1")
    os.link(f"{path}.2", f"{path}.3")
    path.with_name("app.log-20240501").symlink_to("app.log")
    assert written(str(path)) == [f"{path}.2", f"{path}.1", str(path)]
    found = Followed(path, mark(path.with_name("app.log.3")))
    assert [found.lines(1) for _ in range(3)] == [[b"0"], [b"1"], [b"2"]]


def test_a_truncated_file_that_is_as_long_again(path):
    append(path, "one\n")
    found = Followed(path)
    assert found.lines(1) == [b"one"]
    path.write_text("two\nthree\n")
    assert found.lines(2) == [b"two", b"three"]


@pytest.mark.parametrize("packed", [None, gzip.compress, zstandard.compress])
def test_what_was_copied_before_a_truncation_is_read(path, packed):
    append(path, "one\n")
    found = Followed(path)
    assert found.lines(1) == [b"one"]
    append(path, "two\n")
    if packed:
        end = ".gz" if packed is gzip.compress else ".zst"
        path.with_name(f"app.log.1{end}").write_bytes(packed(path.read_bytes()))
    else:
        shutil.copy(path, f"{path}.1")
    path.write_text("three\n")
    assert found.lines(2) == [b"two", b"three"]


def test_a_file_that_is_being_packed_is_read_once(path):
    append(path, "one\n")
    at = mark(path)
    path.rename(f"{path}.1")
    path.with_name("app.log.1.gz").write_bytes(gzip.compress(b"one\n")[:-3])
    append(path, "two\n")
    assert Followed(path, at).lines(2) == [b"one", b"two"]


def test_two_rotations_between_two_looks(path):
    append(path, "one\n")
    found = Followed(path)
    assert found.lines(1) == [b"one"]
    path.rename(f"{path}.2")
    (path.parent / "app.log.1").write_text("two\n")
    path.write_text("three\n")
    assert found.lines(2) == [b"two", b"three"]


@pytest.mark.parametrize(
    "rotated",
    ["app.log.1", "app.log-20240501", "app.2024-05-01.log", "app.log.2.gz", "app.log.1.zst"],
)
@pytest.mark.parametrize("copied", [False, True])
def test_a_later_process_finds_the_file_again(path, rotated, copied):
    old = "".join(f"{n} of the first file\n" for n in range(HEAD))
    path.write_text(old)
    at = mark(path)
    append(path, "its last\n")
    rotated = path.parent / rotated
    raw = path.read_bytes()
    if rotated.suffix == ".gz":
        rotated.write_bytes(gzip.compress(raw))
    elif rotated.suffix == ".zst":
        rotated.write_bytes(zstandard.compress(raw))
    elif copied:
        shutil.copy(path, rotated)
    else:
        path.rename(rotated)
    if not copied:
        path.unlink(missing_ok=True)
    path.write_text("1 of the second file\n")
    lines = Followed(path, at).lines(HEAD + 2)
    assert lines[0] == b"0 of the first file"
    assert lines[-2:] == [b"its last", b"1 of the second file"]


def test_a_file_that_is_gone(path):
    append(path, "one\n")
    at = mark(path)
    path.unlink()
    append(path, "two\n")
    assert since(at, str(path)) == []
    assert Followed(path, at).lines(1) == [b"two"]


@pytest.mark.parametrize(
    ("name", "old", "others"),
    [
        (
            "app.log",
            ["app.2024-05-01.log", "app.2024-05-02.0.log", "app.log-20240503.gz", "app.log.10"],
            ["app-2.log", "app-error.log", "app.log.bak", "web.log.1", "app2.log", "app.log.1.new"],
        ),
        ("app.log", ["app.log.10.zst", "app.log.2.gz", "app.log.1"], ["app.logs", "xapp.log.1"]),
        ("web-1.log", ["web-1.log.1"], ["web-2.log", "web.log", "web-1-2.log"]),
        ("app-8080.log", ["app-8080.2024-05-01.log"], ["app-8081.2024-05-01.log"]),
        ("worker-1", ["worker-1.1"], ["worker-2", "worker-11"]),
    ],
)
def test_which_files_had_the_path_is_told_by_their_names(tmp_path, name, old, others):
    for n, one in enumerate([*old, *others, name]):
        (tmp_path / one).write_text(one)
        os.utime(tmp_path / one, (9999 - n, 9999 - n))  # packed or touched since
    found = [os.path.basename(one) for one in written(str(tmp_path / name))]
    assert found == [*old, name]


def test_files_that_begin_alike_are_told_by_the_system(path):
    append(path, "a banner\n" * HEAD)
    at = mark(path)
    append(path, "one\n")
    path.rename(f"{path}.1")
    append(path, "a banner\n" * HEAD + "two\n")
    assert [os.path.basename(one) for one in since(at, str(path))] == ["app.log.1", "app.log"]


def test_a_link_to_a_dated_file(path):
    first, second = path.with_name("app.log.20240501"), path.with_name("app.log.20240502")
    append(first, "one\n")
    path.symlink_to(first)
    found = Followed(path)
    assert found.lines(1) == [b"one"]
    append(first, "two\n")
    append(second, "three\n")
    path.unlink()
    path.symlink_to(second)
    assert found.lines(2) == [b"two", b"three"]
    append(second, "four\n")
    assert found.lines(1) == [b"four"]


@pytest.mark.parametrize("packed", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("length", [-1, -9, 90_000])
def test_an_archive_cut_short_that_is_all_there_is_is_read_as_far_as_it_goes(path, packed, length):
    old = "".join(f"{n} {os.urandom(9).hex()}\n" for n in range(9000))
    path.write_text(old)
    at = mark(path)
    path.unlink()
    end = ".gz" if packed is gzip.compress else ".zst"
    path.with_name(f"app.log.1{end}").write_bytes(packed(old.encode())[:length])
    append(path, "new\n")
    found, parts = b"", []
    for part, piece in Followed(path, at).found:
        found += piece
        parts += [part] * (part not in parts)
        if b"new\n" in found:
            break
    assert [part.cut for part in parts] == [True, False]
    kept = found.removesuffix(b"new\n")
    assert old.encode().startswith(kept)
    assert len(kept) > 0


@pytest.mark.parametrize(
    "damaged", [gzip.compress(b"x" * 99, mtime=0)[:20], b"\x1f\x8b\x08" + b"\xff" * 20, b""]
)
def test_what_lies_beside_it_is_no_trouble(path, damaged):
    append(path, "one\n")
    found = Followed(path)
    assert found.lines(1) == [b"one"]
    path.with_name("app.log.2.gz").write_bytes(damaged)
    path.with_name("app.log.3").symlink_to("app.log.3")  # a loop
    path.with_name("app.log.4").mkdir()
    path.rename(f"{path}.1")
    append(path, "two\n")
    assert found.lines(1) == [b"two"]
