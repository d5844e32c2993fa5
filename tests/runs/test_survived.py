"""What a run and a detector survive: Ctrl-C, a full disk, dirty logs; and what they refuse.

One tiny run serves all: its target is dirty, it is interrupted while it trains, then the disk is
full, then it ends. Its detector judges logs afterwards.
"""

import gzip
import io
import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from shop import KEYS, lines

from glx.cli.main import main
from glx.zerolog import episodes


def dirty_log() -> bytes:
    """A log with one line of every kind that is mended or left out; no session is lost by it."""
    rows = [line.encode() for line in lines("order", 60)]
    rows[5] += b" caf\xe9"
    rows[6] = rows[6].replace(b"INFO", b"IN\0FO")
    rows[7] += b"\r"
    rows[8] += b" " + b"x" * 10_000_000
    rows[9:9] = [b"", b"  ", b"2024-05-01 10:00:01 INFO log rotated"]
    return b"\n".join(rows) + b"\n"


MENDED = "2 empty, 1 invalid utf8, 1 nul, 1 crlf, 1 overlong, 1 no session"


@dataclass(frozen=True)
class Told:
    """How a command ended: exit code, what it said, and the files of the run then."""

    code: int
    err: str
    files: frozenset[str]


def files(folder: Path) -> frozenset[str]:
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


def call(folder: Path, *flags: str) -> Told:
    """`glx zerolog` in this process, its standard error caught."""
    with pytest.MonkeyPatch.context() as patch:
        said = io.StringIO()
        patch.setattr(sys, "stderr", said)
        code = main(["zerolog", *flags])
    return Told(code, said.getvalue(), files(folder))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of the run, and how each call of one and the same command ended."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "shop.log").write_bytes(dirty_log())
    (folder / "jobs.log").write_text("\n".join(lines("job", 40)) + "\n")
    labels = "".join(f"{i},{int(i % 10 == 3)}\n" for i in range(40))
    (folder / "jobs.csv").write_text("key,label\n" + labels)
    command = [
        f"--target=shop={folder}/shop.log",
        f"--source=jobs={folder}/jobs.log",
        f"--labels=jobs={folder}/jobs.csv",
        KEYS,
        "--steps=3",
        "--hidden=4",
        "--max_events=4",
        "--episodes=1",
        "--batch=2",
        "--nosecond_order",
        "--log_every=1",
        "--checkpoint_every=1",
        f"--run_dir={folder}/out/run",
        f"--cache_dir={folder}/cache",
        f"--embed_cache_dir={folder}/cache/embed",
    ]
    draw, out = episodes.draw, folder / "out"

    def interrupted(pools, seed, step, *sizes):
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return draw(pools, seed, step, *sizes)

    told = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        out.mkdir()
        patch.setattr(episodes, "draw", interrupted)
        told["interrupted"] = call(out, *command)
        patch.setattr(episodes, "draw", draw)
        # Whatever is written to this device finds no space left.
        (out / "run.partial" / "verdicts.parquet").symlink_to("/dev/full")
        told["full"] = call(out, *command)
        (out / "run.partial" / "verdicts.parquet").unlink()
        told["done"] = call(out, *command)
        told["again"] = call(out, *command)
        told["overwritten"] = call(out, *command, "--overwrite")
        yield folder, told


def test_ctrl_c_while_training_ends_with_130_and_keeps_the_work(ran):
    told = ran[1]["interrupted"]
    assert told.code == 130
    assert told.err.endswith("\ninterrupted; the same command completes it\n")
    assert {"run.partial/config.json", "run.partial/training/2"} <= told.files
    assert "run" not in told.files


def test_a_full_disk_ends_with_3_and_keeps_the_work(ran):
    folder, told = ran[0], ran[1]["full"]
    assert told.code == 3
    partial = f"{folder}/out/run.partial"
    assert f"\nerror: {partial}: no space left on the disk; " in told.err
    assert {"run.partial/config.json", "run.partial/training/3"} <= told.files
    assert "run" not in told.files


def test_the_same_command_goes_on_to_the_end(ran):
    folder, told = ran[0], ran[1]["done"]
    assert told.code == 0
    assert {"run", "run/verdicts.parquet", "run/metrics.json", "run/checkpoint"} <= told.files
    assert not [name for name in told.files if name.startswith("run.partial")]
    rows = (folder / "out/run/train.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [1, 2, 3]


def test_a_finished_run_is_refused_unless_it_is_to_be_replaced(ran):
    folder, told = ran
    assert told["again"].code == 2
    assert told["again"].err.startswith(f"error: {folder}/out/run: ")
    assert "--overwrite" in told["again"].err
    assert told["again"].files == told["done"].files
    assert told["overwritten"].code == 0


def test_what_was_mended_is_counted_and_said(ran):
    folder, told = ran
    mended = {"empty": 2, "invalid_utf8": 1, "nul": 1, "crlf": 1, "overlong": 1, "no_session": 1}
    joins = dict.fromkeys(("joined", "detail", "beyond"), 0)
    read = json.loads((folder / "out/run/metrics.json").read_text())["read"]
    n = len(lines("order", 60)) + 3
    assert read == {"lines": n, "no_header": 0, "broken_json": 0, **joins, **mended}
    said = " ".join(told["done"].err.split())
    assert f"shop: {n} lines, of them {MENDED}" in said
    verdicts = pl.read_parquet(folder / "out/run/verdicts.parquet")
    assert sorted(verdicts["key"].to_list()) == sorted(map(str, range(60)))


@pytest.fixture
def judge(ran, tmp_path, monkeypatch, capsys):
    """`judge(*flags)` runs the detector on new logs: exit code, its lines, standard error."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ran[0] / "out/run/checkpoint", "detector")
    Path("new.log").write_text("\n".join(lines("order", 12)) + "\n")

    def run(*flags: str, logs: str = "new.log", out: str = "out.jsonl"):
        given = [f"--logs={logs}", f"--out={out}"]
        if not any(flag.startswith("--detector=") for flag in flags):
            given.append("--detector=detector")
        code = main(["detect", *given, *flags])
        rows = Path(out).read_text().splitlines() if os.path.isfile(out) else []
        return code, [json.loads(row) for row in rows], capsys.readouterr().err

    return run


@pytest.fixture
def refused(judge, tmp_path):
    """`refused(where, what, *flags)`: a detector ends with one sentence on a path or flag.

    The sentence begins with `where` and holds the words `what`; nothing is written.
    """

    def run(where: str, what: str, *flags: str, **files_given: str) -> None:
        before = files(tmp_path)
        code, rows, err = judge(*flags, **files_given)
        assert (code, rows, files(tmp_path)) == (2, [], before)
        *told, last = err.splitlines()
        assert last.startswith(f"error: {where}: ")
        assert what in last.removeprefix(f"error: {where}: ")
        assert not any(line.startswith(("error", "Traceback")) for line in told)

    return run


def test_a_detector_judges_dirty_logs_and_says_so(judge, tmp_path):
    Path("dirty.log").write_bytes(dirty_log())
    code, rows, err = judge(logs="dirty.log")
    assert code == 0
    assert sorted(row["key"] for row in rows) == sorted(map(str, range(60)))
    said = " ".join(err.split())
    assert f"of them {MENDED}" in said
    assert {path.name for path in tmp_path.iterdir()} == {
        "detector", "dirty.log", "new.log", "out.jsonl",
    }  # fmt: skip


def test_a_detector_judges_a_table_with_rows_that_are_short(judge):
    Path("new.csv").write_text(
        "\ufefftime,message\n\n# rotated\n2024-05-01 10:00:00,order=1 paid 5 cents\n\n"
    )
    code, found, err = judge("--format=csv", logs="new.csv")
    assert (code, [(row["key"], row["first_line"]) for row in found]) == (0, [("1", 2)])
    assert "new.csv: 4 lines, of them 3 empty\n" in err


LOGS = {
    "empty.log": (b"", "the file is empty"),
    "binary.log": (np.random.default_rng(0).bytes(5000), "not a text file"),
    "cut.log.gz": (gzip.compress(dirty_log())[:-9], "cut short"),
    "keyless.log": (b"nothing here\n", "give --window"),
    "blank.log": (b"\n  \n", "no line with text"),
}


@pytest.mark.parametrize("name", LOGS)
def test_logs_that_are_none(name, refused):
    content, what = LOGS[name]
    Path(name).write_bytes(content)
    refused(name, what, *(["--window=3"] if name == "blank.log" else []), logs=name)


@pytest.mark.parametrize(
    ("where", "what", "flags"),
    [
        ("--idle=0.0", "more than 0 seconds", ["--idle=0"]),
        ("--idle=nan", "more than 0 seconds", ["--idle=nan"]),
        ("--window=0", "at least 1", ["--window=0"]),
        ("--format=xml", "<auto|lines|jsonl|csv>", ["--format=xml"]),
        ("new.log: line 1", "--text_field", ["--format=jsonl"]),
        ("nowhere", "no detector.json", ["--detector=nowhere"]),
        ("--session and --window", "exclude each other", ["--session=a", "--window=3"]),
        ("new.log", "--session 'order=(' is not a regular expression", ["--session=order=("]),
    ],
)
def test_flags_that_are_wrong(where, what, flags, refused):
    refused(where, what, *flags)


@pytest.mark.parametrize(
    ("where", "what", "given"),
    [
        ("no.log", "no such file", {"logs": "no.log"}),
        ("new.log/x", "no such file", {"logs": "new.log/x"}),
        ("--logs=no*.log", "a glob", {"logs": "no*.log"}),
        ("--out=detector", "a directory", {"out": "detector"}),
        ("--out=no/x", "no folder no", {"out": "no/x"}),
        ("--out=detector/x", "--detector", {"out": "detector/x"}),
        # Too long with and without what is added while it is written.
        (f"--out={'x' * 250}", "File name too long", {"out": "x" * 250}),
        (f"--out={'x' * 300}", "File name too long", {"out": "x" * 300}),
    ],
)
def test_places_to_read_and_to_write(where, what, given, refused):
    refused(where, what, **given)


def test_a_folder_without_a_log(refused):
    Path("empty").mkdir()
    Path("empty/.hidden").write_text("order=1 paid\n")
    Path("empty/new.log").touch()
    refused("--logs=empty", "a directory", logs="empty")


def test_the_logs_are_never_written_over(judge):
    Path("rows").write_text('{"text": "order=1 paid"}\n')
    code, rows, err = judge(logs="./rows", out="rows")
    assert (code, rows) == (2, [{"text": "order=1 paid"}])
    assert err == "error: --out=rows: is the file of --logs; name another one\n"


def test_a_full_disk_leaves_no_half_a_file(judge, full_disk):
    out = full_disk / "out.jsonl"
    code, rows, err = judge(out=str(out))
    assert (code, rows) == (3, [])
    assert err.endswith(
        f"\nerror: {out}: no space left on the disk; free some and repeat the command\n"
    )
    assert files(full_disk) == {"filling"}


def test_a_device_without_space_is_a_full_disk(judge):
    code, _, err = judge(out="/dev/full")
    assert code == 3
    assert err.endswith(": no space left on the disk; free some and repeat the command\n")
    assert Path("/dev/full").is_char_device()


def test_somebody_s_partial_file_is_left_alone(judge):
    Path("out.jsonl.partial").write_text("mine")
    code, rows, _ = judge()
    assert (code, len(rows)) == (0, 12)
    assert Path("out.jsonl.partial").read_text() == "mine"


@pytest.mark.parametrize("name", ["fifo", "link"])
def test_a_pipe_gets_the_verdicts_and_stays(name, judge):
    os.mkfifo("fifo")
    Path("link").symlink_to("fifo")
    got = []
    reader = threading.Thread(target=lambda: got.append(Path("fifo").read_text()))
    reader.start()
    assert judge(out=name)[0] == 0
    reader.join()
    assert len(got[0].splitlines()) == 12
    assert (Path("fifo").is_fifo(), Path("link").is_symlink()) == (True, True)


def test_what_is_open_for_another_is_added_to(judge):
    with Path("all.jsonl").open("w") as file:
        file.write("{}\n")
        file.flush()
        assert judge(out=f"/dev/fd/{file.fileno()}")[0] == 0
        assert os.path.samestat(os.stat("all.jsonl"), os.fstat(file.fileno()))
    first, *rows = Path("all.jsonl").read_text().splitlines()
    assert (first, len(rows)) == ("{}", 12)


def test_a_link_to_a_file_stays(judge):
    Path("real.jsonl").write_text("old")
    Path("out.jsonl").symlink_to("real.jsonl")
    code, rows, _ = judge()
    assert (code, len(rows)) == (0, 12)
    assert Path("out.jsonl").is_symlink()


def test_the_log_on_standard_input_is_never_written_over(judge, monkeypatch):
    Path("rows").write_text('{"text": "order=1 paid"}\n')
    kept = os.dup(0)
    with Path("rows").open() as log:
        os.dup2(log.fileno(), 0)
    try:
        with os.fdopen(0, closefd=False) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            code, rows, err = judge(logs="-", out="rows")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert (code, rows) == (2, [{"text": "order=1 paid"}])
    assert err == "error: --out=rows: is the file of --logs; name another one\n"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_live_log_is_judged_until_ctrl_c(end, judge):
    """Verdicts are there while the pipe is open, and stay."""
    os.mkfifo("pipe")
    done = threading.Event()

    def write() -> None:
        with Path("pipe").open("w") as pipe:
            pipe.write("\n".join(lines("order", 12)) + "\n")
            pipe.flush()
            while not (os.path.isfile("out.jsonl") and os.path.getsize("out.jsonl")):
                time.sleep(0.05)
            os.kill(os.getpid(), end)
            done.wait()

    writer = threading.Thread(target=write)
    writer.start()
    code, rows, err = judge("--idle=0.5s", logs="pipe")
    done.set()
    writer.join()
    assert code == 130
    assert [row["key"] for row in rows][:11] == [str(n) for n in range(11)]
    assert err.endswith(f" of {len(rows)} sequences anomalous, 34 lines read\n")
    assert "\ninterrupted; " in err


def test_several_files_are_one_log(judge):
    rows = lines("order", 12)
    Path("logs").mkdir()
    Path("logs/shop.log.1").write_text("\n".join(rows[:10]) + "\n")
    Path("logs/shop.log").write_text("\n".join(rows[10:]) + "\n")
    whole, apart = judge()[1], judge(logs="logs", out="apart.jsonl")[1]
    judged = ("key", "score", "anomalous", "reason")
    assert [[row.get(k) for k in judged] for row in apart] == [
        [row.get(k) for k in judged] for row in whole
    ]
    (over,) = (row for row in apart if "last_file" in row)
    assert (over["file"], over["last_file"]) == ("logs/shop.log.1", "logs/shop.log")
    assert (over["last_line"], apart[-1]["last_line"]) == (1, len(rows) - 11)


def test_a_damaged_detector(refused):
    """Kinds of damage: tests/test_checkpoint.py."""
    arrays = [path for path in Path("detector/arrays").rglob("*") if path.is_file()]
    largest = max(arrays, key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    refused(str(largest), "changed or not of this detector")
