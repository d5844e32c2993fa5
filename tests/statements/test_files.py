"""Which files of folders and archives are read."""

import io
import tarfile
import zipfile

import pytest
import zstandard

from glx.errors import InputError
from glx.statements import files

KEPT = {"src/main.c": b"int a;", "src/deep/a.PY": b"a = 1", "lib.test/b.go": b"package b"}
LEFT = {
    "README.md": b"#", "src/main.o": b"\x7fELF", "tests/c.py": b"c", "src/d_test.go": b"d",
    "src/test_e.py": b"e", ".git/f.c": b"f", "node_modules/g/g.js": b"g", "src/h.min.js": b"h",
    "vendor/i/i.go": b"i", "src/third_party/j.cc": b"j", "venv/lib/site-packages/k.py": b"k",
    "src/big.c": b" " * (files.LARGEST + 1),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name, content in (KEPT | LEFT).items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "code/src/gone.c").symlink_to("nowhere.c")
    return tmp_path / "code"


def packed(folder, kind):
    path = folder.parent / f"code{kind}"
    if kind == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder))
        return path
    inside = io.BytesIO()
    mode = {".tar.gz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2"}.get(kind, "w")
    with tarfile.open(fileobj=inside, mode=mode) as archive:
        archive.add(folder, ".")
    content = inside.getvalue()
    path.write_bytes(zstandard.compress(content) if kind == ".tar.zst" else content)
    return path


def test_a_folder(folder):
    found = dict(files.sources(folder))
    assert found == KEPT
    assert list(found) == sorted(found)


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"])
def test_an_archive(folder, kind):
    path = packed(folder, kind)
    assert files.is_archive(path)
    assert {name.removeprefix("./"): text for name, text in files.sources(path)} == KEPT


@pytest.mark.parametrize("kind", [".zip", ".tar.gz", ".tar.zst"])
def test_a_damaged_archive(folder, kind):
    path = packed(folder, kind)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=rf"code{kind}: cannot be unpacked"):
        list(files.sources(path))


def test_a_folder_that_is_given_is_read_whatever_its_name(folder):
    assert dict(files.sources(folder / "vendor")) == {"i/i.go": b"i"}


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: cannot be read \(No such file"):
        list(files.sources(tmp_path / "nowhere"))
