"""Systems that a YAML file describes: what it may say, how its files are found and read."""

from dataclasses import replace
from pathlib import Path

import pytest
from raw_files import write

from glx.data import panel
from glx.data.catalogue import describe, resolve
from glx.data.load import DataConfig, load
from glx.data.systems import LabelPlace, ReadConfig
from glx.errors import InputError

SHIPPED = Path(__file__).parents[2] / "experiments/panel.yaml"
SHOP = """
- sim_ras
- name: shop
  path: [logs/shop.log, logs/shop.log.1]
  labels: shop.csv
  session: 'order=(\\d+)'
  max_record: 5
  family: shops
  answers: $data_dir/reader/shop_templates.csv
- {name: bank, path: bank.log, window: 5m}
"""


def read(folder: Path, text: str) -> dict[str, panel.Description]:
    return panel.read(write(folder, text, "panel.yaml"), lambda who: Path("/data"))


def test_what_a_panel_says(tmp_path):
    ras, shop, bank = read(tmp_path, SHOP).values()
    assert (ras.name, ras.paths, ras.how) == ("sim_ras", (), None)
    assert shop.paths == (f"{tmp_path}/logs/shop.log", f"{tmp_path}/logs/shop.log.1")
    assert (shop.labels, shop.family) == (tmp_path / "shop.csv", "shops")
    assert shop.answers == Path("/data/reader/shop_templates.csv")
    assert shop.how == ReadConfig(session=r"order=(\d+)", max_record=5)
    assert (bank.labels, bank.family, bank.how) == (None, None, ReadConfig(window="5m"))
    assert panel.read(tmp_path, lambda who: Path("/data")) == read(tmp_path, SHOP)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- name: a\n  path: a.log\n  sesion: x",
            "line 3: sesion: an unknown key; there are name, path,",
        ),
        ("- name: a\n  path: a.log\n- name: a\n  path: b.log", "line 3: a: is described twice"),
        ("- name: a\n  name: b", "line 2: name is given twice"),
        ("- path: a.log", "line 1: a system without `name`"),
        ("- name: hdfs\n  session: x", "line 2: hdfs: `session` is for a system of your own"),
        ("- name: a\n  path: a.log\n  labels: [a, b]", "line 3: labels: several are given"),
        ("- name: a\n  path:", "line 2: path: needs a text"),
        ("- name: a\n  path: {b: c}", "line 2: path: needs a text"),
        ("- name: a\n  path: a.log\n  window: 5w", "line 3: window=5w: must be a whole number of"),
        ("- name: a\n  path: a.log\n  format: xml", "line 3: format=xml: must be one of auto"),
        ("- name: a\n  path: a.log\n  max_record: 0", "line 3: max_record=0: must be at least 1"),
        ("- name: a\n  path: a.log\n  max_record: x", "line 3: max_record: x is no whole number"),
        ("- name: a\n  path: a.log\n  session: x\n  window: 9", "line 1: a: .* exclude each other"),
        ("- [a]", "line 1: a system is a name"),
        ("? [a]\n: b", "line 1: must be a list of systems"),
        ("- {[a]: b}", "line 1: a list or mapping: an unknown key"),
        ("a: b", "line 1: must be a list of systems"),
        ("- a: [", r"line 1: not YAML"),
        ("- \x01", "line 1: not YAML"),
        ("- ''", "line 1: : a name has letters"),
        ("- hdfs\n- ..", "line 2: ..: a name has letters"),
        ("- {name: 'a,b', path: a.log}", "line 1: a,b: a name has letters"),
        ("", "describes no system"),
    ],
)
def test_what_a_panel_cannot_say(tmp_path, text, message):
    with pytest.raises(InputError, match=f"^{tmp_path}/panel.yaml: {message}"):
        read(tmp_path, text)


def test_no_panel(tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"nothing/panel.yaml: cannot be read .*check the path"):
        panel.read(tmp_path / "nothing", Path)


@pytest.fixture
def config(tmp_path):
    """A panel of two systems of one family, each with a session rule of its own."""
    for name, key in (("shop", "order"), ("mall", "job")):
        lines = [f"2024-05-01 10:00:{n:02} INFO {key}={n // 2} paid" for n in range(40)]
        write(tmp_path, "\n".join(lines), f"{name}.log")
        write(tmp_path, "key,label\n1,1\n", f"{name}.csv")
    rules = [
        f"- {{name: {name}, path: {name}.log, labels: {name}.csv, session: '{key}=(\\d+)', "
        "family: shops}"
        for name, key in (("shop", "order"), ("mall", "job"))
    ]
    path = write(tmp_path, "\n".join(["- sim_vms", *rules]), "panel.yaml")
    cache = str(tmp_path / "cache")
    return DataConfig(panel=str(path), cache_dir=cache, sim_lines=1000, session="nothing=(.)")


def test_each_system_is_read_by_its_own_rule(tmp_path, config):
    chosen = resolve("sim_vms", ("shop", "mall"), (), config)
    assert [s.labels for s in chosen.sources] == [
        LabelPlace(tmp_path / f"{name}.csv", "key", key="key") for name in ("shop", "mall")
    ]
    for system in chosen.sources:
        assert len(load(system, config).sequences) == 20
    assert list(describe(["mall", "sim_vms"], (), config)) == ["mall", "sim_vms"]


@pytest.mark.parametrize(
    ("target", "sources", "message"),
    [
        ("shop", ("mall",), "--source=mall: of the same family as the target shop"),
        ("shop=other.log", ("sim_ras",), "shop=other.log: shop is a known system"),
        ("store", ("sim_ras",), r"store: neither a known system \(.*, shop, mall\) nor a file"),
    ],
)
def test_what_may_not_be_named_beside_a_panel(config, target, sources, message):
    with pytest.raises(InputError, match=message):
        resolve(target, sources, (), config)


def test_files_that_are_not_there(tmp_path, config):
    (tmp_path / "mall.log").unlink()
    with pytest.raises(InputError, match=f"^{tmp_path}/mall.log: no such file"):
        resolve("sim_vms", ("shop", "mall"), (), config)
    (tmp_path / "shop.csv").unlink()
    with pytest.raises(InputError, match=f"^{tmp_path}/shop.csv: no such file"):
        resolve("sim_vms", ("shop",), (), config)


def test_a_known_name_is_no_name_for_own_files(tmp_path, config):
    path = write(tmp_path, "- {name: hdfs, path: my.log}", "other.yaml")
    with pytest.raises(InputError, match=f"^{path}: line 1: hdfs: is a known system"):
        resolve("hdfs", ("sim_ras",), (), replace(config, panel=str(path)))


def test_the_shipped_panel():
    found = panel.read(SHIPPED, lambda who: Path("/data"))
    assert list(found) == [
        *("hdfs", "bgl", "bgl_raw", "openstack", "cinder", "hdfs_raw", "trainticket"),
    ]
    assert [name for name, one in found.items() if one.answers] == [*found][:5]
    assert found["cinder"].family == "openstack"
    assert found["cinder"].paths == ("/data/panel/cinder.log.zst",)


@pytest.mark.data
@pytest.mark.parametrize(("name", "sequences"), [("cinder", 538), ("trainticket", 1328)])
def test_the_systems_of_the_shipped_panel(data_dir, name, sequences):
    config = DataConfig(panel=str(SHIPPED), data_dir=str(data_dir))
    parsed = load(resolve(name, None, (), config).target, config)
    assert len(parsed.sequences) == sequences
