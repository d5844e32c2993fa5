"""Files that are no log, or that cannot be read: one sentence, exit code 2, nothing left behind."""

import gzip
import os
import random
import tarfile
from pathlib import Path

import pytest
import zstandard
from shop import LOG, NAMES

NOISE = bytes(random.Random(0).randbytes(5000))
LONG = b"".join(
    b"order=%d %s\n" % (i, NOISE[i % 99 : i % 99 + 40].hex().encode()) for i in range(40_000)
)

FILES = {
    "empty": (b"", "the file is empty; give a file with at least one line"),
    "empty.gz": (gzip.compress(b""), "the file is empty; give a file with at least one line"),
    "binary": (
        NOISE,
        "not a text file (over 30 % of its first bytes are no characters); give a log of text "
        "lines, plain or packed with gzip or zstd",
    ),
    "cut.gz": (gzip.compress(LOG)[:-9], "the archive is cut short; get the whole file again"),
    "cut.zst": (
        zstandard.compress(LOG)[:-9],
        "the archive is cut short; get the whole file again",
    ),
    "late.gz": (gzip.compress(LONG)[:-9], "the archive is cut short; get the whole file again"),
    "late.zst": (
        zstandard.compress(LONG)[:-9],
        "the archive is cut short; get the whole file again",
    ),
    "logs.tar.gz": (
        gzip.compress(tarfile.TarInfo("shop.log").tobuf() + LOG),
        "a tar archive; unpack it and give one log file of it",
    ),
    "blank": (b"\n  \n\n", "no line with text; give a log with at least one event"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("role", ["target", "source"])
def test_a_file_that_is_no_log(name, role, refused):
    content, said = FILES[name]
    Path(name).write_bytes(content)
    found = refused(**{role: f"{NAMES[role]}={name}"})
    assert found.startswith(f"{name}: ")
    assert found.endswith(said)


def test_a_damaged_archive(refused):
    packed = bytearray(gzip.compress(LOG))
    packed[len(packed) // 2] ^= 255
    Path("shop.log.gz").write_bytes(packed)
    said = refused(target="shop=shop.log.gz")
    assert said.startswith("shop.log.gz: the archive is damaged (")
    assert said.endswith("); get the file again")


@pytest.mark.parametrize("role", ["target", "source"])
def test_no_file_and_a_directory(role, refused):
    Path("logs").mkdir()
    assert refused(**{role: f"{NAMES[role]}=no.log"}) == "no.log: no such file; check the path"
    assert refused(**{role: f"{NAMES[role]}=logs"}) == "logs: a directory; give one file in it"


def test_a_pipe_which_gives_its_lines_once(refused):
    os.mkfifo("pipe")
    said = "{}=pipe: can be read only once; write it to a file and give that"
    assert refused(target="shop=pipe") == said.format("--target=shop")
    assert refused(labels=("jobs=pipe",)) == said.format("--labels=jobs")


def test_a_data_folder_that_is_not_there_or_has_other_columns(refused, shop):
    assert refused("--data_dir=nowhere", target="hdfs") == (
        "--data_dir=nowhere: no such folder; docs/data.md gives its layout"
    )
    data = f"--data_dir={shop}"
    assert refused(data, target="hdfs") == (
        f"{shop}/hdfs/hdfs_block_sequences.csv.zst: no such file; check the path"
    )
    Path("hdfs").mkdir()
    Path("hdfs/hdfs_templates.csv").write_text("EventId,EventTemplate\nE1,Served [*]\nE2,Got\n")
    blocks = Path("hdfs/hdfs_block_sequences.csv.zst")
    blocks.write_bytes(zstandard.compress(b"label,events\n0,1 2\n"))
    assert refused(data, target="hdfs") == (
        f"{shop}/{blocks}: line 1: no column 'sequence'; the columns are label, events"
    )
    blocks.write_bytes(zstandard.compress(b"label,sequence\n0,1 2\n0,1 7\n"))
    assert refused(data, target="hdfs") == (
        f"{shop}/{blocks}: line 3: event '7' is not in the template table"
    )


def test_a_table_without_text(refused):
    Path("shop.csv").write_text("a,b\n1,2\n")
    said = refused("--format=csv", target="shop=shop.csv", source="sim_ras", labels=())
    assert said.startswith("shop.csv: line 1: no column of text among 'a', 'b'; name it one of ")


def test_a_table_with_a_quote_that_nobody_closed(refused):
    Path("shop.csv").write_text('message,order\n"order=1 came,1\norder=2 came,2\n')
    said = refused(target="shop=shop.csv", source="sim_ras", labels=())
    assert said.startswith("shop.csv: not a readable table (")
    assert said.endswith("); mend its quotes, or read it with --format=lines")
