"""Raw files to event ids, and the real data sets where they are."""

import json
import re
import sys
import tarfile
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
import zstandard
from raw_files import write

from glx.data.systems import known
from glx.parse.events import collect, fit_part, parse
from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.miner import Miner, fit
from glx.parse.read import ReadCounts
from glx.parse.records import SWITCH_INTERVAL, ordered, records
from glx.parse.table import read_table
from glx.sequences import Templates

LOG = b"""\
2024-01-01 10:00:00 INFO Receiving block blk_1 src: /10.0.0.1:54106
2024-01-01 10:00:01 INFO Receiving block blk_2 src: /10.0.0.2:54106

2024-01-01 10:00:02 WARN Verification failed for blk_1
2024-01-01 10:00:03 INFO Receiving block blk_3 src: /10.0.0.3:54106
2024-01-01 10:00:04 ERROR disk 5 is full
"""


def test_a_log_that_nobody_described(tmp_path):
    path = write(tmp_path, LOG)
    layout = layout_of(path)
    frame, texts = collect(records(path, layout, ReadCounts()))
    adapt = np.array([True, True, True, False, False])
    miner, ids = fit_part(frame["text"].to_numpy(), texts, adapt)
    assert miner.fitted.texts == [
        "Receiving block blk_<*> src: <*>",
        "WARN Verification failed for blk_<*>",
    ]
    assert miner.fitted.counts.tolist() == [2, 1]
    assert ids.tolist() == [0, 0, 1, 0, 2]
    assert miner.templates.texts[2] == "ERROR disk <*> is full"
    assert frame["level"].to_list() == ["INFO", "INFO", "WARN", "INFO", "ERROR"]

    frames = list(parse(records(path, layout, ReadCounts()), Miner(miner.fitted)))
    assert frames[0].columns == ["line", "key", "time", "level", "id"]
    assert frames[0].schema["id"] == pl.Int32
    assert frames[0]["id"].to_list() == ids.tolist()
    assert frames[0]["line"].to_list() == [0, 1, 3, 4, 5]


def test_records_do_not_depend_on_blocks_or_threads(tmp_path):
    lines = (b"event %d of %s\n" % (i, b"ab"[i % 2 :] * (i % 9)) for i in range(9000))
    path = write(tmp_path, b"".join(lines))

    def parsed(size, threads):
        miner = fit(["event <*> of a"], np.ones(1))
        frames = list(records(path, Layout(), ReadCounts(), threads, size))
        assert (len(frames) > 5) == (size < len(path.read_bytes()))
        texts = [text for frame in frames for text in frame["text"]]
        return texts, pl.concat(parse(frames, miner)).rows(), miner.templates.texts

    assert parsed(2000, 3) == parsed(1 << 20, 1) == parsed(999, 2)


def test_nothing_collected():
    assert len(collect([])[0]) == 0


@pytest.mark.data
def test_published_hdfs_templates_match_as_their_patterns_do(data_dir):
    path = data_dir / "hdfs/hdfs_raw_2pct.csv.zst"
    templates = read_table(data_dir / "hdfs/hdfs_templates.csv", ["EventTemplate"])
    texts = templates["EventTemplate"].to_list()
    plain = [text.replace("[*]", "<*>") for text in texts]
    miner = Miner(Templates(plain, np.zeros(len(texts))), published=True)
    layout = Layout("csv", text="message")
    ids = pl.concat(parse(records(path, layout, ReadCounts()), miner))["id"].to_numpy()

    messages = read_table(path, ["message"])["message"].to_list()
    literal = [len(text.replace("[*]", "")) for text in texts]
    rules = [re.compile(".*".join(map(re.escape, text.split("[*]")))) for text in texts]
    order = sorted(range(len(texts)), key=lambda i: -literal[i])
    direct = [next(i for i in order if rules[i].fullmatch(message)) for message in messages]
    assert ids.tolist() == direct


@pytest.mark.data
def test_published_bgl_templates_match_raw_lines(data_dir):
    table = read_table(data_dir / "bgl/bgl_templates.csv", ["template"])
    texts = table["template"].fill_null("unknown event").to_list()
    miner = Miner(Templates(texts, np.zeros(len(texts))), published=True)
    path, counts = data_dir / "bgl/BGL_first100k.log.zst", ReadCounts()
    frames = pl.concat(parse(records(path, known(data_dir)["bgl"].raw, counts), miner))
    assert counts.no_header == 0
    assert (frames["id"] < len(texts)).mean() > 0.975


@pytest.fixture(scope="module")
def samples(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loghub")
    with (
        zstandard.open(data_dir / "loghub_2k/loghub_2k.tar.zst") as file,
        tarfile.open(fileobj=file, mode="r|") as archive,
    ):
        archive.extractall(folder, filter="data")
    return sorted(folder.glob("loghub_2k/*/*_2k.log"))


@pytest.mark.data
def test_layouts_of_16_systems(samples):
    assert len(samples) == 16
    for path in samples:
        counts = ReadCounts()
        frame, _ = collect(records(path, layout_of(path), counts))
        assert frame["time"].null_count() == 0, path.name
        assert (counts.no_header, counts.joined, counts.detail) == (0, 0, 0), path.name


@pytest.mark.data
def test_times_of_hdfs_are_in_order(data_dir):
    path = data_dir / "hdfs/HDFS_first20k.log.zst"
    time = collect(records(path, layout_of(path), ReadCounts()))[0]["time"]
    assert (len(time), time.null_count(), time.is_sorted()) == (20_000, 0, True)


def test_the_switch_interval_is_short_only_while_lines_are_read():
    before = sys.getswitchinterval()
    seen = [sys.getswitchinterval() for _ in ordered(abs, [1, -2, 3], threads=1)]
    assert seen == [pytest.approx(SWITCH_INTERVAL)] * 3
    assert sys.getswitchinterval() == before


def test_a_layout_is_saved_whole():
    app = Layout("jsonl", time=("date", "time"), session="id")
    layout = Layout(header="(?P<text>.*)$", wrap=("docker", "ansi"), also=(app,), max_record=7)
    assert Layout.of(json.loads(json.dumps(asdict(layout)))) == layout
    assert Layout.of({"format": "jsonl", "time": ["ts"]}) == Layout("jsonl", time=("ts",))
