"""launch/slurm.sh against an sbatch that only writes down what it is given."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = """#!/usr/bin/env bash
echo "$@" >"$LOG/dry"
echo "echo one"
echo "echo 'the other'"
"""
SBATCH = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$LOG/$(ls "$LOG" | grep -c '^[0-9]')"
echo 77
"""


def test_a_study_is_an_array_and_a_report_after_it(tmp_path):
    for folder in ("launch", "bin", "log", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "launch/slurm.sh", tmp_path / "launch")
    (tmp_path / "launch/environment.sh").write_text("make_environment() { venv=.venv; }\n")
    (tmp_path / ".venv/bin/python").write_text(PYTHON)
    (tmp_path / ".venv/bin/python").chmod(0o755)
    (tmp_path / "bin/sbatch").write_text(SBATCH)
    (tmp_path / "bin/sbatch").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "LOG": str(tmp_path / "log"),
    }
    given = ["--seeds=1", f"--cache_dir={tmp_path / 'a cache'}"]
    command = [tmp_path / "launch/slurm.sh", "study", *given]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 cells submitted" in done.stdout
    cells, report = ((tmp_path / "log" / n).read_text().splitlines() for n in "01")
    assert "--array=1-2%50" in cells
    assert "--dependency=afterany:77" in report
    assert "experiments.study" in report[-1]
    assert "a\\ cache" in report[-1]
    dry = (tmp_path / "log/dry").read_text()
    assert dry == f"-m experiments.study --seeds=1 --cache_dir={tmp_path}/a cache --dry_run\n"
    task = subprocess.run(
        ["bash", "-c", cells[-1]],
        env=environment | {"SLURM_ARRAY_TASK_ID": "2"},
        capture_output=True,
        text=True,
    )
    assert task.stdout == "the other\n"


def test_without_slurm_it_says_so(tmp_path):
    environment = {"PATH": "/usr/bin:/bin"}
    command = ["bash", ROOT / "launch/slurm.sh", "study"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 3
    assert "no sbatch here" in done.stderr
