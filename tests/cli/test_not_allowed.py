"""What this user may not read, search or write: one sentence, code 2, nothing new.

Root may read anything, so all commands run in a process without that right.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from shop import KEYS, LOG, tree, write_labels

from glx import checkpoint
from glx.checkpoint import MANIFEST
from glx.state import State

ROOT = Path(__file__).parents[2]
LESS = "-dac_override,-dac_read_search,-fowner"
DROP = ["setpriv", f"--bounding-set={LESS}", f"--inh-caps={LESS}"]
CODE = """
import contextlib, io, json, sys
from glx.cli.main import main

found = []
for words in json.load(sys.stdin):
    err = io.StringIO()
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            code = main(words)
    except Exception as e:
        code = repr(e)
    found.append((code, err.getvalue()))
print(json.dumps(found))
"""
RUN = [
    *("zerolog", "--target=shop=shop.log", "--source=jobs=jobs.log", "--labels=jobs=jobs.csv"),
    *(KEYS, "--steps=1", "--hidden=4"),
]
TO = "--run_dir=out/run"
SAYS = r"(?m)^error: [^\n]*{}[^\n]*(ermission|not open)[^\n]*\n\Z"
COMMANDS = {
    "inspect shut": "shut",
    "inspect shut/shop.log": "shut/shop.log",
    "inspect listed": "listed/shop.log",
    "inspect shut/*.log": "shut",
    "inspect shut.log": "shut.log",
    "statements shut.py": "shut.py",
    "statements shut": "shut",
    "statements shut/a.py": "shut/a.py",
    "report run0": "run0",
    "report shut/run": "shut/run",
    "report --format=markdown run0": "run0",
    "report shut": "shut",
    "detect --detector=shut/checkpoint --logs=shop.log --out=-": "shut/checkpoint",
    "detect --detector=shut --logs=shop.log --out=-": f"shut/{MANIFEST}",
    "detect --detector=det0 --logs=shop.log --out=-": f"det0/{MANIFEST}",
    "detect --detector=det1 --logs=shop.log --out=-": "det1/templates.parquet",
    "detect --detector=det2 --logs=shop.log --out=-": "det2/arrays",
    "detect --detector=det2 --logs=shut/shop.log --out=-": "shut/shop.log",
    "detect --detector=det2 --logs=shut/shop.log --follow --out=out.jsonl": "shut/shop.log",
    "detect --detector=det2 --logs=shut --out=-": "shut",
    "detect --detector=det2 --logs=shop.log --follow --out=found.jsonl": "found.jsonl.position",
    "detect --detector=det2 --logs=shop.log --out=shut/out": "shut/out",
    "zerolog --target=shop=shop.log --cache_dir=shut/x --run_dir=out/run": "shut/x",
    "download --system=bgl --data_dir=shut/x --url=http://127.0.0.1:1/x.zip": "shut/x",
    "download --system=bgl --data_dir=shut --url=http://127.0.0.1:1/x.zip": "shut",
}
RUNS = {
    "--target=shop=shut/shop.log": "shut/shop.log",
    "--target=shop=shut": "shut",
    "--target=shop=shut.log": "shut.log",
    "--labels=shop=shut/shop.csv": "shut/shop.csv",
    "--labels=shop=shut.csv": "shut.csv",
    "--run_dir=shut/x/run": "shut/x/run",
    "--run_dir=run0": "run0/config.json",
    "--embed_model=shut/tok": "shut/tok",
    "--embed_model=tok0": "tok0",
    "--knowledge=shut": "shut",
    "--knowledge=shut.py": "shut.py",
    "--panel=shut/panel.yaml": "shut/panel.yaml",
    "--panel=shut": "shut",
}


@pytest.fixture
def places(shop):
    """Folders and files of mode 000, and one folder whose names can only be listed."""
    write_labels(f"{i},{int(i % 10 == 3)}" for i in range(40))
    for name in ("shut", "listed", "run0", "tok0"):
        Path(name).mkdir()
    for name in ("shut", "listed", "."):
        Path(name, "shop.log").write_bytes(LOG)
    files = (
        "found.jsonl.position",
        "run0/config.json",
        "shut.log",
        "shut.py",
        "shut.csv",
        "run0/metrics.json",
        "tok0/config.json",
        "tok0/tokenizer.json",
        "tok0/model.safetensors",
    )
    for name in files:
        Path(name).write_text("log.error('disk is full')\n")
    for name in ("det0", "det1", "det2"):
        state = State({"a": np.ones(2)}, {"templates": pl.DataFrame({"text": ["a"]})}, {})
        checkpoint.save(Path(name), state)
    closed = [f"det0/{MANIFEST}", "det1/templates.parquet", "det2/arrays", "shut", *files]
    for name in closed:
        Path(name).chmod(0)
    Path("listed").chmod(0o444)
    before = tree(shop)
    yield shop
    assert tree(shop) == before
    for name in ("shut", "listed", "det2/arrays"):
        Path(name).chmod(0o700)


def test_what_is_not_open_to_this_user(places):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may read everything, and there is no setpriv")
    words = [command.split() for command in COMMANDS]
    words += [[*RUN, *([] if "run_dir" in flag else [TO]), flag] for flag in RUNS]
    done = subprocess.run(
        [*(DROP if os.geteuid() == 0 else []), sys.executable, "-c", CODE],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=json.dumps(words),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    wrong = [
        (command, code, said)
        for (command, place), (code, said) in zip(
            [*COMMANDS.items(), *RUNS.items()], found, strict=True
        )
        if code != 2 or not re.search(SAYS.format(re.escape(place)), said)
    ]
    assert not wrong
