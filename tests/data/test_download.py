"""The downloader against a server on this machine that can resume, cannot, lies, or breaks off."""

import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glx.data.download import ARCHIVES, Archive, fetch, main
from glx.errors import InputError, OutsideError
from glx.parse.unpack import unpack

LOG = b"".join(b"line %d of a log\n" % i for i in range(20_000))


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


BODY = zipped({"HDFS.log": LOG, "preprocessed/anomaly_label.csv": b"BlockId,Label\n"})
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `BODY`; `ranges`: honours Range; `cut`: breaks off after so many bytes, once."""

    ranges = True
    cut: int | None = None
    asked: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/HDFS_v1.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if self.path == "/missing":
            self.send_error(404)
            return
        if not self.server.ranges:
            start = 0
        if start >= len(BODY):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(BODY)}")
            self.end_headers()
            return
        self.send_response(206 if wanted and self.server.ranges else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.end_headers()
        cut, self.server.cut = self.server.cut, None
        self.wfile.write(BODY[start:cut])

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(server_url: str, folder: Path, *more: str, system: str = "hdfs") -> int:
    return main(
        ["download", f"--system={system}", f"--data_dir={folder}", f"--url={server_url}", *more]
    )


def test_a_full_download_is_checked_and_unpacked(server, tmp_path, capsys):
    assert run(server.url, tmp_path, f"--checksum={MD5}") == 0
    unpacked = tmp_path / "hdfs" / "HDFS_v1"
    assert (unpacked / "HDFS.log").read_bytes() == LOG
    assert (unpacked / "preprocessed" / "anomaly_label.csv").exists()
    assert sorted(p.name for p in (tmp_path / "hdfs").iterdir()) == ["HDFS_v1"]
    assert f"checksum {MD5} (as expected)" in capsys.readouterr().out

    assert run(server.url, tmp_path) == 0
    assert "already there" in capsys.readouterr().out
    assert server.asked == [None]


def test_a_cut_download_is_kept_and_goes_on(server, tmp_path, capsys):
    server.cut = 10_000
    assert run(server.url, tmp_path, f"--checksum={MD5}") == 3
    part = tmp_path / "hdfs" / "HDFS_v1.zip.part"
    assert part.read_bytes() == BODY[:10_000]
    message = capsys.readouterr().err
    assert "10000 of" in message
    assert "Traceback" not in message

    assert run(server.url, tmp_path, f"--checksum={MD5}", "--keep_archive") == 0
    assert server.asked == [None, "bytes=10000-"]
    assert (tmp_path / "hdfs" / "HDFS_v1.zip").read_bytes() == BODY
    assert not part.exists()


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    server.ranges = False
    archive = Archive("HDFS_v1.zip", server.url, len(BODY), MD5)
    (tmp_path / "HDFS_v1.zip.part").write_bytes(b"x" * 500)
    seen = []
    path, found = fetch(archive, tmp_path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == BODY
    assert found == MD5
    assert seen[-1] == (len(BODY), len(BODY))


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_part_that_was_whole_is_not_asked_for_again(server, tmp_path, size):
    (tmp_path / "HDFS_v1.zip.part").write_bytes(BODY)
    path, _ = fetch(Archive("HDFS_v1.zip", server.url, size, MD5), tmp_path)
    assert path.read_bytes() == BODY
    assert server.asked == ([] if size else [f"bytes={len(BODY)}-"])


def test_a_part_that_is_too_long_is_removed(server, tmp_path):
    part = tmp_path / "HDFS_v1.zip.part"
    part.write_bytes(BODY + b"more")
    with pytest.raises(OutsideError, match="416"):
        fetch(Archive("HDFS_v1.zip", server.url, None, MD5), tmp_path)
    assert not part.exists()


def test_a_wrong_checksum_removes_the_file_and_prints_the_sum(server, tmp_path, capsys):
    assert run(server.url, tmp_path) == 3  # the test's body is not the real archive
    message = capsys.readouterr().err
    assert MD5 in message
    assert ARCHIVES["hdfs"].checksum in message
    assert "not verified by a download" in message
    assert list((tmp_path / "hdfs").iterdir()) == []


def test_an_unknown_checksum_is_said_to_be_unknown(server, tmp_path, capsys):
    assert run(server.url, tmp_path, "--checksum=none") == 0
    assert "no checksum is known" in capsys.readouterr().out


def test_nobody_listens(tmp_path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert run(f"http://127.0.0.1:{port}/HDFS_v1.zip", tmp_path) == 3
    message = capsys.readouterr().err
    assert "could not be read" in message
    assert "Traceback" not in message


def test_a_page_that_is_not_there(server, tmp_path, capsys):
    assert run(server.url.replace("HDFS_v1.zip", "missing"), tmp_path) == 3
    assert "404" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--system=nothing", "--data_dir=d"], "hdfs, bgl, openstack, thunderbird"),
        (["--system=hdfs"], "--data_dir is missing"),
        (["--sistem=hdfs"], "sistem"),
        (["--system=hdfs", "--data_dir=d", "more"], "'more' is not a flag"),
        (["--system=hdfs", "--data_dir=d", "--keep_archive=perhaps"], "keep_archive"),
        (["--system=hdfs", "--data_dir=d", "--url=HDFS.zip"], "https://"),
        (["--system=hdfs", "--data_dir=d", "--checksum=12"], "sha256:HEX"),
        (["--system=hdfs", f"--data_dir={__file__}"], "cannot be made"),
    ],
)
def test_wrong_flags_exit_2_with_one_line(argv, said, capsys):
    assert main(["download", *argv]) == 2
    message = capsys.readouterr().err
    assert said in message


def test_help_exits_0(capsys):
    assert main(["download", "--help"]) == 0
    assert "--system" in capsys.readouterr().out


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../evil.log", "/tmp/evil.log", "a/../../evil.log"])
def test_a_path_outside_of_the_folder_is_refused(tmp_path, pack, name):
    path = tmp_path / "archive"
    path.write_bytes(pack({"good.log": b"x", name: b"evil"}))
    with pytest.raises(InputError, match="outside of its folder"):
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


@pytest.mark.parametrize("content", [b"not an archive", tarred({"a.log": LOG})[:300], b""])
def test_a_damaged_archive_leaves_nothing(tmp_path, content):
    path = tmp_path / "archive"
    path.write_bytes(content)
    with pytest.raises(OutsideError, match="could not be unpacked"):
        unpack(path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["archive"]


def test_tar_and_zip_give_the_same_files(tmp_path):
    files = {"a.log": b"1\n", "b/c.csv": b"2\n"}
    for name, pack in (("tar", tarred), ("zip", zipped)):
        (tmp_path / f"{name}.bin").write_bytes(pack(files))
        found = unpack(tmp_path / f"{name}.bin", tmp_path / name)
        assert [str(file) for file in found] == ["a.log", "b/c.csv"]
        assert (tmp_path / name / "b" / "c.csv").read_bytes() == b"2\n"
