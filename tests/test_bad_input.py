"""Bad input to `experiments.zerolog`: one sentence, exit code 2, and nothing left behind.

All of it is found before the training, so these tests train nothing.
"""

import gzip
import os
import random
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard

from experiments import zerolog

KEYS = "--session=(?:order|job)=([0-9]+)"
NAMES = {"target": "shop", "source": "jobs"}
RUN_DIR = Path("out", "run")


def lines(word: str, n: int) -> list[str]:
    """A shop's log; every tenth session has its card refused."""
    out = []
    for i in range(n):
        start = f"2024-05-01 10:{i // 60:02}:{i % 60:02} INFO {word}={i}"
        out += [f"{start} created by user {i % 7}", f"{start} paid {i} cents"]
        out += [f"{start} card was refused"] if i % 10 == 3 else []
    return out


LOG = "\n".join(lines("order", 60)).encode() + b"\n"
NOISE = bytes(random.Random(0).randbytes(5000))
LONG = b"".join(
    b"order=%d %s\n" % (i, NOISE[i % 99 : i % 99 + 40].hex().encode()) for i in range(40_000)
)


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """A folder to work in, with a target, a source and its labels that are as they should be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GLX_DATA", raising=False)
    monkeypatch.setattr(zerolog, "keep_compilations", lambda config: None)
    Path("shop.log").write_bytes(LOG)
    Path("jobs.log").write_text("\n".join(lines("job", 40)) + "\n")
    write_labels(f"{i},{int(i % 10 == 3)}" for i in range(40))
    return tmp_path


def write_labels(rows, header="key,label") -> None:
    Path("jobs.csv").write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture
def refused(shop, capsys):
    """`refused(*flags)`: the sentence with which a run ends, once nothing else is found of it."""

    def run(
        *flags: str,
        target: str = "shop=shop.log",
        source: str = "jobs=jobs.log",
        labels: tuple[str, ...] = ("jobs=jobs.csv",),
        session: str = KEYS,
    ) -> str:
        before = tree(shop)
        given = [f"--target={target}", f"--source={source}", *(f"--labels={x}" for x in labels)]
        code = zerolog.main(["zerolog", *given, session, f"--run_dir={RUN_DIR}", *flags])
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert tree(shop) == before
        *progress, last = err.splitlines()
        assert all(line.startswith(("reading ", "training ")) for line in progress)
        assert last.startswith("error: ")
        return last.removeprefix("error: ")

    return run


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if "cache" not in path.parts
    }


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


def test_labels_that_are_no_file(refused):
    Path("jobs.csv").unlink()
    assert refused() == "jobs.csv: no such file; check the path"
    Path("jobs.csv").mkdir()
    assert refused() == "jobs.csv: a directory; give one file in it"


def test_labels_of_the_target_are_looked_at_before_the_work(refused):
    both = ("jobs=jobs.csv", "shop=shop.csv")
    assert refused(labels=both) == "shop.csv: no such file; check the path"
    Path("shop.csv").write_text("order,failed\n1,0\n")
    assert refused(labels=both) == (
        "shop.csv: line 1: needs the columns `key,label` or `line,label`, found order, failed"
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            {"target": "sim_ghost"},
            "--target=sim_ghost: neither a known system (hdfs, hdfs_raw, bgl, bgl_raw, openstack, "
            "openstack_loghub, sim_blocks, sim_vms, sim_ras) nor a file; give NAME=FILE for your "
            "own",
        ),
        ({"target": "ghost.log"}, "ghost.log: no such file; check the path"),
        ({"target": "shop.log/x"}, "shop.log/x: no such file; check the path"),
        ({"target": f"x={'x' * 300}"}, f"{'x' * 300}: no such file; check the path"),
        (
            {"target": "shop=-"},
            "--target=shop=-: can be read only once; write it to a file and give that",
        ),
        ({"target": ""}, "--target=: give the name of a system, NAME=FILE or a file"),
        (
            {"target": "=shop.log"},
            "--target==shop.log: give the name of a system, NAME=FILE or a file",
        ),
        (
            {"target": "[b]=shop.log"},
            "--target=[b]=shop.log: a name has letters, digits, '.', '_' and '-' only",
        ),
        ({"target": "shop="}, "--target=shop=: give the name of a system, NAME=FILE or a file"),
        (
            {"target": "hdfs=shop.log"},
            "--target=hdfs=shop.log: hdfs is a known system; give your own file another name",
        ),
        (
            {"target": "hdfs"},
            "hdfs: a real data set; say where it is by --data_dir=DIR (or GLX_DATA); docs/data.md "
            "says how to get it",
        ),
        ({"source": ""}, "--source=: give the name of a system, NAME=FILE or a file"),
        (
            {"labels": ()},
            "--source=jobs: has no labels to learn from; give them by --labels=jobs=FILE, a CSV of "
            "`key,label` or `line,label`",
        ),
        ({"labels": ("jobs.csv",)}, "--labels=jobs.csv: give it as NAME=FILE"),
        (
            {"labels": ("jobs=jobs.csv", "jobs=more.csv")},
            "--labels=jobs=more.csv: jobs has labels already; give one file each",
        ),
        (
            {"labels": ("jobs=jobs.csv", "yobs=jobs.csv")},
            "--labels=yobs=...: no own file of that name among --target and --source",
        ),
    ],
)
def test_systems_that_cannot_be_meant(flags, said, refused):
    assert refused(**flags) == said


def test_a_source_of_the_targets_family(refused, shop):
    data = f"--data_dir={shop}"
    said = (
        "--source={}: of the same family as the target {}, so its labels are not those of another "
        "system; choose sources of other families"
    )
    given = {"labels": ()}
    for target, source in (("hdfs", "hdfs_raw"), ("bgl_raw", "bgl"), ("sim_vms", "sim_vms")):
        assert refused(data, target=target, source=source, **given) == said.format(source, target)
    assert refused(source="shop=jobs.log", labels=("shop=jobs.csv",)) == said.format("shop", "shop")
    assert refused(source="jobs=../" + shop.name + "/shop.log") == (
        "--source=jobs: is the target's own file; choose another system"
    )


@pytest.mark.parametrize(
    ("names", "flag"),
    [
        ({"target": "sim_vms"}, "--target=sim_vms"),
        ({}, "--target=shop=shop.log"),
        ({"target": "hdfs_raw"}, "--target=hdfs_raw"),
        ({"target": "hdfs", "source": "bgl,openstack"}, "--source=openstack"),
    ],
)
def test_systems_that_the_protocol_of_the_literature_does_not_read(names, flag, refused, shop):
    said = refused("--protocol=paper", f"--data_dir={shop}", **{"labels": ()} | names)
    assert said == (
        f"{flag}: --protocol=paper reads hdfs, bgl, openstack_loghub only; choose --target and "
        "--source among these"
    )


def test_a_source_twice(refused):
    assert refused("--source=jobs=jobs.log") == "--source=jobs: given twice"


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


def test_an_encoder_that_is_none(refused):
    assert refused("--embed_model=/nowhere") == (
        "--embed_model=/nowhere: /nowhere has no config.json; give a folder with config.json, "
        "model.safetensors, tokenizer.json"
    )
    assert refused("--embed_batch_size=0") == "--embed_batch_size=0: must be at least 1"


def test_no_evidence_to_cut_by(refused):
    assert refused("--nostructural") == (
        "--nostructural: leaves no evidence to cut by; give --threshold=mixture"
    )


def test_a_python_that_makes_no_environment(tmp_path):
    """Twice: what the first attempt left is no environment."""
    root = Path(__file__).parents[1]
    for name in ("setup.py", "requirements.txt", "requirements-nodeps.txt"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n[ $1 = -m ] || exit 0\nmkdir -p .venv/bin\n"
        "printf '#!/bin/sh\\nexit 1\\n' >.venv/bin/python\nchmod +x .venv/bin/python\nexit 1\n"
    )
    python.chmod(0o755)
    script = f"set -euo pipefail; . {root}/launch/environment.sh; make_environment requirements.txt"
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", script],
            env=os.environ | {"PYTHON": str(python)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"error: {python} cannot make a virtual environment, see above; install what it lacks "
            "(python3-venv on Debian and Ubuntu), or set PYTHON to another one\n"
        )


LABELS = {
    "key,label\n": "no label below the header; give at least one",
    "key,label\n1,0\n2,yes\n": (
        "line 3: label 'yes' in column 'label' is neither 0 (normal) nor 1 (anomalous)"
    ),
    "key,label\n1,0\n\n2\n": (
        "line 4: label None in column 'label' is neither 0 (normal) nor 1 (anomalous)"
    ),
    "key,label\n1,0\n2,0,0\n": "line 3: not a row of the table; correct it",
    'key,label\n1,0\n"2,0\n': "line 3: not a row of the table; correct it",
    "key,label\n0,0\n1,1\n": (
        "no label for 38 of 40 sessions, such as '2'; labels and logs do not belong together, or "
        "--session finds other keys"
    ),
    "line,label\n0,0\n-1,0\n": (
        "line 3: '-1' in column 'line' is no line of the log, from 0 to 83; labels and logs do not "
        "belong together"
    ),
    "line,label\n0,0\n83,0\n84,1\n": (
        "line 4: '84' in column 'line' is no line of the log, from 0 to 83; labels and logs do not "
        "belong together"
    ),
    "line,label\nfirst,0\n": (
        "line 2: 'first' in column 'line' is no line of the log, from 0 to 83; labels and logs do "
        "not belong together"
    ),
    "session,failed\n1,0\n": (
        "line 1: needs the columns `key,label` or `line,label`, found session, failed"
    ),
    "\nkey,label\n1,0\n": "line 1: is empty; give a table with a header line",
}


@pytest.mark.parametrize("content", LABELS)
def test_labels_that_do_not_fit(content, refused):
    Path("jobs.csv").write_text(content)
    assert refused() == f"jobs.csv: {LABELS[content]}"


def test_labels_by_session_where_there_are_windows(refused):
    assert refused(session="--window=10") == (
        "jobs.csv: labels by session, but the logs were cut into windows; give --session or labels "
        "by `line,label`"
    )


@pytest.mark.parametrize(("value", "word"), [(0, "anomalous"), (1, "normal")])
def test_a_source_of_one_kind(value, word, refused):
    write_labels(f"{i},{value}" for i in range(40))
    assert refused() == (
        f"jobs: a source without a single {word} sequence teaches nothing; check its labels or "
        "choose another source"
    )


def test_session_rules(refused):
    said = refused(session="--session=order=(")
    assert said.startswith("jobs.log: --session 'order=(' is not a regular expression (")
    assert refused(session="--session=ticket=([0-9]+)") == (
        "jobs.log: no line has a session id by --session=ticket=([0-9]+); check the expression, "
        "or give --window"
    )
    assert refused("--window=5") == "--session and --window exclude each other; give one of them"


def test_too_few_logs_to_split(refused):
    Path("shop.log").write_text("order=1 came\n")
    assert refused() == ("shop: no sequence to adapt on; give more logs or a larger --adapt_share")
    Path("shop.log").write_text("order=1 came\norder=2 came\norder=3 came\norder=4 came\n")
    assert refused() == (
        "the target's adapt part holds fewer than two distinct sequences: give it more logs, or "
        "another --session or --window"
    )
    write_labels([f"{i},{int(i % 10 == 3)}" for i in range(84)], header="line,label")
    assert refused(session="--window=2") == (
        "shop: no sequence left to score; give more logs or a smaller --adapt_share"
    )


def test_a_finished_run_is_not_touched(refused):
    RUN_DIR.mkdir(parents=True)
    (RUN_DIR / "config.json").write_text('{"settings": {}}')
    assert refused() == (
        "out/run: a finished run is there; choose another --run_dir or give --overwrite"
    )


@pytest.mark.parametrize("overwrite", ["--overwrite", "--nooverwrite"])
def test_what_is_no_run_is_never_replaced(overwrite, refused, shop):
    said = "{}: is there already and is no run; choose another --run_dir"
    for path in (".", "/", "jobs.log", shop):
        assert refused(f"--run_dir={path}", overwrite) == said.format(path)


def test_a_run_dir_that_cannot_be_made(refused):
    assert refused("--run_dir=jobs.log/run") == (
        "jobs.log/run.partial: cannot be written (Not a directory); choose another --run_dir"
    )
    assert refused("--run_dir=runs[1]") == (
        f"{Path.cwd()}/runs[1]: the path of a run cannot have any of *?[]; choose another --run_dir"
    )
    long = "x" * 300
    assert refused(f"--run_dir={long}") == (
        f"{long}.partial: cannot be written (File name too long); choose another --run_dir"
    )
    assert refused("--run_dir=/proc/self/run") == (
        "/proc/self/run.partial: cannot be written (No such file or directory); choose another "
        "--run_dir"
    )


def test_a_cache_that_cannot_be_made(refused):
    assert refused("--cache_dir=jobs.log", source="sim_ras", labels=()) == (
        "jobs.log/simulated/40000-0: cannot be written (Not a directory); choose another "
        "--cache_dir"
    )


@pytest.fixture
def interrupted(shop, monkeypatch, capsys) -> Path:
    """The folder of a run that was interrupted before its training."""

    def interrupt(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("glx.runs.fit.load", interrupt)
        given = ["--target=shop=shop.log", "--source=jobs=jobs.log", "--labels=jobs=jobs.csv", KEYS]
        assert zerolog.main(["zerolog", *given, f"--run_dir={RUN_DIR}"]) == 130
    assert capsys.readouterr().err.endswith("interrupted; the same command completes it\n")
    assert sorted(tree(Path("out"))) == ["run.partial", "run.partial/config.json"]
    return RUN_DIR.with_name("run.partial")


def test_an_interrupted_run_goes_on_with_the_same_settings_only(interrupted, refused):
    assert refused("--steps=3", "--seed=0") == (
        "out/run.partial: begun with model.train.steps=200, now it is 3; repeat the earlier "
        "settings to go on, or give --overwrite to begin anew"
    )
    (interrupted / "config.json").write_text('{"settings": ')
    assert refused() == (
        "out/run.partial/config.json: damaged (JSONDecodeError); give --overwrite to begin anew"
    )


def test_earlier_work_survives_a_file_that_went_bad(interrupted, refused):
    (interrupted / "train.jsonl").write_text("")
    Path("shop.log").write_bytes(b"")
    assert refused().startswith("shop.log: the file is empty; ")  # which looks for leftovers, too
