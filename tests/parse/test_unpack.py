"""Archives that came from outside are unpacked whole and inside of their folder, or not at all."""

import random
import tarfile

import pytest
from raw_files import tarred, zipped

from glx.errors import InputError, OutsideError
from glx.parse.unpack import unpack

DAMAGED = tarred({"a.log": random.Random(0).randbytes(10_000)})[:300]


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../evil.log", "/tmp/evil.log", "a/../../evil.log"])
def test_a_path_outside_of_the_folder_is_refused(tmp_path, pack, name):
    path = tmp_path / "archive"
    path.write_bytes(pack({"good.log": b"x", name: b"evil"}))
    with pytest.raises(InputError, match="outside"):
        unpack(path, tmp_path / "out" / "inner")
    assert not (tmp_path / "out" / "inner").exists()
    assert not list(tmp_path.rglob("evil.log"))


def test_a_link_in_a_tar_file_is_refused(tmp_path):
    path = tmp_path / "archive.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(InputError, match="link"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"not an archive", DAMAGED, b""])
def test_a_damaged_archive_leaves_nothing(tmp_path, content):
    path = tmp_path / "archive"
    path.write_bytes(content)
    with pytest.raises(OutsideError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["archive"]


def test_tar_and_zip_give_the_same_files(tmp_path):
    files = {"a.log": b"1\n", "b/c.csv": b"2\n"}
    for name, pack in (("tar", tarred), ("zip", zipped)):
        (tmp_path / f"{name}.bin").write_bytes(pack(files))
        found = unpack(tmp_path / f"{name}.bin", tmp_path / name)
        assert [str(file) for file in found] == ["a.log", "b/c.csv"]
        assert (tmp_path / name / "b" / "c.csv").read_bytes() == b"2\n"
