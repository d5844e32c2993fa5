"""Which files are meant, their order, and several files read as one log."""

import gzip
import os

import numpy as np
import pytest

from glx.data.inputs import given_log, in_order, layout_of_all, paths_of, rotation
from glx.data.load import DataConfig, load
from glx.data.systems import System
from glx.errors import InputError
from glx.files import given_path, identity
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.read import ReadCounts
from glx.parse.records import records
from glx.parse.sources import Live

LINE = "2024-05-01 10:{:02}:00 INFO vm={} came\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A rotated log of 30 minutes: sessions go on from one file to the next."""
    monkeypatch.chdir(tmp_path)
    lines = [LINE.format(n, n // 3) for n in range(30)]
    (tmp_path / "app.log").write_text("".join(lines[20:]))
    (tmp_path / "app.log.1").write_text("".join(lines[10:20]))
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress("".join(lines[:10]).encode()))
    (tmp_path / "app.log.3").touch()  # empty, as after a rotation
    (tmp_path / ".app.log.swp").write_text("hidden\n")
    return tmp_path


IN_TIME = ["app.log.2.gz", "app.log.1", "app.log"]


@pytest.mark.parametrize("given", [["."], ["app.log*"], ["app.log", "app.log.[1-2]*"], IN_TIME])
def test_files_in_the_order_of_time(folder, given):
    log = in_order(Log(paths_of("--logs", given)))
    assert [os.path.basename(str(path)) for path in log.files] == IN_TIME


@pytest.fixture
def names(folder):
    """Other names of `app.log` and of its folder."""
    (folder / "soft.log").symlink_to("app.log")
    os.link("app.log", "hard.log")
    (folder / "again").symlink_to(folder)
    return ["./app.log", str(folder / "app.log"), "again/app.log", "soft.log", "hard.log"]


def test_a_file_that_is_given_by_two_names_is_refused(names):
    for name in names:
        for given in (["app.log", name], [name, "app.log"]):
            with pytest.raises(InputError, match=r"^--logs: .*app\.log"):
                paths_of("--logs", given)
        for follow in (False, True):
            with pytest.raises(InputError, match=r"^--logs: .*app\.log"):
                given_log(["app.log", name], 2.0, follow)
    with pytest.raises(InputError, match=r"^--logs: .*later\.log"):
        paths_of("--logs", ["later.log", "./later.log"])


@pytest.mark.parametrize(
    "given",
    [
        ["app.log", "."],
        [".", "app.log"],
        [".", "again", "soft.log"],
        ["app.log*", "./app*", "hard.log"],
        ["*.log", "again/app.log.[12]*"],
        ["app.log", "app.log.1", "**"],
    ],
)
def test_a_file_that_a_folder_or_a_glob_has_too_is_read_once(names, given):
    found = paths_of("--logs", given)
    assert sorted(map(identity, found)) == sorted(map(identity, IN_TIME))


ODD = ("-", "~", "~root", "~/app.log")


@pytest.mark.parametrize(
    ("name", "given"),
    [(name, f"./{name}") for name in ODD]
    + [(name, given) for name in ODD[:3] for given in ("*", ".")]
    + [("~/app.log", "./~"), ("~/app.log", "*/*")],
)
def test_no_file_is_taken_for_standard_input_or_a_home(name, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(LINE.format(0, 0) * 9)
    (path,) = given_log([given], 2.0, False).files
    assert given_path(path).samefile(tmp_path / name)
    assert sum(map(len, records(path, Layout(), ReadCounts()))) == 9


def test_the_names_of_rotation_where_there_is_no_time():
    names = ["app.log", "app.log.10", "app.log.9.gz", "app.log.1", "db.log-20240502", "db.log"]
    names += ["db.log-20240501.zst", "app.log.0"]
    assert sorted(names, key=rotation) == [
        "app.log.10", "app.log.9.gz", "app.log.1", "app.log.0", "app.log",
        "db.log-20240501.zst", "db.log-20240502", "db.log",
    ]  # fmt: skip


def test_times_without_a_year_leave_the_order_to_the_names(folder):
    for name, month in (("new.log", "Jan"), ("new.log.1", "Dec")):
        (folder / name).write_text(f"{month}  1 10:00:00 host app: came\n" * 3)
    assert in_order(Log(["new.log", "new.log.1"])).files == ["new.log.1", "new.log"]
    log = Log(["new.log.1", "new.log"])
    times = [
        t for frame in records(log, layout_of_all(log.files), ReadCounts()) for t in frame["time"]
    ]
    assert times == sorted(times)


def test_sessions_and_windows_go_on_across_files(folder):
    first, *more = (folder / name for name in IN_TIME)
    system = System("app", first, more=tuple(more))
    parsed = load(system, DataConfig(session=r"vm=(\d+)"))
    assert parsed.sequences.lengths.tolist() == [3] * 10  # the fourth is in two files
    assert parsed.sequences.first_line.tolist() == [*range(0, 30, 3)]
    assert parsed.log.starts == [0, 10, 20]
    file, row = parsed.log.places(np.array([[9, 10], [19, 29]]))
    assert (file.tolist(), row.tolist()) == ([[0, 1], [1, 2]], [[9, 0], [9, 9]])
    assert parsed.log.table().rows() == [(str(folder / n), 10 * i) for i, n in enumerate(IN_TIME)]
    parsed = load(system, DataConfig(window="5m"), adapt_share=1.0)
    assert parsed.sequences.lengths.tolist() == [5] * 6
    assert parsed.parser.window == "5m"


def test_files_of_two_forms_are_each_read_by_their_own(folder):
    (folder / "b.log").write_text('{"time": "2024-05-01T11:00:00Z", "msg": "vm=7 came"}\n' * 4)
    layout = layout_of_all(["app.log", "b.log"])
    assert (layout.format, [other.format for other in layout.also]) == ("lines", ["jsonl"])
    (folder / "c.csv").write_text("time,message\n2024-05-01 10:00:00,came\n")
    with pytest.raises(InputError, match=r"^app\.log: .*columns"):
        layout_of_all(["app.log", "c.csv"])


def test_tables_have_a_header_line_each(tmp_path):
    for n in (1, 2):
        (tmp_path / f"{n}.csv").write_text(f"message\ncame {n}\nwent {n}\n")
    log = Log([tmp_path / "1.csv", tmp_path / "2.csv"])
    frames = list(records(log, Layout("csv", text="message"), ReadCounts()))
    assert [line for frame in frames for line in frame["line"]] == [0, 1, 2, 3]
    assert log.starts == [0, 2]


@pytest.mark.parametrize(
    ("given", "follow", "where"),
    [
        (["none*"], False, "--logs=none*"),
        (["app.log", "app.log"], False, "--logs"),
        (["-", "app.log"], False, "--logs=-"),
        (["app.log", "app.log.1"], True, "--logs=app.log"),
        (["/dev/null"], True, "--follow"),
        (["absent.log"], False, "absent.log"),
    ],
)
def test_logs_that_cannot_be_meant(folder, given, follow, where):
    with pytest.raises(InputError) as e:
        given_log(given, 2.0, follow)
    assert str(e.value).startswith(f"{where}: ")


def test_live_logs(folder):
    os.mkfifo("pipe")
    assert given_log(["pipe"], 2.0, False) == Log([Live("pipe", 0.5)])
    assert given_log(["absent.log"], 1.0, True) == Log([Live("absent.log", 0.25, True)])
    assert not given_log(["app.log"], 2.0, False).live
