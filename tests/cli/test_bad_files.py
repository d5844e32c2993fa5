"""Files that are no log, or that cannot be read: one sentence, exit code 2, nothing left behind."""

import bz2
import gzip
import lzma
import os
import random
import tarfile
from pathlib import Path

import pytest
import zstandard
from raw_files import tarred, zipped
from shop import KEYS, LOG

from glx.cli.main import main

NAMES = {"target": "shop", "source": "jobs"}
NOISE = bytes(random.Random(0).randbytes(5000))
LONG = b"".join(
    b"order=%d %s\n" % (i, NOISE[i % 99 : i % 99 + 40].hex().encode()) for i in range(40_000)
)
DAMAGED = bytearray(gzip.compress(LOG))
DAMAGED[len(DAMAGED) // 2] ^= 255

FILES = {
    "empty": (b"", "empty"),
    "empty.gz": (gzip.compress(b""), "empty"),
    "binary": (NOISE, "not a text file"),
    "cut.gz": (gzip.compress(LOG)[:-9], "cut short"),
    "cut.zst": (zstandard.compress(LOG)[:-9], "cut short"),
    "late.gz": (gzip.compress(LONG)[:-9], "cut short"),
    "late.zst": (zstandard.compress(LONG)[:-9], "cut short"),
    "damaged.gz": (bytes(DAMAGED), "damaged"),
    "logs.tar.gz": (gzip.compress(tarfile.TarInfo("shop.log").tobuf() + LOG), "tar"),
    "logs.zip": (zipped({"shop.log": LOG}), "unzip -p logs.zip"),
    "logs.bz2": (bz2.compress(LOG), "bzcat logs.bz2"),
    "logs.xz": (lzma.compress(LOG), "xzcat logs.xz"),
    "logs.lzma": (lzma.compress(LOG, lzma.FORMAT_ALONE), "xzcat --format=lzma logs.lzma"),
    "logs": (b"7z\xbc\xaf\x27\x1c\0\4", "7z x -so logs"),
    "logs.rar": (b"Rar!\x1a\7\1\0", "unrar p -inul logs.rar"),
    "logs.lz4": (b"\x04\x22\x4d\x18\x64", "lz4cat logs.lz4"),
    "logs.sz": (b"\xff\6\0\0sNaPpY", "snzip -dc logs.sz"),
    "logs.tar": (tarred({"shop.log": LOG}, "w"), "tar -xOf logs.tar"),
    "System.evtx": (b"ElfFile\0" + bytes(80), "wevtutil"),
    "a.journal": (b"LPKSHHRH" + bytes(80), "journalctl --file=a.journal"),
    "net.pcap": (b"\xd4\xc3\xb2\xa1\2\0\4\0", "tshark -r net.pcap"),
    "net.pcapng": (b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a", "tshark"),
    "app.db": (b"SQLite format 3\0", "sqlite3 -csv"),
    "table.parquet": (b"PAR1\x15\x04\x15\x10", "duckdb"),
    "blank": (b"\n  \n\n", "no line"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("role", NAMES)
def test_a_file_that_is_no_log(name, role, refused):
    content, what = FILES[name]
    Path(name).write_bytes(content)
    refused(name, what, **{role: f"{NAMES[role]}={name}"})


@pytest.mark.parametrize("role", NAMES)
def test_no_file_and_a_directory(role, refused):
    Path("logs").mkdir()
    refused("no.log", "no such file", **{role: f"{NAMES[role]}=no.log"})
    flag = f"--{role}={NAMES[role]}"
    refused(f"{flag}=logs", "a directory", **{role: f"{NAMES[role]}=logs"})
    refused(f"{flag}=no/*.log", "a glob", **{role: f"{NAMES[role]}=no/*.log"})


def test_a_pipe_which_gives_its_lines_once(refused):
    os.mkfifo("pipe")
    refused("--target=shop=pipe", "only once", target="shop=pipe")
    refused("--labels=jobs=pipe", "only once", labels=("jobs=pipe",))


def test_a_data_folder_that_is_not_there_or_has_other_columns(refused, shop):
    refused("--data_dir=nowhere", "docs/data.md", "--data_dir=nowhere", target="hdfs")
    Path("hdfs").mkdir()
    blocks = Path("hdfs/hdfs_block_sequences.csv.zst")
    for content, where, what in (
        (None, "", "no such file"),
        (b"label,events\n0,1 2\n", ": line 1", "'sequence'"),
        (b"label,sequence\n0,1 2\n0,1 7\n", ": line 3", "'7'"),
    ):
        if content:
            Path("hdfs/hdfs_templates.csv").write_text("EventId,EventTemplate\nE1,[*]\nE2,Got\n")
            blocks.write_bytes(zstandard.compress(content))
        refused(f"{shop}/{blocks}{where}", what, f"--data_dir={shop}", target="hdfs")


@pytest.mark.parametrize(
    ("content", "where", "what", "flag"),
    [
        ("a,b\n1,2\n", "shop.csv: line 1", "'a', 'b'", "--format=csv"),
        (
            'message,order\norder=1 came,1\norder=2 came,2\n"order=3 came,3\norder=4 came,4\n',
            "shop.csv",
            "--format=lines",
            "--format=auto",
        ),
    ],
)
def test_a_table_without_text_or_with_a_quote_that_nobody_closed(
    content, where, what, flag, refused
):
    Path("shop.csv").write_text(content)
    refused(where, what, flag, target="shop=shop.csv", source="sim_ras", labels=())


@pytest.mark.parametrize(
    "flag", ["--session=order", "--text_field=body", "--time_field=when", "--level_field=lvl"]
)
def test_a_field_that_no_line_has_is_refused_with_those_there_are(flag, refused):
    line = '{"ts": 1714557600, "req": {"id": 7}, "msg": "came"}\n'
    Path("shop.json").write_text(line * 9)
    given = {"target": "shop=shop.json", "source": "sim_ras", "labels": (), "session": flag}
    refused("shop.json", "ts, req.id, msg", **given)


@pytest.mark.parametrize(
    "command",
    [
        "study --dry_run --panel=LINK",
        "zerolog --target=shop=shop.log --run_dir=out/run --panel=LINK",
        f"generallog --target=shop=shop.log {KEYS} --run_dir=out/run --knowledge=LINK.md",
        f"generallog --target=shop=shop.log {KEYS} --run_dir=out/run --knowledge=LINK.yaml",
        "statements LINK.py",
        "inspect LINK",
    ],
)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_what_never_ends(command, device, shop, monkeypatch, capsys):
    monkeypatch.setattr("glx.files.MOST", 1 << 20)
    *words, last = command.split()
    path = Path(last.partition("=")[2] or last)
    path.symlink_to(device)
    assert main([*words, last]) == 2
    *_, said = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: {path}: ")
    assert not Path("out").exists()
