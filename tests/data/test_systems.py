"""The systems by name: files, families, what a command line may name, what a header lets in."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from raw_files import write

from glx.data.catalogue import resolve
from glx.data.load import DataConfig, load
from glx.data.systems import (
    BGL_HEADER,
    RAS_HEADER,
    SIMULATED,
    LabelPlace,
    known,
    simulated,
)
from glx.errors import InputError
from glx.evaluate.labels import read_labels
from glx.parse.events import collect
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts
from glx.parse.records import records

ROOT = Path("/logs")
BGL_LINE = (
    "{label} 1117838570 2005.06.03 R02-M1-N0 2005-06-03-15.42.50.363779 R02-M1-N0 RAS KERNEL INFO "
    "instruction cache parity error corrected"
)


KNOWN = {  # file, template table, window; labels: by, column, key
    "hdfs": ("hdfs_block_sequences.csv.zst", "hdfs_templates.csv", None, ("row", "label", None)),
    "hdfs_raw": ("hdfs_raw_2pct.csv.zst", None, None, ("key", "label", "block_id")),
    "bgl": ("bgl_events_50to80.csv.zst", "bgl_templates.csv", 20, ("line", "label", None)),
    "bgl_raw": ("BGL_first100k.log.zst", None, 20, ("line", None, None)),
    "openstack": (
        *("openstack_faultinj_nova_odd.tsv.zst", None, None),
        ("key", "label_failure", "session_id"),
    ),
    "openstack_loghub": (
        *("openstack_sessions.csv.zst", "openstack_templates.csv", None),
        ("row", "label_file", None),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_files_units_and_places_of_labels(name):
    assert set(known(ROOT)) == set(KNOWN)
    system, family = known(ROOT)[name], name.split("_")[0]
    path, templates, window, place = KNOWN[name]
    numbered, labels = system.numbered, system.labels
    assert (system.name, system.family, system.window) == (name, family, window)
    assert system.path == ROOT / family / path
    assert (numbered and numbered.templates) == (templates and ROOT / family / templates)
    assert (labels.by, labels.column, labels.key) == place
    own_file = {"openstack": ROOT / "openstack/openstack_faultinj_nova_odd_labels.csv"}
    assert labels.path == own_file.get(name, system.path)
    # What is an outcome beside a label is no input either.
    inputs = {system.raw.text, system.raw.session, *system.raw.time}
    inputs |= {numbered.column, numbered.key} if numbered else set()
    assert not inputs & {"label", "label_file", "label_injected", "source_split", "id_source"}


@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_systems(name):
    system, by_line = simulated(name, ROOT), name == "sim_ras"
    assert (system.family, system.path) == (None, ROOT / f"{name}.log")
    assert (system.labels.by, system.window) == (("line", 20) if by_line else ("key", None))
    assert (system.raw.session is None) == by_line


def bgl_records(tmp_path, header, lines) -> tuple[pl.DataFrame, list[str]]:
    layout = Layout(header=header, time_format="epoch")
    return collect(records(write(tmp_path, lines), layout, ReadCounts()))


@pytest.mark.parametrize("header", [RAS_HEADER, BGL_HEADER])
@pytest.mark.parametrize(
    "line",
    [
        BGL_LINE,
        BGL_LINE.removesuffix(" instruction cache parity error corrected"),
        BGL_LINE.removesuffix("instruction cache parity error corrected"),
        "{label} 1117838570 2005.06.03 R02",
        "{label} not a line of this layout",
        "{label}",
    ],
)
def test_no_part_of_a_bgl_line_holds_its_label(tmp_path, header, line):
    def read(label):
        lines = f"{line.format(label=label)}\n{BGL_LINE.format(label='-')}"
        frame, texts = bgl_records(tmp_path, header, lines)
        return frame.with_columns(pl.Series("text", [texts[i] for i in frame["text"]]))

    frame = read("KERNDTLB")
    assert frame.equals(read("-"))
    assert "KERNDTLB" not in str(frame.rows())


@pytest.mark.parametrize(("header", "level"), [(RAS_HEADER, "INFO"), (BGL_HEADER, None)])
def test_parts_of_a_bgl_line(tmp_path, header, level):
    frame, texts = bgl_records(tmp_path, header, BGL_LINE.format(label="APPREAD"))
    assert texts == ["instruction cache parity error corrected"]
    assert frame.row(0)[2:] == (None, 1117838570.0, level)


@pytest.fixture
def config(tmp_path) -> DataConfig:
    return DataConfig(cache_dir=str(tmp_path / "cache"), sim_lines=1000)


def test_names_files_and_labels_of_a_command_line(tmp_path, config):
    files = {"shop.log": "start\n", "bank.log": "stop\n", "bank.csv": "line,label\n0,1\n"}
    shop, bank, labels = (write(tmp_path, text, name) for name, text in files.items())
    given = (f"bank={bank}", "sim_blocks,sim_ras")
    chosen = resolve(str(shop), given, (f"bank={labels}",), config)
    assert (chosen.target.name, chosen.target.path, chosen.target.labels) == ("shop", shop, None)
    assert [s.name for s in chosen.sources] == ["bank", "sim_blocks", "sim_ras"]
    assert chosen.sources[0].path == bank
    assert chosen.sources[0].labels == LabelPlace(labels, "line", key="line")
    made = chosen.sources[1].path
    assert made.is_file()
    assert chosen.sources[1].labels.path.is_file()
    before = made.stat().st_mtime_ns
    resolve("sim_vms", ("sim_blocks",), (), config)  # made once
    assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize("header", ["key,value", "label"])
def test_header_of_an_own_labels_file(tmp_path, config, header):
    path = write(tmp_path, header + "\na,1\n", "l.csv")
    with pytest.raises(InputError, match=f"{path}: line 1: .*`key,label`.* {header.split(',')[0]}"):
        resolve("sim_vms", ("shop=shop.log",), (f"shop={path}",), config)


@pytest.mark.parametrize(
    ("target", "sources", "labels", "message"),
    [
        ("hdsf", ("sim_ras",), (), r"hdsf: neither a known system \(hdfs, .*sim_ras\) nor a file"),
        ("sim_vms", ("sim_vms",), (), "--source=sim_vms: "),
        ("hdfs", ("bgl", "hdfs_raw"), (), "--source=hdfs_raw: of the same family"),
        ("sim_vms", ("shop=a.log",), (), "--source=shop: has no labels to learn from"),
        ("sim_vms", ("sim_ras,sim_ras",), (), "--source=sim_ras: given twice"),
        ("sim_vms", ("sim_ras",), ("shop=l.csv",), "--labels=shop=...: no own file of that name"),
        ("sim_vms", ("sim_ras",), ("l.csv",), "--labels=l.csv: give it as NAME=FILE"),
        ("hdfs=my.log", ("sim_ras",), (), "hdfs=my.log: hdfs is a known system; give your own"),
    ],
)
def test_what_a_command_line_may_not_name(tmp_path, config, target, sources, labels, message):
    with pytest.raises(InputError, match=message):
        resolve(target, sources, labels, replace(config, data_dir=str(tmp_path)))


def test_a_source_is_no_file_of_another_system_by_another_name(tmp_path, config):
    shop = write(tmp_path, "start\n", "shop.log")
    labels = write(tmp_path, "line,label\n0,1\n", "l.csv")
    (tmp_path / "soft.log").symlink_to(shop)
    os.link(shop, tmp_path / "hard.log")
    target = write(tmp_path, "stop\n", "target.log")
    for other in (f"{tmp_path}/./shop.log", tmp_path / "soft.log", tmp_path / "hard.log"):
        own, given = (f"a={shop}", f"b={other}"), (f"a={labels}", f"b={labels}")
        with pytest.raises(InputError, match=r"^--source=b: has a file of --source=a"):
            resolve(str(target), own, given, config)
        with pytest.raises(InputError, match=r"^--source=b: is the target's own file"):
            resolve(str(shop), own[1:], given[1:], config)
        with pytest.raises(InputError, match=r"^--target=a: .* is given twice"):
            resolve((f"a={shop}", f"a={other}"), ("sim_ras",), (), config)
        with pytest.raises(InputError, match=r"^--source=b: .* is given twice"):
            resolve(str(target), (f"b={shop}", own[1]), given[1:], config)


@pytest.mark.parametrize(("data_dir", "flag"), [("/no/such", "--data_dir=/no"), (None, "hdfs")])
def test_real_systems_need_a_folder(config, monkeypatch, data_dir, flag):
    monkeypatch.delenv("GLX_DATA", raising=False)
    with pytest.raises(InputError, match=f"^{flag}.*: .*docs/data.md"):
        resolve("hdfs", ("sim_ras",), (), replace(config, data_dir=data_dir))


# Sequences, events, anomalous sequences, events of anomalous ones (lines for windows); and the
# sizes of adapt, gap and test: hdfs_raw and openstack by time, the gap is what straddles the cut.
REAL = {
    "hdfs": ((575_059, 11_172_157, 16_838, 284_818), [287_529, 0, 287_530]),
    "hdfs_raw": ((11_501, 222_579, 350, 5_749), [4_983, 767, 5_751]),
    "bgl": ((70_702, 1_414_028, 4_562, 72_329), [35_351, 5, 35_346]),
    "bgl_raw": ((5_000, 100_000, 518, 2_613), [2_500, 5, 2_495]),
    "openstack": ((440, 93_992, 137, 21_496), [218, 2, 220]),
    "openstack_loghub": ((2_069, 57_784, 198, 5_494), [1_034, 0, 1_035]),
}


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_the_real_systems(data_dir, name):
    system = known(data_dir)[name]
    parsed = load(system, DataConfig())
    labels = read_labels(system, parsed.sequences)
    found = (len(parsed.sequences), len(parsed.sequences.ids))
    sizes = np.bincount(parsed.part, minlength=3).tolist()
    found = (*found, int(labels.sequences.sum()), int(labels.events.sum()))
    assert (found, sizes) == REAL[name]
    if system.numbered is None:
        assert np.all(np.diff(parsed.sequences.first_line) > 0)
