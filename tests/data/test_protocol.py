"""Protocol `paper`: what it reads, where it cuts, what it draws, and which labels that gives."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zstandard

from glx.data.catalogue import resolve
from glx.data.load import DataConfig, Parsed, load
from glx.data.split import SplitConfig
from glx.data.systems import System
from glx.errors import InputError
from glx.evaluate.audit import audit
from glx.evaluate.labels import read_labels
from glx.sequences import ADAPT, GAP, PARTS, TEST

# Two files: the clock goes back where the second begins; its first minute has no event.
MINUTES = """\
datetime,label_file,sequence
2017-05-16 00:00:00,0,E1 E2 E3
2017-05-16 00:01:00,0,E2
2017-05-16 00:03:00,0,E3 E3 E1
2017-05-14 19:39:00,1,
2017-05-14 19:40:00,1,E2 E2 E2 E2
2017-05-14 19:41:00,1,E1
"""
OPENSTACK = Path("openstack/openstack_minute_windows.csv.zst")
BGL = Path("bgl/bgl_events_50to80.csv.zst")
HDFS = Path("hdfs/hdfs_block_sequences.csv.zst")


@pytest.fixture
def folder(tmp_path) -> Path:
    """The three systems of the protocol, in the layout of docs/data.md; 1,000 lines of BGL."""
    for name in ("hdfs", "bgl", "openstack"):
        (tmp_path / name).mkdir()
    templates = "EventId,EventTemplate\nE1,one\nE2,two\nE3,three\n"
    (tmp_path / "hdfs/hdfs_templates.csv").write_text(templates)
    (tmp_path / "openstack/openstack_templates_2k.csv").write_text(templates)
    (tmp_path / "bgl/bgl_templates.csv").write_text("event_id,template\n1,one\n2,two\n3,three\n")
    pack(tmp_path / OPENSTACK, MINUTES)
    lines = "".join(f"{1 + i % 3},{int(i in (0, 130, 999))}\n" for i in range(1000))
    pack(tmp_path / BGL, "event_id,label\n" + lines)
    rows = "".join(f"{int(i < 4)},1 {1 + i % 3}\n" for i in range(20))
    pack(tmp_path / HDFS, "label,sequence\n" + rows)
    return tmp_path


def pack(path: Path, text: str) -> None:
    path.write_bytes(zstandard.compress(text.encode()))


def read(folder: Path, name: str, share: float | None = None, **settings) -> Parsed:
    config = DataConfig(data_dir=str(folder), protocol="paper", **settings)
    source = "bgl" if name == "hdfs" else "hdfs"
    return load(resolve(name, (source,), (), config).target, config, share)


def labels(parsed: Parsed) -> list[int]:
    return read_labels(parsed.system, parsed.sequences).sequences.tolist()


def audited(parsed: Parsed) -> dict[str, dict]:
    split = np.array(PARTS)[parsed.part]
    facts = {"protocol": "paper", "threshold_method": "mixture", "ordered": parsed.ordered}
    return {one["check"]: one for one in audit(parsed.sequences, split, **facts)}


def test_windows_are_cut_before_the_split(folder):
    parsed = read(folder, "bgl")
    found = parsed.sequences
    # One short window, at the end of the file: nothing was cut in its middle, and no gap.
    assert found.first_line.tolist() == list(range(0, 1000, 120))
    assert found.lengths.tolist() == [120] * 8 + [40]
    assert sorted(parsed.part) == [ADAPT] * 4 + [TEST] * 5
    assert np.any(np.diff(parsed.part.astype(int)) < 0)  # drawn, not cut in time
    assert labels(parsed) == [1, 1, 0, 0, 0, 0, 0, 0, 1]
    learned = np.repeat(parsed.part == ADAPT, found.lengths)
    assert parsed.templates.counts.tolist() == np.bincount(found.ids[learned]).tolist()


def test_the_draw_is_by_its_own_seed_and_share(folder):
    one = read(folder, "bgl")
    assert read(folder, "bgl").part.tolist() == one.part.tolist()
    other = read(folder, "bgl", split=SplitConfig(split_seed=1, gap_lines=500))
    assert other.part.tolist() != one.part.tolist()
    assert GAP not in other.part
    most = read(folder, "bgl", split=SplitConfig(adapt_share=0.8))
    assert np.bincount(most.part).tolist() == [7, 0, 2]


def test_windows_of_another_length(folder):
    found = read(folder, "bgl", window=300).sequences
    assert found.lengths.tolist() == [300, 300, 300, 100]
    found = read(folder, "openstack_loghub", window=5).sequences
    assert found.lengths.tolist() == [5, 2, 5]


def test_minutes_are_one_stream_a_file(folder):
    parsed = read(folder, "openstack_loghub", window=3)
    found = parsed.sequences
    # 7 events of the first file, 5 of the second: each ends with a short window.
    assert found.lengths.tolist() == [3, 3, 1, 3, 2]
    assert found.ids.tolist() == [0, 1, 2, 1, 2, 2, 0, 1, 1, 1, 1, 0]
    assert found.lines.tolist() == [0, 0, 0, 1, 2, 2, 2, 4, 4, 4, 4, 5]
    assert found.first_line.tolist() == [0, 1, 2, 4, 4]
    assert found.last_line.tolist() == [0, 2, 2, 4, 5]
    assert labels(parsed) == [0, 0, 0, 1, 1]
    assert parsed.parser.texts == ["one", "two", "three"]
    assert read(folder, "openstack_loghub", share=1.0).sequences.lengths.tolist() == [7, 5]


def test_files_are_distinguished_by_the_clock_and_not_by_the_label(folder):
    before = read(folder, "openstack_loghub", window=3)
    rows = MINUTES.splitlines(keepends=True)
    for label in ("0", "1", "perhaps"):
        fields = [row.split(",") for row in rows[1:]]
        relabelled = [f"{minute},{label},{events}" for minute, _, events in fields]
        pack(folder / OPENSTACK, "".join([rows[0], *relabelled]))
        assert_same(read(folder, "openstack_loghub", window=3), before)


@pytest.mark.parametrize("name", ["hdfs", "bgl", "openstack_loghub"])
def test_flipped_labels_leave_windows_and_split_as_they_are(folder, name):
    config = {} if name == "bgl" else {"window": 2}
    before = read(folder, name, **config)
    path, labels_before = before.system.path, labels(before)
    table = pl.read_csv(zstandard.decompress(path.read_bytes()))
    label = next(column for column in table.columns if column.startswith("label"))
    pack(path, table.with_columns((1 - pl.col(label)).alias(label)).write_csv())
    after = read(folder, name, **config)
    assert_same(after, before)
    assert labels(after) != labels_before  # the flip was real


def assert_same(one: Parsed, other: Parsed) -> None:
    for name in ("ids", "offsets", "first_line", "last_line"):
        assert np.array_equal(getattr(one.sequences, name), getattr(other.sequences, name))
    assert one.part.tolist() == other.part.tolist()
    assert one.templates.counts.tolist() == other.templates.counts.tolist()


def test_blocks_of_hdfs_are_what_they_are_without_it(folder):
    parsed = read(folder, "hdfs")
    sound = load(parsed.system, DataConfig())
    assert_same(parsed, sound)  # its rows have no times, so the sound split is random too
    assert labels(parsed) == [1] * 4 + [0] * 16
    assert not parsed.ordered


def test_the_audit_says_what_is_leaky(folder):
    found = audited(read(folder, "openstack_loghub", window=1))
    failed = [name for name, one in found.items() if not one["ok"]]
    assert failed == ["shared_lines", "time_order", "protocol"]
    assert found["shared_lines"]["detail"].startswith("3 lines of the file are in both")
    found = audited(read(folder, "bgl"))
    assert [name for name, one in found.items() if not one["ok"]] == ["time_order", "protocol"]
    # All full windows are alike here; the short one is like no other.
    assert "of 5 test sequences also occur, event for event" in found["duplicates"]["detail"]
    assert [n for n, one in audited(read(folder, "hdfs")).items() if not one["ok"]] == ["protocol"]


@pytest.mark.parametrize(
    ("target", "source", "flag"),
    [
        ("openstack", "hdfs", "--target=openstack"),
        ("hdfs_raw", "bgl", "--target=hdfs_raw"),
        ("hdfs", "bgl_raw", "--source=bgl_raw"),
        ("hdfs", "bgl,openstack", "--source=openstack"),
        ("hdfs", "sim_ras", "--source=sim_ras"),
        ("shop=shop.log", "bgl", "--target=shop=shop.log"),
        ("shop.log", "bgl", "--target=shop.log"),
        ("hdfs", "shop=shop.log", "--source=shop=shop.log"),
    ],
)
def test_systems_that_it_does_not_read(folder, target, source, flag):
    config = DataConfig(data_dir=str(folder), protocol="paper")
    with pytest.raises(InputError, match=f"^{flag}: "):
        resolve(target, (source,), (), config)


def test_each_may_be_a_source_of_the_others(folder):
    config = DataConfig(data_dir=str(folder), protocol="paper")
    chosen = resolve("hdfs", ("bgl,openstack_loghub",), (), config)
    assert [system.window for system in chosen.sources] == [120, 20]
    assert chosen.sources[1].path == folder / OPENSTACK
    assert set(load(chosen.sources[0], config, adapt_share=1.0).part) == {ADAPT}
    with pytest.raises(InputError, match=r"^--source=hdfs: "):
        resolve("hdfs", ("hdfs",), (), config)


def test_a_minute_without_a_time(folder):
    pack(folder / OPENSTACK, MINUTES.replace("2017-05-16 00:01:00", "noon"))
    with pytest.raises(InputError, match="line 3: 'noon' in column 'datetime'"):
        read(folder, "openstack_loghub")
    pack(folder / OPENSTACK, MINUTES.replace("2017-05-14 19:39:00,1,", ""))  # an empty row
    assert read(folder, "openstack_loghub", share=1.0).sequences.lengths.tolist() == [7, 5]


def test_raw_lines_have_no_such_protocol(tmp_path):
    (tmp_path / "shop.log").write_text("start\n" * 10)
    with pytest.raises(InputError, match=r"^shop: --protocol=paper"):
        load(System("shop", tmp_path / "shop.log"), DataConfig(protocol="paper"))


REAL = {  # sequences, anomalous ones, adapt, test, events of the last one
    "hdfs": (575_059, 16_838, 287_529, 287_530, None),
    "bgl": (11_784, 1_049, 5_892, 5_892, 68),  # 1,414,028 lines
    # 189,202 events of the normal files, 18,434 of the abnormal one: two short windows.
    "openstack_loghub": (10_383, 922, 5_191, 5_192, 14),
}


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_the_real_systems_under_the_protocol(data_dir, name):
    parsed = read(data_dir, name)
    n, anomalous, adapt, test, last = REAL[name]
    assert (len(parsed.sequences), sum(labels(parsed))) == (n, anomalous)
    assert np.bincount(parsed.part, minlength=3).tolist() == [adapt, 0, test]
    assert last is None or parsed.sequences.lengths[-1] == last
