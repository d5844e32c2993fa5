"""The downloader against a server on this machine that can resume, cannot, lies, or breaks off."""

import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from raw_files import zipped

from glx.cli.main import main
from glx.data.download import ARCHIVES, Archive, download, fetch
from glx.errors import OutsideError

LOG = b"".join(b"line %d of a log\n" % i for i in range(20_000))


BODY = zipped({"HDFS.log": LOG, "preprocessed/anomaly_label.csv": b"BlockId,Label\n"})
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `BODY`; `ranges`: honours Range; `cut`: breaks off after so many bytes, once;
    `length`: what it says in place of how long the answer is."""

    ranges = True
    cut: int | None = None
    length: str | None = None

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/HDFS_v1.zip"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and self.server.ranges else 0  # bytes=START-
        status = 206 if wanted and self.server.ranges else 200
        status = 404 if self.path == "/missing" else 416 if start >= len(BODY) else status
        body = BODY[start:] if status < 400 else b""
        place = f"{start}-{len(BODY) - 1}" if body else "*"
        self.send_response(status)
        self.send_header("Content-Length", self.server.length or str(len(body)))
        self.send_header("Content-Range", f"bytes {place}/{len(BODY)}")
        self.end_headers()
        cut, self.server.cut = self.server.cut, None
        self.wfile.write(body[:cut])

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetched(server, folder: Path, size: int | None = None) -> Path:
    return fetch(Archive("HDFS_v1.zip", server.url, size, MD5), folder, lambda *_: None)[0]


def test_a_full_download_is_checked_and_unpacked(server, tmp_path):
    seen = []
    message = download(
        "hdfs", tmp_path, url=server.url, checksum=MD5, progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (len(BODY), len(BODY))
    unpacked = tmp_path / "hdfs" / "HDFS_v1"
    assert (unpacked / "HDFS.log").read_bytes() == LOG
    assert (unpacked / "preprocessed" / "anomaly_label.csv").exists()
    assert sorted(p.name for p in (tmp_path / "hdfs").iterdir()) == ["HDFS_v1"]
    assert message.startswith(f"checksum {MD5}")
    assert str(unpacked / "HDFS.log") in message
    assert str(unpacked) in download("hdfs", tmp_path, url=server.url)  # it is there already
    assert server.asked == [None]


def test_an_interrupted_download_is_kept_and_resumed(server, tmp_path):
    server.cut = 10_000
    options = {"url": server.url, "checksum": MD5, "keep_archive": True}
    with pytest.raises(OutsideError, match="10000 of"):
        download("hdfs", tmp_path, **options)
    part = tmp_path / "hdfs" / "HDFS_v1.zip.part"
    assert part.read_bytes() == BODY[:10_000]
    download("hdfs", tmp_path, **options)
    assert server.asked == [None, "bytes=10000-"]
    assert (tmp_path / "hdfs" / "HDFS_v1.zip").read_bytes() == BODY
    assert not part.exists()


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    server.ranges = False
    (tmp_path / "HDFS_v1.zip.part").write_bytes(b"x" * 500)
    assert fetched(server, tmp_path, len(BODY)).read_bytes() == BODY


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_part_that_was_whole_is_not_asked_for_again(server, tmp_path, size):
    (tmp_path / "HDFS_v1.zip.part").write_bytes(BODY)
    assert fetched(server, tmp_path, size).read_bytes() == BODY
    assert server.asked == ([] if size else [f"bytes={len(BODY)}-"])


def test_a_part_that_is_too_long_is_removed(server, tmp_path):
    part = tmp_path / "HDFS_v1.zip.part"
    part.write_bytes(BODY + b"more")
    with pytest.raises(OutsideError, match="416"):
        fetched(server, tmp_path)
    assert not part.exists()


def test_a_wrong_checksum_removes_the_file_and_names_both(server, tmp_path):
    with pytest.raises(OutsideError, match=f"{MD5}.*{ARCHIVES['hdfs'].checksum}"):
        download("hdfs", tmp_path, url=server.url)  # the test's body is not the real archive
    assert list((tmp_path / "hdfs").iterdir()) == []
    found = "sha256:" + hashlib.sha256(BODY).hexdigest()
    assert found in download("hdfs", tmp_path, url=server.url, checksum="none")


def test_a_server_or_page_that_is_not_there(server, tmp_path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/HDFS_v1.zip"
    for url in (nobody, server.url.replace("HDFS_v1.zip", "missing")):
        argv = ["download", "--system=hdfs", f"--data_dir={tmp_path}", f"--url={url}"]
        assert main(argv) == 3
        assert f"error: {url}: " in capsys.readouterr().err


def test_a_length_that_is_no_number(server, tmp_path, capsys):
    server.length = "many"
    argv = ["download", "--system=hdfs", f"--data_dir={tmp_path}", f"--url={server.url}"]
    assert main(argv) == 3
    assert f"error: {server.url}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "flag"),
    [
        (["--system=nothing", "--data_dir=d"], "--system"),
        (["--data_dir=d"], "--system"),
        (["--system=hdfs"], "--data_dir"),
        (["--system=hdfs", "--data_dir=d", "--url=HDFS.zip"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--checksum=12"], "--checksum"),
        (["--system=hdfs", "--data_dir=d", "--checksum=md5:zz"], "--checksum"),
        (["--system=hdfs", "--data_dir=d", f"--checksum=md5:{'g' * 32}"], "--checksum"),
        (["--system=hdfs", "--data_dir=d", f"--checksum=sha256:{'0' * 32}"], "--checksum"),
        (["--system=hdfs", "--data_dir=d", "--url=http://[::1/x"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--url=http://h:x/y"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--url=http://h/a\nb"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--url=http://h/a b"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--url=http://h/\u00fc"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--url=http:///x"], "--url"),
        (["--system=hdfs", "--data_dir=d", "--url=gopher://h/x"], "--url"),
        (["--system=hdfs", f"--data_dir={__file__}"], __file__),
    ],
)
def test_wrong_flags_exit_2(argv, flag, capsys):
    assert main(["download", *argv]) == 2
    assert f"error: {flag}" in capsys.readouterr().err
